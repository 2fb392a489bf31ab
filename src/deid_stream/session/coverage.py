"""How far a call is known, and whether all of it is there: what its parts say, put together."""

from typing import Final

from deid_stream.session.holdback import QUIET_MARGIN_MS, Holdback
from deid_stream.session.ledger import Ledger
from deid_stream.session.lifecycle import Lifecycle
from deid_stream.session.settings import SessionSettings
from deid_stream.session.sound import Sound
from deid_stream.units import Ms

FOREVER_MS: Final[Ms] = 1 << 60
"""Later than any record and any sound."""


def covered_ms(holdback: Holdback, sound: Sound, declared_channels: int, now_ms: Ms, *, ended: bool = False) -> Ms:
    """The least covered channel, through silence; 0 while nothing is known. ``now_ms``: the call's record time;
    ``ended``: no more audio will come."""

    def through_silence(channel: int, until_ms: Ms) -> Ms:
        silent_ms = sound.silent_until_ms(channel, until_ms, now_ms=now_ms, ended=ended)
        return max(until_ms, silent_ms - QUIET_MARGIN_MS)

    sound.tail_due_ms = None
    covered = holdback.covered
    heard = sound.channels
    if len(heard) == 1 and declared_channels <= 1:
        return through_silence(heard[0], max(covered.values(), default=0))
    channels = {*range(declared_channels), *covered, *heard}
    least = FOREVER_MS
    # the least covered first: the silence of the others need not be looked at beyond what it reaches
    for until_ms, channel in sorted((covered.get(channel, 0), channel) for channel in channels):
        if until_ms >= least:
            break
        least = min(least, through_silence(channel, until_ms))
    return least if channels else 0


def complete(life: Lifecycle, holdback: Holdback, sound: Sound, settings: SessionSettings, now_ms: Ms) -> bool:
    """The call has ended, and everything up to its end has arrived and is covered. Where the end did not say how long
    the call was, stragglers have had their time."""
    if life.ended_ms is None or life.closed:
        return False
    channels = {*range(life.declared_channels), *sound.channels}
    if life.duration_ms is None:
        end_ms = sound.end_ms
        due = now_ms >= life.ended_ms + settings.end_grace_ms
    else:
        end_ms = life.duration_ms
        due = bool(channels) and all(sound.arrived_ms(channel) >= end_ms for channel in channels)
    return due and covered_ms(holdback, sound, life.declared_channels, now_ms, ended=True) >= end_ms - QUIET_MARGIN_MS


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
