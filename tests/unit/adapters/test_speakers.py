"""Where an agent's sound and text stand on the caller's clock."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import deid_stream
from deid_stream.adapters.speakers import AGENT, CALLER, Agent, apart, whole_samples
from deid_stream.audio.codec.pcm import decode
from deid_stream.datasets.wav import read_wav
from deid_stream.errors import ConfigError
from deid_stream.live import BackgroundCall, Clean, CleanAudio, Live
from deid_stream.model.outputs import CallSummary
from tests.support.made_calls import SecretDetector

SAMPLE = Path(deid_stream.__file__).parent / "demo" / "samples" / "card-payment.wav"


class Call:
    """Notes what it is fed. At 1 kHz, 2 bytes are 1 ms."""

    rate_hz = 1_000
    channels = 2

    def __init__(self) -> None:
        self.fed = {CALLER: 0, AGENT: 0}
        self.segments: list[tuple[str, int, int]] = []
        self.begins: list[int] = []
        """Where each piece of the agent's sound begins (ms), without its silence."""
        self.silence: list[tuple[int, int]] = []

    def media_ms(self, channel: int) -> int:
        return self.fed[channel]

    def audio(self, sound: bytes, *, channel: int) -> None:
        begin_ms = self.fed[channel]
        self.fed[channel] = begin_ms + len(sound) // 2
        if channel == AGENT and not any(sound):
            self.silence.append((begin_ms, self.fed[channel]))
        elif channel == AGENT:
            self.begins.append(begin_ms)

    def segment(self, segment: dict[str, Any], *, channel: int) -> None:
        assert channel == AGENT
        self.segments.append((segment["text"], segment["start_ms"], segment["end_ms"]))


def sound(ms: int) -> bytes:
    return b".." * ms


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
        agent.speak(sound(said_ms))
    assert call.begins == [1_000, 1_500, 3_000, 3_500]
    assert call.silence == [(0, 1_000), (2_000, 3_000)]


def test_while_the_agent_says_nothing_its_channel_is_silent() -> None:
    call = Call()
    agent = agent_of(call)
    for _ in range(100):
        agent.hear(sound(20))
    assert 1_600 <= call.fed[AGENT] <= 1_800
    assert all(end_ms - begin_ms >= 200 for begin_ms, end_ms in call.silence), "in pieces, not one per frame"
    assert [(begin, 0) for begin, _ in call.silence] == [(end, 0) for _, end in [(0, 0), *call.silence[:-1]]]
    agent.speak(sound(500))
    for _ in range(10):
        agent.hear(sound(20))
    assert call.begins == [2_000]
    assert call.silence[-1][1] == 2_000


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
        # some of the text comes after the sound has ended
        ("speak say=my stop say=name speak say=yours stop", [("my name", 1_000, 1_500), ("yours", 1_500, 2_000)]),
        ("speak stop say=my say=name speak say=yours stop", [("my name", 1_000, 1_500), ("yours", 1_500, 2_000)]),
        ("say=my speak say=name soon stop say=is wait", [("my name is", 1_000, 1_500)]),
        ("speak stop soon say=my soon say=name soon say=is wait", [("my name is", 1_000, 1_500)]),
        # the first sound had all its text before it began, so later text belongs to the second
        ("say=my speak stop say=your speak stop", [("my", 1_000, 1_500), ("your", 1_500, 2_000)]),
        # text that comes too late for the first sound
        ("speak say=my stop wait say=your speak stop", [("my", 1_000, 1_500), ("your", 4_000, 4_500)]),
        # interrupted: the rest of that sound gets no text, and the next text does not go to it
        ("speak interrupt speak stop say", [("hello", 1_500, 2_000)]),
        ("speak say speak interrupt speak stop say", [("hello", 1_000, 1_500), ("hello", 2_000, 2_500)]),
        ("say speak interrupt stop say stop", [("hello", 1_000, 1_500)]),
        ("speak interrupt interrupt stop wait say speak stop", [("hello", 4_000, 4_500)]),
        ("say interrupt speak stop say", [("hello", 1_000, 1_500)]),
        # where the framework reports that the agent begins to speak, the rest of an interrupted sound is no part of it
        ("start speak interrupt stop speak start start speak say stop", [("hello", 2_000, 2_500)]),
        ("start speak interrupt speak stop start speak start say stop", [("hello", 2_000, 2_500)]),
        ("start speak interrupt speak say interrupt start speak say stop", [("hello", 2_000, 2_500)]),
        ("start speak interrupt soon say=my start speak say=name stop", [("my name", 1_700, 2_200)]),
        ("start speak stop interrupt say=my start speak say=name stop", [("name", 1_500, 2_000)]),
        ("start speak start say stop", [("hello", 1_000, 1_500)]),
        # the last frame of an interrupted sound comes after the interruption
        ("speak interrupt speak wait speak stop say", [("hello", 4_000, 4_500)]),
        # an earlier sound that never gets text, such as a recording
        ("speak stop wait speak say stop", [("hello", 4_000, 4_500)]),
        ("speak stop wait say speak stop", [("hello", 4_000, 4_500)]),
        # a pause within one reply
        ("say speak wait speak stop", [("hello", 1_000, 4_500)]),
        ("speak stop", []),
        ("say stop", []),
        ("stop", []),
    ],
)
def test_text_and_sound_meet_whichever_comes_first(steps: str, expected: list[tuple[str, int, int]]) -> None:
    assert told(steps) == expected


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ("begin=a speak say=my@a stop", [("my", 1_000, 1_500)]),
        ("say=my@a begin=a speak say=name@a stop", [("my name", 1_000, 1_500)]),
        # text before, during or after the sound, however late
        (
            "begin=a speak say=my@a stop begin=b speak say=name@a say=your@b stop",
            [("my name", 1_000, 1_500), ("your", 1_500, 2_000)],
        ),
        ("begin=a speak stop wait say=my@a wait", [("my", 1_000, 1_500)]),
        ("begin=a speak say=my@a stop say=your@b begin=b speak stop", [("my", 1_000, 1_500), ("your", 1_500, 2_000)]),
        ("begin=a speak begin= speak say=my@a stop", [("my", 1_000, 1_500)]),
        # a synthesiser that pauses within one reply
        ("begin=a speak stop wait speak say=my@a stop", [("my", 1_000, 4_500)]),
        ("begin=a speak say=my@a stop wait speak say=name@a stop", [("my", 1_000, 1_500), ("name", 4_000, 4_500)]),
        # late text of a reply that has its text is dropped, and does not go to the next reply
        ("begin=a speak say=my@a stop wait say=name@a begin=b speak say=your@b stop",
         [("my", 1_000, 1_500), ("your", 4_000, 4_500)]),
        # interrupted: sound and text of the reply that come after the interruption are dropped
        ("begin=a speak interrupt speak say=my@a begin=b speak say=your@b stop", [("your", 2_000, 2_500)]),
        ("begin=a say=my@a interrupt say=name@a begin=b speak say=your@b stop", [("your", 1_000, 1_500)]),
        ("begin=a speak interrupt stop say=my@a wait begin=b speak say=your@b stop", [("your", 4_000, 4_500)]),
        # sound without a name, such as a recording, gets no text of a named reply
        ("begin=a speak begin= stop speak stop say=my@a wait", [("my", 1_000, 1_500)]),
    ],
)  # fmt: skip
def test_a_named_reply_gets_its_own_text(steps: str, expected: list[tuple[str, int, int]]) -> None:
    assert told(steps) == expected


async def test_what_the_agent_says_after_a_pause_leaves_where_its_words_have_no_times() -> None:
    wav = read_wav(SAMPLE)
    rate_hz = wav.format.rate_hz
    said = decode(wav.data, wav.format)[8_578 * rate_hz // 1000 : 11_438 * rate_hz // 1000, 0].astype("<i2").tobytes()
    left: list[Clean] = []
    live = Live(SecretDetector()).call("c-1", "acme", channels=2, rate_hz=rate_hz)
    async with BackgroundCall(live, left.append) as call:
        agent = Agent(call)
        for _ in range(2):
            agent.hear(bytes(2 * 3 * rate_hz))
            agent.speak(said)
            agent.say("Of course. What is the long number on the card?")
            agent.stop()
            agent.hear(bytes(len(said)))
        agent.finish()
    assert [c.data == said for c in left if isinstance(c, CleanAudio) and c.channel == AGENT and any(c.data)] == [
        True
    ] * 2
    (summary,) = [clean for clean in left if isinstance(clean, CallSummary)]
    assert summary.complete


def told(steps: str) -> list[tuple[str, int, int]]:
    call = Call()
    call.fed[CALLER] = 1_000
    agent = agent_of(call)
    for step in steps.split():
        what, _, told = step.partition("=")
        if what == "say":
            text, _, reply = told.partition("@")
            agent.say(text or "hello", reply=reply or None)
        elif what == "speak":
            agent.speak(sound(500))
        elif what in ("wait", "soon"):
            agent.hear(sound(3_000 if what == "wait" else 700))
        elif what == "start":
            agent.start()
        elif what == "begin":
            agent.begin(told or None)
        elif what == "interrupt":
            agent.interrupt()
        else:
            agent.stop()
    agent.finish()
    return call.segments


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
    agent.speak(sound(500))
    agent.finish()
    assert call.segments == [("Hello there", 0, 500)]
