"""What is quiet on the lines of one stream, as looks at its held sound tell (``audio.hold.line``).

A look is taken when somebody asks for what it tells, together with all others that wait by then: for several at once
NumPy takes little longer than for one. A look hears what was held when its tenth of a second was complete, so whoever
changes or drops that sound has what waits taken before.
"""

from collections.abc import Callable, Sequence
from typing import Final

from deid_stream.audio.codec import pcm
from deid_stream.audio.hold.line import LOOK_EVERY_MS, LOOK_MS, Line, LineLevel, LineState
from deid_stream.model.events import AudioFormat
from deid_stream.units import Ms, SampleIndex, ms_to_samples

_AT_ONCE: Final = 16
"""So many looks wait at most. A larger value saves nothing more; a smaller one calls NumPy more often."""


class Looks:
    """The lines of one stream; which looks wait, and what is quiet."""

    def __init__(self, fmt: AudioFormat) -> None:
        self._format = fmt
        self._lines = [Line() for _ in range(fmt.channels)]
        self._quiet_peaks = [line.at(0).quiet_peak for line in self._lines]
        self._quiet_codes = pcm.quiet_codes(fmt, self._quiet_peaks)
        self.always_quiet = pcm.quiet_codes(fmt, pcm.QUIET_PEAKS[:1])
        """As ``pcm.quiet_codes``, of sound that is quiet on every line."""
        self.sometimes_quiet = pcm.quiet_codes(fmt, pcm.QUIET_PEAKS[-1:]) or b""
        """The same of sound that may be quiet; empty where ``always_quiet`` is None."""
        self.next: SampleIndex = 0
        """What ends before completes no look."""
        self._next_ms: Ms = 0
        self._passed_ms: Ms = 0
        """End of the last look that was complete."""
        self.settled = True
        """What is quiet is known: no look was complete since it was last said."""
        self.waiting: list[Ms] = []
        """Where the looks begin that were not taken yet."""

    def complete(self, start: SampleIndex, end: SampleIndex, held_from: SampleIndex) -> bool:
        """Note the looks that a chunk ``[start, end)`` completes, of which all is held; whether they must be taken at
        once."""
        rate_hz = self._format.rate_hz
        first_ms = ((start * 1000 // rate_hz - LOOK_MS) // LOOK_EVERY_MS - 1) * LOOK_EVERY_MS
        at_ms = max(first_ms, self._next_ms)
        while ms_to_samples(at_ms + LOOK_MS, rate_hz) <= end:
            if ms_to_samples(at_ms, rate_hz) >= held_from:
                self.waiting.append(at_ms)
            # a look that began before a restart counts from here on, too
            self._passed_ms, self.settled = at_ms + LOOK_MS, False
            at_ms += LOOK_EVERY_MS
            self._next_ms, self.next = at_ms, ms_to_samples(at_ms + LOOK_MS, rate_hz)
        return self.always_quiet is None or len(self.waiting) >= _AT_ONCE

    def take(self, read: Callable[[Sequence[Ms]], pcm.Samples]) -> None:
        """Take the looks that wait. ``read`` gives the sound of those that begin at certain times, ``(looks, frames,
        channels)``, the times being such that all have as many frames."""
        waiting, self.waiting = self.waiting, []
        rate_hz = self._format.rate_hz
        alike = rate_hz * LOOK_MS % 1000 == 0
        for starts_ms in [waiting] if alike and waiting else [[at_ms] for at_ms in waiting]:
            sounds = read(starts_ms)
            for channel, line in enumerate(self._lines):
                line.hear(starts_ms, sounds[:, :, channel], rate_hz)
        if not self.settled:
            self._settle(self._passed_ms)

    def _settle(self, at_ms: Ms) -> None:
        """Say what is quiet, as the looks up to ``at_ms`` tell it."""
        self.settled = True
        peaks = [line.at(at_ms).quiet_peak for line in self._lines]
        if peaks != self._quiet_peaks:
            self._quiet_peaks = peaks
            self._quiet_codes = pcm.quiet_codes(self._format, peaks)

    def surely_loud(self, data: bytes) -> bool:
        """Whether a chunk is not quiet whatever the looks that wait tell."""
        return bool(self.sometimes_quiet and data.translate(None, self.sometimes_quiet))

    def quiet(self, data: bytes) -> int:
        """Which channels of a chunk are quiet: bit ``c`` for channel ``c``."""
        if self._quiet_codes is not None:
            return int(not data.translate(None, self._quiet_codes))
        return pcm.quiet_channels(data, self._format, self._quiet_peaks)

    def waits_before(self, at_ms: Ms) -> bool:
        """Whether a look waits that begins before ``at_ms``."""
        return bool(self.waiting) and self.waiting[0] < at_ms

    def line(self, channel: int, at_ms: Ms) -> LineLevel:
        """What a line is like, as the looks up to ``at_ms`` that were taken tell it."""
        return self._lines[channel].at(at_ms)

    def forget(self, before_ms: Ms) -> None:
        """See ``Line.forget``."""
        for line in self._lines:
            line.forget(before_ms)

    def states(self, before_ms: Ms) -> tuple[LineState | None, ...]:
        """``Line.state`` by channel; empty where there is none."""
        states = [line.state(before_ms) for line in self._lines]
        return tuple(states) if any(states) else ()

    def restore(self, states: Sequence[LineState | None], at_ms: Ms) -> None:
        """Take up the ``states`` of lines whose sound had been released up to ``at_ms``."""
        for line, known in zip(self._lines, states, strict=False):
            if known is not None:
                line.restore(known)
        self._settle(at_ms)
