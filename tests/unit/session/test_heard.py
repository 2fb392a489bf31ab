"""A cell of sound is judged once while it is held, and again where its sound has changed."""

import pytest

from deid_stream.audio.hear import vad
from deid_stream.model.events import AudioChunk, AudioFormat, Encoding
from deid_stream.session.heard import HeardCells
from deid_stream.session.sound import Sound
from deid_stream.units import Interval
from tests.unit.audio.sounds import noise

CELL_MS = vad.CELL_MS
PCM = AudioFormat(Encoding.PCM16LE, 8_000)


class Held:
    """A reader that knows only what it holds."""

    def __init__(self, start_ms: int, end_ms: int) -> None:
        self.part = Interval(start_ms, end_ms)

    def held(self, channel: int) -> Interval:
        return self.part


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[Interval]:
    """The windows that the detector was asked about; it hears speech in all that is held of each."""
    asked: list[Interval] = []

    def speech(reader: Held, channel: int, window: Interval) -> list[Interval]:
        asked.append(window)
        return [window.intersect(reader.held(channel))]

    monkeypatch.setattr(vad, "speech", speech)
    return asked


def test_each_cell_is_judged_once(judged: list[Interval]) -> None:
    cells, reader = HeardCells(), Held(0, 10 * CELL_MS)
    for _ in range(3):
        for number in range(10):
            start_ms = number * CELL_MS
            assert cells.speech(reader, 0, start_ms, 0) == [Interval(start_ms, start_ms + CELL_MS)]
    assert judged == [Interval(number * CELL_MS, (number + 1) * CELL_MS) for number in range(10)]


@pytest.mark.parametrize(
    ("part", "late_chunks", "again"),
    [
        pytest.param(Interval(0, 3 * CELL_MS), 0, False, id="more came after it"),
        pytest.param(Interval(0, 2 * CELL_MS), 1, True, id="a chunk came late"),
        pytest.param(Interval(CELL_MS + 100, 2 * CELL_MS), 0, True, id="a part of it has left"),
        pytest.param(Interval(0, 2 * CELL_MS - 100), 0, True, id="it has another end"),
    ],
)
def test_a_cell_whose_sound_has_changed_is_judged_again(
    judged: list[Interval], part: Interval, late_chunks: int, again: bool
) -> None:
    cells, reader = HeardCells(), Held(0, 2 * CELL_MS)
    cells.speech(reader, 0, CELL_MS, 0)
    reader.part = part
    found = cells.speech(reader, 0, CELL_MS, late_chunks)
    assert found == [Interval(CELL_MS, 2 * CELL_MS).intersect(part)]
    assert len(judged) == 1 + again


def test_cells_that_have_left_are_forgotten(judged: list[Interval]) -> None:
    cells, reader = HeardCells(), Held(0, CELL_MS)
    for number in range(1_000):
        reader.part = Interval(max(0, number - 4) * CELL_MS, (number + 1) * CELL_MS)
        cells.speech(reader, 0, number * CELL_MS, 0)
    assert len(cells._known) <= 5


def test_sound_that_waits_for_its_transcript_is_judged_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A session asks for every 400 ms of new sound what may leave; all that waited was judged anew each time."""
    judged: list[int] = []
    cell_speech = vad.cell_speech
    monkeypatch.setattr(vad, "cell_speech", lambda *given: judged.append(given[2]) or cell_speech(*given))
    sound, line = Sound(), noise(20_000, rms=200)
    for seq, at_ms in enumerate(range(0, 20_000, 400)):
        data = line[8 * at_ms : 8 * (at_ms + 400)].tobytes()
        chunk = {"seq": seq, "offset_ms": at_ms, "format": PCM, "channel": 0, "time_ms": at_ms + 400}
        sound.add(AudioChunk(call_id="call-1", customer_id="acme", data=data, **chunk))
        quiet_ms = sound.silent_until_ms(0, 0)
    assert quiet_ms > 15_000, "noise is no speech, so each answer is about all of it"
    assert len(judged) == len(set(judged)) > 30
