"""How well a simple speaker model still knows a disguised voice: equal error rate, and the cost.

    python benchmarks/audio_voice.py [DIR]

The attacker is plain: mean and spread of 20 mel cepstra an utterance, cosine distance after centring. A trained speaker
network does better, so the rates here are the most that the disguise can be said to give. *ignorant*: enrolled on
plain speech, tried on disguised. *informed*: both disguised. The six speakers are two synthetic voices at three tempos.
"""

import itertools
import json
import sys
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parent))

import audio_corpus
import audio_measure as measure
from deid_stream.audio.cut.voice import Disguise

HERE = Path(__file__).parent


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


def main() -> None:
    """Measure and print one JSON object."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "corpus"
    audio_corpus.build(folder, 30)
    plain, disguised, speakers = [], [], []
    spent = live_s = 0.0
    for call in measure.load(folder):
        voices = audio_corpus.script(int(call.name.rpartition("-")[2])).voices
        for segment in call.segments:
            samples = call.reader.pcm(segment.channel, segment.start_ms, segment.end_ms)
            if segment.end_ms - segment.start_ms < 2500:
                continue
            since = time.process_time()
            moved = Disguise(call.reader.rate_hz).process(samples)
            spent += time.process_time() - since
            live_s += len(samples) / call.reader.rate_hz
            plain.append(embedding(samples, call.reader.rate_hz))
            disguised.append(embedding(moved, call.reader.rate_hz))
            speakers.append(voices[segment.channel])
    before, after = np.array(plain), np.array(disguised)
    result = {
        "utterances": len(speakers),
        "speakers": len(set(speakers)),
        "eer_plain": equal_error_rate(before, before, speakers),
        "eer_disguised_ignorant": equal_error_rate(before, after, speakers),
        "eer_disguised_informed": equal_error_rate(after, after, speakers),
        "cost_percent_of_real_time": round(100 * spent / live_s, 2),
    }
    print(json.dumps(result))
    (HERE / "results" / "voice.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
