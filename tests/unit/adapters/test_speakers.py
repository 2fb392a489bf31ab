"""Where an agent's sound and text stand on the caller's clock."""

from types import SimpleNamespace
from typing import Any

import pytest

from deid_stream.adapters.speakers import AGENT, CALLER, Agent, apart, whole_samples
from deid_stream.errors import ConfigError


class Call:
    """Keeps what it is given; 1 byte is 1 ms."""

    rate_hz = 500
    channels = 2

    def __init__(self) -> None:
        self.fed = {CALLER: 0, AGENT: 0}
        self.segments: list[tuple[str, int, int]] = []
        self.begins: list[int] = []

    def media_ms(self, channel: int) -> int:
        return self.fed[channel]

    def audio(self, sound: bytes, *, channel: int, offset_ms: int | None = None) -> None:
        begin_ms = self.fed[channel] if offset_ms is None else offset_ms
        self.begins.append(begin_ms)
        self.fed[channel] = begin_ms + len(sound)

    def segment(self, segment: dict[str, Any], *, channel: int) -> None:
        assert channel == AGENT
        self.segments.append((segment["text"], segment["start_ms"], segment["end_ms"]))


def agent_of(call: Call) -> Agent:
    return Agent(call)  # type: ignore[arg-type]


def test_an_agent_needs_a_channel_of_its_own() -> None:
    call = Call()
    call.channels = 1
    with pytest.raises(ConfigError, match="open it with channels=2"):
        agent_of(call)


def test_sound_stands_where_the_caller_has_got_to_after_a_pause_and_follows_on_otherwise() -> None:
    call = Call()
    agent = agent_of(call)
    for caller_ms, said_ms in ((1_000, 500), (1_600, 500), (3_000, 500), (3_100, 500)):
        call.fed[CALLER] = caller_ms
        agent.speak(b"." * said_ms)
    assert call.begins == [1_000, 1_500, 3_000, 3_500]


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ("say speak stop", [("hello", 1_000, 1_500)]),
        ("speak say stop", [("hello", 1_000, 1_500)]),
        ("speak stop say", [("hello", 1_000, 1_500)]),
        ("speak stop stop say stop", [("hello", 1_000, 1_500)]),
        ("speak say say stop", [("hello hello", 1_000, 1_500)]),
        ("say speak stop say speak stop", [("hello", 1_000, 1_500), ("hello", 1_500, 2_000)]),
        # the text of the first comes when the second has begun
        ("speak stop speak say stop say", [("hello", 1_000, 1_500), ("hello", 1_500, 2_000)]),
        # no text came for the first: its sound is told of with the second
        ("speak stop speak stop say", [("hello", 1_000, 2_000)]),
        # cut off: the rest of its sound has no text, and what is said next is not laid over it
        ("speak interrupt speak stop say", [("hello", 1_500, 2_000)]),
        ("speak say speak interrupt speak stop say", [("hello", 1_000, 1_500), ("hello", 2_000, 2_500)]),
        ("say speak interrupt stop say stop", [("hello", 1_000, 1_500)]),
        ("speak interrupt interrupt stop wait say speak stop", [("hello", 4_000, 4_500)]),
        ("say interrupt speak stop say", [("hello", 1_000, 1_500)]),
        # a last frame of it comes behind the interruption
        ("speak interrupt speak wait speak stop say", [("hello", 4_000, 4_500)]),
        # sound that never gets text, as of a recording, long before
        ("speak stop wait speak say stop", [("hello", 4_000, 4_500)]),
        ("speak stop wait say speak stop", [("hello", 4_000, 4_500)]),
        # a pause within what is said
        ("say speak wait speak stop", [("hello", 1_000, 4_500)]),
        ("speak stop", []),
        ("say stop", []),
        ("stop", []),
    ],
)
def test_text_and_sound_meet_whichever_comes_first(steps: str, expected: list[tuple[str, int, int]]) -> None:
    call = Call()
    call.fed[CALLER] = 1_000
    agent = agent_of(call)
    for step in steps.split():
        if step == "say":
            agent.say("hello")
        elif step == "speak":
            agent.speak(b"." * 500)
        elif step == "wait":
            call.fed[CALLER] += 3_000
        elif step == "interrupt":
            agent.interrupt()
        else:
            agent.stop()
    assert call.segments == expected


def test_what_fails_while_listening_fails_the_call_alone() -> None:
    told: list[Exception] = []
    with apart(SimpleNamespace(fail=told.append)):  # type: ignore[arg-type]
        raise ValueError("a frame of no known shape")
    assert [type(error) for error in told] == [ValueError]


@pytest.mark.parametrize(
    ("data", "channels", "whole"),
    [(b"", 1, b""), (b"ab", 1, b"ab"), (b"abc", 1, b"ab"), (b"abcdef", 2, b"abcd"), (b"abcdefgh", 2, b"abcdefgh")],
)
def test_a_piece_of_a_sample_is_left_out(data: bytes, channels: int, whole: bytes) -> None:
    assert whole_samples(data, channels) == whole


def test_parts_that_bring_their_spaces_are_joined_as_they_are() -> None:
    call = Call()
    agent = agent_of(call)
    for part in ("Hel", "lo", " there"):
        agent.say(part, joined=True)
    agent.speak(b"." * 500)
    agent.stop()
    assert call.segments == [("Hello there", 0, 500)]
