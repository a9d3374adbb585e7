"""The buyer's world: demand, fleet, supply, prices, options, and the tree of futures."""

from tonnage.scenario.amount import Amount, Reference
from tonnage.scenario.read import parse_scenario, read_scenario, scenario_schema
from tonnage.scenario.scenario import (
    Branch,
    Buyer,
    Change,
    Holding,
    Option,
    Period,
    Port,
    Purchase,
    Rental,
    Roadmap,
    Scenario,
    Serving,
    Training,
    Workload,
)
from tonnage.scenario.tree import Node, Tree, grow, history

__all__ = [
    "Amount",
    "Branch",
    "Buyer",
    "Change",
    "Holding",
    "Node",
    "Option",
    "Period",
    "Port",
    "Purchase",
    "Reference",
    "Rental",
    "Roadmap",
    "Scenario",
    "Serving",
    "Training",
    "Tree",
    "Workload",
    "grow",
    "history",
    "parse_scenario",
    "read_scenario",
    "scenario_schema",
]
