"""The scenario file as pydantic reads it; `tonnage plan --schema` prints it as JSON Schema.

Everything here is turned once into the frozen types of `tonnage.scenario.scenario`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tonnage.scenario.amount import CURRENCIES
from tonnage.scenario.number import (
    Area,
    ChipHour,
    ChipPrice,
    ChipRate,
    Chips,
    Day,
    Duration,
    Effort,
    EffortPrice,
    EnergyPrice,
    Exchange,
    Factor,
    Fraction,
    Growth,
    Latency,
    MoneyRate,
    Name,
    Part,
    Power,
    Title,
    TokenPrice,
    TokenRate,
    Tokens,
)

Version = Literal["tonnage-scenario/1"]
Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$", description="ISO 3166 alpha-2 code.")]
Currency = Literal["USD", "CNY", "EUR", "TWD", "HKD", "JPY"]
assert set(CURRENCIES) == set(Currency.__args__)  # type: ignore[attr-defined]


class SourceIn(Part):
    """A document that numbers are taken from."""

    title: Title = Field(description="What it is, as a reader would look it up.")
    known: Day = Field(description="Day it became public; not after `as_of`.")
    url: str = Field("", description="Address, if it has one.")
    note: str = Field("", description="What to know of it.")


class HorizonIn(Part):
    """The periods planned for."""

    start: Day = Field(description="First day of the first period.")
    step: Literal["month", "quarter", "year"] = Field("quarter", description="Length of a period.")
    periods: int = Field(ge=1, le=120, description="Number of periods.")


class BuyerIn(Part):
    """Who buys, and within which limits."""

    country: Country = Field(description="Where the chips will stand.")
    headquarters: Country = Field(description="Where the buyer's ultimate parent has its seat.")
    kind: Literal["cloud", "telecom", "startup", "laboratory", "enterprise", "state"] = Field(
        description="What sort of buyer."
    )
    budget: MoneyRate | None = Field(None, description="Most to spend on purchases and rent.")
    power: Power | None = Field(None, description="Most power at the meter.")
    floor_space: Area | None = Field(None, description="Most floor space.")
    area_per_chip: Area | None = Field(None, description="Floor space a chip takes.")
    domestic_share: Fraction | None = Field(
        None, description="Least share of purchase spending on chips made by firms of `country`."
    )
    discount_rate: Growth | None = Field(None, description="Cost of money.")
    electricity: EnergyPrice | None = Field(None, description="Price of electric energy.")
    pue: Factor | None = Field(None, description="Power at the meter over power of the machines.")
    upkeep: Fraction | None = Field(
        None, description="Staff, space and repair per year, as a share of the purchase price."
    )
    engineer_cost: EffortPrice | None = Field(None, description="An engineer's month.")


class UnmetIn(Part):
    """What happens to demand that is not served."""

    price: TokenPrice = Field(description="Loss for each token not served or not trained on.")
    limit: Fraction | None = Field(
        None, description="Most of the demand that may stay unserved in a period; default all."
    )


class _Workload(Part):
    name: Name = Field(description="Name used elsewhere in the file.")
    model: Name = Field(description="Name from `tonnage models list`.")
    unmet: UnmetIn = Field(description="What work left undone costs.")
    only: list[Name] | None = Field(None, min_length=1, description="Chips it may run on.")
    never: list[Name] = Field(default=[], description="Chips it may not run on.")
    why: str = Field("", description="Reason for `only` and `never`.")
    utilisation: Fraction | None = Field(
        None, description="Part of a chip's time that does this work (peaks, failures, gaps)."
    )


class TrainIn(_Workload):
    """A training run: so many tokens between two days."""

    kind: Literal["train"] = Field(description="A training run.")
    tokens: Tokens = Field(description="Tokens to train on.")
    start: Day = Field(description="First day it may run.")
    deadline: Day = Field(description="Day by which it should be done.")
    sequence: Tokens = Field(description="Tokens in a sequence.")
    global_batch: Factor = Field(description="Sequences in a step.")
    chips: Chips = Field(description="Size of the run that its speed is estimated at.")


class ServeIn(_Workload):
    """Serving: a stream of output tokens for ever."""

    kind: Literal["serve"] = Field(description="A service.")
    demand: TokenRate = Field(description="Output tokens a second, mean over the day.")
    growth: Growth | None = Field(None, description="Growth of `demand` from the first period on.")
    input: Tokens = Field(description="Tokens in a request.")
    output: Tokens = Field(description="Tokens in an answer.")
    ttft: Latency | None = Field(None, description="Most time to first token.")
    tpot: Latency | None = Field(None, description="Most time per output token after the first.")
    weights: Literal["bf16", "fp8", "int8", "int4"] | None = Field(
        None, description="Number format of the weights; default the chip's best of 16 bits."
    )


WorkloadIn = Annotated[TrainIn | ServeIn, Field(discriminator="kind")]


class FleetIn(Part):
    """Chips in hand."""

    chip: Name = Field(description="Chip of the catalog; it needs an option too.")
    count: Chips = Field(description="How many.")
    bought: Day = Field(description="About when they came into use.")
    life: Duration | None = Field(None, description="From then until they are retired.")


class BuyIn(Part):
    """Terms of purchase."""

    price: ChipPrice | None = Field(
        None, description="Default: the price of the catalog known on `as_of` for the country."
    )
    lead_time: Duration = Field(description="From order to delivery.")
    cap: ChipRate | None = Field(None, description="Most that can be ordered.")
    delivered: Fraction | None = Field(None, description="Part of an order that arrives.")
    first: Day | None = Field(None, description="First day it can be ordered.")
    last: Day | None = Field(None, description="Day from which it can no longer be ordered.")
    deposit: Fraction | None = Field(
        None, description="Part paid at the order, lost if nothing comes; default none."
    )
    stockpile: Fraction | None = Field(
        None,
        description="May be kept in its box; part of the price that a year of it costs. "
        "Without it, chips go to work when they come.",
    )
    resale: Fraction | None = Field(None, description="Part of the price that a sale brings.")
    residual: Fraction | None = Field(
        None, description="Part of the price it is worth after the last period."
    )
    block: Chips | None = Field(None, description="Smallest order; default a server of 8.")


class RentIn(Part):
    """Terms of renting by the hour or reserving."""

    price: ChipHour | None = Field(
        None, description="Default: the rent of the catalog known on `as_of` for the country."
    )
    cap: Chips | None = Field(None, description="Most that can be rented at once.")
    first: Day | None = Field(None, description="First day it can be rented.")
    reserve_discount: Fraction | None = Field(
        None, description="Off the price for chips reserved for a year."
    )


class RoadmapIn(Part):
    """A chip that is announced or rumoured: a known chip times a factor."""

    like: Name = Field(description="Chip of the catalog whose values stand in.")
    speed: Factor = Field(description="Speed announced, over that chip.")
    discount: Fraction = Field(description="Part of the announced gain expected to be lost.")


class OptionIn(Part):
    """One chip that may be had, and how."""

    chip: Name = Field(description="Chip of the catalog, or a new name with `roadmap`.")
    stack: Name = Field(description="Software stack it runs.")
    buy: BuyIn | None = Field(None, description="Terms of purchase.")
    rent: RentIn | None = Field(None, description="Terms of rent.")
    roadmap: RoadmapIn | None = Field(None, description="What it is, if it is not out yet.")
    worth: ChipPrice | None = Field(
        None,
        description="Worth of one in hand, on which upkeep is reckoned; default the price.",
    )
    licence: Fraction | None = Field(
        None, description="Where a licence is required: part of `cap` assumed to be licensed."
    )
    power: Power | None = Field(None, description="Power of one chip with its share of the server.")
    adder: ChipPrice | None = Field(
        None, description="Server and network share for a chip bought bare."
    )


class PortIn(Part):
    """Moving a workload to a stack it does not run on yet."""

    stack: Name = Field(description="Stack of one of the options.")
    workloads: list[Name] = Field(min_length=1, description="Workloads that can be moved.")
    effort: Effort = Field(description="Work for each of the workloads.")
    time: Duration = Field(description="From the decision to the first useful work.")
    slow_start: Fraction | None = Field(
        None, description="Part of full speed in the first period after."
    )


class SoftwareIn(Part):
    """Which stacks the workloads run on today, and what it takes to move."""

    ready: list[Name] = Field(min_length=1, description="Stacks on which everything runs today.")
    ports: list[PortIn] = Field(default=[], description="Moves to other stacks.")


class _Change(Part):
    day: Day | None = Field(None, description="Day it takes effect; default that of the branch.")
    until: Day | None = Field(None, description="Day it ends.")
    source: str | None = Field(None, description="Id of an entry under `sources`.")


class RulesChange(_Change):
    """Another rule: a reform file, or the law as it was known on a later day."""

    kind: Literal["rules"] = Field(description="Another rule.")
    reform: str | None = Field(None, description="Reform file, seen from the scenario's folder.")


class SupplyChange(_Change):
    """More or less can be ordered or rented."""

    kind: Literal["supply"] = Field(description="Another supply.")
    chips: list[Name] = Field(min_length=1, description="Options it is about.")
    factor: Factor = Field(description="On the caps of purchase and rent.")


class DeliveryChange(_Change):
    """Another part of what is due arrives."""

    kind: Literal["delivery"] = Field(description="Other deliveries.")
    chips: list[Name] = Field(min_length=1, description="Options it is about.")
    delivered: Fraction = Field(description="Part of what is due that arrives.")


class PriceChange(_Change):
    """Prices or rents move."""

    kind: Literal["price"] = Field(description="Other prices.")
    chips: list[Name] = Field(min_length=1, description="Options it is about.")
    of: Literal["buy", "rent", "both"] = Field("both", description="Which prices.")
    factor: Factor = Field(description="On the price.")


class DemandChange(_Change):
    """Demand moves."""

    kind: Literal["demand"] = Field(description="Other demand.")
    workloads: list[Name] = Field(min_length=1, description="Services it is about.")
    factor: Factor = Field(description="On the demand.")


class MandateChange(_Change):
    """The home government asks for another domestic share."""

    kind: Literal["mandate"] = Field(description="Another mandate.")
    domestic_share: Fraction = Field(description="Least share of purchases; the higher holds.")


class BanChange(_Change):
    """The home government, or the seller, stops purchases."""

    kind: Literal["ban"] = Field(description="No more purchases.")
    chips: list[Name] = Field(min_length=1, description="Options it is about.")
    by: Literal["home government", "seller"] = Field(description="Who stops them.")


class ArrivalChange(_Change):
    """A roadmap chip can be ordered from another day than its `first`."""

    kind: Literal["arrival"] = Field(description="Another first day.")
    chips: list[Name] = Field(min_length=1, description="Options it is about.")


class LicenceChange(_Change):
    """Licences come through, or stop: another part of `cap` is licensed."""

    kind: Literal["licence"] = Field(description="Other licences.")
    chips: list[Name] = Field(min_length=1, description="Options it is about.")
    licensed: Fraction = Field(description="Part of the cap that is licensed.")


ChangeIn = Annotated[
    RulesChange
    | SupplyChange
    | DeliveryChange
    | PriceChange
    | DemandChange
    | MandateChange
    | BanChange
    | ArrivalChange
    | LicenceChange,
    Field(discriminator="kind"),
]


class BranchIn(Part):
    """One way that things may turn; siblings share the day and their probabilities add up to 1."""

    name: Name = Field(description="Name of the branch, and of the future it ends in.")
    after: Name | None = Field(None, description="Branch it follows; default the start.")
    day: Day = Field(description="Day on which it is known which sibling comes true.")
    probability: Fraction = Field(description="Given the branch before.")
    changes: list[ChangeIn] = Field(default=[], description="What changes in it.")
    about: str = Field("", description="What it stands for.")


class ScenarioIn(Part):
    """A buyer's world: who, what, when, with what, and how it may turn."""

    tonnage: Version = Field(description="Version of this format.")
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,60}$")] = Field(
        description="Short name: small letters, digits, hyphens."
    )
    title: Title = Field(description="What it is, in a line.")
    about: str = Field("", description="The situation in words.")
    as_of: Day = Field(description="Nothing that became known later is used.")
    sources: dict[str, SourceIn] = Field(default={}, description="Documents, by an id of yours.")
    chip_files: list[Name] = Field(
        default=[], description="Chip files of your own, named from the scenario's folder."
    )
    currency: dict[Currency, Exchange] = Field(
        default={}, description="Units of each currency used below that a dollar buys."
    )
    horizon: HorizonIn = Field(description="The periods planned for.")
    buyer: BuyerIn = Field(description="Who buys, and within which limits.")
    workloads: list[WorkloadIn] = Field(min_length=1, description="What is to be computed.")
    fleet: list[FleetIn] = Field(default=[], description="Chips in hand.")
    options: list[OptionIn] = Field(min_length=1, description="Chips that may be had, and how.")
    software: SoftwareIn = Field(description="Stacks, and what it takes to move between them.")
    branches: list[BranchIn] = Field(
        default=[], description="The tree of futures; none: one future, as the law now stands."
    )
    happened: list[ChangeIn] = Field(
        default=[],
        description="What came to pass after `as_of`; only a replay reads it.",
    )
