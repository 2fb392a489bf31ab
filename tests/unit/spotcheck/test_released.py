"""What was published of a call, put together again from its records."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from deid_stream.audio.codec import pcm
from deid_stream.audio.cut import silence
from deid_stream.errors import DecodeError
from deid_stream.model.events import AudioFormat, Encoding, Word
from deid_stream.model.outputs import AuditAction, AuditEntry
from deid_stream.model.spans import AudioSpan
from deid_stream.spotcheck.listening import listen
from deid_stream.spotcheck.released import is_minor, newest, put_together, read_summary, sampled
from deid_stream.units import Interval
from deid_stream.wire.output import encode_audit

MULAW = AudioFormat(Encoding.MULAW, 8_000)
RNG = np.random.default_rng(7)


def record(key, value, headers=()):
    return SimpleNamespace(key=key, value=value, headers=list(headers), timestamp=0, offset=0)


def audio(channel, seq, samples, chunk_ms=100, content_type=b"audio/basic"):
    """One released chunk; ``channel`` None interleaves."""
    headers = {
        "ce_specversion": b"1.0",
        "ce_id": b"e-%d" % seq,
        "ce_source": b"/pbx",
        "ce_type": b"call.audio.v1",
        "ce_subject": b"c-1",
        "ce_customerid": b"acme",
        "ce_seq": b"%d" % seq,
        "ce_offsetms": b"%d" % (seq * chunk_ms),
        "ce_redactedms": b"0",
        "content-type": content_type,
    }
    if channel is not None:
        headers["ce_channel"] = b"%d" % channel
    fmt = pcm.parse_content_type(content_type)
    name = "x" if channel is None else channel
    return record(f"c-1/{name}/{seq}".encode(), pcm.encode(samples, fmt), headers.items())


def stream(channel, samples):
    return [audio(channel, seq, samples[at : at + 800]) for seq, at in enumerate(range(0, len(samples), 800))]


def transcript(words=(), entities=()):
    value = {"text": "", "words": [{"text": t, "start_ms": a, "end_ms": b} for t, a, b in words]}
    value["entities"] = [
        {"entity_type": kind, "channel": channel, "start_ms": a, "end_ms": b, "start": 0, "end": 1}
        for kind, channel, a, b in entities
    ]
    return record(b"c-1/0/0", json.dumps(value).encode())


def line(action, reason, channel=None, start_ms=None, end_ms=None):
    entry = AuditEntry(
        call_id="c-1", customer_id="acme", action=action, reason=reason, time_ms=0,
        channel=channel, start_ms=start_ms, end_ms=end_ms,
    )  # fmt: skip
    return record(b"c-1", encode_audit(entry, policy_version="1").value)


def loud(ms):
    return RNG.integers(-8_000, 8_000, ms * 8).astype(np.int16)


class TestSample:
    def test_its_size_is_the_share(self):
        inside = sum(sampled(f"call-{n}", 0.05) for n in range(20_000))
        assert 900 < inside < 1_100

    def test_all_and_none(self):
        assert all(sampled(f"call-{n}", 1) for n in range(100))
        assert not any(sampled(f"call-{n}", 0) for n in range(100))

    def test_a_larger_share_holds_the_smaller(self):
        calls = [f"call-{n}" for n in range(2_000)]
        assert {c for c in calls if sampled(c, 0.01)} < {c for c in calls if sampled(c, 0.1)}

    def test_it_is_the_same_everywhere(self):
        assert [n for n in range(300) if sampled(f"call-{n}", 0.01)] == [22, 61, 109, 132, 149, 261]


class TestPuttingTogether:
    def test_channels_stand_where_their_offsets_say_and_gaps_are_silent(self):
        sound = loud(300)
        pieces = stream(0, sound)
        released = put_together([pieces[2], pieces[0], *stream(1, sound)], [], [])
        assert released.channels == 2
        encoded = pcm.decode(pcm.encode(sound, MULAW), MULAW)[:, 0]
        assert np.array_equal(released.recording.pcm(1, 0, 300), encoded)
        assert np.array_equal(released.recording.pcm(0, 200, 300), encoded[1600:])
        assert not released.recording.pcm(0, 100, 200).any()

    def test_interleaved(self):
        sound = np.stack([loud(100), loud(100)], axis=1)
        kind = b"audio/L16;rate=8000;channels=2"
        released = put_together([audio(None, 0, sound, content_type=kind)], [], [])
        assert np.array_equal(released.recording.samples, sound)

    @pytest.mark.parametrize(
        "records",
        [
            [],
            [audio(0, 0, loud(100)), audio(1, 0, loud(100), content_type=b"audio/L16;rate=16000")],
            [record(b"c-1/0/0", b"\xff" * 800, [("ce_type", b"call.audio.v1")])],
            [audio(0, 500_000, loud(100))],
        ],
        ids=["no audio", "two rates", "no headers", "fourteen hours"],
    )
    def test_what_this_service_would_not_write_is_refused(self, records):
        with pytest.raises(DecodeError):
            put_together(records, [], [])

    def test_a_transcript_that_cannot_be_read_is_refused_without_its_content(self):
        with pytest.raises(DecodeError) as caught:
            put_together([audio(0, 0, loud(100))], [record(b"c-1/0/0", b'{"words": "jane doe"}')], [])
        assert "jane" not in str(caught.value)

    def test_what_must_not_be_heard_is_what_the_audit_says(self):
        released = put_together(
            stream(0, loud(3_000)) + stream(1, loud(3_000)),
            [transcript(entities=[("PERSON", 1, 1_050, 1_400)], words=[("hello", 0, 300)])],
            [
                line(AuditAction.SILENCED, "PERSON", 1, 1_000, 1_500),
                line(AuditAction.SILENCED, "UNTRANSCRIBED", 0, 2_000, 2_500),
                line(AuditAction.REDACTED, "text", 1),
                line(AuditAction.CLOSED, "ended"),
            ],
        )
        assert released.on(0) == [AudioSpan(2_000, 2_500, 0, "UNTRANSCRIBED")]
        assert released.on(1) == [AudioSpan(1_000, 1_500, 1, "PERSON")]
        assert released.published == (Word("hello", 0, 300),)

    @pytest.mark.parametrize(
        ("channels", "entity", "expected"),
        [
            (2, ("PERSON", 1, 500, 900), [AudioSpan(500, 900, 1, "PERSON")]),
            (2, ("PERSON", 1, None, None), []),
            (1, ("PERSON", 1, 500, 900), [AudioSpan(500, 900, 0, "PERSON")]),
        ],
        ids=["its own channel", "untimed", "a call mixed down"],
    )
    def test_an_entity_for_which_nothing_was_silenced_is_listened_for_too(self, channels, entity, expected):
        sound = [piece for channel in range(channels) for piece in stream(channel, loud(1_000))]
        released = put_together(sound, [transcript(entities=[entity])], [])
        assert list(released.spans) == expected

    def test_windows_reach_into_the_context_and_are_joined(self):
        silenced = [line(AuditAction.SILENCED, "PERSON", 0, a, a + 500) for a in (1_000, 9_000, 30_000)]
        released = put_together(stream(0, loud(40_000)), [], silenced)
        assert released.windows(0) == [Interval(0, 14_500), Interval(25_000, 35_500)]


def test_the_last_record_of_a_key_counts_and_a_tombstone_removes_it():
    first, second, gone = record(b"a", b"1"), record(b"a", b"2"), record(b"b", None)
    assert newest([first, record(b"b", b"x"), second, gone]) == {b"a": second}


def test_a_minors_call_is_known_by_its_audit():
    assert is_minor([line(AuditAction.CLOSED, "minor")])
    assert not is_minor([line(AuditAction.CLOSED, "ended"), line(AuditAction.WITHHELD, "minor")])


def test_a_summary_that_cannot_be_read_is_refused():
    with pytest.raises(DecodeError):
        read_summary(b'{"call_id": 7}')


class Hears:
    """Says that it heard words at these times wherever it is asked; notes what it was given."""

    def __init__(self, *words):
        self.all = words
        self.asked = []

    def words(self, pcm, rate_hz, start_ms=0):
        end_ms = start_ms + len(pcm) * 1000 // rate_hz
        self.asked.append((start_ms, end_ms))
        return [word for word in self.all if start_ms <= word.start_ms < end_ms]


class TestListening:
    SILENCED = (line(AuditAction.SILENCED, "PERSON", 1, 8_000, 9_000),)
    WORD = Word("jane", 8_300, 8_700)

    def released(self, operator=None):
        """Channel 1 is silenced from 8 to 9 s with an operator, or not at all."""
        sound = loud(20_000)
        if operator:
            encoded = pcm.encode(sound, MULAW)
            hole = silence.Hole(0, Interval(64_000, 72_000), level=3_000)
            sound = pcm.decode(silence.redact(encoded, MULAW, 0, [hole], operator), MULAW)[:, 0]
        return put_together(stream(0, loud(20_000)) + stream(1, sound), [], self.SILENCED)

    async def test_a_word_in_a_hole_that_sounds_is_a_find(self):
        hears = Hears(self.WORD)
        assert await listen(self.released(), hears, lambda: False) == [AudioSpan(8_300, 8_700, 1, "PERSON")]
        assert hears.asked == [(3_000, 14_000)]

    @pytest.mark.parametrize("operator", ["silence", "tone", "noise"])
    async def test_a_word_that_the_recogniser_makes_of_an_operator_is_none(self, operator):
        assert await listen(self.released(operator), Hears(self.WORD), lambda: False) == []

    async def test_it_ends_when_it_is_told_to(self):
        hears = Hears(self.WORD)
        assert await listen(self.released(), hears, lambda: True) == []
        assert hears.asked == []
