"""The topics of one deployment, with its prefix."""

from typing import Final

import msgspec

from deid_stream import topics

EVENTS: Final = "events"
TRANSCRIPTS: Final = "transcripts"
AUDIO: Final = "audio"
KINDS: Final = (EVENTS, TRANSCRIPTS, AUDIO)
"""The kinds of input; at equal record time they are taken in this order."""


class Names(msgspec.Struct, frozen=True):
    """Full topic names."""

    events: str
    transcripts: str
    audio: str
    policies: str
    analytics_transcripts: str
    analytics_audio: str
    training_transcripts: str
    training_audio: str
    calls: str
    audit: str
    dead_letters: str
    checkpoints: str

    @classmethod
    def of(cls, prefix: str) -> "Names":
        return cls(
            events=prefix + topics.EVENTS.name,
            transcripts=prefix + topics.TRANSCRIPTS.name,
            audio=prefix + topics.AUDIO.name,
            policies=prefix + topics.POLICIES.name,
            analytics_transcripts=prefix + topics.ANALYTICS_TRANSCRIPTS.name,
            analytics_audio=prefix + topics.ANALYTICS_AUDIO.name,
            training_transcripts=prefix + topics.TRAINING_TRANSCRIPTS.name,
            training_audio=prefix + topics.TRAINING_AUDIO.name,
            calls=prefix + topics.CALLS.name,
            audit=prefix + topics.AUDIT.name,
            dead_letters=prefix + topics.DEAD_LETTERS.name,
            checkpoints=prefix + topics.CHECKPOINTS.name,
        )

    @property
    def inputs(self) -> dict[str, str]:
        """Topic name to kind."""
        return {self.events: EVENTS, self.transcripts: TRANSCRIPTS, self.audio: AUDIO}

    @property
    def same_partitions(self) -> tuple[str, ...]:
        """Topics that must have equal partition counts, so that a call has one partition number everywhere."""
        return tuple(name for name in self.__struct_fields__ if name != "policies")
