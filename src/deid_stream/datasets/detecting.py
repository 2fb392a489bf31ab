"""``detect`` over a file: rows in, spans out, conversations kept together."""

from collections.abc import Callable, Container, Iterable, Iterator
from pathlib import Path

import msgspec

from deid_stream.datasets.files import atomic_writer
from deid_stream.datasets.reader import Gold, Predicted, PredictedSpan, Turn, read_rows
from deid_stream.datasets.scoring import Score, score
from deid_stream.detect.detector import Conversation, Detector
from deid_stream.errors import DecodeError, UnsupportedLanguageError
from deid_stream.model.entities import ON_BY_DEFAULT, EntityType


def detect_turns(
    turns: Iterable[Turn], detector: Detector, key: bytes, types: Container[EntityType] = ON_BY_DEFAULT
) -> Iterator[Predicted]:
    """Spans of ``types`` in every row, in order. Rows of one ``dialogue_id`` are one conversation, as they come.

    A row in a language without tables is withheld: one span over all of it, with the reason.
    """
    conversations: dict[str, Conversation] = {}
    for turn in turns:
        if turn.dialogue_id is None:
            conversation = detector.conversation(key)
        else:
            conversation = conversations.get(turn.dialogue_id) or detector.conversation(key)
            conversations[turn.dialogue_id] = conversation
        speaker = turn.speaker if turn.speaker is not None else ""
        try:
            found = conversation.turn(turn.text, speaker, turn.prev, language=turn.language)
        except UnsupportedLanguageError as error:
            yield Predicted(turn.id, (PredictedSpan(0, len(turn.text), EntityType.ID_NUMBER),), error.code)
            continue
        spans = [span for span in found if span.entity_type in types]
        yield Predicted(turn.id, tuple(PredictedSpan(s.start, s.end, s.entity_type, s.score) for s in spans))


def detect_file(
    source: Path,
    target: Path,
    detector: Detector,
    progress: Callable[[int], None] | None = None,
    *,
    key: bytes,
    types: Container[EntityType] = ON_BY_DEFAULT,
) -> int:
    """Detects in ``source`` and writes ``target``; returns the rows written. ``progress`` gets the count so far.
    Only spans of ``types`` are written: by default what the default policy redacts.

    Rows of a dialogue are taken in the order of ``turn`` where every one of them has it, else as they stand.
    """
    rows = list(read_rows(source, Turn))
    order = sorted(range(len(rows)), key=lambda i: rows[i].turn or 0) if all(r.turn is not None for r in rows) else None
    results: list[Predicted | None] = [None] * len(rows)
    indices = order if order is not None else list(range(len(rows)))
    for done, (index, predicted) in enumerate(
        zip(indices, detect_turns((rows[i] for i in indices), detector, key, types), strict=True), 1
    ):
        results[index] = predicted
        if progress is not None:
            progress(done)
    encoder = msgspec.json.Encoder()
    with atomic_writer(target) as out:
        for result in results:
            out.write(encoder.encode(result) + b"\n")
    return len(rows)


def score_files(gold: Path, predicted: Path) -> Score:
    """Scores ``detect``'s output against a file with truth; ids must match one to one."""
    found = {row.id: row for row in read_rows(predicted, Predicted)}
    truth = list(read_rows(gold, Gold))
    missing = sum(row.id not in found for row in truth)
    if missing:
        raise DecodeError(f"{predicted.name} has no prediction for {missing} of the {len(truth)} rows of {gold.name}")
    return score(truth, found)
