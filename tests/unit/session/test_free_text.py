"""Free text in a call's metadata: what of it leaves with the summary, and that the raw text is nowhere."""

import pytest

from deid_stream.detect.detector import Detector, DetectorSettings
from deid_stream.model.events import CallEnded, CallStarted
from deid_stream.model.outputs import AuditAction
from deid_stream.policy.compile import compile_policy
from deid_stream.policy.permit import Position
from deid_stream.policy.policy import UNKNOWN, CompiledPolicy, Policy
from deid_stream.policy.table import PolicyTable
from deid_stream.session.call import CallSession, Positions
from deid_stream.session.settings import SessionSettings
from tests.support.made_calls import SecretDetector
from tests.support.run_session import KEY, Left, feed

START_MS = 1_700_000_000_000
ACME = Policy(customer_id="acme", version=1)
KNOWN = compile_policy(ACME)
RAW = "caller is Robert Miller, card four one one one one one one one one one one one one one one one"
WRITTEN = "caller is [PERSON_1], card [CREDIT_CARD_1]"


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector.load()


def started(at_ms: int = START_MS, *, minor: bool = False, language: str = "", **free_text: str) -> CallStarted:
    metadata = {"direction": "inbound"} | ({"language": language} if language else {})
    return CallStarted(
        call_id="c", customer_id="acme", time_ms=at_ms, minor=minor, metadata=metadata, free_text=free_text
    )


def ended() -> CallEnded:
    return CallEnded(call_id="c", customer_id="acme", time_ms=START_MS + 9_000, duration_ms=0)


def session_of(detector: object, policy: CompiledPolicy = KNOWN) -> CallSession:
    return CallSession(
        "c",
        "acme",
        detector=detector,
        key=KEY,
        settings=SessionSettings(),
        policy=policy,  # type: ignore[arg-type]
    )


def left_of(detector: object, *events: CallStarted, policy: CompiledPolicy = KNOWN) -> Left:
    return feed(session_of(detector, policy), [*events, ended()])


def notes_of(left: Left) -> object:
    return left.summaries[0].metadata.get("notes")


@pytest.mark.parametrize(
    ("said", "left"),
    [
        (RAW, WRITTEN),
        ("robert miller", "[PERSON_1]"),
        (
            "spoke to Robert Miller about a bill and Robert Miller paid",
            "spoke to [PERSON_1] about a bill and [PERSON_1] paid",
        ),
        ("write to ann.lee@example.com", "write to [EMAIL_ADDRESS_1]"),
        ("write to ann dot lee at example dot com", "write to [EMAIL_ADDRESS_1]"),
        ("Name: Robert Miller\nCard: 4111 1111 1111 1111", "Name: [PERSON_1]\nCard: [CREDIT_CARD_1]"),
        ("call back on +44 7700 900123", "call back on [PHONE_NUMBER_1]"),
        ("el cliente se llama Juan Pérez", "el cliente se llama [PERSON_1]"),
    ],
)
def test_what_identifies_somebody_is_replaced(detector: Detector, said: str, left: str) -> None:
    assert notes_of(left_of(detector, started(notes=said))) == left


@pytest.mark.parametrize(
    "said",
    [
        "Re: invoice for March",
        "refund please",
        "  late by 3 days,\n\t- customer upset; 2 items missing ",
        "Password reset",
        "what is your name was asked twice",
        "paid 45.50, offer of 20 % until Friday ✓",
    ],
)
def test_what_identifies_nobody_stays_byte_for_byte(detector: Detector, said: str) -> None:
    left = left_of(detector, started(notes=said))
    assert notes_of(left) == said
    assert ("redacted", "free_text") not in left.reasons()


@pytest.mark.parametrize(
    ("entities", "left"),
    [
        ({"PERSON": "label"}, "ask for [PERSON], card [CREDIT_CARD_1]"),
        ({"PERSON": "keep"}, "ask for Robert Miller, card [CREDIT_CARD_1]"),
        ({"CREDIT_CARD": "mask:4"}, "ask for [PERSON_1], card ************1111"),
    ],
)
def test_the_policys_operators_write_it(detector: Detector, entities: dict[str, str], left: str) -> None:
    policy = compile_policy(Policy(customer_id="acme", version=1, entities=entities))
    said = "ask for Robert Miller, card 4111111111111111"
    assert notes_of(left_of(detector, started(notes=said), policy=policy)) == left


def test_the_policys_phrases_count(detector: Detector) -> None:
    policy = compile_policy(Policy(customer_id="acme", version=1, allow=("Robert Miller",), deny=("blue falcon",)))
    left = notes_of(left_of(detector, started(notes="Robert Miller asked for Blue Falcon"), policy=policy))
    assert isinstance(left, str)
    assert left.startswith("Robert Miller asked for [")
    assert "falcon" not in left.lower()


def test_fields_share_their_numbers_and_none_tells_what_another_hides(detector: Detector) -> None:
    first = started(a="my name is Zorbla Quent", notes="refund for Zorbla Quent and for Robert Miller")
    again = started(notes="refund for Zorbla Quent and for Robert Miller", a="my name is Zorbla Quent")
    for event in (first, again):
        metadata = left_of(detector, event).summaries[0].metadata
        assert metadata == {
            "direction": "inbound",
            "a": "my name is [PERSON_1]",
            "notes": "refund for [PERSON_1] and for [PERSON_2]",
        }


@pytest.mark.parametrize("found_in", ["a", "z"])
def test_what_is_a_value_in_one_field_is_masked_in_the_others(found_in: str) -> None:
    # the detector of these tests knows the word alone, not with a comma
    said = {found_in: "ask zorblax", "notes": "for Zorblax, please", "topic": "a refund"}
    left = left_of(SecretDetector(), started(**said)).summaries[0].metadata
    assert left == {
        "direction": "inbound",
        found_in: "ask [PERSON_1]",
        "notes": "for *******, please",
        "topic": "a refund",
    }


def test_a_field_in_a_language_without_tables_is_withheld_and_counted(detector: Detector) -> None:
    german = "Der Kunde hat angerufen weil seine Rechnung nicht stimmt und er möchte eine Rückzahlung haben"
    left = left_of(detector, started(notes=german, topic="a refund"))
    assert left.summaries[0].metadata == {"direction": "inbound", "topic": "a refund"}
    assert [entry.counts for entry in left.audit if entry.reason == "free_text_language"] == [{"fields": 1}]


def test_the_declared_language_counts(detector: Detector) -> None:
    assert notes_of(left_of(detector, started(notes="a refund", language="de"))) is None
    assert notes_of(left_of(detector, started(notes="a refund", language="en-GB"))) == "a refund"


def test_where_the_detector_fails_the_field_is_withheld_and_counted() -> None:
    left = left_of(SecretDetector(), started(notes="explode", topic="a refund", more="explode"))
    assert left.summaries[0].metadata == {"direction": "inbound", "topic": "a refund"}
    (entry,) = [entry for entry in left.audit if entry.action is AuditAction.DROPPED]
    assert (entry.reason, entry.counts) == ("free_text_detector", {"fields": 2})


def only_unreadable() -> CompiledPolicy:
    table = PolicyTable()
    table.apply("acme", b"{", Position(0, 0), START_MS)
    return table.get("acme")


@pytest.mark.parametrize("policy", [UNKNOWN, only_unreadable()], ids=["none", "unreadable"])
def test_without_a_policy_it_is_withheld_and_counted(detector: Detector, policy: CompiledPolicy) -> None:
    left = left_of(detector, started(notes="a refund"), policy=policy)
    assert notes_of(left) is None
    assert ("dropped", "free_text_policy") in left.reasons()


def test_a_call_without_free_text_says_nothing_of_it() -> None:
    left = left_of(SecretDetector(), started(), policy=UNKNOWN)
    assert {reason for _, reason in left.reasons() if "free_text" in reason} == set()


def test_a_start_that_is_sent_again_replaces_and_one_after_the_end_does_not(detector: Detector) -> None:
    session = session_of(detector)
    first, second = started(notes="a refund"), started(START_MS + 1, notes="Robert Miller")
    summary = feed(session, [first, second, ended()]).summaries[0]
    assert summary.metadata["notes"] == "[PERSON_1]"
    late = started(START_MS + 9_500, notes="another matter")
    session = session_of(detector)
    end = CallEnded(call_id="c", customer_id="acme", time_ms=START_MS + 9_000, duration_ms=60_000)
    left = feed(session, [first, end, late])
    assert left.summaries[0].metadata["notes"] == "a refund"
    assert ("dropped", "started_after_end") in left.reasons()


def test_of_a_minors_call_none_is_taken_in() -> None:
    session = session_of(SecretDetector())
    session.receive(started(minor=True, notes="a refund"))
    assert b"refund" not in session.snapshot()


def test_the_raw_text_is_in_no_checkpoint_and_the_redacted_one_survives_a_restart(detector: Detector) -> None:
    session = session_of(detector)
    event = started(notes=RAW)
    left = feed(session, [event], close=False)
    snapshot = session.snapshot()
    for raw in ("Robert", "Miller", "four one"):
        assert raw.encode() not in snapshot
        assert raw not in repr((event, session, left.order))
    assert WRITTEN.encode() in snapshot
    # what goes on after a restart has another detector and another policy: it reads nothing anew
    restored = CallSession.restore(
        snapshot,
        Positions(0, 0),
        detector=Detector.load(DetectorSettings(model="off")),
        key=KEY,
        settings=SessionSettings(),
        policy=UNKNOWN,
    )
    assert notes_of(feed(restored, [ended()])) == WRITTEN


def test_the_audit_tells_types_and_rules_and_the_totals_do_not_count_it(detector: Detector) -> None:
    left = left_of(detector, started(notes=RAW))
    (entry,) = [entry for entry in left.audit if entry.reason == "free_text"]
    assert (entry.action, entry.counts) == (AuditAction.REDACTED, {"PERSON": 1, "CREDIT_CARD": 1})
    assert sum(entry.rules.values()) == 2
    assert left.summaries[0].redactions == {}
