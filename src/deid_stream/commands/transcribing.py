"""A transcript for a recording that has none, by the recogniser of the spot check (extra ``spotcheck``)."""

from pathlib import Path

from deid_stream.audio.codec.pcm import decode
from deid_stream.datasets.callfile import CallFile, from_transcript
from deid_stream.datasets.documents import Transcript, finals_of
from deid_stream.datasets.sound import read_sound
from deid_stream.wire.providers import named
from deid_stream.wire.segments import Draft


class Transcriber:
    """Reads each channel by itself. Raises ConfigError where the extra is not installed."""

    def __init__(self) -> None:
        from deid_stream.spotcheck.whisper import SecondRecogniser

        self._recogniser = SecondRecogniser()
        self._provider = named("whisper")

    def read(self, path: Path, customer_id: str) -> CallFile:
        """The call of a recording. Raises AudioFormatError for a file that holds none."""
        sound = read_sound(path)
        samples = decode(sound.data, sound.format)
        drafts: list[Draft] = []
        for channel in range(sound.format.channels):
            segments = self._recogniser.segments(samples[:, channel], sound.format.rate_hz)
            drafts += [Draft(text=heard.text, words=heard.words, channel=channel) for heard in segments]
        finals = finals_of(drafts, self._provider, sound)
        notes = ["the transcript was made by Whisper tiny.en, which mishears: listen before you rely on it"]
        return from_transcript(path.stem, Transcript(finals, self._provider.timing, notes), sound, customer_id)
