"""The type of numbers in this package."""

from typing import Any

Number = Any
"""A float array over axis [case]; scalars broadcast. `Any`, because a struct holds either."""
