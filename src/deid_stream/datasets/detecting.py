"""What ``deid-stream detect`` and ``score`` do with files: rows of text in, spans or scores out."""

from collections.abc import Callable, Container, Iterable, Iterator
from pathlib import Path

import msgspec

from deid_stream.datasets.files import atomic_writer
from deid_stream.datasets.reader import Labelled, Predicted, PredictedSpan, Turn, read_rows
from deid_stream.datasets.scoring import Score, score
from deid_stream.detect.detector import Conversation, Detector
from deid_stream.errors import DecodeError, UnsupportedLanguageError
from deid_stream.model.entities import ON_BY_DEFAULT, EntityType


def detect_turns(
    turns: Iterable[Turn], detector: Detector, key: bytes, types: Container[EntityType] = ON_BY_DEFAULT
) -> Iterator[Predicted]:
    """The spans of ``types`` in each row, in the order of the rows. Rows of one ``dialogue_id`` are one conversation,
    in the order in which they come; a row without one is a conversation by itself. ``key``: 16 to 64 secret bytes, with
    which a conversation remembers values.

    A row in a language without tables gets one span over its whole text, and the error's code in ``withheld``. Raises
    DetectionError where a recognizer fails.
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
    """Read the rows of ``source`` (JSON lines, ``Turn``), write one row of spans (``Predicted``) per row to ``target``
    in the same order, and return their number. ``progress`` is called with the number of rows done so far. Only spans
    of ``types`` are written: by default those that the default policy redacts.

    Where every row has ``turn``, rows are detected in that order, else as they stand in the file.

    Raises DecodeError naming file and line, ConfigError where a file cannot be read or written.
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
    """Score the output of ``detect`` against a file with truth (``Labelled``), matched by ``id``. Raises DecodeError
    where a row of ``gold`` has no prediction or no ``spans``, or a line cannot be read; ConfigError where a file cannot
    be read."""
    found = {row.id: row for row in read_rows(predicted, Predicted)}
    truth = list(read_rows(gold, Labelled))
    missing = sum(row.id not in found for row in truth)
    if missing:
        raise DecodeError(f"{predicted.name} has no prediction for {missing} of the {len(truth)} rows of {gold.name}")
    return score(truth, found)
