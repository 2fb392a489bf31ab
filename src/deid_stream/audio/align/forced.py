"""Forced alignment with PocketSphinx (extra ``align``): known words onto audio, about 1 % of real time.

The acoustic model comes in the wheel. Narrow-band audio is brought to the model's 16 kHz; words that its dictionary
lacks are spelled by rule, which is good enough for an edge. Imported at first use, never before.
"""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec
from typing import Final

import numpy as np
from numpy.typing import NDArray

from deid_stream.audio.align.believable import TimedWord
from deid_stream.audio.codec.resample import resample
from deid_stream.audio.cut.silence import comfort_noise
from deid_stream.units import Ms

MODEL_HZ: Final = 16_000
MAX_MS: Final = 30_000
"""A longer stretch is not aligned, and its turn is muted: the search may lose its way in it. A larger value mutes less,
and more alignments are wrong."""
_FRAME_MS: Final = 10
_ROOM_MS: Final = 300
"""Length of the faint noise behind the sound in which the search ends. A smaller value loses more last words."""
_DIGITS: Final = "zero one two three four five six seven eight nine".split()
_ORDINALS: Final = dict(
    enumerate(
        "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth "
        "fifteenth sixteenth seventeenth eighteenth nineteenth twentieth".split(),
        start=1,
    )
)
_LAST_DAY: Final = 31
_ORDINAL: Final = re.compile(r"([1-3]?[0-9])(?:st|nd|rd|th)")
_SPELLING: Final = (
    ("tion", "SH AH N"), ("igh", "AY"), ("sch", "SH"), ("ch", "CH"), ("sh", "SH"), ("th", "TH"), ("ph", "F"),
    ("ck", "K"), ("ng", "NG"), ("qu", "K W"), ("ee", "IY"), ("ea", "IY"), ("oo", "UW"), ("ou", "AW"), ("ow", "OW"),
    ("ai", "EY"), ("ay", "EY"), ("au", "AO"), ("oi", "OY"), ("er", "ER"), ("ar", "AA R"), ("or", "AO R"), ("a", "AH"),
    ("b", "B"), ("c", "K"), ("d", "D"), ("e", "EH"), ("f", "F"), ("g", "G"), ("h", "HH"), ("i", "IH"), ("j", "JH"),
    ("k", "K"), ("l", "L"), ("m", "M"), ("n", "N"), ("o", "OW"), ("p", "P"), ("q", "K"), ("r", "R"), ("s", "S"),
    ("t", "T"), ("u", "AH"), ("v", "V"), ("w", "W"), ("x", "K S"), ("y", "IY"), ("z", "Z"),
)  # fmt: skip
_SOUNDS: Final = dict(_SPELLING)
_LETTERS: Final = re.compile("|".join(letters for letters, _ in _SPELLING))


def available() -> bool:
    """Whether the extra is installed."""
    return find_spec("pocketsphinx") is not None


def align(pcm: NDArray[np.int16], rate_hz: int, start_ms: Ms, words: Sequence[str]) -> list[TimedWord] | None:
    """The words on mono int16 samples that begin at media time ``start_ms``; None when they do not fit the sound.

    One result per input word, in order, but fewer where the search lost its way before the end; a word without letters
    or digits gets an empty interval where it stands.
    """
    spoken = [dictionary_words(word) for word in words]
    flat = [part for parts in spoken for part in parts]
    unsayable = any(not parts and any(map(str.isalnum, word)) for word, parts in zip(words, spoken, strict=True))
    # nothing is heard in zeros, and looking is the most costly thing there is: calls without audio have many
    if not flat or unsayable or not pcm.any() or len(pcm) * 1000 // rate_hz > MAX_MS:
        return None
    segments = _decode(np.concatenate([resample(pcm, rate_hz, MODEL_HZ), _room_at_the_end()]), flat)
    if len(segments) < len(flat):
        del segments[-_UNSURE_WORDS:]
    timed: list[TimedWord] = []
    at = 0
    cursor_ms = start_ms
    sound_end_ms = start_ms + len(pcm) * 1000 // rate_hz
    for word, parts in zip(words, spoken, strict=True):
        if at + len(parts) > len(segments):
            break
        if parts:
            first, last = segments[at], segments[at + len(parts) - 1]
            begin_ms = start_ms + first[0] * _FRAME_MS
            cursor_ms = min(start_ms + (last[1] + 1) * _FRAME_MS, sound_end_ms)
            timed.append(TimedWord(word, begin_ms, cursor_ms))
            at += len(parts)
        else:
            timed.append(TimedWord(word, cursor_ms, cursor_ms))
    return timed or None


def dictionary_words(word: str) -> list[str]:
    """A word as dictionary words: digits by name, days of the month as ordinals, hyphens apart, punctuation dropped."""
    plain = unicodedata.normalize("NFKD", word.casefold())
    if (day := _ORDINAL.fullmatch(plain.strip(".,?!"))) is not None and 1 <= int(day[1]) <= _LAST_DAY:
        return _day(int(day[1]))
    pieces = re.findall(r"[a-z]+(?:'[a-z]+)?|[0-9]", "".join(c for c in plain if not unicodedata.combining(c)))
    return [_DIGITS[int(piece)] if piece.isdigit() else piece for piece in pieces]


def _day(number: int) -> list[str]:
    """ "twenty second" for 22."""
    if number in _ORDINALS:
        return [_ORDINALS[number]]
    tens, ones = divmod(number, 10)
    return [("twenty", "thirty")[tens - 2], _ORDINALS[ones]] if ones else ["thirtieth"]


@lru_cache(maxsize=1)
def _room_at_the_end() -> NDArray[np.int16]:
    """Faint noise for the search to end in: without it one utterance in eight lost its last words, with it 1 in 147."""
    return (comfort_noise(np.arange(MODEL_HZ * _ROOM_MS // 1000)) / 2).astype(np.int16)


class _Aligner:
    """One PocketSphinx decoder. Renewed before the words it was taught become many: they are callers' names."""

    def __init__(self) -> None:
        from pocketsphinx import Decoder

        self._decoder = Decoder(lm=None, beam=1e-50, pbeam=1e-50, wbeam=1e-40, topn=3, ds=2, loglevel="FATAL")
        self.taught = 0

    def decode(self, pcm: NDArray[np.int16], words: Sequence[str]) -> list[tuple[int, int]]:
        """First and last 10 ms frame of each word, as far as the search found a path through them."""
        decoder = self._decoder
        for word in dict.fromkeys(words):
            if decoder.lookup_word(word) is None:
                decoder.add_word(word, _pronunciation(word), True)
                self.taught += 1
        try:
            decoder.reinit_feat()  # its means and its noise: else an answer would depend on the utterances before
            decoder.set_align_text(" ".join(words))
            decoder.start_utt()
            decoder.process_raw(pcm.tobytes(), full_utt=True)
            decoder.end_utt()
        except RuntimeError:
            return []
        if decoder.hyp() is None:
            return []
        said = [seg for seg in decoder.seg() if seg.word[0] not in _FILLER_SIGNS]
        if any(seg.word.partition("(")[0] != word for seg, word in zip(said, words, strict=False)):
            return []
        return [(seg.start_frame, seg.end_frame) for seg in said]


_MAX_TAUGHT: Final = 200
"""After this many words that its dictionary lacked the aligner is loaded anew: they may be callers' names. A smaller
value keeps fewer of them in memory and loads the aligner more often."""
_UNSURE_WORDS: Final = 2
"""Where the search ends before the last word, this many of the last words that it found are dropped, since it stretches
them over the rest of the sound. A larger value silences more of such turns as unaligned."""
_FILLER_SIGNS: Final = "<([+"
_aligner = lru_cache(maxsize=1)(_Aligner)


def _decode(pcm: NDArray[np.int16], words: Sequence[str]) -> list[tuple[int, int]]:
    if _aligner().taught > _MAX_TAUGHT:
        _aligner.cache_clear()
    return _aligner().decode(pcm, words)


def _pronunciation(word: str) -> str:
    return " ".join(_SOUNDS[letters] for letters in _LETTERS.findall(word)) or "AH"
