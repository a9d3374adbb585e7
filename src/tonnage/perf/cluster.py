"""The network of a cluster as its operators describe it in words."""

from __future__ import annotations

import re

OMNI_PATH_GBPS = 100.0
"""One Omni-Path 100 link."""

SLOWEST_GBPS = 20.0
"""Slowest port per chip that a training network has; our assumption."""

_PORTS = re.compile(r"(\d+)\s*x\s+(?!\d*(?:st|nd|rd|th)\b)([^;,]*?)(\d+)\s*(?:gb|$)")
_PER_CHIP = re.compile(r"(\d+)\s*gb(?:ps|/s|it/s)? per (?:gpu|chip|npu|accelerator)")
_PER_NODE = re.compile(r"(\d+)\s*gbps (?:node-node|per node|per server)")
_OMNI_PATH = re.compile(r"(\d+) omni-path links per node")


def cluster_network(description: str, chips_per_node: int | None = None) -> float | None:
    """Return the network of one chip in Gbit/s, one direction; `None` if the words do not say.

    Understands `8 x 200 Gb/s … per node`, `1600 Gbps node-node`, `400 Gb/s per GPU`,
    `4 Omni-Path links per node`. Ports named for compute win over storage and management.

    Examples
    --------
    >>> cluster_network("Selene: NVSwitch in node, 8 x 200 Gb/s HDR InfiniBand per node")
    200.0
    >>> cluster_network("4 x 100 Gb/s RoCE")
    50.0
    >>> cluster_network("single node NVLink") is None
    True
    """
    text = description.lower()
    chips = max(1, chips_per_node or 8)
    direct = _PER_CHIP.search(text)
    if direct:
        return float(direct.group(1))
    whole = _PER_NODE.search(text)
    if whole:
        return float(whole.group(1)) / chips
    links = _OMNI_PATH.search(text)
    if links:
        return float(links.group(1)) * OMNI_PATH_GBPS / chips
    pieces = [p for p in re.split(r"[;,]", text) if "nvlink" not in p and "pcie" not in p]
    named = [p for p in pieces if "compute" in p]
    found = [0.0]
    for piece in named or [p for p in pieces if "storage" not in p and "management" not in p]:
        ports = _PORTS.search(piece)
        if ports:
            found.append(float(ports.group(1)) * float(ports.group(3)) / chips)
    # Anything slower is the management network.
    return max(found) if max(found) >= SLOWEST_GBPS else None
