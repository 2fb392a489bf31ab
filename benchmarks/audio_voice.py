"""How well a speaker model still knows a voice after silencing, and after the disguise: equal error rate, and the cost.

    python benchmarks/audio_voice.py [DIR] [--network]

*ignorant*: enrolled on plain speech, tried on disguised. *informed*: both disguised. Two attackers: a plain one, mean
and spread of 20 mel cepstra an utterance, cosine distance after centring; with ``--network`` a trained one,
Resemblyzer's GE2E network (extra ``speakers``; Wan et al., 2018). The speakers are two synthetic voices, and where the
program ``flite`` is on the path four more, each at three tempos, which count as three people.
"""

import argparse
import itertools
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parent))

import audio_corpus
import audio_measure as measure
from deid_stream.audio.codec import pcm
from deid_stream.audio.cut.voice import Disguise
from deid_stream.datasets.wav import read_wav
from make_samples import MARK, RATE_HZ, telephone

HERE = Path(__file__).parent
FLITE = ("awb", "kal16", "rms", "slt")
FACTORS = {"": 1.0, "-high": 1.14, "-low": 0.9}
UTTERANCES = 12
MIN_MS = 2_500

Embed = Callable[[NDArray[np.int16], int], NDArray[np.float64]]


def embedding(samples: NDArray[np.int16], rate_hz: int) -> NDArray[np.float64]:
    """Mean and standard deviation of 20 mel-frequency cepstra over the louder half of the frames."""
    size, hop = rate_hz // 40, rate_hz // 100
    frames = np.lib.stride_tricks.sliding_window_view(samples.astype(float), size)[::hop] * np.hamming(size)
    power = np.abs(np.fft.rfft(frames, 512)) ** 2
    power = power[power.sum(1) >= np.median(power.sum(1))]
    edges = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + rate_hz / 1400), 26) / 2595) - 1) / rate_hz * 512
    k = np.arange(power.shape[1])
    low, mid, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    bank = np.maximum(0, np.minimum((k - low) / (mid - low), (high - k) / (high - mid)))
    mel = np.log(power @ bank.T + 1)
    n = mel.shape[1]
    cosine = np.cos(np.pi / n * (np.arange(n) + 0.5)[:, None] * np.arange(1, 21))
    cepstra = mel @ cosine
    return np.concatenate([cepstra.mean(0), cepstra.std(0)])


def equal_error_rate(enrolled: NDArray[np.float64], tried: NDArray[np.float64], speakers: list[str]) -> float:
    """Rate at which as many strangers pass as speakers are refused."""
    enrolled, tried = ((e - e.mean(0)) / e.std(0) for e in (enrolled, tried))
    enrolled, tried = (e / np.linalg.norm(e, axis=1, keepdims=True) for e in (enrolled, tried))
    scores = enrolled @ tried.T
    pairs = [(a, b) for a, b in itertools.product(range(len(speakers)), repeat=2) if a != b]
    same = np.array([scores[a, b] for a, b in pairs if speakers[a] == speakers[b]])
    other = np.array([scores[a, b] for a, b in pairs if speakers[a] != speakers[b]])
    thresholds = np.sort(np.concatenate([same, other]))
    rates = [((same < t).mean(), (other >= t).mean()) for t in thresholds]
    refused, passed = min(rates, key=lambda rate: abs(rate[0] - rate[1]))
    return round(float(refused + passed) / 2, 3)


def network() -> Embed:
    """Resemblyzer's embedding of an utterance."""
    from resemblyzer import VoiceEncoder, preprocess_wav

    encoder = VoiceEncoder("cpu", verbose=False)

    def embed(samples: NDArray[np.int16], rate_hz: int) -> NDArray[np.float64]:
        sound = preprocess_wav((samples / 32_768).astype(np.float32), source_sr=rate_hz)
        return np.asarray(encoder.embed_utterance(sound), np.float64)

    return embed


def utterances(folder: Path) -> Iterator[tuple[str, NDArray[np.int16], int]]:
    """Speaker, samples, rate: of the made callers, and of flite's voices reading what such callers say."""
    audio_corpus.build(folder, 30)
    for call in measure.load(folder):
        voices = audio_corpus.script(int(call.name.rpartition("-")[2])).voices
        for segment in call.segments:
            if segment.end_ms - segment.start_ms >= MIN_MS:
                yield (
                    voices[segment.channel],
                    call.reader.pcm(segment.channel, segment.start_ms, segment.end_ms),
                    call.reader.rate_hz,
                )
    if shutil.which("flite") is None:
        return
    for voice, (suffix, factor) in itertools.product(FLITE, FACTORS.items()):
        for number in range(UTTERANCES):
            lines = [line for _, line in audio_corpus.script(200 + number).lines]
            text = " ".join(MARK.sub(r"\2", line) for line in lines[2:4])
            with tempfile.NamedTemporaryFile(suffix=".wav") as file:
                subprocess.run(["flite", "-voice", voice, "-t", text, "-o", file.name], check=True)
                wav = read_wav(Path(file.name))
            said = pcm.decode(wav.data, wav.format)[:, 0] / 32_768
            heard = telephone(said, round(wav.format.rate_hz * factor / 50) * 50)
            yield voice + suffix, np.rint(heard).astype(np.int16), RATE_HZ


def main() -> None:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser(prog="python benchmarks/audio_voice.py")
    parser.add_argument("folder", nargs="?", type=Path, default=HERE / "corpus")
    parser.add_argument("--network", action="store_true", help="a trained attacker (extra `speakers`)")
    given = parser.parse_args()
    embed = network() if given.network else embedding
    plain, disguised, speakers = [], [], []
    spent = live_s = 0.0
    for speaker, samples, rate_hz in utterances(given.folder):
        since = time.process_time()
        moved = Disguise(rate_hz).process(samples)
        spent += time.process_time() - since
        live_s += len(samples) / rate_hz
        plain.append(embed(samples, rate_hz))
        disguised.append(embed(moved, rate_hz))
        speakers.append(speaker)
    before, after = np.array(plain), np.array(disguised)
    result = {
        "attacker": "network" if given.network else "cepstra",
        "utterances": len(speakers),
        "speakers": len(set(speakers)),
        "eer_plain": equal_error_rate(before, before, speakers),
        "eer_disguised_ignorant": equal_error_rate(before, after, speakers),
        "eer_disguised_informed": equal_error_rate(after, after, speakers),
        "cost_percent_of_real_time": round(100 * spent / live_s, 2),
    }
    print(json.dumps(result))
    name = "voice-network.json" if given.network else "voice.json"
    (HERE / "results" / name).write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
