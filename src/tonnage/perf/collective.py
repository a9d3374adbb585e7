"""Time of collectives on three tiers: chip-to-chip links, the server's PCIe, the network.

A group has `n` members, `stride` ranks apart. With `k` members in a server it drives `k` network
ports: bandwidth = min(link, k · port). Rings carry (n-1)/n of the data per direction; latency
grows with the logarithm of the members (trees; NCCL switches to them for small messages).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tonnage.perf.machine import Machine, Number


@dataclass(frozen=True, slots=True, eq=False)
class Path:
    """What a group of ranks has between its members. Arrays broadcast like the group's."""

    members: Number
    bandwidth: Number
    """Bytes/s per member that a ring through all members sustains."""
    latency: Number
    """Seconds before the first byte arrives everywhere."""
    inside: Number
    """Members within one scale-up domain (or server, without such links)."""
    inner_bandwidth: Number
    outer_bandwidth: Number
    """Network bytes/s of one member alone."""


def path(machine: Machine, n: Number, stride: Number = 1.0) -> Path:
    """Return what a group of `n` ranks, `stride` apart, has between its members."""
    n = np.asarray(n, dtype=float)
    stride = np.maximum(np.asarray(stride, dtype=float), 1.0)
    in_domain = np.clip(np.floor(machine.scale_up_domain / stride), 1.0, n)
    in_node = np.clip(np.floor(machine.node_chips / stride), 1.0, n)
    link = machine.scale_up_bandwidth * machine.link_efficiency
    lane = machine.host_bandwidth * machine.host_efficiency
    host = lane / np.where(in_node > 2, np.maximum(1.0, machine.host_contention * in_node), 1.0)
    port = machine.nic_bandwidth * machine.nic_efficiency
    within = in_domain >= n
    in_server = in_node >= n
    local = np.where(in_domain >= in_node, np.where(link > 0, link, host), host)
    # A chip cannot send to the network faster than it reaches its own port.
    port = np.minimum(port, np.maximum(lane, link))
    spread = np.where(in_node > 1, np.minimum(in_node * port, local), port)
    bandwidth = np.where(within & (link > 0), link, np.where(in_server, host, spread))
    nodes = np.ceil(n / in_node)
    latency = machine.link_latency_s * np.log2(np.maximum(in_node, 1.0))
    latency = latency + machine.nic_latency_s * np.log2(np.maximum(nodes, 1.0))
    inside = np.where(link > 0, in_domain, in_node)
    inner = np.where(link > 0, link, host)
    return Path(n, bandwidth, latency, inside, inner, np.where(in_server, host, port))


def all_reduce_seconds(way: Path, size: Number) -> Number:
    """Alpha + 2·(n-1)/n · S / B for `size` bytes on every member; 0 for a group of one."""
    return _ring(way, size, 2.0)


def all_gather_seconds(way: Path, size: Number) -> Number:
    """Alpha + (n-1)/n · S / B, `size` bytes gathered in total; a reduce-scatter takes the same."""
    return _ring(way, size, 1.0)


reduce_scatter_seconds = all_gather_seconds


def all_to_all_seconds(way: Path, size: Number) -> Number:
    """Alpha + max(S·(k-1)/n / B_in, S·(n-k)/n / B_out), k members inside a domain.

    `size` is what one member sends to all, its own share included; both tiers work at once.
    """
    inner = size * (way.inside - 1.0) / way.members / way.inner_bandwidth
    outer = size * (way.members - way.inside) / way.members / way.outer_bandwidth
    return np.where(way.members > 1, way.latency + np.maximum(inner, outer), 0.0)


def point_to_point_seconds(machine: Machine, size: Number, group: Number, stride: Number) -> Number:
    """Alpha + S / B from one pipeline stage to the next; the slowest hop of `group` stages."""
    ranks = np.asarray(group, dtype=float) * stride
    link = machine.scale_up_bandwidth * machine.link_efficiency
    host = machine.host_bandwidth * machine.host_efficiency
    port = np.minimum(machine.nic_bandwidth * machine.nic_efficiency, np.maximum(host, link))
    linked = (ranks <= machine.scale_up_domain) & (link > 0)
    rate = np.where(linked, link, np.where(ranks <= machine.node_chips, host, port))
    inside = ranks <= machine.node_chips
    wait = np.where(inside, machine.link_latency_s, machine.nic_latency_s)
    return np.where(np.asarray(group) > 1, wait + size / np.maximum(rate, 1.0), 0.0)


def _ring(way: Path, size: Number, rounds: float) -> Number:
    share = (way.members - 1.0) / way.members
    return np.where(way.members > 1, way.latency + rounds * share * size / way.bandwidth, 0.0)
