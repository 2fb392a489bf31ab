"""A segment in a language without tables is withheld and its sound silenced; the audit says why."""

import numpy as np
import pytest

from deid_stream.audio.codec import pcm
from deid_stream.detect.detector import Detector, DetectorSettings
from deid_stream.model.events import AudioChunk, CallEnded, CallStarted, Segment
from tests.support.made_calls import EPOCH_MS, MULAW
from tests.support.run_session import feed, new_session

RULES = Detector.load(DetectorSettings(model="off"))
NOISE = np.random.default_rng(1).integers(-8_000, 8_000, 8_000 * 3)


def leaves(language, text):
    """What leaves of three seconds of speech with one segment over all of it."""
    common = {"call_id": "call-1", "customer_id": "acme"}
    segment = Segment(
        **common, segment_id="s", text=text, start_ms=0, end_ms=3_000, language=language, transcribed_until_ms=4_000,
        time_ms=EPOCH_MS + 4_000,
    )  # fmt: skip
    sound = np.zeros(8 * 4_000, np.int16)
    sound[: 8 * 3_000] = NOISE
    chunk = AudioChunk(
        **common, seq=0, offset_ms=0, format=MULAW, channel=0, data=pcm.encode(sound, MULAW), time_ms=EPOCH_MS + 4_000
    )
    started = CallStarted(**common, time_ms=EPOCH_MS, channels=1)
    ended = CallEnded(**common, time_ms=EPOCH_MS + 4_000, duration_ms=4_000)
    left = feed(new_session(detector=RULES), [started, chunk, segment, ended])
    return left, np.abs(pcm.decode(left.sound()[0], MULAW)[: 8 * 2_900, 0])


@pytest.mark.parametrize(("language", "text"), [
    ("fr", "ma carte est quatre cinq trois neuf"), ("ta", "en peyar ravi"),
    ("en", "je voudrais savoir pourquoi vous avez fait ce paiement avec ma carte bancaire"),
])  # fmt: skip
def test_what_nobody_can_read_is_withheld_and_silenced(language, text):
    left, sound = leaves(language, text)
    assert not left.segments
    assert ("withheld", "language") in left.reasons()
    assert not sound.any()


@pytest.mark.parametrize(("language", "text"), [
    ("en-IN", "thank you very much for your help today okay"),
    ("hi-Latn", "haan ji bilkul theek hai main ruk raha hoon"),
    ("es-MX", "gracias por la ayuda espero un momento aquí"),
])  # fmt: skip
def test_a_language_with_tables_leaves(language, text):
    left, _ = leaves(language, text)
    assert [segment.text for segment in left.segments.values()] == [text]
    assert ("withheld", "language") not in left.reasons()
