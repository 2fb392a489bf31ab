"""Who is on which channel of an agent's call, and where the agent's sound stands on the caller's clock."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from deid_stream.errors import ConfigError
from deid_stream.live import BackgroundCall
from deid_stream.live.call import Sound
from deid_stream.units import Ms, ms_to_samples

CALLER: Final = 0
AGENT: Final = 1
RAGGED_MS: Final = 200
"""The agent's sound follows what came before it where it comes no later than this; after a longer pause it stands where
the caller's sound has got to. A larger value joins what a pause parted; a smaller one tears what came unevenly."""
_QUIET_MS: Final = 400
"""While the agent says nothing, its silence is this far behind the caller's sound at most. A larger value lets what
comes unevenly stand closer to what came before it; a smaller one gives more and shorter pieces of silence."""
LATE_MS: Final = 1_000
"""Text, and sound that goes on, belong to the sound before where they come no later than this after its end. A larger
value may lay text over sound that it was not said in; a smaller one leaves more sound without its text, so silenced."""

_DONE: Final = 16
"""How many replies are remembered that get no text any more. Text that comes later still would be taken for text of
sound that is to come."""


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


class Side:
    """The agent's channel of ``call``: the sound of its voice while it speaks, else silence.

    The call is told of the silence, too: sound that never came may have been speech, so what is said after such a gap
    would be silenced where its words have no times."""

    def __init__(self, call: BackgroundCall) -> None:
        """Raises ConfigError where the call has no channel for the agent."""
        if call.channels <= AGENT:
            raise ConfigError("the call has no channel for the agent; open it with channels=2")
        self.call = call
        self.until_ms: Ms = 0
        """Where the newest sound of its voice ended."""

    @property
    def now_ms(self) -> Ms:
        """Where the caller's sound has got to."""
        return self.call.media_ms(CALLER)

    def hear(self, sound: Sound) -> None:
        """The next sound of the caller."""
        self.call.audio(sound, channel=CALLER)
        if self._behind_ms > _QUIET_MS:
            self._be_silent(self._behind_ms - RAGGED_MS)

    def speak(self, sound: Sound, *, goes_on: bool) -> Ms:
        """The next sound of the agent; where it begins. ``goes_on``: it is more of the sound before."""
        follows = goes_on and self.call.media_ms(AGENT) == self.until_ms
        if self._behind_ms > (RAGGED_MS if follows else 0):
            self._be_silent(self._behind_ms)
        start_ms = self.call.media_ms(AGENT)
        self.call.audio(sound, channel=AGENT)
        self.until_ms = self.call.media_ms(AGENT)
        return start_ms

    @property
    def _behind_ms(self) -> Ms:
        return self.now_ms - self.call.media_ms(AGENT)

    def _be_silent(self, ms: Ms) -> None:
        self.call.audio(bytes(2 * ms_to_samples(ms, self.call.rate_hz)), channel=AGENT)


class Said(msgspec.Struct):
    """Sound of the agent, and the text of what it says. ``reply``: what the framework calls it; None: it has no
    name."""

    reply: str | None = None
    start_ms: Ms | None = None
    """Where the sound begins; None: it has not begun."""
    end_ms: Ms = 0
    text: str = ""
    read_ms: Ms = 0
    """How far the sound had come with the last text."""
    since_ms: Ms = 0
    """Where the caller's sound was when this one was over, or when the last text came after that."""
    cut: bool = False
    """It is the rest of what was interrupted, and no text of it comes."""

    def add(self, text: str, *, joined: bool = False) -> None:
        """More text; ``joined``: it brings its own spaces."""
        self.text += text if joined or not self.text else f" {text}"
        self.read_ms = self.end_ms

    @property
    def foretold(self) -> bool:
        """Whether all of the text came before the sound."""
        return bool(self.text) and self.start_ms is not None and self.read_ms <= self.start_ms

    def hand_over(self, call: BackgroundCall) -> None:
        """The sound with its text, where it has both; else there is nothing that is known of it."""
        if self.start_ms is not None and self.text.strip():
            call.segment({"text": self.text.strip(), "start_ms": self.start_ms, "end_ms": self.end_ms}, channel=AGENT)


class Agent:
    """Finds for each sound of the agent's voice the text of it, where a framework tells of both apart from each other.

    Text comes before, with or after its sound. After its sound is over it is waited for (``LATE_MS``), and so is the
    rest of it: text that is laid over the sound of what is said next would let that pass unread. Where the framework
    names its replies there is no doubt."""

    def __init__(self, call: BackgroundCall) -> None:
        """Raises ConfigError where the call has no channel for the agent."""
        self._side = Side(call)
        self._next = Said()
        """Text whose sound has not begun."""
        self._playing: Said | None = None
        self._over: Said | None = None
        """Sound that is over, and may get text still."""
        self._reply: str | None = None
        """Whose sound comes now."""
        self._named = False
        self._done: deque[str | None] = deque(maxlen=_DONE)
        """Replies whose sound has its text."""
        self._starts = False
        """Whether the framework tells when the agent begins to speak."""
        self._after_cut = False
        """Whether it has not begun again since it was interrupted."""
        self._cut_ms: Ms = 0
        """Where the caller's sound was then."""
        self._cut: set[str | None] = set()
        """What was being said at the last interruption."""

    def hear(self, sound: Sound) -> None:
        """The next sound of the caller."""
        self._side.hear(sound)
        over = self._over
        if over is not None and over.text and self._late(over.since_ms):
            self._settle()

    def start(self) -> None:
        """The agent has begun to speak; may be told more than once."""
        self._starts, self._after_cut = True, False
        if self._playing is not None and self._playing.cut:
            self._playing = None

    def begin(self, reply: str | None) -> None:
        """What sounds from now on is of this reply."""
        if reply != self._reply:
            self.stop()
        self._named = self._named or reply is not None
        self._reply = reply

    def speak(self, sound: Sound) -> None:
        """The next sound of the agent."""
        playing = self._playing
        if playing is not None and not playing.text and not playing.reply and self._late(playing.end_ms):
            # the end of what was interrupted comes after the interruption, and nobody says that it is over
            playing = None
        start_ms = self._side.speak(sound, goes_on=playing is not None)
        self._playing = self._begun(start_ms) if playing is None else playing
        self._playing.end_ms = self._side.until_ms

    def say(self, text: str, *, joined: bool = False, reply: str | None = None) -> None:
        """More of what the agent says; ``joined``: it brings its own spaces. It may come before, with or after its
        sound."""
        reply = reply if self._named else None
        if reply is not None and (reply in self._cut or reply in self._done):
            return
        if reply is None and self._after_cut and self._side.now_ms - self._cut_ms <= RAGGED_MS:
            return
        over, playing = self._over, self._playing
        if over is not None and self._belongs(over, reply):
            over.add(text, joined=joined)
            over.since_ms = self._side.now_ms
            if playing is not None and reply is None:
                self._settle()
        elif playing is not None and playing.reply == reply and not playing.cut:
            playing.add(text, joined=joined)
        else:
            if reply != self._next.reply:
                self._next = Said(reply)
            self._next.add(text, joined=joined)

    def stop(self) -> None:
        """The agent has stopped speaking; may be told more than once."""
        over, self._playing = self._playing, None
        if over is None or over.start_ms is None or over.cut or (self._named and not over.reply):
            return
        before, self._over = self._over, over
        over.since_ms = self._side.now_ms
        if before is not None and before.start_ms is not None:
            if over.reply is None is before.reply and not before.text and over.start_ms - before.end_ms <= LATE_MS:
                # sound that no text came for is part of what is said next
                over.start_ms = before.start_ms
            else:
                self._hand_over(before)
        if over.foretold and over.reply is None:
            self._settle()

    def interrupt(self) -> None:
        """The agent was cut off, and no more text of what it was saying will come: its sound from the last text on has
        none. The sound before has the text that came, if any did."""
        self._settle()
        playing = self._playing
        if playing is not None:
            if playing.text and not playing.foretold:
                playing.end_ms = playing.read_ms
            self._hand_over(playing)
        self._cut = {self._next.reply, self._reply}
        self._after_cut, self._cut_ms = self._starts, self._side.now_ms
        self._playing, self._next = None, Said()

    def finish(self) -> None:
        """The call is over: no text will come any more."""
        self.stop()
        self._settle()

    def _begun(self, start_ms: Ms) -> Said:
        """What begins to sound, with the text that came before it."""
        if self._after_cut:
            return Said(self._reply, start_ms, cut=True)
        said, self._next = self._next, Said()
        if said.reply != self._reply:
            said = Said(self._reply) if said.reply is not None else msgspec.structs.replace(said, reply=self._reply)
        over = self._over
        # a reply may go on after a pause
        if over is not None and over.reply is not None and over.reply == self._reply:
            self._over = None
            return over
        if self._reply is not None and self._reply in self._done:
            self._done.remove(self._reply)
        if over is not None and over.reply is None and (over.text or start_ms - over.end_ms > LATE_MS):
            self._settle()
        said.start_ms = start_ms
        return said

    def _belongs(self, over: Said, reply: str | None) -> bool:
        """Whether text that comes now is of the sound that is over."""
        if reply is not None or over.reply is not None:
            return reply == over.reply
        if not over.text:
            return not self._late(over.end_ms)
        return self._playing is None and not self._late(over.since_ms)

    def _late(self, since_ms: Ms) -> bool:
        return self._side.now_ms - since_ms > LATE_MS

    def _settle(self) -> None:
        over, self._over = self._over, None
        if over is not None:
            self._hand_over(over)

    def _hand_over(self, said: Said) -> None:
        said.hand_over(self._side.call)
        self._done.append(said.reply)
