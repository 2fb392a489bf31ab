"""What the voice activity detector (``audio.hear.vad``) said of the cells that are held."""

from deid_stream.audio.hear import vad
from deid_stream.audio.hold.reader import Reader
from deid_stream.units import Interval, Ms


class HeardCells:
    """Speech in the VAD's cells of one channel. Each cell is judged once: while a transcript is awaited, every chunk
    that comes asks for all cells since the last transcript."""

    def __init__(self) -> None:
        self._known: dict[Ms, tuple[tuple[Interval, int], list[Interval]]] = {}
        """By start of a cell: speech in it, after what was held of the cell and how many chunks had come late."""

    def speech(self, reader: Reader, channel: int, cell_ms: Ms, late_chunks: int) -> list[Interval]:
        """``vad.speech`` of the cell from ``cell_ms``. ``late_chunks``: how many have come out of order so far, since
        each may have changed the sound of a cell that was judged."""
        held, cell = reader.held(channel), Interval(cell_ms, cell_ms + vad.CELL_MS)
        sound = (cell.intersect(held), late_chunks)
        known = self._known.get(cell_ms)
        if known is None or known[0] != sound:
            for gone_ms in [at_ms for at_ms in self._known if at_ms + vad.CELL_MS <= held.start]:
                del self._known[gone_ms]
            known = self._known[cell_ms] = (sound, vad.speech(reader, channel, cell))
        return known[1]
