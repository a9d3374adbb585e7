"""How far real kernels and links stay below the data sheet, by family of chips.

A family file holds a handful of constants, each with its uncertainty (deviation of the log) and
where it comes from. A chip whose family has no file takes the constants of `other`, which are
wide. Constants describe a family or one chip of it, never a measurement.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files as package_files

from tonnage.errors import DataError
from tonnage.files import YamlDocument, parse_yaml

FALLBACK = "other"

NAMES = (
    "gemm_efficiency",
    "fp8_ratio",
    "fp8_block_ratio",
    "fp4_ratio",
    "wave_weight",
    "kernel_s",
    "memory_efficiency",
    "attention_efficiency",
    "attention_legacy",
    "link_efficiency",
    "link_latency_s",
    "nic_efficiency",
    "nic_latency_s",
    "host_efficiency",
    "host_contention",
    "sustained",
    "sustained_quantized",
)
"""Constants of a family, in the order of `docs/performance.md`."""

PRIORS = ("cores", "memory_bandwidth_gbs", "scale_up_gbs", "scale_up_domain", "nic_gbps")
"""Catalog quantities that a family may assume where a chip's own are not public."""


@dataclass(frozen=True, slots=True)
class Constant:
    """One constant: its value, the deviation of its log, and its source in words."""

    value: float
    sigma: float
    source: str


@dataclass(frozen=True, slots=True)
class Family:
    """The constants of one family of chips."""

    name: str
    covers: tuple[str, ...]
    """Catalog family names, the first words of which select this file."""
    constants: Mapping[str, Constant]
    priors: Mapping[str, Constant]
    training_anchors: int
    """Measured training runs that the constants were fitted on."""
    serving_anchors: int
    chips: Mapping[str, Mapping[str, Constant]]
    """Constants of single chips of the family, by catalog id, where microbenchmarks differ."""

    def constant(self, name: str, chip_id: str = "") -> Constant:
        """Return the chip's own constant if there is one, else the family's."""
        own = self.chips.get(chip_id, {})
        return own[name] if name in own else self.constants[name]


@lru_cache(maxsize=1)
def families() -> Mapping[str, Family]:
    """Return every family by the name of its file.

    Raises
    ------
    DataError
        If a file lacks a constant, or a constant lacks its uncertainty or source.
    """
    folder = package_files("tonnage.data") / "families"
    found: dict[str, Family] = {}
    for entry in sorted(folder.iterdir(), key=lambda item: item.name):
        if entry.name.endswith(".yaml"):
            document = parse_yaml(entry.read_text(encoding="utf-8"), entry.name)
            found[entry.name.removesuffix(".yaml")] = _family(document)
    return found


def family_of(catalog_family: str) -> Family:
    """Return the constants for a catalog family name; the wide fallback if none covers it.

    Examples
    --------
    >>> family_of("Hopper (China)").name
    'Hopper'
    """
    name = catalog_family.strip().lower()
    best, length = families()[FALLBACK], -1
    for family in families().values():
        for prefix in family.covers:
            if name.startswith(prefix.lower()) and len(prefix) > length:
                best, length = family, len(prefix)
    return best


def _family(document: YamlDocument) -> Family:
    data = document.data
    constants = _constants(document.name, data.get("constants", {}))
    absent = [name for name in NAMES if name not in constants]
    if absent:
        message = f"{document.name}: no value for {', '.join(absent)}"
        raise DataError(message)
    anchors = data.get("anchors", {})
    chips = data.get("chips") or {}
    return Family(
        name=data["family"],
        covers=tuple(data.get("covers") or ()),
        constants=constants,
        priors=_constants(document.name, data.get("priors") or {}),
        training_anchors=int(anchors.get("training", 0)),
        serving_anchors=int(anchors.get("serving", 0)),
        chips={key: _constants(document.name, value) for key, value in chips.items()},
    )


def _constants(name: str, entries: Mapping[str, Mapping[str, object]]) -> dict[str, Constant]:
    result = {}
    for key, entry in entries.items():
        if not entry.get("source"):
            message = f"{name}: {key} has no source"
            raise DataError(message)
        result[key] = Constant(
            float(str(entry["value"])), float(str(entry["sigma"])), str(entry["source"])
        )
    return result
