"""The workload of `match` and `cost`: from a YAML file, or from options of the same names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from math import isfinite
from typing import Any

from tonnage.errors import Fault, InputError, UnknownName
from tonnage.files import YamlDocument, read_yaml
from tonnage.workload import Model, ServingJob, TrainingJob, entry_of, resolve_model

TRAIN, SERVE = "train", "serve"

_TEXT, _COUNT, _NUMBER = "text", "count", "number"
FIELDS: dict[str, dict[str, str]] = {
    TRAIN: {
        "model": _TEXT, "seq": _COUNT, "global_batch": _COUNT, "precision": _TEXT,
        "framework": _TEXT, "tokens": _NUMBER,
    },
    SERVE: {
        "model": _TEXT, "input": _COUNT, "output": _COUNT, "ttft_ms": _NUMBER, "tpot_ms": _NUMBER,
        "weights": _TEXT, "kv": _TEXT, "framework": _TEXT, "concurrency": _NUMBER,
        "request_rate": _NUMBER,
    },
}  # fmt: skip
"""Fields of each kind, as the options of `predict` with underscores."""
REQUIRED = {TRAIN: ("model", "seq", "global_batch"), SERVE: ("model", "input", "output")}
DEPLOYMENT = ("chip", "chips", "layout", "chip_file", "nic_gbps")
"""Options of `predict` that say on what to run; here the command line says so."""


@dataclass(frozen=True, slots=True)
class WorkLoad:
    """A training or a serving job, and the framework it runs on (`None`: the chip's usual one)."""

    job: TrainingJob | ServingJob
    framework: str | None = None
    kv: str | None = None
    """Serving: format of the cache; `None`: what the engine takes, in place of the job's."""
    as_of: date | None = None
    """Day by which engine and model have to be known; `None`: today."""

    def known_by(self, day: date) -> WorkLoad:
        """Return the workload as it could be run on a day.

        Raises
        ------
        UnknownName
            If its model was published later.
        """
        entry = entry_of(self.model)
        if entry is not None and entry.released > day:
            mend = f"not known on {day}: it was published on {entry.released}"
            raise UnknownName.of("model", self.model.id, mend)
        return replace(self, as_of=day)

    @property
    def kind(self) -> str:
        """`train` or `serve`."""
        return TRAIN if isinstance(self.job, TrainingJob) else SERVE

    @property
    def model(self) -> Model:
        """The model that is trained or served."""
        return self.job.model


def read_load(path: str) -> WorkLoad:
    """Return the workload that a YAML file describes.

    Raises
    ------
    InputError
        With every fault of the file, each with its line.
    """
    document = read_yaml(path)
    if not isinstance(document.data, dict):
        mend = "write fields, such as `kind: train` and `model: gpt3-175b`"
        raise InputError.of("workload", None, mend, document.name)
    return load_of(document.data, document)


def load_of(values: Mapping[str, Any], document: YamlDocument | None = None) -> WorkLoad:
    """Return the workload of given fields; fields that are `None` count as not given.

    Raises
    ------
    InputError
        With every fault: an unknown or missing field, a value of the wrong kind or out of range.
    """
    given = {name: value for name, value in values.items() if value is not None}

    def fault(name: str, mend: str) -> Fault:
        where = document.where((name,)) if document else ""
        return Fault(name, given.get(name), mend, where)

    kind = given.pop("kind", None)
    if kind not in FIELDS:
        raise InputError([Fault("kind", kind, "write train or serve", _where(document, "kind"))])
    faults = [fault(name, _stray(kind, name)) for name in given if name not in FIELDS[kind]]
    faults += [
        fault(name, f"missing; {kind} needs it") for name in REQUIRED[kind] if name not in given
    ]
    for name, value in given.items():
        wanted = FIELDS[kind].get(name)
        if wanted is not None and not _is(value, wanted):
            faults.append(fault(name, _MEND[wanted]))
    usable = {n: v for n, v in given.items() if n in FIELDS[kind] and _is(v, FIELDS[kind][n])}
    if "model" in usable:
        try:
            usable["model"] = resolve_model(usable["model"])
        except InputError as error:
            faults += [_placed(f, document, "model") for f in error.faults]
    if faults:
        raise InputError(faults)
    try:
        return WorkLoad(_job(kind, usable), usable.get("framework"), usable.get("kv"))
    except InputError as error:
        raise InputError([_placed(f, document, f.field) for f in error.faults]) from None


def _job(kind: str, given: Mapping[str, Any]) -> TrainingJob | ServingJob:
    if kind == TRAIN:
        precision = given.get("precision", "bf16")
        tokens = given.get("tokens")
        return TrainingJob(given["model"], given["seq"], given["global_batch"], precision, tokens)
    return ServingJob(
        given["model"],
        given["input"],
        given["output"],
        concurrency=given.get("concurrency"),
        request_rate=given.get("request_rate"),
        ttft_ms=given.get("ttft_ms"),
        tpot_ms=given.get("tpot_ms"),
        weights=given.get("weights", "bf16"),
        kv=given.get("kv", "bf16"),
    )


def _stray(kind: str, name: str) -> str:
    if name in DEPLOYMENT:
        return "not part of a workload; chips are named by the command, layouts are searched"
    return f"no such field of a {kind} workload; one of {', '.join(FIELDS[kind])}"


def _is(value: object, wanted: str) -> bool:
    return _CHECK[wanted](value)


def _text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _number(value: object) -> bool:
    plain = isinstance(value, (int, float)) and not isinstance(value, bool)
    return plain and isfinite(float(value)) and 0 < float(value) < 1e20  # type: ignore[arg-type]


def _count(value: object) -> bool:
    return _number(value) and float(value) == int(float(value)) and float(value) < 1e9  # type: ignore[arg-type]


_CHECK: dict[str, Callable[[object], bool]] = {_TEXT: _text, _NUMBER: _number, _COUNT: _count}
_MEND = {
    _TEXT: "write a name as text",
    _NUMBER: "a number above 0",
    _COUNT: "a whole number, 1 or more",
}


def _where(document: YamlDocument | None, name: str) -> str:
    return document.where((name,)) if document else ""


def _placed(fault: Fault, document: YamlDocument | None, name: str) -> Fault:
    field = {"seq_len": "seq", "input_tokens": "input", "output_tokens": "output"}
    spelled = field.get(fault.field, fault.field)
    where = fault.where or _where(document, field.get(name, name))
    return Fault(spelled, fault.value, fault.mend, where)
