"""Where every number came from, when it holds, when it became known, and how sure it is."""

from tonnage.provenance.source import Confidence, Grade, Source
from tonnage.provenance.sourced import Sourced, latest_known
from tonnage.provenance.spread import Spread

__all__ = ["Confidence", "Grade", "Source", "Sourced", "Spread", "latest_known"]
