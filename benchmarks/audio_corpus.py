"""Synthetic callers for the audio benchmark: made-up names and numbers, two voices in several pitches and tempos.

    python benchmarks/audio_corpus.py DIR [CALLS]

The way from script to call is that of ``make_samples.py``; the scripts are drawn here from templates, none of them a
shipped sample. A voice at another rate is higher and faster, or lower and slower, and its word times stretch along.
"""

import random
import re
import sys
from pathlib import Path

import numpy as np

from make_samples import LATE_MS, Call, HibariVoice, JoeVoice, make

NAMES = (
    "Priyanka Deshmukh|Oluwaseun Adeyemi|Margaret Thistlewood|Rohan Mukherjee|Siobhan Gallagher|Tomasz Nowak|"
    "Fatima Al Sayed|Henry Blackwood|Lakshmi Venkatesan|George Papadakis|Chloe Fairweather|Arjun Malhotra|"
    "Beatrice Okafor|Dominic Sutcliffe|Nadia Petrova|Samuel Whitfield"
).split("|")
STREETS = "Cavendish Road|Palm Grove Lane|Hollow Oak Drive|Temple Street|Marine Parade|Station Approach".split("|")
DIGITS = "oh one two three four five six seven eight nine".split()
MONTHS = "January March April July August October December".split()
OPENERS = [
    "Thanks for holding, you are through to {PERSON|NAME1.} What can I do for you today?",
    "Good evening, {PERSON|NAME1} speaking, how may I help?",
    "Welcome to customer care, my name is {PERSON|NAME1} and this call may be recorded.",
]
REASONS = [
    "Hi, I was charged twice this month and I would like my money back please.",
    "Yes, the engineer never turned up on Tuesday between nine and twelve.",
    "I moved house last week and I need the delivery sent somewhere else.",
    "Hello, the app keeps asking me to log in again and I cannot see my balance.",
]
EXCHANGES = [
    ("Could I take your full name please?", "Sure, it is {PERSON|NAMEF.}"),
    ("Who am I speaking with?", "My name is {PERSON|NAMEF} and I have been a customer for six years."),
    ("And the long number across the front of the card?", "Okay so that is {CREDIT_CARD|CARD} I think."),
    ("Can you read me the card number?", "{CREDIT_CARD|CARD}"),
    ("What is the best phone number to reach you on?", "You can call me on {PHONE_NUMBER|PHONE} any time after five."),
    ("And a contact number?", "Yeah {PHONE_NUMBER|PHONE}"),
    ("Do you have the account number there?", "Let me look, it says {ID_NUMBER|ACCOUNT} on the letter."),
    ("What is your address?", "I live at {ADDRESS|HOUSE STREET near the old mill.}"),
    ("And your date of birth?", "I was born on the {DATE_OF_BIRTH|DAY of MONTH nineteen YEAR} in the morning."),
    ("What is your e-mail?", "That would be {EMAIL_ADDRESS|LOGIN at example dot com} all in lower case."),
]
CLOSERS = [
    ("Thank you {PERSON|SURNAME} that is all done for you now.", "Great, thanks a lot, bye."),
    ("I have put that through {PERSON|SURNAME} and you will get a text shortly.", "Lovely, thank you very much."),
]
VOICES = ["hibari", "hibari-high", "hibari-low", "piper", "piper-high", "piper-low"]


class Stretched:
    """A voice played at another rate."""

    def __init__(self, voice: HibariVoice | JoeVoice, factor: float) -> None:
        self.voice, self.factor = voice, factor

    def say(self, text: str) -> tuple[np.ndarray, int, list[tuple[int, int]]]:
        """As ``HibariVoice.say``."""
        audio, rate_hz, words = self.voice.say(text)
        return audio, round(rate_hz * self.factor / 50) * 50, words


def _digits(rng: random.Random, groups: list[int]) -> str:
    return ", ".join(" ".join(rng.choice(DIGITS) for _ in range(size)) for size in groups) + ","


def script(number: int) -> Call:
    """One call, the same for the same number."""
    rng = random.Random(f"audio-{number}")
    name = rng.choice(NAMES)
    values = {
        "NAME1": rng.choice(NAMES).split()[0],
        "NAMEF": name,
        "SURNAME": name.split()[-1],
        "CARD": _digits(rng, [4, 4, 4, 4]),
        "PHONE": _digits(rng, rng.choice([[3, 3, 4], [5, 5], [4, 3, 4]])),
        "ACCOUNT": _digits(rng, rng.choice([[8], [3, 4], [4, 4]])),
        "HOUSE": rng.choice(["fourteen", "two hundred and six", "flat nine,", "thirty one"]),
        "STREET": rng.choice(STREETS),
        "DAY": rng.choice(["third", "twenty second", "eleventh"]),
        "MONTH": rng.choice(MONTHS),
        "YEAR": rng.choice(["eighty four", "sixty nine", "ninety one"]),
        "LOGIN": f"{name.split()[0].lower()} dot {name.split()[-1].lower()}",
    }
    lines = [rng.choice(OPENERS), rng.choice(REASONS)]
    for question, answer in rng.sample(EXCHANGES, 4):
        lines += [question, answer]
    lines += rng.choice(CLOSERS)
    slots = re.compile(rf"\b({'|'.join(values)})\b")  # whole words: a type's name holds a slot's, as CREDIT_CARD does
    lines = [slots.sub(lambda slot: values[slot[1]], line) for line in lines]
    voices = (VOICES[number % len(VOICES)], VOICES[(number * 5 + 2) % len(VOICES)])
    return Call(f"caller-{number:03d}", "bench", voices, [(at % 2, line) for at, line in enumerate(lines)])


def voices() -> dict[str, Stretched]:
    """Every voice, by name."""
    plain = {"hibari": HibariVoice(), "piper": JoeVoice()}
    found = {
        f"{name}{suffix}": Stretched(voice, factor)
        for name, voice in plain.items()
        for suffix, factor in (("", 1.0), ("-high", 1.14), ("-low", 0.9))
    }
    LATE_MS.update({name: LATE_MS[name.split("-")[0]] for name in found})
    return found


def build(out: Path, calls: int) -> None:
    """Write the calls that are not there yet."""
    wanted = [number for number in range(calls) if not (out / f"caller-{number:03d}.truth.json").exists()]
    if not wanted:
        return
    out.mkdir(parents=True, exist_ok=True)
    speakers = voices()
    for number in wanted:
        make(script(number), speakers, out)  # type: ignore[arg-type]


if __name__ == "__main__":
    build(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 24)
