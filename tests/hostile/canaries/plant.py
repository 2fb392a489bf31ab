"""Where canaries are planted: in every field, header, key, metadata and unknown field of every input.

A canary is a made-up card number, e-mail address, name or id that occurs once. Those in *ids* (call, customer, segment
and event ids, ``ce_source``) may be seen again where such an id stands; none of the others anywhere.
"""

import copy
import itertools
import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from tests.support.calls import Record

PROVIDERS: Final = Path(__file__).parents[2] / "golden" / "providers"
SHAPE: Final = re.compile(rb"zqk[0-9a-f]{8}|492900[0-9]{10}", re.IGNORECASE)
"""Of every canary, whatever is around it. Cards count as found with blanks or dashes in them, too."""
CUSTOMER: Final = "planted"
UNKNOWN: Final = ("from", "to", "agent", "caller", "alternatives", "notes", "account", "x-amz-meta")
METADATA: Final = ("direction", "region", "queue", "disposition", "language", "from", "to", "agent", "ani")
FREE_TEXT: Final = ("agent_notes", "subject_line")
"""Fields of the metadata that the deployment calls free text."""
IDS: Final = frozenset({"id", "item_id", "resultid", "segmentid", "sid", "transcriptionsid", "utteranceid"})
"""What providers call a segment's id."""
HEADERS: Final = ("traceparent", "x-caller", "ce_caller", "ce_time", "ce_dataschema", "ce_roles", "ce_agent")


class Planted(NamedTuple):
    value: str
    where: str
    an_id: bool
    only: tuple[str, ...] = ()
    """Where it may be seen, as beginnings of places' names; empty: an id anywhere, everything else nowhere."""

    def may_be_in(self, place: str) -> bool:
        return place.startswith(self.only) if self.only else self.an_id


class Garden:
    """Makes canaries and remembers where each went."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)
        self._numbers = itertools.count(1)
        self.planted: dict[str, Planted] = {}

    def canary(self, where: str, kind: str = "", *, an_id: bool = False, only: tuple[str, ...] = ()) -> str:
        number = next(self._numbers)
        kind = kind or ("card", "email", "name", "id")[number % 4]
        core = f"zqk{number:08x}"
        if kind == "card":
            core = text = _card(number)
        else:
            text = {"email": f"{core}@example.org", "name": f"Jane {core}", "id": core}[kind]
        self.planted[core] = Planted(text, where, an_id, only)
        return text


def _card(number: int) -> str:
    body = f"492900{number:09d}"
    total = 0
    for at, digit in enumerate(reversed(body)):
        value = int(digit) * (2 if at % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return body + str(-total % 10)


def _record(garden: Garden, kind: str, call_id: str, value: bytes, time_ms: int, **others: str | None) -> Record:
    named = {"audio": "call.audio.v1", "transcripts": "call.transcript.v1", "events": "call.started.v1"}
    own: dict[str, str | None] = {
        "ce_specversion": "1.0",
        "ce_id": garden.canary("ce_id", "id", an_id=True),
        "ce_source": garden.canary("ce_source", "id", an_id=True),
        "ce_subject": call_id,
        "ce_type": named[kind],
        "ce_customerid": CUSTOMER,
    }
    headers = [(name, text.encode()) for name, text in (own | others).items() if text is not None]
    return Record(kind, call_id.encode(), value, headers, time_ms)


def call(garden: Garden, number: int, start_ms: int) -> Iterator[Record]:
    """A whole call with canaries in everything that a record of ours may hold."""
    call_id = garden.canary("call_id", "id", an_id=True)

    def event(value: dict[str, Any], kind: str, at_ms: int) -> Record:
        return _record(garden, "events", call_id, json.dumps(value).encode(), start_ms + at_ms, ce_type=kind)

    started: dict[str, Any] = {"call_id": call_id, "customer_id": CUSTOMER, "channels": 1}
    started |= {name: garden.canary(f"started {name}") for name in METADATA}
    started["metadata"] = {name: garden.canary(f"started metadata {name}") for name in METADATA}
    for name in FREE_TEXT:
        started["metadata"][name] = _said(garden, f"started free text {name}")
    if number % 4 != 3:  # without a language nobody can read the free text
        started["language"] = "en"
    started[garden.canary("started: a field's name", "id")] = garden.canary("started: its value")
    yield event(started, "call.started.v1", 0)
    for turn in range(3):
        begin_ms = turn * 3_000
        value = _segment(garden, call_id, begin_ms)
        unknown = {f"x-{name}-{turn}": garden.canary(f"header {name}") for name in HEADERS[:2]}
        yield _record(
            garden,
            "transcripts",
            call_id,
            json.dumps(value).encode(),
            start_ms + begin_ms + 2_500,
            **unknown,
            ce_time=garden.canary("transcript ce_time"),
        )
    for seq in range(10):
        headers = {
            name: garden.canary(f"audio {name}") for name in HEADERS if name not in ("ce_roles", "ce_dataschema")
        }
        headers |= {"ce_channel": "0", "ce_seq": str(seq), "ce_offsetms": str(seq * 1_000)}
        headers["content-type"] = f"audio/basic;note={garden.canary('audio content-type', 'id')}"
        headers[garden.canary("audio: a header's name", "id")] = garden.canary("audio: its value")
        yield _record(garden, "audio", call_id, b"\xff" * 8_000, start_ms + (seq + 1) * 1_000, **headers)
    ended = {"call_id": call_id, "customer_id": CUSTOMER, "duration_ms": 10_000}
    ended |= {name: garden.canary(f"ended {name}") for name in UNKNOWN}
    yield event(ended, "call.ended.v1", 10_500)


def _said(garden: Garden, where: str) -> str:
    return f"my card is {garden.canary(where, 'card')} and write to {garden.canary(where, 'email')} please"


def _segment(garden: Garden, call_id: str, begin_ms: int) -> dict[str, Any]:
    said = _said(garden, "text")
    spoken = said.split()
    step_ms = 2_400 // len(spoken)
    words: list[dict[str, Any]] = [
        {"text": w, "start_ms": begin_ms + i * step_ms, "end_ms": begin_ms + (i + 1) * step_ms, "confidence": 0.9}
        for i, w in enumerate(spoken)
    ]
    words[0] |= {"speaker": garden.canary("word unknown field"), "alternatives": [garden.canary("word alternatives")]}
    return {
        "call_id": call_id,
        "customer_id": CUSTOMER,
        "segment_id": garden.canary("segment_id", "id", an_id=True),
        "channel": 0,
        "language": "en",
        "speaker": garden.canary("speaker"),
        "start_ms": begin_ms,
        "end_ms": begin_ms + 2_400,
        "text": said,
        "words": words,
        **{name: garden.canary(f"segment {name}") for name in UNKNOWN},
        "nested": {"deep": [{"er": garden.canary("segment nested")}]},
        garden.canary("segment: a field's name", "id"): 1,
    }


def refused(garden: Garden, time_ms: int) -> Iterator[Record]:
    """Records that become dead letters, wrong in a field that holds a canary."""
    call_id = garden.canary("call_id", "id", an_id=True)
    own = _segment(garden, call_id, 0)
    for name in own:
        if not name.startswith(("zqk", "call_id", "customer_id", "segment_id")):
            wrong = own | {name: {garden.canary(f"wrong {name}: a name", "id"): garden.canary(f"wrong {name}")}}
            yield _record(garden, "transcripts", call_id, json.dumps(wrong).encode(), time_ms)
    for name in ("ce_channel", "ce_seq", "ce_offsetms", "ce_specversion", "content-type", "ce_type"):
        headers = {"ce_channel": "0", "ce_seq": "0", "ce_offsetms": "0", "content-type": "audio/basic"}
        headers[name] = garden.canary(f"wrong header {name}")
        yield _record(garden, "audio", call_id, b"\xff" * 80, time_ms, **headers)
    for kind in ("events", "transcripts", "audio"):
        yield _record(garden, kind, call_id, garden.canary(f"{kind}: no JSON").encode() * 3, time_ms)
        # no identifier at all, so no key of a dead letter either
        key = f"{garden.canary('a key of control characters')}\n\x00".encode()
        yield Record(kind, key, b"{}", [("ce_subject", garden.canary("a subject unlike its key").encode())], time_ms)
    yield _record(
        garden, "transcripts", call_id, json.dumps(own).encode(), time_ms, ce_dataschema=garden.canary("ce_dataschema")
    )


def documents(garden: Garden, time_ms: int, every: int) -> Iterator[Record]:
    """Each provider's documents, with a canary in one string, and in one unknown field, at a time."""
    number = 0
    for path in sorted(PROVIDERS.glob("*.json")):
        for case in json.loads(path.read_text(encoding="utf-8")):
            document = case["document"]
            for at in _strings(document):
                number += 1
                if number % every:
                    continue
                where = f"{path.stem} {case['name']} {'.'.join(map(str, at))}"
                # a provider's own id becomes the segment's
                an_id = str(at[-1]).lower() in IDS
                planted = _planted(document, at, garden.canary(where, "card" if _is_said(at) else "", an_id=an_id))
                call_id = f"document-{number}"
                end = json.dumps({"call_id": call_id, "customer_id": CUSTOMER, "duration_ms": 8_000}).encode()
                yield _record(garden, "events", call_id, end, time_ms + 9_000, ce_type="call.ended.v1")
                raw = json.dumps(planted).encode()
                yield _record(garden, "transcripts", call_id, raw, time_ms, ce_dataschema=path.stem)


def _strings(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        if isinstance(inner, str):
            yield (*at, key)
        elif isinstance(inner, list | dict):
            yield from _strings(inner, (*at, key))


def _is_said(at: tuple[Any, ...]) -> bool:
    """Looks like text that is spoken: there only what a detector must find is planted."""
    return any(
        part in str(at[-1]).lower()
        for part in (
            "text",
            "transcript",
            "word",
            "content",
            "prompt",
            "lexical",
            "display",
            "value",
            "utterance",
            "itn",
            "message",
            "delta",
        )
    )


def _planted(document: Any, at: tuple[Any, ...], canary: str) -> Any:
    root = copy.deepcopy(document)
    inner = root
    for key in at[:-1]:
        inner = inner[key]
    inner[at[-1]] = canary
    return root


def policies(garden: Garden) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values; one that is good, and some that are not."""
    good: dict[str, Any] = {"customer_id": CUSTOMER, "version": 1, "deny": [garden.canary("policy deny")]}
    good |= {"allow": [garden.canary("policy allow", "name")], "x-notes": garden.canary("policy unknown field")}
    yield CUSTOMER.encode(), json.dumps(good).encode()
    for name in ("version", "audio", "interims", "region", "entities", "retention_days", "languages", "effective_from"):
        value = {"customer_id": f"{CUSTOMER}-{name}", "version": 1, name: {garden.canary(f"policy {name}"): 1}}
        yield f"{CUSTOMER}-{name}".encode(), json.dumps(value).encode()
    yield f"{CUSTOMER}-json".encode(), garden.canary("policy that is no JSON").encode()
