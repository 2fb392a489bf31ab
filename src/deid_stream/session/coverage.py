"""How far transcripts and silence account for a call's sound, and whether all of the call is there."""

from typing import NamedTuple

from deid_stream.model.events import AudioChunk
from deid_stream.session.holdback import QUIET_MARGIN_MS, Holdback
from deid_stream.session.ledger import Ledger
from deid_stream.session.lifecycle import Lifecycle
from deid_stream.session.settings import SessionSettings
from deid_stream.session.sound import Sound
from deid_stream.session.streams import END_SLACK_MS
from deid_stream.units import FOREVER_MS, Ms


class Covered(NamedTuple):
    """``until_ms``: media time up to which every channel is known, because transcripts cover it or nobody speaks.
    ``channel``: the one that must be known further before it grows; of several, the one with the highest number; None
    where the call has no channel yet."""

    until_ms: Ms
    channel: int | None


class Bound:
    """What a call waited for when it was last looked at. Most audio that comes cannot change that, and need not be
    looked at at once."""

    def __init__(self) -> None:
        self.slowest: int | None = None
        """The channel that the watermark waited for."""
        self.closing: set[int] = set()
        """The channels that the next turns to be detected wait to be known further."""
        self._limit_ms: Ms = 0
        self._awaiting = False

    def leave(self, limit_ms: Ms, *, awaiting: bool) -> None:
        """Audio could leave before ``limit_ms`` of media time; with ``awaiting``, turns wait for theirs."""
        self._limit_ms, self._awaiting = limit_ms, awaiting

    def moves(self, sound: Sound, chunk: AudioChunk, arrived_ms: Ms) -> bool:
        """Whether a chunk of a channel whose audio had arrived up to ``arrived_ms`` may let anything go on: the
        watermark or a turn waits for its sound, not for another channel or for a transcript, or what could leave lacked
        it."""
        channel = chunk.channel
        if channel is None or self.slowest is None or self._awaiting or arrived_ms < self._limit_ms:
            return True
        return (channel == self.slowest or channel in self.closing) and not sound.stopped(channel)


def covered(holdback: Holdback, sound: Sound, declared_channels: int, now_ms: Ms, *, ended: bool = False) -> Covered:
    """How far every channel is known: as far as its transcripts go, and on from there for as long as nobody speaks,
    less ``QUIET_MARGIN_MS``. ``now_ms``: the call's record time; ``ended``: no more audio will come."""

    def through_silence(channel: int, until_ms: Ms) -> Ms:
        silent_ms = sound.silent_until_ms(channel, until_ms, now_ms=now_ms, ended=ended)
        return max(until_ms, silent_ms - QUIET_MARGIN_MS)

    sound.tail_due_ms = None
    known = holdback.covered
    heard = sound.channels
    if len(heard) == 1 and declared_channels <= 1:
        return Covered(through_silence(heard[0], max(known.values(), default=0)), heard[0])
    channels = {*range(declared_channels), *known, *heard}
    least_ms, least = FOREVER_MS, -1
    # the least covered first: the silence of the others need not be looked at beyond what it reaches
    for until_ms, channel in sorted([(known.get(channel, 0), channel) for channel in channels]):
        if until_ms >= least_ms:
            break
        silent_ms = through_silence(channel, until_ms)
        if silent_ms < least_ms or (silent_ms == least_ms and channel > least):
            least_ms, least = silent_ms, channel
    return Covered(least_ms, least) if channels else Covered(0, None)


def known(holdback: Holdback, sound: Sound, declared_channels: int, now_ms: Ms, *, channel: int, until_ms: Ms) -> bool:
    """Whether one channel is known up to ``until_ms`` of media time (see ``covered``), however little is known of the
    others. A recording of all speakers in one channel is known as far as the watermark."""
    if until_ms <= max(holdback.watermark_ms, holdback.covered.get(channel, 0)):
        return True
    if len(sound.channels) == 1 and declared_channels <= 1:
        return False
    enough_ms, from_ms = until_ms + QUIET_MARGIN_MS, holdback.covered.get(channel, 0)
    return sound.silent_until_ms(channel, from_ms, now_ms=now_ms, enough_ms=enough_ms) >= enough_ms


def complete(life: Lifecycle, holdback: Holdback, sound: Sound, settings: SessionSettings, now_ms: Ms) -> bool:
    """The call has ended, and everything up to its end has arrived and is known. Where the end did not say how long the
    call was, ``end_grace_ms`` of record time must have passed since the end; where the sound is up to ``END_SLACK_MS``
    shorter than was said, as much since the last record."""
    if life.ended_ms is None or life.closed:
        return False
    channels = {*range(life.declared_channels), *sound.channels}
    if life.duration_ms is None:
        end_ms = sound.end_ms
        due = now_ms >= life.ended_ms + settings.end_grace_ms
    else:
        # producers measure a call's length and its sound differently; sound that comes late comes by and by
        late = now_ms >= max(life.ended_ms, life.last_record_ms) + settings.end_grace_ms
        end_ms = life.duration_ms - (END_SLACK_MS if late else 0)
        due = bool(channels) and all(sound.arrived_ms(channel) >= end_ms for channel in channels)
    if not due:
        return False
    known = covered(holdback, sound, life.declared_channels, now_ms, ended=True)
    return known.until_ms >= end_ms - QUIET_MARGIN_MS


def missing(life: Lifecycle, ledger: Ledger, sound: Sound) -> str | None:
    """What a call that is over lacks, as in ``CallSummary.incomplete_reason``; None where it is whole."""
    if life.ended_ms is None:
        return "no_end"
    if ledger.lost:
        return "records_lost"
    if sound.chunks and not ledger.transcripts:
        return "no_transcript"
    if not sound.chunks and (ledger.transcripts or life.duration_ms):
        return "no_audio"
    if sound.chunks and (sound.incomplete(life.duration_ms) or len(sound.channels) < life.declared_channels):
        return "audio_missing"
    return None
