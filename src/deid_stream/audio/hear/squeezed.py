"""Finds segments whose words are stated in less time than they took: then another word may be where one is stated."""

from deid_stream.audio.hear import vad
from deid_stream.audio.hear.unheard import EDGE_MS
from deid_stream.audio.hear.within import SYLLABLE_MS
from deid_stream.audio.hold.reader import Reader
from deid_stream.model.events import Segment
from deid_stream.units import Interval, subtract
from deid_stream.words.durations import least_sound_ms, most_sound_ms


def squeezed(segment: Segment, reader: Reader, channel: int) -> bool:
    """Whether nobody can say a segment's words in the time that is stated for them, and in its stated time beside them
    people speak, for longer in all than its words can sound: any of the sounds may be another word."""
    said = [word for word in segment.words if any(map(str.isalnum, word.text))]
    texts = [word.text for word in said]
    starts = [word.start_ms for word in said if word.start_ms is not None]
    ends = [word.end_ms for word in said if word.end_ms is not None]
    if not said or len(starts) < len(said) or len(ends) < len(said) or sum(ends) - sum(starts) >= least_sound_ms(texts):
        return False
    whole = Interval(segment.start_ms, segment.end_ms)
    beside = subtract(whole, [Interval(min(starts) - EDGE_MS, max(ends) + EDGE_MS)])
    if sum(part.length for part in beside) < SYLLABLE_MS:
        return False
    speech = vad.speech(reader, channel, whole)
    elsewhere_ms = sum(heard.intersect(part).length for heard in speech for part in beside)
    spoken_ms = sum(heard.length for heard in speech)
    return elsewhere_ms >= SYLLABLE_MS and spoken_ms > most_sound_ms(texts)
