"""The verbs take a day as a date or as the text that the command line takes."""

from datetime import date

import pytest

import tonnage
from tonnage.errors import InputError

VERBS = {
    "classify": lambda day: tonnage.classify("A800", to="CN", on=day, as_of=day)[0].class_id,
    "rules_list": lambda day: [r.enforcement for r in tonnage.rules_list(day, day)],
    "rules_show": lambda day: tonnage.rules_show("3A090 (2022)", day, day).enforcement,
    "rules_diff": lambda day: tonnage.rules_diff("2022-10-20", day, as_of=day).flips,
    "rules_sweep": lambda day: (
        tonnage.rules_sweep("3A090.2022.io_rate", 600, 450, on=day, as_of=day).steps
    ),
    "list_chips": lambda day: len(tonnage.list_chips(day).sheets),
    "show_chip": lambda day: tonnage.show_chip("A800", day).tpp,
    "compare_chips": lambda day: tonnage.compare_chips(["A800"], day).as_of,
    "list_prices": lambda day: len(tonnage.list_prices(as_of=day).prices),
}


@pytest.mark.parametrize("verb", VERBS)
def test_text_means_the_day(verb):
    assert VERBS[verb]("2023-06-01") == VERBS[verb](date(2023, 6, 1))


@pytest.mark.parametrize("verb", VERBS)
def test_other_text_is_one_fault(verb):
    with pytest.raises(InputError, match="YYYY-MM-DD"):
        VERBS[verb]("June 2023")
