"""The forced aligner: optional, lazy, repeatable."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import deid_stream
from deid_stream.audio.align import forced
from deid_stream.audio.codec import pcm
from deid_stream.audio.hold.reader import Recording
from deid_stream.datasets.wav import read_wav

from .sounds import silent, voice

SAMPLE = Path(deid_stream.__file__).parent / "demo" / "samples" / "card-payment"


@pytest.fixture(scope="module")
def sample():
    wav = read_wav(SAMPLE.with_suffix(".wav"))
    call = json.loads(SAMPLE.with_suffix(".call.json").read_text())
    return Recording(pcm.decode(wav.data, wav.format), wav.format.rate_hz), call["segments"]


def test_it_is_not_imported_before_it_is_used():
    code = "import sys, deid_stream.audio.align.locate; sys.exit('pocketsphinx' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.skipif(not forced.available(), reason="the align extra is not installed")
class TestAligner:
    def test_words_are_found_where_they_are_said(self, sample):
        reader, segments = sample
        errors: list[int] = []
        for said in segments:
            spoken = [word["text"] for word in said["words"]]
            if len(spoken) < 2:
                continue
            window = (max(0, said["start_ms"] - 200), said["end_ms"] + 200)
            found = forced.align(reader.pcm(said["channel"], *window), 8000, window[0], spoken)
            assert found is not None
            assert [word.text for word in found] == spoken
            errors += [
                abs(t) for a, b in zip(found, said["words"], strict=False) for t in (a.start_ms - b["start_ms"],)
            ]
        assert np.median(errors) <= 50
        assert np.quantile(errors, 0.9) <= 120

    def test_words_that_are_not_in_the_dictionary_and_words_without_letters(self, sample):
        reader, segments = sample
        said = next(s for s in segments if "Whitcombe" in s["text"])
        spoken = ["-", *(word["text"].replace("Daniel", "Daniël") for word in said["words"])]
        found = forced.align(reader.pcm(said["channel"], said["start_ms"], said["end_ms"]), 8000, 0, spoken)
        assert found is not None
        assert [word.text for word in found] == spoken
        assert found[0].start_ms == found[0].end_ms == 0

    def test_a_search_that_loses_its_way_gives_the_words_before(self, sample):
        reader, segments = sample
        said = next(s for s in segments if len(s["words"]) > 8)
        spoken = [*(word["text"] for word in said["words"]), *("nothing of this was ever spoken here".split() * 2)]
        found = forced.align(reader.pcm(said["channel"], said["start_ms"], said["end_ms"]), 8000, 0, spoken)
        assert found is None or len(found) < len(spoken)

    def test_an_answer_does_not_depend_on_what_was_aligned_before(self, sample):
        """Neither on what was said nor on the noise of that line: a restart between the two changes nothing."""
        reader, segments = sample
        noise = np.random.default_rng(1).normal(0, 700, 60 * reader.rate_hz)

        def aligned(said, *, noisy):
            sound = reader.pcm(said["channel"], said["start_ms"] - 200, said["end_ms"] + 200)
            if noisy:
                sound = np.clip(sound + noise[: len(sound)], -32_768, 32_767).astype(np.int16)
            return forced.align(sound, reader.rate_hz, 0, [word["text"] for word in said["words"]])

        cases = [(said, noisy) for said in segments for noisy in (False, True)]
        forth = [aligned(said, noisy=noisy) for said, noisy in cases]
        back = [aligned(said, noisy=noisy) for said, noisy in reversed(cases)]
        assert forth == back[::-1]
        assert any(found is not None for found in forth)

    @pytest.mark.parametrize(
        ("pcm", "words"),
        [
            (silent(2000), []),
            (silent(2000), ["-", "..."]),
            (np.zeros(0, np.int16), ["word"]),
            (np.zeros(16_000, np.int16), ["hello", "there"]),
            (silent(31_000), ["word"]),
            (voice(1500), ["hello", "राघवन"]),
            (voice(100), ["far", "too", "many", "words", "for", "this"]),
        ],
        ids=["no words", "no letters", "no sound", "zeros", "too long", "another script", "too short for the words"],
    )
    def test_what_cannot_be_aligned_is_said_so(self, pcm, words):
        assert forced.align(pcm, 8000, 0, words) is None
