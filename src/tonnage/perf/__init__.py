"""How fast and how large: the shared operators, training and serving models.

The names load when they are first used, so that importing the room does not pay for NumPy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tonnage.perf.cluster import cluster_network as cluster_network
    from tonnage.perf.estimate import SAYS as SAYS
    from tonnage.perf.estimate import TrainingEstimate as TrainingEstimate
    from tonnage.perf.estimate import predict_cases as predict_cases
    from tonnage.perf.estimate import predict_training as predict_training
    from tonnage.perf.estimate import predict_training_rows as predict_training_rows
    from tonnage.perf.framework import Framework as Framework
    from tonnage.perf.framework import default_framework as default_framework
    from tonnage.perf.framework import find_framework as find_framework
    from tonnage.perf.framework import framework_entries as framework_entries
    from tonnage.perf.framework import recognize_framework as recognize_framework
    from tonnage.perf.goodput import Goodput as Goodput
    from tonnage.perf.goodput import RunTotal as RunTotal
    from tonnage.perf.goodput import run_total as run_total
    from tonnage.perf.layout import Layout as Layout
    from tonnage.perf.layout import Recompute as Recompute
    from tonnage.perf.layout import fill_data_parallel as fill_data_parallel
    from tonnage.perf.layout import parse_layout as parse_layout
    from tonnage.perf.machine import Machine as Machine
    from tonnage.perf.machine import machine_of as machine_of
    from tonnage.perf.machine import stand_in as stand_in
    from tonnage.perf.search import TrainingSearch as TrainingSearch
    from tonnage.perf.search import search_many as search_many
    from tonnage.perf.search import search_training as search_training
    from tonnage.perf.serving.case import ServingCase as ServingCase
    from tonnage.perf.serving.engine import Engine as Engine
    from tonnage.perf.serving.engine import default_kv as default_kv
    from tonnage.perf.serving.engine import engine_entries as engine_entries
    from tonnage.perf.serving.engine import find_engine as find_engine
    from tonnage.perf.serving.estimate import ServingEstimate as ServingEstimate
    from tonnage.perf.serving.estimate import predict_serving_cases as predict_serving_cases
    from tonnage.perf.serving.formats import computed_as as computed_as
    from tonnage.perf.serving.layout import ServingLayout as ServingLayout
    from tonnage.perf.serving.layout import parse_serving_layout as parse_serving_layout
    from tonnage.perf.serving.pools import search_pools as search_pools
    from tonnage.perf.serving.pools_answer import PoolsEstimate as PoolsEstimate
    from tonnage.perf.serving.pools_clients import played_requests as played_requests
    from tonnage.perf.serving.predict import predict_serving as predict_serving
    from tonnage.perf.serving.release import engine_known as engine_known
    from tonnage.perf.serving.release import releases as releases
    from tonnage.perf.serving.run import EVEN_SPREAD as EVEN_SPREAD
    from tonnage.perf.serving.run import WIDE_SPREAD as WIDE_SPREAD
    from tonnage.perf.serving.run import Run as Run
    from tonnage.perf.serving.run import play_run as play_run
    from tonnage.perf.serving.search import search_chips as search_chips
    from tonnage.perf.serving.search import search_serving as search_serving
    from tonnage.perf.serving.sizing import Sizing as Sizing
    from tonnage.perf.serving.sizing import fewest_chips as fewest_chips
    from tonnage.perf.serving.sizing import pareto_front as pareto_front
    from tonnage.perf.serving.traffic import Traffic as Traffic
    from tonnage.perf.space import SearchSpace as SearchSpace
    from tonnage.perf.training import TrainingCase as TrainingCase

_HOME = {
    "machine": ("Machine", "Rate", "machine_of", "canonical_precision", "stand_in"),
    "interval": ("Doubt", "deviation", "interval"),
    "layout": (
        "Layout", "Layouts", "Recompute", "Schedule", "fill_data_parallel", "layouts_of",
        "parse_layout",
    ),
    "framework": (
        "Framework", "default_framework", "find_framework", "framework_entries",
        "recognize_framework",
    ),
    "training": ("Evaluation", "TrainingCase", "evaluate_cases"),
    "estimate": (
        "SAYS", "TrainingEstimate", "check_layout", "predict_cases", "predict_training",
        "predict_training_rows",
    ),
    "goodput": ("Goodput", "RunTotal", "checkpoint_interval", "goodput_of", "run_total"),
    "cluster": ("cluster_network",),
    "space": ("SearchSpace",),
    "search": ("Neighbour", "TrainingSearch", "search_many", "search_training"),
    "serving.case": ("ServingCase",),
    "serving.formats": ("computed_as",),
    "serving.engine": ("Engine", "default_kv", "engine_entries", "find_engine"),
    "serving.estimate": ("ServingEstimate", "predict_serving_cases"),
    "serving.grid": ("evaluate_grid",),
    "serving.layout": ("ServingLayout", "parse_serving_layout"),
    "serving.predict": ("predict_serving",),
    "serving.run": ("EVEN_SPREAD", "WIDE_SPREAD", "Run", "play_run"),
    "serving.pools": ("search_pools",),
    "serving.pools_answer": ("PoolsEstimate",),
    "serving.pools_clients": ("played_requests",),
    "serving.pools_load": ("Pool",),
    "serving.release": ("Release", "engine_known", "releases"),
    "serving.search": ("search_catalog", "search_chips", "search_serving"),
    "serving.sizing": ("Sizing", "fewest_chips", "pareto_front"),
    "serving.simulate": ("Simulation", "simulate_serving"),
    "serving.traffic": ("Traffic",),
}  # fmt: skip
"""Module → public names in it."""

_MODULE = {name: module for module, names in _HOME.items() for name in names}

__all__ = sorted(_MODULE)  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    if name in _MODULE:
        return getattr(import_module(f"tonnage.perf.{_MODULE[name]}"), name)
    message = f"module 'tonnage.perf' has no attribute {name!r}"
    raise AttributeError(message)
