"""The audit names the rules: those that found what went, and those by which the detector let its own guesses go."""

import pytest

from deid_stream.detect.detector import Detector
from deid_stream.model.events import CallEnded, CallStarted, Segment
from deid_stream.model.outputs import AuditAction
from deid_stream.policy.compile import compile_policy
from tests.support.run_session import Left, feed, new_session

DETECTOR = Detector.load()
EVERYTHING_GOES = b'{"customer_id":"acme","version":1,"allow":["red fort"],"entities":{"LOCATION":"label"}}'


def said(*turns: tuple[int, str]) -> Left:
    """What a call of these turns (channel, text) leaves."""
    events: list = [CallStarted(call_id="c", customer_id="acme", time_ms=0, channels=2)]
    for number, (channel, text) in enumerate(turns):
        start_ms = number * 10_000
        events.append(
            Segment(
                call_id="c", customer_id="acme", segment_id=str(number), text=text, start_ms=start_ms,
                end_ms=start_ms + 3_000, channel=channel, time_ms=start_ms + 3_100, offset=number, language="en",
            )
        )  # fmt: skip
    events.append(CallEnded(call_id="c", customer_id="acme", time_ms=90_000, duration_ms=90_000))
    return feed(new_session("c", "acme", detector=DETECTOR, policy=compile_policy(EVERYTHING_GOES)), events)


@pytest.mark.parametrize(
    ("text", "rule", "entity_type"),
    [
        ("my card is 4539 1488 0343 6467", "digits/run", "CREDIT_CARD"),
        ("the order is 4539148", "digits/run", "ID_NUMBER"),
        ("my name is priya", "names/explicit", "PERSON"),
        ("it is [NAME] speaking", "placeholder", "PERSON"),
    ],
)
def test_what_went_names_the_rule_that_found_it(text: str, rule: str, entity_type: str) -> None:
    entries = [entry for entry in said((1, text)).audit if entry.action is AuditAction.REDACTED]
    assert [(entry.counts, entry.rules) for entry in entries] == [({entity_type: 1}, {rule: 1})]


def closed(*turns: tuple[int, str]) -> dict[str, int]:
    (entry,) = [entry for entry in said(*turns).audit if entry.action is AuditAction.CLOSED]
    return entry.rules


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("we met at the red fort in delhi", {"allow": 1}),
        ("my wife may be there in april", {"judge/person": 1}),
        ("the weather is fine today", {}),
    ],
)
def test_what_stays_although_it_was_guessed_names_the_rule_by_which_it_stays(text: str, rules: dict[str, int]) -> None:
    assert closed((0, text)) == rules
