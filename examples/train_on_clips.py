"""Train something small on de-identified calls: tell from two seconds of sound which party of a call speaks.

    python examples/train_on_clips.py localhost:9092

Reads what the training topics hold, makes log-spectrum features with numpy, fits a logistic regression and prints its
accuracy on clips that it has not seen. Replace ``features`` and ``fit`` with your own model; the loop at the top of
``main`` is all that reading takes.
"""

import sys
from collections.abc import Iterator

import numpy as np

from deid_stream.datasets.calls import Clip, SanitizedCall, clips
from deid_stream.datasets.normalise import Normalisation, Placeholders, Silences, normalise
from deid_stream.datasets.training import TrainingSet

HOW = Normalisation(Placeholders.SKIP, Silences.NOISE)
BANDS = 24
STEPS = 400


def main(bootstrap_servers: str) -> float:
    """Read, train, measure; the accuracy."""
    found = [(features(clip), clip.channel) for call in TrainingSet(bootstrap_servers) for clip in usable(call)]
    if len({channel for _, channel in found}) < 2:
        raise SystemExit(
            "the training topics hold too few calls; `deid-stream play --bootstrap-servers ...` sends the sample calls, "
            "which close half a minute later"
        )
    accuracy = fit(np.array([x for x, _ in found]), np.array([float(channel > 0) for _, channel in found]))
    print(f"{len(found)} clips, accuracy on unseen ones {accuracy:.2f}")
    return accuracy


def usable(call: SanitizedCall) -> Iterator[Clip]:
    """Clips without a redaction, long enough to have a spectrum."""
    for clip in clips(call):
        kept = normalise(clip, HOW)
        if kept is not None and len(kept.audio) >= 256:
            yield kept


def features(clip: Clip) -> np.ndarray:
    """Mean log energy in 24 bands of the spectrum, without the level of the line."""
    frames = clip.audio[: len(clip.audio) // 256 * 256].reshape(-1, 256) * np.hanning(256)
    power = (np.abs(np.fft.rfft(frames, axis=1))[:, 1:121] ** 2).reshape(len(frames), BANDS, -1).mean(axis=2)
    bands = np.log(power + 1.0).mean(axis=0)
    return bands - bands.mean()


def fit(x: np.ndarray, y: np.ndarray) -> float:
    """Logistic regression by gradient descent; accuracy on every fourth clip, which it does not see."""
    seen = np.arange(len(y)) % 4 != 3
    scale = x[seen].std(axis=0) + 1e-6
    x = np.hstack([(x - x[seen].mean(axis=0)) / scale, np.ones((len(x), 1))])
    weights = np.zeros(x.shape[1])
    for _ in range(STEPS):
        error = 1.0 / (1.0 + np.exp(-x[seen] @ weights)) - y[seen]
        weights -= 0.1 * (x[seen].T @ error / seen.sum() + 0.01 * weights)
    unseen = ~seen if (~seen).any() else seen
    return float(((x[unseen] @ weights > 0) == (y[unseen] > 0.5)).mean())


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:9092")
