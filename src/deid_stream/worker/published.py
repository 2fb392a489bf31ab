"""Records which of a call's records have left, by purpose and permit. The control plane's index is made of this.

A claim goes out in the same batch as the first records of a call, of a new permit, and with the call's end; in
between once per second for the calls of which something has left. So whatever leaves is claimed within a second, by
whoever let it leave: a worker that was paused and replaced meanwhile claims what it lets leave late.
"""

from deid_stream.model.outputs import Retraction
from deid_stream.model.published import Claim, Closing, Trained
from deid_stream.model.runs import Runs
from deid_stream.policy.permit import Permit
from deid_stream.units import Ms


class _Episode:
    """Records in training under one permit."""

    __slots__ = ("audio", "changed", "position", "retain_until_ms", "transcripts")

    def __init__(self, position: str, retain_until_ms: Ms) -> None:
        self.position = position
        self.retain_until_ms = retain_until_ms
        self.changed = True
        """Since the last claim."""
        self.transcripts = Runs()
        self.audio = Runs()

    def trained(self) -> Trained:
        return Trained(
            position=self.position,
            retain_until_ms=self.retain_until_ms,
            transcripts=self.transcripts.ranges(),
            audio=self.audio.ranges(),
        )


class Published:
    """What has left of one call. The ranges are not in the checkpoint: a new owner begins with all that the session has
    let go (``resume``), and the index adds up what its owners said."""

    __slots__ = (
        "_current",
        "_episodes",
        "audio",
        "bytes",
        "chunks",
        "closed",
        "closing",
        "doubted",
        "last_ms",
        "minor",
        "segments",
        "transcripts",
        "urgent",
    )

    def __init__(self) -> None:
        self.transcripts = Runs()
        self.audio = Runs()
        self._episodes: dict[str, _Episode] = {}
        self._current: _Episode | None = None
        self.segments = 0
        self.chunks = 0
        self.bytes = 0
        self.last_ms: Ms = 0
        self.minor = False
        self.closed = False
        self.closing: Closing | None = None
        self.doubted = False
        """True: an owner that died may have published more of the call than its checkpoint says."""
        self.urgent = True
        """To be claimed with the batch that is being filled."""

    def __bool__(self) -> bool:
        """Something has left, or must not."""
        return bool(self.segments or self.chunks or self.transcripts or self.audio or self._episodes or self.minor)

    def resume(self, left: Retraction | None, position: str) -> None:
        """The call was another owner's. Its records that have left are in analytics or under the last permit."""
        if left is None:
            return
        for known in left.transcripts:
            self.transcripts.add(known)
        for known in left.audio:
            self.audio.add(known)
        if position:
            episode = self._episode(position, 0)
            for known in left.transcripts:
                episode.transcripts.add(known)
            for known in left.audio:
                episode.audio.add(known)

    def train(self, permit: Permit, channel: int | None, seq: int, *, audio: bool) -> None:
        """Note that a record goes to training."""
        current = self._current
        if current is None or current.position != permit.position:
            current = self._current = self._episode(permit.position, permit.retain_until_ms)
        current.changed = True
        (current.audio if audio else current.transcripts).note(channel, seq)

    def doubt(self, position: str, channel: int | None, seq: int, *, audio: bool) -> None:
        """A record that does not go to training may have been let go by the owner before, under the permit of
        ``position``."""
        episode = self._episode(position, 0)
        episode.changed = True
        (episode.audio if audio else episode.transcripts).note(channel, seq)

    def claim(self, call_id: str, customer_id: str, subject: str, region: str, began: str, started_ms: Ms) -> Claim:
        """The claim: everything so far, but of training only what has changed since the last claim, since the control
        plane takes back whatever is claimed again. The claim of the call's end names everything."""
        self.urgent = False
        trained = tuple(one.trained() for one in self._episodes.values() if one.changed or self.closed)
        for episode in self._episodes.values():
            episode.changed = False
        return Claim(
            call_id=call_id,
            customer_id=customer_id,
            subject=subject,
            region=region,
            began=began,
            started_ms=started_ms,
            last_ms=self.last_ms,
            transcripts=self.transcripts.ranges(),
            audio=self.audio.ranges(),
            trained=trained,
            segments=self.segments,
            chunks=self.chunks,
            bytes=self.bytes,
            minor=self.minor,
            closed=self.closed,
            closing=self.closing,
        )

    def _episode(self, position: str, retain_until_ms: Ms) -> _Episode:
        episode = self._episodes.get(position)
        if episode is None:
            episode = self._episodes[position] = _Episode(position, retain_until_ms)
            self.urgent = True
        if retain_until_ms and not 0 < episode.retain_until_ms <= retain_until_ms:
            episode.retain_until_ms = retain_until_ms
        return episode
