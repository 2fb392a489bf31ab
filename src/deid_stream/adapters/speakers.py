"""The two channels of an agent's call, and where the agent's sound and text belong in media time (ms of the caller's
sound so far)."""

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
"""Sound of one reply that comes at most this long (ms of media time) after the sound before is placed directly behind
it; after a longer pause it is placed at the caller's current media time. A larger value removes real pauses; a smaller
one puts gaps into sound that arrives unevenly."""
_QUIET_MS: Final = 400
"""While the agent is silent, its channel gets zeros as soon as it is more than this (ms) behind the caller's sound.
With a larger value, sound that arrives unevenly can still be placed directly behind the sound before; a smaller one
makes more and shorter pieces of silence."""
LATE_MS: Final = 1_000
"""Text, or more sound of a reply without a name, belongs to the sound before where it comes at most this long (ms of
the caller's sound) after that ended. A larger value may give a sound the text of another one; a smaller one leaves more
sound without its text, and that is silenced."""

_DONE: Final = 16
"""So many replies that have their text are remembered, the newest ones, and more text of theirs is dropped. With a
smaller value, text that comes very late would be taken for text of the next sound."""


@contextmanager
def apart(call: BackgroundCall) -> Iterator[None]:
    """An exception inside fails ``call`` (nothing more of it leaves); it is not raised into the agent's
    conversation."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - an agent's conversation goes on, whatever its frames are
        call.fail(error)


def whole_samples(data: bytes, channels: int) -> bytes:
    """16-bit ``data`` of interleaved ``channels``, without an incomplete sample at its end, which some synthesisers
    send."""
    return data[: len(data) - len(data) % (2 * channels)]


def mono(data: bytes, channels: int) -> bytes:
    """16-bit little-endian ``data`` of interleaved ``channels``, averaged into one channel. An incomplete sample at the
    end is left out."""
    whole = whole_samples(data, channels)
    if channels == 1:
        return bytes(whole)
    mean: NDArray[np.int16] = np.frombuffer(whole, dtype="<i2").reshape(-1, channels).mean(axis=1).astype("<i2")
    return mean.tobytes()


class Side:
    """The agent's channel of ``call``: the agent's sound while it speaks, zeros while it is silent.

    Without the zeros the channel would have gaps. Sound that never came may have been speech, so what the agent says
    after a gap would be silenced where its words have no times."""

    def __init__(self, call: BackgroundCall) -> None:
        """Raises ConfigError where the call has no channel for the agent."""
        if call.channels <= AGENT:
            raise ConfigError("the call has no channel for the agent; open it with channels=2")
        self.call = call
        self.until_ms: Ms = 0
        """Media time at which the agent's newest sound ended."""

    @property
    def now_ms(self) -> Ms:
        """Media time up to which the caller's sound has come."""
        return self.call.media_ms(CALLER)

    def hear(self, sound: Sound) -> None:
        """Feed in the caller's next sound, and zeros for the agent where its channel is too far behind."""
        self.call.audio(sound, channel=CALLER)
        if self._behind_ms > _QUIET_MS:
            self._feed_silence(self._behind_ms - RAGGED_MS)

    def speak(self, sound: Sound, *, goes_on: bool) -> Ms:
        """Feed in the agent's next sound; returns the media time at which it begins. ``goes_on``: it continues the
        sound before it, so a short pause between them is closed (``RAGGED_MS``)."""
        follows = goes_on and self.call.media_ms(AGENT) == self.until_ms
        if self._behind_ms > (RAGGED_MS if follows else 0):
            self._feed_silence(self._behind_ms)
        start_ms = self.call.media_ms(AGENT)
        self.call.audio(sound, channel=AGENT)
        self.until_ms = self.call.media_ms(AGENT)
        return start_ms

    @property
    def _behind_ms(self) -> Ms:
        return self.now_ms - self.call.media_ms(AGENT)

    def _feed_silence(self, ms: Ms) -> None:
        self.call.audio(bytes(2 * ms_to_samples(ms, self.call.rate_hz)), channel=AGENT)


class Said(msgspec.Struct):
    """One stretch of the agent's sound, and its text. ``reply``: the framework's id of the reply; None: it gives none.
    Times are media time."""

    reply: str | None = None
    start_ms: Ms | None = None
    """When the sound begins; None: it has not begun."""
    end_ms: Ms = 0
    text: str = ""
    read_ms: Ms = 0
    """``end_ms`` when the newest text came."""
    since_ms: Ms = 0
    """When the sound had ended, or when the newest text after that came: more text is waited for from here on."""
    cut: bool = False
    """It is the rest of a reply that was interrupted: no text comes for it."""

    def add(self, text: str, *, joined: bool = False) -> None:
        """Append text. ``joined``: it brings its own spaces; else one is put before it."""
        self.text += text if joined or not self.text else f" {text}"
        self.read_ms = self.end_ms

    @property
    def foretold(self) -> bool:
        """Whether all of the text came before the sound."""
        return bool(self.text) and self.start_ms is not None and self.read_ms <= self.start_ms

    def hand_over(self, call: BackgroundCall) -> None:
        """Give the call the text with the times of its sound. Does nothing where either is missing: the call then
        silences the speech in that sound."""
        if self.start_ms is not None and self.text.strip():
            call.segment({"text": self.text.strip(), "start_ms": self.start_ms, "end_ms": self.end_ms}, channel=AGENT)


class Agent:
    """Finds the text of each of the agent's sounds, for a framework that sends sound and text separately (Pipecat).

    Text may come before, during or after its sound. After a sound has ended, its text is waited for (``LATE_MS``).
    Text must not be given to the sound of another reply: names and numbers in that sound would then leave. Where the
    framework names its replies (``reply``), the name decides."""

    def __init__(self, call: BackgroundCall) -> None:
        """Raises ConfigError where the call has no channel for the agent."""
        self._side = Side(call)
        self._next = Said()
        """Text whose sound has not begun."""
        self._playing: Said | None = None
        self._ended: Said | None = None
        """Sound that has ended and may still get text."""
        self._reply: str | None = None
        """The reply whose sound comes now; None: one without a name."""
        self._named = False
        """Whether the framework has named any reply."""
        self._done: deque[str | None] = deque(maxlen=_DONE)
        """Replies that have their text; more text of theirs is dropped."""
        self._reports_start = False
        """Whether the framework reports when the agent begins to speak."""
        self._after_cut = False
        """Whether the agent was interrupted and has not begun to speak since."""
        self._cut_ms: Ms = 0
        """Media time of the last interruption."""
        self._cut: set[str | None] = set()
        """Replies that were playing or about to play at the last interruption; more text of theirs is dropped."""

    def hear(self, sound: Sound) -> None:
        """Feed in the caller's next sound."""
        self._side.hear(sound)
        over = self._ended
        if over is not None and over.text and self._late(over.since_ms):
            self._hand_over_ended()

    def start(self) -> None:
        """The agent has begun to speak. May be called more than once for one reply."""
        self._reports_start, self._after_cut = True, False
        if self._playing is not None and self._playing.cut:
            self._playing = None

    def begin(self, reply: str | None) -> None:
        """The sound that comes from now on belongs to this reply; None: to one without a name."""
        if reply != self._reply:
            self.stop()
        self._named = self._named or reply is not None
        self._reply = reply

    def speak(self, sound: Sound) -> None:
        """Feed in the agent's next sound."""
        playing = self._playing
        if playing is not None and not playing.text and not playing.reply and self._late(playing.end_ms):
            # the last sound of an interrupted reply comes after the interruption, and no frame marks its end
            playing = None
        start_ms = self._side.speak(sound, goes_on=playing is not None)
        self._playing = self._begun(start_ms) if playing is None else playing
        self._playing.end_ms = self._side.until_ms

    def say(self, text: str, *, joined: bool = False, reply: str | None = None) -> None:
        """Add text of what the agent says, before, during or after its sound. ``joined``: see ``Said.add``. ``reply``:
        the framework's id of its reply; None: it gives none."""
        reply = reply if self._named else None
        if reply is not None and (reply in self._cut or reply in self._done):
            return
        if reply is None and self._after_cut and self._side.now_ms - self._cut_ms <= RAGGED_MS:
            return
        over, playing = self._ended, self._playing
        if over is not None and self._belongs(over, reply):
            over.add(text, joined=joined)
            over.since_ms = self._side.now_ms
            if playing is not None and reply is None:
                self._hand_over_ended()
        elif playing is not None and playing.reply == reply and not playing.cut:
            playing.add(text, joined=joined)
        else:
            if reply != self._next.reply:
                self._next = Said(reply)
            self._next.add(text, joined=joined)

    def stop(self) -> None:
        """The agent has stopped speaking. May be called more than once for one reply."""
        over, self._playing = self._playing, None
        if over is None or over.start_ms is None or over.cut or (self._named and not over.reply):
            return
        before, self._ended = self._ended, over
        over.since_ms = self._side.now_ms
        if before is not None and before.start_ms is not None:
            if over.reply is None is before.reply and not before.text and over.start_ms - before.end_ms <= LATE_MS:
                # a sound without text is the beginning of the next one: the next text covers both
                over.start_ms = before.start_ms
            else:
                self._hand_over(before)
        if over.foretold and over.reply is None:
            self._hand_over_ended()

    def interrupt(self) -> None:
        """The agent was interrupted: no more text of its reply will come. Its sound up to the newest text gets the text
        that came; its sound after that gets none, and is silenced."""
        self._hand_over_ended()
        playing = self._playing
        if playing is not None:
            if playing.text and not playing.foretold:
                playing.end_ms = playing.read_ms
            self._hand_over(playing)
        self._cut = {self._next.reply, self._reply}
        self._after_cut, self._cut_ms = self._reports_start, self._side.now_ms
        self._playing, self._next = None, Said()

    def finish(self) -> None:
        """The call is over, so no more text will come: hand over what there is."""
        self.stop()
        self._hand_over_ended()

    def _begun(self, start_ms: Ms) -> Said:
        """A sound that begins at ``start_ms``, with the text that came before it."""
        if self._after_cut:
            return Said(self._reply, start_ms, cut=True)
        said, self._next = self._next, Said()
        if said.reply != self._reply:
            said = Said(self._reply) if said.reply is not None else msgspec.structs.replace(said, reply=self._reply)
        over = self._ended
        # a reply may go on after a pause
        if over is not None and over.reply is not None and over.reply == self._reply:
            self._ended = None
            return over
        if self._reply is not None and self._reply in self._done:
            self._done.remove(self._reply)
        if over is not None and over.reply is None and (over.text or start_ms - over.end_ms > LATE_MS):
            self._hand_over_ended()
        said.start_ms = start_ms
        return said

    def _belongs(self, over: Said, reply: str | None) -> bool:
        """Whether text that comes now belongs to ``over``, the sound that has ended."""
        if reply is not None or over.reply is not None:
            return reply == over.reply
        if not over.text:
            return not self._late(over.end_ms)
        return self._playing is None and not self._late(over.since_ms)

    def _late(self, since_ms: Ms) -> bool:
        return self._side.now_ms - since_ms > LATE_MS

    def _hand_over_ended(self) -> None:
        over, self._ended = self._ended, None
        if over is not None:
            self._hand_over(over)

    def _hand_over(self, said: Said) -> None:
        said.hand_over(self._side.call)
        self._done.append(said.reply)
