"""Records that nobody should send and somebody will: each of a call of its own unless its point is another's call."""

import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from tests.support.calls import Record

CUSTOMER = "someone"
WEEK_MS = 7 * 24 * 3_600_000
Letter = tuple[str, str]
"""What a dead letter says: error and path."""


class Bad(NamedTuple):
    """``letters`` are those of its records; none where it is taken in. ``closes``: it is a whole call, all of
    which must have been worked on once that has closed."""

    name: str
    records: tuple[Record, ...]
    letters: tuple[Letter, ...] = ()
    closes: bool = False

    @property
    def key(self) -> bytes:
        return self.records[0].key

    def ended(self, duration_ms: int) -> "Bad":
        """The same with the end of its call."""
        call_id, last_ms = self.key.decode(), self.records[-1].time_ms
        value = json.dumps({"call_id": call_id, "customer_id": CUSTOMER, "duration_ms": duration_ms}).encode()
        headers = headers_of("events", call_id, type="call.ended.v1")
        return self._replace(
            records=(*self.records, Record("events", self.key, value, headers, last_ms + 1_000)), closes=True
        )


def headers_of(kind: str, call_id: str, *, customer_id: str = CUSTOMER, **others: Any) -> list[tuple[str, bytes]]:
    """What a record of ``kind`` needs; ``others`` replace or add, under their name without ``ce_``; None leaves out."""
    named = {"audio": "call.audio.v1", "transcripts": "call.transcript.v1", "events": "call.started.v1"}
    own: dict[str, Any] = {
        "specversion": "1.0",
        "id": f"{call_id}-{kind}",
        "source": "tests",
        "subject": call_id,
        "type": named[kind],
        "customerid": customer_id,
    }
    if kind == "audio":
        own |= {"channel": 0, "seq": 0, "offsetms": 0}
    said = own | others
    found = [(f"ce_{name}", str(value).encode()) for name, value in said.items() if value is not None]
    return [*found, ("content-type", b"audio/basic")] if kind == "audio" else found


def segment(call_id: str, **fields: Any) -> dict[str, Any]:
    own = {"call_id": call_id, "customer_id": CUSTOMER, "segment_id": "s", "revision": 0, "is_final": True}
    return own | {"channel": 0, "language": "en", "start_ms": 0, "end_ms": 900, "text": "hello there"} | fields


def _own(name: str, time_ms: int, letters: Iterable[Letter] = (), **fields: Any) -> Bad:
    call_id = f"bad-{name}"
    value = json.dumps(segment(call_id, **fields)).encode()
    record = Record("transcripts", call_id.encode(), value, headers_of("transcripts", call_id), time_ms)
    return Bad(name, (record,), tuple(letters))


def _of(provider: str, name: str, document: Any, time_ms: int, letters: Iterable[Letter] = ()) -> Bad:
    call_id = f"bad-{provider}-{name}"
    value = (document if isinstance(document, str) else json.dumps(document)).encode()
    headers = headers_of("transcripts", call_id, dataschema=provider)
    return Bad(
        f"{provider}-{name}", (Record("transcripts", call_id.encode(), value, headers, time_ms),), tuple(letters)
    )


def _audio(name: str, value: bytes, time_ms: int, letters: Iterable[Letter] = (), **headers: Any) -> Bad:
    call_id = f"bad-{name}"
    record = Record("audio", call_id.encode(), value, headers_of("audio", call_id, **headers), time_ms)
    return Bad(name, (record,), tuple(letters))


KEYLESS: Letter = ("wrong_key", "key")
HUGE = "9" * 400
"""An integer that fits no float."""


def _twilio(**fields: Any) -> dict[str, Any]:
    return {"transcript": "hi", "start_time": "0", "end_time": "1", "media_channel": 1, "sentence_index": 0} | fields


def _deepgram(**fields: Any) -> dict[str, Any]:
    said = {"alternatives": [{"transcript": "hi", "words": [{"word": "hi", "start": 0, "end": 1}]}]}
    return {
        "type": "Results",
        "start": 0,
        "duration": 1,
        "is_final": True,
        "channel_index": [0],
        "channel": said,
    } | fields


def _aws(**fields: Any) -> dict[str, Any]:
    item = {"Content": "hi", "StartTime": 0.1, "EndTime": 0.4, "Type": "pronunciation"}
    result = {"ResultId": "r", "ChannelId": "ch_0", "IsPartial": False, "StartTime": 0, "EndTime": 1}
    result |= {"Alternatives": [{"Transcript": "hi", "Items": [item]}]}
    return {"Transcript": {"Results": [result | fields]}}


def providers(at_ms: int) -> Iterator[Bad]:
    """Numbers and kinds that a recogniser's document should not hold."""
    yield _of("twilio", "channel-nan", _twilio(media_channel="nan"), at_ms)
    yield _of("twilio", "channel-inf", _twilio(media_channel="inf"), at_ms)
    yield _of("twilio", "index-of-400-digits", json.dumps(_twilio(sentence_index=int(HUGE))), at_ms)
    yield _of("aws", "channel-of-5000-digits", _aws(ChannelId="ch_" + "9" * 5_000), at_ms)
    yield _of("aws", "start-of-400-digits", json.dumps(_aws(StartTime=int(HUGE))), at_ms)
    yield _of("deepgram", "channel-index-true", _deepgram(channel_index=[True]), at_ms)
    yield _of("deepgram", "channel-index-of-400-digits", _deepgram(channel_index=[int(HUGE)]), at_ms)
    yield _of("deepgram", "start-object", _deepgram(start={}), at_ms)
    yield _of("assemblyai", "message-type-object", {"message_type": {}}, at_ms, [("unknown_form", "$")])
    yield _of(
        "assemblyai",
        "turn-order-list",
        {"type": "Turn", "turn_order": [], "transcript": "hi"},
        at_ms,
        [("no_times", "$")],
    )
    yield _of(
        "whisper",
        "segments-of-nothing",
        {"segments": [None, 1, []]},
        at_ms,
        [("no_times", f"$.segments[{n}]") for n in range(3)],
    )
    yield _of("google", "nested", "[" * 100_000, at_ms, [("undecodable", "$")])
    yield _of("azure", "not-json", "\x00", at_ms, [("undecodable", "$")])


def large(at_ms: int) -> Iterator[Bad]:
    """Much in one record, below Kafka's usual limit of a megabyte."""
    unknown = " ".join(f"zq{n:x}xv" for n in range(100_000))[:900_000]
    whole = [("oversized", "$")]
    yield _own("unknown-words", at_ms, whole, text=unknown)
    yield _own("cvv", at_ms, whole, text="cvv 123 " * 112_500)
    words = [{"text": f"other{n}", "start_ms": n, "end_ms": n + 1} for n in range(10_000)]
    yield _own("words-that-do-not-fit", at_ms, whole, text="nothing of it", words=words)
    odd = [{"text": "ab"[n % 2], "start_ms": n, "end_ms": n + 1} for n in range(2_000)]
    yield _own("as-many-words-as-may-be", at_ms, text="b a a " * 1_000, words=odd, end_ms=60_000).ended(60_000)
    yield _own("as-much-text-as-may-be", at_ms, text="cvv 123 " * 999, end_ms=60_000).ended(60_000)
    many = [{"start": n, "end": n + 1, "text": "hi"} for n in range(18_000)]
    yield _of("whisper", "18000-segments", {"segments": many}, at_ms, whole)


def hour(at_ms: int) -> Iterator[Bad]:
    """An ordinary document of a call of one hour, words listed once."""
    segments, loose = [], []
    for n in range(1_200):
        said = [f"word{(n * 8 + i) % 977}" for i in range(8)]
        segments.append({"id": n, "start": n * 3, "end": n * 3 + 2.9, "text": " ".join(said)})
        loose += [{"word": w, "start": n * 3 + i * 0.3, "end": n * 3 + i * 0.3 + 0.3} for i, w in enumerate(said)]
    document = {"task": "transcribe", "duration": 3_600, "segments": segments, "words": loose}
    yield _of("whisper", "one-hour", document, at_ms).ended(3_600_000)


def times(at_ms: int, now_ms: int) -> Iterator[Bad]:
    """Offsets, lengths and clocks that no call has."""
    yield _audio("offset-of-a-week", b"\xff" * 160, at_ms, offsetms=WEEK_MS).ended(WEEK_MS)
    yield _audio("offset-beyond", b"\xff" * 160, at_ms, [("undecodable", "ce_offsetms")], offsetms=WEEK_MS + 1)
    yield _own("segment-of-a-week", at_ms, [("oversized", "$.end_ms")], end_ms=WEEK_MS)
    yield _own("segment-of-an-hour", at_ms, [("oversized", "$.end_ms")], end_ms=3_600_000)
    late = "bad-hour-at-48-khz"
    pcm = [(n, v) for n, v in headers_of("audio", late, offsetms=3_599_000, seq=1) if n != "content-type"]
    first = [(n, v) for n, v in headers_of("audio", late) if n != "content-type"]
    content = ("content-type", b"audio/pcm;rate=48000;channels=1;encoding=s16le")
    yield Bad(
        "hour-at-48-khz",
        (
            Record("audio", late.encode(), b"\1\2" * 4_800, [*first, content], at_ms),
            Record("audio", late.encode(), b"\1\2" * 4_800, [*pcm, content], at_ms + 1),
        ),
        (),
    )
    ahead = now_ms + 50 * 60_000
    yield _audio("ahead-by-50-minutes", b"", ahead, [("undecodable", "value")])
    yield _audio("ahead-and-sound", b"\xff" * 160, ahead)


def refused(at_ms: int) -> Iterator[Bad]:
    """Nothing, and what is not what it says."""
    bare = {"audio": ("no_customer", "ce_customerid"), "transcripts": ("missing", "$.segment_id")}
    bare["events"] = ("unknown_type", "ce_type")
    for kind in ("audio", "transcripts", "events"):
        call_id = f"bad-empty-{kind}"
        headers = headers_of(kind, call_id)
        yield Bad(f"empty-{kind}", (Record(kind, call_id.encode(), b"", headers, at_ms),), (("undecodable", "value"),))
        yield Bad(f"no-headers-{kind}", (Record(kind, f"bad-bare-{kind}".encode(), b"{}", [], at_ms),), (bare[kind],))
    # its letter has no key: such a key is no identifier
    yield Bad("key-not-utf-8", (Record("audio", b"\xff" * 65, b"\xff", headers_of("audio", "x"), at_ms),), (KEYLESS,))
    yield _own("surrogate", at_ms, [("undecodable", "$")], text="\ud800 hello")


def of_another(call_id: str, at_ms: int) -> Bad:
    """A stranger's segment under somebody else's call."""
    value = json.dumps(segment(call_id, customer_id="stranger", segment_id="stranger")).encode()
    headers = headers_of("transcripts", call_id, customer_id="stranger")
    return Bad(
        "stranger", (Record("transcripts", call_id.encode(), value, headers, at_ms),), (("customer_mismatch", ""),)
    )


def straggler(call_id: str, at_ms: int) -> Bad:
    """A segment of a call that ended long ago."""
    value = json.dumps(segment(call_id, segment_id="late")).encode()
    return Bad(
        "straggler", (Record("transcripts", call_id.encode(), value, headers_of("transcripts", call_id), at_ms),)
    )
