"""Full names of the topics that the control plane uses."""

from deid_stream.model.topics import FullNames
from deid_stream.policy.holdings import Purpose


class ControlTopics(FullNames, frozen=True):
    """Of the topics that the control plane uses."""

    events: str
    transcripts: str
    audio: str
    """The raw topics: the control plane asks for their end offsets and reads no record of them."""
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
    keys: str

    def of_purpose(self, purpose: Purpose) -> tuple[str, str]:
        """The names of the transcript topic and the audio topic of a purpose."""
        if purpose is Purpose.TRAINING:
            return self.training_transcripts, self.training_audio
        return self.analytics_transcripts, self.analytics_audio
