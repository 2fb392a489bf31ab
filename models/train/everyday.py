"""English words that are nobody's name and no town, from the frequency list of ``wordfreq``."""

import re
from functools import cache
from random import Random

from wordfreq import top_n_list

from models.train.people import known_names, known_towns

ENDING = re.compile(
    r"[a-z]{4,}(?:ing|tion|sion|ness|ment|able|ible|ology|philia|phobia|ous|ful|less|ical|ive|ism|ists)"
)
"""What a name hardly ever ends in."""


def everyday_word(rng: Random) -> str:
    return rng.choice(common_words() if rng.random() < 0.6 else rare_words())


@cache
def common_words() -> list[str]:
    return [word for word in top_n_list("en", 14000) if len(word) > 2 and nobodys(word)]


@cache
def rare_words() -> list[str]:
    """Less frequent words whose form says that they are no name: endings, and plurals of frequent words."""
    frequent = set(top_n_list("en", 30000))

    def plural(word: str) -> bool:
        return len(word) > 5 and word[-1] == "s" and word[:-1] in frequent and nobodys(word[:-1])

    return [w for w in top_n_list("en", 70000)[10000:] if nobodys(w) and (ENDING.fullmatch(w) or plural(w))]


def nobodys(word: str) -> bool:
    return word.isascii() and word.isalpha() and word not in known_names() and word not in known_towns()
