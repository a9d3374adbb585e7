"""Many points of one function, in this process or on many."""

from tonnage.sweep.run import BATCH_SECONDS, Outcome, sweep

__all__ = ["BATCH_SECONDS", "Outcome", "sweep"]
