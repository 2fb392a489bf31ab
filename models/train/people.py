"""Made-up people: names of many cultures, spelled names, the handles they would choose."""

import re
import string
from collections.abc import Callable
from functools import cache
from random import Random

from models.train import spoken
from models.train.base import Value, misspell, pick, plain, sections, slipped

CULTURES = {
    "indian_north": 5,
    "indian_south": 5,
    "indian_other": 3,
    "classic": 6,
    "arabic": 1.5,
    "east_asian": 1.5,
    "african": 1.5,
    "slavic_persian": 1.5,
    "faker": 12,
}


LOCALES = (
    "en_US en_GB en_IN en_AU en_IE en_CA en_NZ de_DE de_CH fr_FR es_ES es_MX es_CO it_IT pt_BR pt_PT nl_NL nl_BE sv_SE "
    "da_DK fi_FI no_NO pl_PL cs_CZ sk_SK hu_HU ro_RO hr_HR sl_SI et_EE lt_LT lv_LV tr_TR id_ID vi_VN yo_NG ga_IE "
    "zu_ZA tw_GH en_PK fil_PH"
).split()


@cache
def faker_names(locale: str) -> tuple[list[str], list[str]]:
    """Given and family names of one Faker locale (MIT) that an English recogniser could write."""
    from faker import Faker

    faker = Faker(locale)
    faker.seed_instance(7)

    def usable(name: str) -> bool:
        return bool(re.fullmatch(r"[a-z' -]{2,24}", spoken.fold(name).lower()))

    given = sorted({n for n in (faker.first_name() for _ in range(600)) if usable(n)})
    family = sorted({n for n in (faker.last_name() for _ in range(800)) if usable(n)})
    return given, family


def name_parts(rng: Random) -> tuple[str, str]:
    """A given and a family name; one in eight is blended from two, so that unknown names are learned as names."""
    first, last = listed_name(rng)
    if rng.random() < 0.06:
        first = blended(first, listed_name(rng)[0], rng)
    if rng.random() < 0.12:
        last = blended(last, listed_name(rng)[1], rng)
    return first, last


def blended(one: str, other: str, rng: Random) -> str:
    """The head of one name on the tail of another: ``hearston``, ``weddel``."""
    if rng.random() < 0.2:
        return place_as_made_up(rng)
    head, tail = one[: max(2, (len(one) + 1) // 2)], other[len(other) // 2 :]
    return head + tail


def listed_name(rng: Random) -> tuple[str, str]:
    culture = rng.choices(list(CULTURES), list(CULTURES.values()))[0]
    if culture == "faker":
        for _ in range(8):
            given, family = faker_names(rng.choice(LOCALES))
            if given and family:
                return rng.choice(given), rng.choice(family)
    first = pick(rng, f"{culture}.given", "names.txt")
    if culture == "indian_south" and rng.random() < 0.35:
        return first, rng.choice([pick(rng, "indian_south.given", "names.txt"), rng.choice(string.ascii_lowercase)])
    return first, pick(rng, f"{culture}.family", "names.txt")


@cache
def known_names() -> frozenset[str]:
    """Every single word that the name lists hold."""
    found: set[str] = set()
    for entries in sections("names.txt").values():
        found.update(entries)
    for locale in LOCALES:
        for entries in faker_names(locale):
            found.update(word for name in entries for word in plain(name).split())
    return frozenset(found)


@cache
def common_words() -> list[str]:
    """Frequent English words that are nobody's name and no town, from the list of ``wordfreq``."""
    from wordfreq import top_n_list

    towns = {w for key, entries in sections("places.txt").items() if "." in key for e in entries for w in e.split()}
    words = top_n_list("en", 14000)
    return [w for w in words if w.isascii() and w.isalpha() and len(w) > 2 and w not in known_names() | towns]


ENDINGS = re.compile(
    r".{3,}(?:ing|ings|ed|ness|tions?|sion|able|ible|ally|ily|ously|ous|ments?|ism|ists|ful|less|ical|ology|ities|ives|"
    r"i[sz]ed|i[sz]ing|ances|ences|encies|graphy|ships|hood)"
)


@cache
def rare_words() -> list[str]:
    """Rarer English words whose endings show that they are no names: ``unbiased``, ``wording``, ``shortness``."""
    from wordfreq import top_n_list

    words = top_n_list("en", 60000)
    known, unwanted = frozenset(words), known_names() | frozenset(common_words())

    def inflected(word: str) -> bool:
        stem = re.sub(r"(?:ings?|ed)$", "", word)
        return stem == word or any(form in known for form in (stem, f"{stem}e", stem[:-1]))

    return [w for w in words if ENDINGS.fullmatch(w) and w.isascii() and w not in unwanted and inflected(w)]


def everyday_word(rng: Random) -> str:
    """A word that is nobody's name, one in four of them a rare one."""
    return rng.choice(rare_words() if rng.random() < 0.25 else common_words())


def word_as_name(rng: Random) -> str:
    """An English word that is somebody's name: ``grace``, ``frizzle``, ``books``."""
    return pick(rng, "thirdsense", "words.txt") if rng.random() < 0.6 else pick(rng, "thing", "slots.txt")


def place_as_made_up(rng: Random) -> str:
    """A town nobody knows: the ending says what it is."""
    return pick(rng, "town.head", "places.txt") + pick(rng, "town.tail", "places.txt")


def cased(name: str, rng: Random) -> str:
    return name if rng.random() < 0.15 else (name.upper() if rng.random() < 0.04 else name.title().replace("'S", "'s"))


def as_name(text: str, rng: Random) -> Value:
    if rng.random() < 0.08:
        text = misspell(text, rng)
    return Value(cased(text, rng), plain(text))


def first_name(rng: Random) -> Value:
    return as_name(name_parts(rng)[0], rng)


def last_name(rng: Random) -> Value:
    return as_name(name_parts(rng)[1], rng)


def listed_word(section: str) -> Callable[[Random], Value]:
    """Somebody's name that is an everyday word, a place or a month."""

    def make(rng: Random) -> Value:
        return as_name(pick(rng, section, "lookalikes.txt"), rng)

    return make


def person(rng: Random) -> Value:
    first, last = name_parts(rng)
    form = rng.random()
    if rng.random() < 0.09:
        first, last = rng.choice([(word_as_name(rng), last), (first, word_as_name(rng))])
    if rng.random() < 0.03:
        return as_name(f"{rng.choice(['uncle', 'aunt', 'auntie', 'aunty', 'grandma'])} {first}", rng)
    if form < 0.33:
        text = first
    elif form < 0.76:
        text = f"{first} {last}"
    elif form < 0.84:
        text = last
    elif form < 0.88:
        text = f"{first} {name_parts(rng)[0]} {last}"
    elif form < 0.94:
        initial = rng.choice(string.ascii_lowercase)
        text = rng.choice([f"{initial} {last}", f"{first} {initial}", f"{first} {initial} {last}"])
    elif form < 0.965:
        written = f"{last.title()}, {first.title()}"
        return Value(written, plain(f"{last} {first}"))
    else:
        text = rng.choice([first + last, f"{last} {first}", f"{last} {first} {rng.choice(string.ascii_lowercase)}"])
    return as_name(text, rng)


def listed_person(rng: Random) -> Value:
    """Surname first, as directories have it: ``Gomez Ana L.``; one in three without an initial."""
    first, last = name_parts(rng)
    if rng.random() < 0.33:
        return as_name(f"{last} {first}", rng)
    initial = rng.choice(string.ascii_lowercase)
    dot = rng.choice(["", ".", "."])
    return Value(cased(f"{last} {first} {initial}", rng) + dot, plain(f"{last} {first} {initial}"))


def initialled(rng: Random) -> Value:
    """A name with one or two initials among its parts."""
    (first, last), (initial, other) = name_parts(rng), rng.choices(string.ascii_lowercase, k=2)
    dot = rng.choice(["", ".", "."])
    forms = [f"{first} {initial}{dot} {last}"] * 4 + [f"{initial}{dot} {last}", f"{initial}{dot} {other}{dot} {last}"]
    name = rng.choice(forms)
    return Value(cased(name, rng), plain(name))


def spelled(rng: Random) -> Value:
    first, last = name_parts(rng)
    name = rng.choice([first, last, last, f"{first} {last}"])
    said = slipped(spoken.letters(name, rng), rng)
    written = rng.choice(["-", " ", " ", "."]).join(c.upper() for c in name if c.isalpha())
    return Value(rng.choice([written, written, said]), said)


def handle(rng: Random) -> str:
    first, last = (plain(n).replace(" ", "").replace("'", "") for n in name_parts(rng))
    return rng.choice(
        [
            f"{first}.{last}",
            f"{first}{last}",
            f"{first}_{last}",
            f"{first}{rng.randint(1, 999)}",
            f"{first[0]}{last}{rng.randint(1, 99)}",
            f"{last}.{first}",
            f"{first}{last[0]}",
            f"{rng.choice(sections('slots.txt')['thing'])}{rng.randint(1, 999)}",
        ]
    )
