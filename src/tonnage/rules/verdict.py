"""The answer to "may this chip go there, then": four parts, each with its paragraph and source."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from math import isfinite
from typing import Any

from tonnage.provenance import Grade, Source
from tonnage.rules.possible import Decision


@dataclass(frozen=True, slots=True)
class Cited:
    """Where a statement of law stands: paragraph, enacting instrument, grade, enforcement."""

    paragraph: str
    source: Source
    grade: Grade
    enforcement: str = "enforced"
    why: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the citation as plain data."""
        return {
            "paragraph": self.paragraph,
            "source": cite(self.source),
            "source_url": self.source.url,
            "grade": self.grade.value,
            "enforcement": self.enforcement,
            "why": self.why,
        }


def cite(source: Source) -> str:
    """Return a source as its short citation."""
    return source.note or source.title


@dataclass(frozen=True, slots=True)
class Test:
    """One comparison of a quantity with a threshold.

    `met` is `None` where the figure is unknown or its rounding leaves both answers open; `margin`
    is 100 (value / threshold - 1), in percent, positive above the threshold.
    """

    __test__ = False

    clause: str
    parameter: str
    quantity: str
    value: float | None
    low: float | None
    high: float | None
    unit: str
    operator: str
    threshold: float
    met: bool | None
    paragraph: str
    source: Source
    grade: Grade
    note: str = ""

    @property
    def margin(self) -> float | None:
        """Signed distance of the published figure from the threshold, in percent."""
        return None if self.value is None else 100.0 * (self.value / self.threshold - 1.0)

    def to_dict(self) -> dict[str, Any]:
        """Return the test as plain data; figures that are not known are `None`."""
        return {
            "quantity": self.quantity,
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "unit": self.unit,
            "operator": self.operator,
            "threshold": self.threshold,
            "met": self.met,
            "margin": None if self.margin is None else round(self.margin, 3),
            "paragraph": self.paragraph,
            "parameter": self.parameter,
            "source": cite(self.source),
            "source_url": self.source.url,
            "grade": self.grade.value,
            "note": self.note,
        }


@dataclass(frozen=True, slots=True)
class Exceptional:
    """A license exception or authorization that may apply, with its conditions."""

    id: str
    name: str
    conditions: tuple[str, ...]
    cited: Cited

    def to_dict(self) -> dict[str, Any]:
        """Return the exception as plain data."""
        return {
            "id": self.id,
            "name": self.name,
            "conditions": list(self.conditions),
            **self.cited.to_dict(),
        }


@dataclass(frozen=True, slots=True)
class Policy:
    """How an application would be reviewed, and on what conditions."""

    policy: str
    cited: Cited
    conditions: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the policy as plain data."""
        return {
            "policy": self.policy,
            "conditions": list(self.conditions),
            **self.cited.to_dict(),
        }


@dataclass(frozen=True, slots=True)
class Measure:
    """A notice, guidance, practice or buyer-side measure that reaches the chip."""

    id: str
    kind: str
    says: str
    source: Source
    grade: Grade
    effective: date
    until: date | None
    applies: bool | None
    """`None` where a missing figure decides whether it reaches the chip."""
    licence: bool
    addressees: tuple[str, ...]
    state: str
    buyers: str = ""
    note: str = ""
    tests: tuple[Test, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the measure as plain data."""
        return {
            "id": self.id,
            "addressee": ", ".join(self.addressees),
            "says": self.says,
            "licence_required": self.licence if self.applies else (None if self.licence else False),
            "applies": self.applies,
            "from": self.effective.isoformat(),
            "to": self.until.isoformat() if self.until else None,
            "state": self.state,
            "buyers": self.buyers,
            "source": cite(self.source),
            "source_url": self.source.url,
            "grade": self.grade.value,
            "note": self.note,
            "tests": [test.to_dict() for test in self.tests],
        }


@dataclass(frozen=True, slots=True)
class Duty:
    """An import duty that a chip's figures fall under on entry into the US."""

    rate: float
    band: str
    applies: bool | None
    cited: Cited

    def to_dict(self) -> dict[str, Any]:
        """Return the duty as plain data."""
        return {
            "rate": self.rate,
            "band": self.band,
            "applies": self.applies,
            **self.cited.to_dict(),
        }


@dataclass(frozen=True, slots=True)
class Verdict:
    """Class, licence requirement, exceptions and review policy of one chip, place and day.

    `licence_required` is the law's answer alone, `licence_by_notice` that of letters to the maker.
    """

    chip: str
    name: str
    destination: str
    on: date
    as_of: date
    headquarters: str | None
    exporter: str
    class_id: str
    paragraph: str
    reason: str
    possible: tuple[str, ...]
    licence_required: bool | None
    licence_basis: tuple[Cited, ...]
    exceptions: tuple[Exceptional, ...]
    review: tuple[Policy, ...]
    enforcement: str
    enforcement_note: str
    tests: tuple[Test, ...]
    unknown: tuple[Decision, ...]
    overlays: tuple[Measure, ...]
    """Notices, guidance, practice and buyer-side measures, oldest first."""
    tariff: tuple[Duty, ...]
    limbs: tuple[str, ...]
    domestic: bool
    assumption: str
    """What the licence answer takes for granted of the item."""
    reform: str = ""

    @property
    def review_policy(self) -> str | None:
        """The policy that an application would meet, `None` where no licence is needed."""
        return self.review[0].policy if self.review else None

    @property
    def notices(self) -> tuple[Measure, ...]:
        """Letters to the maker that reach the chip; not general law."""
        return self._of("notice")

    @property
    def guidance(self) -> tuple[Measure, ...]:
        """What the agency said about how it reads the rules."""
        return self._of("guidance")

    @property
    def practice(self) -> tuple[Measure, ...]:
        """Licences that were reported as granted."""
        return self._of("practice")

    @property
    def buyer_side(self) -> tuple[Measure, ...]:
        """What the buyers' own authorities were reported to ask; no part of the export rules."""
        return self._of("buyer_side")

    def _of(self, kind: str) -> tuple[Measure, ...]:
        return tuple(measure for measure in self.overlays if measure.kind == kind)

    @property
    def licence_by_notice(self) -> bool | None:
        """Whether a company notice asks for a licence; `None` if a missing figure decides."""
        asked = [notice.applies for notice in self.notices if notice.licence]
        return True if True in asked else (None if None in asked else False)

    @property
    def permitted(self) -> bool | None:
        """Whether the item may be supplied without a licence under law and notices as known.

        `None` if that cannot be told. It speaks of 3A090 and the notices only: end-use, end-user
        and embargo rules stand beside it.
        """
        answers = (self.licence_required, self.licence_by_notice)
        return False if True in answers else (None if None in answers else True)

    def to_dict(self) -> dict[str, Any]:
        """Return the verdict as plain data, in the fields that stay stable."""
        return {
            "chip": self.chip,
            "name": self.name,
            "destination": self.destination,
            "on": self.on.isoformat(),
            "as_of": self.as_of.isoformat(),
            "headquarters": self.headquarters,
            "exporter": self.exporter,
            "class": {
                "id": self.class_id,
                "paragraph": self.paragraph,
                "reason": self.reason,
                "possible": list(self.possible),
            },
            "licence_required": self.licence_required,
            "licence_by_notice": self.licence_by_notice,
            "permitted_without_licence": self.permitted,
            "licence_assumption": self.assumption,
            "licence_basis": [cited.to_dict() for cited in self.licence_basis],
            "exceptions": [found.to_dict() for found in self.exceptions],
            "review_policy": self.review_policy,
            "review": [policy.to_dict() for policy in self.review],
            "enforcement": self.enforcement,
            "enforcement_note": self.enforcement_note,
            "tests": [test.to_dict() for test in self.tests],
            "unknown": [
                {
                    "quantity": found.quantity,
                    "would_decide": found.would_decide,
                    "ask": found.ask,
                }
                for found in self.unknown
            ],
            "notices": [measure.to_dict() for measure in self.notices],
            "guidance": [measure.to_dict() for measure in self.guidance],
            "practice": [measure.to_dict() for measure in self.practice],
            "buyer_side": [measure.to_dict() for measure in self.buyer_side],
            "tariff": [duty.to_dict() for duty in self.tariff],
            "other_limbs": list(self.limbs),
            "domestic": self.domestic,
            "reform": self.reform,
        }


def finite(value: float) -> float | None:
    """Return a bound, `None` where the interval is open."""
    return value if isfinite(value) else None
