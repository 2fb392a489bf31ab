"""Who is on which channel of an agent's call, and where the agent's sound stands on the caller's clock."""

from typing import Final

import msgspec

from deid_stream.errors import ConfigError
from deid_stream.live import BackgroundCall
from deid_stream.live.call import Sound
from deid_stream.units import Ms

CALLER: Final = 0
AGENT: Final = 1
RAGGED_MS: Final = 200
"""The agent's sound follows what came before it where it comes no later than this; after a longer pause it stands where
the caller's sound has got to. A larger value joins what a pause parted; a smaller one tears what came unevenly."""


class Agent(msgspec.Struct):
    """The agent's side of ``call``: sound that comes only while the agent speaks, and the text of what it says."""

    call: BackgroundCall
    _from_ms: Ms | None = None
    _spoken: tuple[Ms, Ms] | None = None
    _said: str = ""

    def __post_init__(self) -> None:
        """Raises ConfigError where the call has no channel for the agent."""
        if self.call.channels <= AGENT:
            raise ConfigError("the call has no channel for the agent; open it with channels=2")

    def speak(self, sound: Sound) -> None:
        """The next sound of the agent."""
        fed_ms, now_ms = self.call.media_ms(AGENT), self.call.media_ms(CALLER)
        offset_ms = now_ms if now_ms - fed_ms > RAGGED_MS else None
        if self._from_ms is None:
            self._from_ms = fed_ms if offset_ms is None else offset_ms
        self.call.audio(sound, channel=AGENT, offset_ms=offset_ms)

    def say(self, text: str, *, joined: bool = False) -> None:
        """More of what the agent says; ``joined``: it brings its own spaces. It may come before, with or after its
        sound."""
        self._said += text if joined or not self._said else f" {text}"
        self._hand_over()

    def stop(self) -> None:
        """The agent has stopped speaking; may be told more than once."""
        if self._from_ms is not None:
            # sound that no text came for is part of what is said next
            begin_ms = self._from_ms if self._spoken is None else self._spoken[0]
            self._spoken, self._from_ms = (begin_ms, self.call.media_ms(AGENT)), None
        self._hand_over()

    def _hand_over(self) -> None:
        if self._spoken is None or not self._said.strip():
            return
        (start_ms, end_ms), self._spoken = self._spoken, None
        said, self._said = self._said.strip(), ""
        self.call.segment({"text": said, "start_ms": start_ms, "end_ms": end_ms}, channel=AGENT)
