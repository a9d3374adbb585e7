"""Where every number came from, when it holds, when it became known, and how sure it is."""

from tonnage.provenance.source import Confidence, Grade, Source
from tonnage.provenance.sourced import Sourced, latest_known
from tonnage.provenance.spread import Z90, Spread
from tonnage.provenance.tables import Folder, Row, data_folder, read_each, read_rows, read_sources

__all__ = [
    "Z90",
    "Confidence",
    "Folder",
    "Grade",
    "Row",
    "Source",
    "Sourced",
    "Spread",
    "data_folder",
    "latest_known",
    "read_each",
    "read_rows",
    "read_sources",
]
