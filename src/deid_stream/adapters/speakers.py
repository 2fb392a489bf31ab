"""Who is on which channel of an agent's call, and where the agent's sound stands on the caller's clock."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from deid_stream.errors import ConfigError
from deid_stream.live import BackgroundCall
from deid_stream.live.call import Sound
from deid_stream.units import Ms

CALLER: Final = 0
AGENT: Final = 1
RAGGED_MS: Final = 200
"""The agent's sound follows what came before it where it comes no later than this; after a longer pause it stands where
the caller's sound has got to. A larger value joins what a pause parted; a smaller one tears what came unevenly."""
LATE_MS: Final = 1_000
"""Text, and sound that goes on, belong to the sound before where they come no later than this after its end. A larger
value may lay text over sound that it was not said in; a smaller one leaves more sound without its text, so silenced."""


@contextmanager
def apart(call: BackgroundCall) -> Iterator[None]:
    """What fails in here fails ``call``, never the conversation that it listens to."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - an agent's conversation goes on, whatever its frames are
        call.fail(error)


def whole_samples(data: bytes, channels: int) -> bytes:
    """16-bit ``data`` without the piece of a sample at its end, which some synthesisers send."""
    return data[: len(data) - len(data) % (2 * channels)]


def mono(data: bytes, channels: int) -> bytes:
    """A frame's 16-bit samples, of which ``channels`` alternate, as one channel: their mean."""
    whole = whole_samples(data, channels)
    if channels == 1:
        return bytes(whole)
    mean: NDArray[np.int16] = np.frombuffer(whole, dtype="<i2").reshape(-1, channels).mean(axis=1).astype("<i2")
    return mean.tobytes()


class Agent(msgspec.Struct):
    """The agent's side of ``call``: sound that comes only while the agent speaks, and the text of what it says."""

    call: BackgroundCall
    _from_ms: Ms | None = None
    """Where the sound that is playing began."""
    _spoken: tuple[Ms, Ms] | None = None
    """Sound that is over and has no text yet."""
    _said: str = ""
    _said_ms: Ms = 0
    """How far the sound had come with the last text."""

    def __post_init__(self) -> None:
        """Raises ConfigError where the call has no channel for the agent."""
        if self.call.channels <= AGENT:
            raise ConfigError("the call has no channel for the agent; open it with channels=2")

    def speak(self, sound: Sound) -> None:
        """The next sound of the agent."""
        fed_ms, now_ms = self.call.media_ms(AGENT), self.call.media_ms(CALLER)
        offset_ms = now_ms if now_ms - fed_ms > RAGGED_MS else None
        if now_ms - fed_ms > LATE_MS and not self._said:
            # the end of what was interrupted comes after the interruption, and nobody says that it is over
            self._from_ms = None
        if self._from_ms is None:
            self._from_ms = fed_ms if offset_ms is None else offset_ms
            self._forget(self._from_ms)
        self.call.audio(sound, channel=AGENT, offset_ms=offset_ms)

    def say(self, text: str, *, joined: bool = False) -> None:
        """More of what the agent says; ``joined``: it brings its own spaces. It may come before, with or after its
        sound."""
        self._said += text if joined or not self._said else f" {text}"
        self._said_ms = self.call.media_ms(AGENT)
        self._forget(self.call.media_ms(CALLER))
        self._hand_over()

    def stop(self) -> None:
        """The agent has stopped speaking; may be told more than once."""
        self._end_sound(self.call.media_ms(AGENT))
        self._hand_over()

    def interrupt(self) -> None:
        """The agent was cut off, and no more text of what it was saying will come: its sound from the last text on has
        none. The sound before has the text that came, if any did."""
        began_ms, end_ms = self._from_ms, self.call.media_ms(AGENT)
        self._end_sound(self._said_ms if began_ms is not None and began_ms < self._said_ms else end_ms)
        self._hand_over()
        self._spoken, self._said = None, ""

    def _end_sound(self, end_ms: Ms) -> None:
        if self._from_ms is not None:
            # sound that no text came for is part of what is said next
            begin_ms = self._from_ms if self._spoken is None else self._spoken[0]
            self._spoken, self._from_ms = (begin_ms, end_ms), None

    def _forget(self, now_ms: Ms) -> None:
        """Sound that ended so long ago gets no text any more."""
        if self._spoken is not None and now_ms - self._spoken[1] > LATE_MS:
            self._spoken = None

    def _hand_over(self) -> None:
        if self._spoken is None or not self._said.strip():
            return
        (start_ms, end_ms), self._spoken = self._spoken, None
        said, self._said = self._said.strip(), ""
        self.call.segment({"text": said, "start_ms": start_ms, "end_ms": end_ms}, channel=AGENT)
