"""Full names of the topics that the control plane uses."""

import msgspec

from deid_stream.model.topics import TOPICS
from deid_stream.policy.holdings import Purpose


class ControlTopics(msgspec.Struct, frozen=True):
    """The fields are kinds."""

    policies: str
    requests: str
    index: str
    analytics_transcripts: str
    analytics_audio: str
    training_transcripts: str
    training_audio: str
    calls: str
    aggregates: str
    audit: str
    dead_letters: str
    control_calls: str
    control_customers: str
    control_windows: str
    request_status: str

    @classmethod
    def of(cls, prefix: str) -> "ControlTopics":
        full = {topic.kind: prefix + topic.name for topic in TOPICS}
        return cls(**{field: full[field] for field in cls.__struct_fields__})

    @property
    def all(self) -> tuple[str, ...]:
        """Every name, in the order of the fields."""
        return tuple(getattr(self, field) for field in self.__struct_fields__)

    def of_purpose(self, purpose: Purpose) -> tuple[str, str]:
        """Transcripts and audio of analytics or training."""
        if purpose is Purpose.TRAINING:
            return self.training_transcripts, self.training_audio
        return self.analytics_transcripts, self.analytics_audio
