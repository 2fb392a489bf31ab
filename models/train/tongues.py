"""Other languages beside English: everyday words of them as negatives, and digits as their speakers say them."""

from collections.abc import Callable
from functools import cache
from random import Random

from models.train.base import Value, number, pick
from models.train.people import known_names

HINDI = "shunya ek do teen chaar paanch chhe saat aath nau".split()
HINDI_OTHERWISE = {
    "shunya": ("zero", "jeero", "shoonya"),
    "teen": ("tin",),
    "chaar": ("char",),
    "paanch": ("panch", "paach"),
    "chhe": ("che", "chhah", "chah"),
    "saat": ("sat",),
    "aath": ("ath",),
    "nau": ("no", "now"),
}
"""How recognisers and chat writers spell the Hindi digits."""
HINDI_TENS = (
    "das bees tees chalees pachaas saath sattar assi nabbe gyarah barah terah chaudah pandrah solah satrah atharah "
    "unnees ikkees baees teis chaubees pachees pachpan chauvan athaasi ninyanve bayalis chhappan sadsath pachhattar"
).split()
SPANISH = "cero uno dos tres cuatro cinco seis siete ocho nueve".split()
ENGLISH = "zero one two three four five six seven eight nine".split()


def hindi_digits(low: int, high: int) -> Callable[[Random], Value]:
    """Digits in Hindi words, some of them in English, "double" included; the written form is the same words."""

    def make(rng: Random) -> Value:
        run, words = number(rng, low, high), []
        at, mixed = 0, rng.choice([0.0, 0.0, 0.3, 0.6])
        while at < len(run):
            word = HINDI[int(run[at])]
            said = ENGLISH[int(run[at])] if rng.random() < mixed else word
            if said == word and rng.random() < 0.25:
                said = rng.choice(HINDI_OTHERWISE.get(word, (word,)))
            if run[at : at + 2] == 2 * run[at] and rng.random() < 0.6:
                words += ["double", said]
                at += 2
            elif rng.random() < 0.12:
                words.append(rng.choice(HINDI_TENS))
                at += 2
            else:
                words.append(said)
                at += 1
        text = " ".join(words)
        return Value(text, text)

    return make


def spanish_phone(rng: Random) -> Value:
    text = " ".join(SPANISH[int(d)] for d in number(rng, 7, 10))
    return Value(text, text)


@cache
def everyday(language: str) -> list[str]:
    """Frequent words of a language (``wordfreq``) that are nobody's name."""
    from wordfreq import top_n_list

    return [w for w in top_n_list(language, 2500) if w.isalpha() and len(w) > 1 and w not in known_names()]


def foreign(language: str) -> Callable[[Random], Value]:
    """Two to eight everyday words of a language in a row."""

    def make(rng: Random) -> Value:
        words = everyday(language)
        # squared: frequent words come oftener, as they do in speech
        text = " ".join(words[int(len(words) * rng.random() ** 2)] for _ in range(rng.randint(2, 8)))
        return Value(text, text)

    return make


def bag(section: str) -> Callable[[Random], Value]:
    """Two to seven words of a hand-made list in a row."""

    def make(rng: Random) -> Value:
        text = " ".join(pick(rng, section, "lookalikes.txt") for _ in range(rng.randint(2, 7)))
        return Value(text, text)

    return make
