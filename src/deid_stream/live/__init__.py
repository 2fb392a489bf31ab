"""De-identifies calls inside the program that has them, without Kafka: sound and transcripts go in, what may leave
comes out."""

from deid_stream.live.background import BackgroundCall
from deid_stream.live.call import LiveCall
from deid_stream.live.cleaned import Clean, CleanAudio, CleanText
from deid_stream.live.opening import Live

__all__ = ["BackgroundCall", "Clean", "CleanAudio", "CleanText", "Live", "LiveCall"]
