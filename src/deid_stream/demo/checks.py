"""Compares what came out with the samples' truth. Pure: collected records in, verdicts out.

A span is *audible* where a 10 ms frame of it is still louder than 35 dB below the speaker's own level.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from deid_stream.audio.codec.pcm import decode
from deid_stream.datasets.callfile import CallFile, Truth
from deid_stream.datasets.wav import WavFile
from deid_stream.demo.listener import AUDIO_TOPICS, OUTPUT_TOPICS, Collected, Published
from deid_stream.model.topics import ANALYTICS_AUDIO, ANALYTICS_TRANSCRIPTS, CALLS, TRAINING_AUDIO, TRAINING_TRANSCRIPTS
from deid_stream.text.tokens import PLAIN
from deid_stream.units import Interval, Ms, merge, subtract

AUDIBLE_DB: Final = -35.0
FRAME_MS: Final = 10
MARGIN_MS: Final = 100
"""Silence may reach this far beyond a span; further out, every sample must be the source's own."""
VALUE_PAUSE_MS: Final = 1_500
"""A pause this long between two spans of one type belongs to the value: it may be silenced with it."""
_WINDOW_WORDS: Final = 4
"""A value counts as leaked when this many of its words stand in a row in an output, or all of them if it has fewer."""
_LONG_DIGITS: Final = 2 * _WINDOW_WORDS
"""A number counts as leaked when this many of its digits stand in a row anywhere; a shorter number, when all of its
digits do."""
_MIN_NAME_LETTERS: Final = 4
_DIGITS: Final = {
    name: str(digit)
    for digit, names in enumerate(
        (
            ("zero", "oh"),
            ("one",),
            ("two",),
            ("three",),
            ("four",),
            ("five",),
            ("six",),
            ("seven",),
            ("eight",),
            ("nine",),
        )
    )
    for name in names
}
_REPEAT: Final = {"double": 2, "triple": 3}
_DIGIT_RUN = re.compile(r"\d+(?:[\s.,+()-]*\d+)*")


class Check(msgspec.Struct, frozen=True):
    name: str
    ok: bool
    detail: str


class Residual(msgspec.Struct, frozen=True):
    """How much of a span can still be heard."""

    call: str
    channel: int
    entity_type: str
    start_ms: Ms
    end_ms: Ms
    audible_ms: Ms


def residuals(call: CallFile, after: WavFile) -> list[Residual]:
    """One entry a truth span, in the order of the truth."""
    before_pcm = decode(call.wav.data, call.wav.format)
    after_pcm = decode(after.data, after.format)
    return [
        Residual(
            call.name,
            truth.channel,
            truth.entity_type,
            truth.start_ms,
            truth.end_ms,
            _audible_ms(before_pcm[:, truth.channel], after_pcm[:, truth.channel], call, truth),
        )
        for truth in call.truth
    ]


def _audible_ms(before: NDArray[np.int16], after: NDArray[np.int16], call: CallFile, truth: Truth) -> Ms:
    frame = call.wav.format.rate_hz * FRAME_MS // 1000
    levels = _frame_rms(before, frame)
    speech = levels[levels > levels.max() * 0.05]
    threshold = np.sqrt(np.mean(speech**2)) * 10 ** (AUDIBLE_DB / 20)
    per_ms = call.wav.format.rate_hz // 1000
    left = _frame_rms(after[truth.start_ms * per_ms : truth.end_ms * per_ms], frame)
    return int(np.count_nonzero(left > threshold)) * FRAME_MS


def _frame_rms(samples: NDArray[np.int16], frame: int) -> NDArray[np.float64]:
    whole = samples[: len(samples) // frame * frame].astype(np.float64).reshape(-1, frame)
    rms: NDArray[np.float64] = np.sqrt(np.mean(whole**2, axis=1))
    return rms


def changed_outside_ms(call: CallFile, after: WavFile) -> Ms:
    """Milliseconds further than the margin from every span in which a sample differs from the source."""
    before_pcm = decode(call.wav.data, call.wav.format)
    after_pcm = decode(after.data, after.format)
    changed = 0
    for channel in range(call.wav.format.channels):
        spans = [Interval(s.start - MARGIN_MS, s.end + MARGIN_MS) for s in _values(call.truth, channel)]
        per_ms = call.wav.format.rate_hz // 1000
        for free in subtract(Interval(0, call.wav.duration_ms), merge(spans)):
            part = slice(free.start * per_ms, free.end * per_ms)
            differs = before_pcm[part, channel] != after_pcm[part, channel]
            changed += int(differs.reshape(-1, per_ms).any(axis=1).sum())
    return changed


def _values(truth: Sequence[Truth], channel: int) -> list[Interval]:
    """The spans of a channel, those of one value with the pause between them."""
    found: list[Interval] = []
    own = sorted((t.start_ms, t.end_ms, t.entity_type) for t in truth if t.channel == channel)
    last_type = ""
    for start_ms, end_ms, entity_type in own:
        if found and entity_type == last_type and start_ms - found[-1].end <= VALUE_PAUSE_MS:
            found[-1] = Interval(found[-1].start, end_ms)
        else:
            found.append(Interval(start_ms, end_ms))
        last_type = entity_type
    return found


class RawValues:
    """The samples' secrets, as they could stand in a record: spoken words in a row, written digits, single names."""

    def __init__(self, calls: Iterable[CallFile]) -> None:
        self.phrases: set[str] = set()
        self.names: set[str] = set()
        self.digits: set[str] = set()
        self.short_digits: set[str] = set()
        for call in calls:
            for truth in call.truth:
                self._add(truth.text, is_name=truth.entity_type == "PERSON")
            for field in ("from", "to", "agent"):
                self._add(str(call.header.metadata.get(field, "")), is_name=field == "agent")

    def _add(self, value: str, is_name: bool) -> None:
        words = [word.lower() for word in PLAIN.findall(value)]
        if is_name:
            self.names |= {word for word in words if len(word) >= _MIN_NAME_LETTERS}
        size = min(_WINDOW_WORDS, len(words))
        if size > 1:
            self.phrases |= {" ".join(words[at : at + size]) for at in range(len(words) - size + 1)}
        run = _written_digits(words)
        if len(run) >= _LONG_DIGITS:
            self.digits |= {run[at : at + _LONG_DIGITS] for at in range(len(run) - _LONG_DIGITS + 1)}
        elif len(run) >= _WINDOW_WORDS:
            self.short_digits.add(run)

    def found_in(self, text: str) -> bool:
        """Whether a text holds any of these secrets."""
        words = [word.lower() for word in PLAIN.findall(text)]
        joined = f" {' '.join(words)} "
        if any(f" {phrase} " in joined for phrase in self.phrases) or not self.names.isdisjoint(words):
            return True
        return any(
            any(run in "".join(groups) for run in self.digits)
            or any(_grouped(groups, run) for run in self.short_digits)
            for groups in (re.findall(r"\d+", run) for run in _DIGIT_RUN.findall(text))
        )


def _written_digits(words: Sequence[str]) -> str:
    written, times = "", 1
    for word in words:
        digits = word if word.isdigit() else _DIGITS.get(word, "")
        written += digits * (times if digits else 0)
        times = _REPEAT.get(word, 1)
    return written


def _grouped(groups: Sequence[str], run: str) -> bool:
    """Whether whole groups of digits in a row make the run: "4-3-2-1" makes "4321", a longer number that holds it does
    not (a timestamp holds four given digits once in some two thousand)."""
    for first in range(len(groups)):
        made = ""
        for group in groups[first:]:
            made += group
            if made == run:
                return True
            if len(made) > len(run):
                break
    return False


def _texts(record: Published) -> Iterator[str]:
    """Everything a record says, field by field: neighbouring numbers of a JSON value are no run of digits."""
    if record.key is not None:
        yield record.key.decode(errors="replace")
    for name, value in record.headers:
        yield f"{name} {value.decode(errors='replace')}"
    if record.value is not None and record.topic not in AUDIO_TOPICS:
        try:
            yield from _leaves(msgspec.json.decode(record.value))
        except msgspec.DecodeError:
            yield record.value.decode(errors="replace")


def _leaves(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for name, field in value.items():
            yield str(name)
            yield from _leaves(field)
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item)
        # a value may stand in a list of words, a word in each
        yield " ".join(str(item.get("text", "")) for item in value if isinstance(item, dict))
    else:
        yield str(value)


def check_all(
    calls: Sequence[CallFile],
    after: dict[str, WavFile],
    collected: Collected,
    chunks: dict[str, int],
    opted_out: frozenset[str],
) -> tuple[list[Check], list[Residual]]:
    """Every check, and what is left of every span. ``after`` and ``chunks`` by call id."""
    left = [entry for call in calls for entry in residuals(call, after[call.header.call_id])]
    return [
        _nothing_lost(calls, collected, chunks),
        _inaudible(left),
        _no_raw_value(calls, collected),
        _untouched(calls, after),
        _opt_out(calls, collected, opted_out),
        _training(calls, collected, opted_out),
    ], left


def _nothing_lost(calls: Sequence[CallFile], collected: Collected, chunks: dict[str, int]) -> Check:
    sent = received = 0
    for call in calls:
        call_id = call.header.call_id
        sent += chunks[call_id] + len(call.final_segments) + 1
        received += len(collected.of(ANALYTICS_AUDIO.name, call_id))
        received += len(collected.final_segments(call_id))
        received += len(collected.of(CALLS.name, call_id)) > 0
    detail = f"{received} of {sent} chunks, segments and call summaries came out"
    if collected.changed_repeats:
        detail += f"; {collected.changed_repeats} repeats differ from the first"
    return Check("no record lost", received == sent and not collected.changed_repeats, detail)


def _inaudible(left: Sequence[Residual]) -> Check:
    heard = [entry for entry in left if entry.audible_ms]
    worst = max((entry.audible_ms for entry in left), default=0)
    return Check(
        "no PII audible", bool(left) and not heard, f"{len(left)} spans, {len(heard)} audible, at most {worst} ms"
    )


def _no_raw_value(calls: Sequence[CallFile], collected: Collected) -> Check:
    secrets = RawValues(calls)
    records = [record for topic in OUTPUT_TOPICS for record in collected.of(topic)]
    leaks = [record for record in records if any(secrets.found_in(text) for text in _texts(record))]
    where = f" in {', '.join(sorted({leak.topic for leak in leaks}))}" if leaks else ""
    detail = f"{len(records)} records read (keys, headers, values), {len(leaks)} with a raw value{where}"
    return Check("no raw value in any record", bool(records) and not leaks, detail)


def _untouched(calls: Sequence[CallFile], after: dict[str, WavFile]) -> Check:
    changed = {call.name: changed_outside_ms(call, after[call.header.call_id]) for call in calls}
    total_ms = sum(call.wav.duration_ms * call.wav.format.channels for call in calls)
    named = ", ".join(f"{name} {ms} ms" for name, ms in changed.items() if ms)
    detail = f"{total_ms / 1000:.0f} s of speech; changed more than {MARGIN_MS} ms beside a span: {named or 'nothing'}"
    return Check("everything else bit-identical", not named, detail)


def _opt_out(calls: Sequence[CallFile], collected: Collected, opted_out: frozenset[str]) -> Check:
    ids = {call.header.call_id for call in calls if call.header.customer_id in opted_out}
    found = sum(
        record.call_id in ids or (record.header("ce_customerid") or b"").decode() in opted_out
        for topic in (TRAINING_TRANSCRIPTS.name, TRAINING_AUDIO.name)
        for record in collected.of(topic)
    )
    names = ", ".join(sorted(opted_out))
    return Check("nothing to training of who opted out", bool(ids) and not found, f"{names}: {found} training records")


def _training(calls: Sequence[CallFile], collected: Collected, opted_out: frozenset[str]) -> Check:
    """The others' training topics hold what analytics got, so that the check above is not empty."""
    ids = [call.header.call_id for call in calls if call.header.customer_id not in opted_out]
    pairs = ((ANALYTICS_TRANSCRIPTS.name, TRAINING_TRANSCRIPTS.name), (ANALYTICS_AUDIO.name, TRAINING_AUDIO.name))
    wanted = {(pair, r.key) for call_id in ids for pair in pairs for r in collected.of(pair[0], call_id)}
    there = {(pair, r.key) for call_id in ids for pair in pairs for r in collected.of(pair[1], call_id)}
    detail = f"{len(ids)} calls of the others: {len(wanted & there)} of {len(wanted)} records also in training"
    return Check("training has what it may have", bool(wanted) and wanted == there, detail)
