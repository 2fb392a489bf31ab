"""The templates of the training: every slot is known, a choice is settled, what is measured on is not trained on."""

from random import Random

import pytest
from models.train.sentences import NEGATIVES, POSITIVES, SLOT, chosen, templates, ways
from models.train.values import LABELLED, OFF_LABELLED, UNLABELLED

TRAINED = (*POSITIVES, *NEGATIVES)
HELD = ("heldout.txt", "heldout_negatives.txt")


@pytest.mark.parametrize("file", [*TRAINED, *HELD])
def test_every_slot_has_a_maker_and_every_choice_is_closed(file: str) -> None:
    found = templates(file)
    assert len(found) > 30
    rng = Random(1)
    for template in found:
        said = chosen(template.text, rng)
        assert not set("<>|") & set(said), template.text
        unknown = set(SLOT.findall(template.text)) - {*LABELLED, *OFF_LABELLED, *UNLABELLED}
        assert not unknown, template.text


@pytest.mark.parametrize("file", [*NEGATIVES, "heldout_negatives.txt"])
def test_negatives_hold_nothing_that_goes_by_default(file: str) -> None:
    harmless = {"ORGANIZATION", "LOCATION", "DATE_TIME", "URL", ""}
    for template in templates(file):
        for slot in SLOT.findall(template.text):
            label = (LABELLED | OFF_LABELLED).get(slot, ("",))[0]
            assert label in harmless, template.text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<a|b> c", {"a c", "b c"}),
        ("call {FIRST} <now|>", {"call {FIRST} now", "call {FIRST}"}),
        ("<a <b|c> |>d", {"a b d", "a c d", "d"}),
        ("plain", {"plain"}),
    ],
)
def test_a_choice_gives_each_of_its_ways(text: str, said: set[str]) -> None:
    assert {chosen(text, Random(seed)) for seed in range(60)} == said


def test_ways_are_counted_over_all_choices() -> None:
    assert [ways("a"), ways("<a|b>"), ways("<a|b> <c|d|>")] == [1, 2, 6]


def test_what_is_measured_on_is_not_trained_on() -> None:
    trained = {template.text.lower() for file in TRAINED for template in templates(file)}
    assert not trained & {template.text.lower() for file in HELD for template in templates(file)}
