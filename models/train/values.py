"""Made-up values of every labelled type, each as (written, spoken)."""

import re
import string
from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random
from typing import NamedTuple

from models.train import spoken

DATA = Path(__file__).parent / "data"
MONTHS = "January February March April May June July August September October November December".split()
WEEKDAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
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


class Value(NamedTuple):
    written: str
    spoken: str


@cache
def sections(name: str) -> dict[str, list[str]]:
    """A data file as section -> entries (``|`` or blanks between them)."""
    found: dict[str, list[str]] = {}
    current: list[str] = []
    for line in (DATA / name).read_text("utf-8").splitlines():
        if line.startswith("#") or not line:
            continue
        if line.startswith("["):
            current = found.setdefault(line.strip("[]"), [])
        else:
            current.extend(line.split("|") if "|" in line or name != "names.txt" else line.split())
    return found


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


def pick(rng: Random, section: str, file: str) -> str:
    return rng.choice(sections(file)[section])


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


def word_as_name(rng: Random) -> str:
    """An English word that is somebody's name: ``grace``, ``frizzle``, ``books``."""
    return pick(rng, "thirdsense", "words.txt") if rng.random() < 0.6 else pick(rng, "thing", "slots.txt")


def place_as_made_up(rng: Random) -> str:
    """A town nobody knows: the ending says what it is."""
    return pick(rng, "town.head", "places.txt") + pick(rng, "town.tail", "places.txt")


def misspell(name: str, rng: Random) -> str:
    """One slip of a keyboard or a recogniser: a letter lost, doubled, swapped or changed."""
    if len(name) < 4:
        return name
    i = rng.randrange(1, len(name) - 1)
    return rng.choice(
        [
            name[:i] + name[i + 1 :],
            name[:i] + name[i] + name[i:],
            name[:i] + name[i + 1] + name[i] + name[i + 2 :],
            name[:i] + rng.choice(string.ascii_lowercase) + name[i + 1 :],
        ]
    )


def plain(name: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"[^\w' ]", " ", spoken.fold(name).lower())).strip()


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
    elif form < 0.975:
        written = f"{last.title()}, {first.title()}"
        return Value(written, plain(f"{last} {first}"))
    else:
        text = rng.choice([first + last, f"{last} {first}", f"{last} {first} {rng.choice(string.ascii_lowercase)}"])
    return as_name(text, rng)


def spelled(rng: Random) -> Value:
    first, last = name_parts(rng)
    name = rng.choice([first, last, last, f"{first} {last}"])
    said = slipped(spoken.letters(name, rng), rng)
    written = rng.choice(["-", " ", " ", "."]).join(c.upper() for c in name if c.isalpha())
    return Value(rng.choice([written, written, said]), said)


NOISE = "and the oh uh um a of to it's that space are you hey is for in indeed so it my yes".split()


def slipped(said: str, rng: Random) -> str:
    """Now and then a word too many or misheard inside a value, as recognisers and hesitation leave it."""
    if rng.random() > 0.14:
        return said
    words = said.split()
    at = rng.randrange(len(words) + 1)
    words[at : at + rng.randint(0, 1)] = [rng.choice(NOISE)]
    return " ".join(words)


def number(rng: Random, low: int, high: int) -> str:
    length = rng.randint(low, high)
    return "".join(rng.choice(string.digits) for _ in range(length))


def grouped(run: str, rng: Random) -> str:
    if rng.random() < 0.4 or len(run) < 6:
        return run
    size = rng.choice([3, 4, 4, 5])
    return rng.choice([" ", "-", " "]).join(run[i : i + size] for i in range(0, len(run), size))


def phone(rng: Random) -> Value:
    kind = rng.random()
    if kind < 0.35:
        run, prefix = rng.choice("6789") + number(rng, 9, 9), rng.choice(["", "", "", "+91 ", "0"])
        written = f"{prefix}{run if rng.random() < 0.6 else f'{run[:5]} {run[5:]}'}"
    elif kind < 0.7:
        run, prefix = str(rng.randint(201, 989)) + number(rng, 7, 7), rng.choice(["", "", "+1 ", "1-"])
        a, b, c = run[:3], run[3:6], run[6:]
        written = prefix + rng.choice([f"({a}) {b}-{c}", f"{a}-{b}-{c}", f"{a} {b} {c}", run, f"{a}.{b}.{c}"])
    elif kind < 0.88:
        run, prefix = rng.choice(["7", "20", "161", "131"]) + number(rng, 8, 8), rng.choice(["0", "0", "+44 "])
        written = f"{prefix}{run[:4]} {run[4:7]} {run[7:]}"
    elif kind < 0.95:
        written = f"+{rng.choice(['49', '33', '61', '971', '234', '65'])} {grouped(number(rng, 8, 10), rng)}"
    else:
        written = number(rng, 4, 7)
    plus = "plus " if written.startswith("+") else ""
    return Value(written, plus + spoken.digits(re.sub(r"\D", "", written), rng))


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


def email(rng: Random) -> Value:
    domains = (
        "gmail.com yahoo.com hotmail.com outlook.com yahoo.co.in rediffmail.com icloud.com aol.com live.co.uk".split()
    )
    company = pick(rng, "org.head", "words.txt").replace(" ", "")
    domain = rng.choice(
        [*domains, "gmail.com", f"{company}.com", f"{company}.co.uk", f"{company}.in", f"{company}.org"]
    )
    address = f"{handle(rng)}@{domain}"
    if rng.random() < 0.12:
        return Value(address.replace("@", "").replace(".", ""), spoken.email(address, rng))
    return Value(address, spoken.email(address, rng))


def postcode(rng: Random) -> Value:
    letter = rng.choice
    area = letter(
        ["SW", "N", "E", "EC", "W", "M", "B", "LS", "RH", "CR", "G", "EH", "CF", "BS", "OX", "DA", "S", "L", "TN"]
    )
    out = f"{area}{rng.randint(1, 20)}{letter(['', '', '', 'A', 'W'])}"
    full = f"{out} {rng.randint(1, 9)}{letter('ABDEFGHJLNPQRSTUWXYZ')}{letter('ABDEFGHJLNPQRSTUWXYZ')}"
    if rng.random() < 0.12:
        full = pattern("A9A 9A9")(rng).written.upper()
    if rng.random() < 0.15:
        full = full[: rng.randint(3, 6)].strip()
    said = slipped(spoken.code(full, rng), rng)
    semi = " ".join(full.replace(" ", "").lower())
    return Value(rng.choice([full, full, full.replace(" ", ""), full.lower(), semi]), said)


def zip_code(rng: Random) -> Value:
    if rng.random() < 0.2:
        return pattern("9999", "999 99", "99999-999", "9999 AA", "99-999", "AA-9999")(rng)
    run = number(rng, 5, 5)
    return Value(f"{run}-{number(rng, 4, 4)}" if rng.random() < 0.05 else run, spoken.digits(run, rng))


def pin_code(rng: Random) -> Value:
    run = rng.choice("12345678") + number(rng, 5, 5)
    return Value(run if rng.random() < 0.7 else f"{run[:3]} {run[3:]}", spoken.digits(run, rng))


def house(rng: Random) -> str:
    n = rng.choice([rng.randint(1, 99), rng.randint(1, 999), rng.randint(100, 9999), rng.randint(1, 29999)])
    return f"{n}{rng.choice('abcdef')}" if rng.random() < 0.06 else str(n)


def street_words(rng: Random) -> str:
    place = lambda key: pick(rng, key, "places.txt")  # noqa: E731
    kind = rng.random()
    if kind < 0.25:
        stem = f"{rng.randint(1, 120)}"
        n = int(stem)
        stem += "th" if 10 <= n % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    elif kind < 0.35:
        stem = spoken.fold(name_parts(rng)[rng.randrange(2)])
    else:
        stem = place("street.stem")
    direction = rng.choice(["", "", "", "north ", "south ", "east ", "west ", "n ", "w "])
    tail = rng.choice(["", "", "", "", " north", " west", " s", " northwest"])
    return f"{direction}{stem} {place('street.suffix')}{tail}"


def unit(rng: Random) -> str:
    n = rng.randint(1, 900)
    return rng.choice(
        [f"apt {n}", f"suite {n}", f"unit {n}", f"# {n}", f"{n % 20 + 1}th floor", f"flat {n % 40 + 1}", "ste b"]
    )


def western_street(rng: Random) -> str:
    text = f"{house(rng)} {street_words(rng)}"
    if rng.random() < 0.2:
        text += rng.choice([", ", " "]) + unit(rng)
    if rng.random() < 0.04:
        text = f"{street_words(rng)}{rng.choice(['', ' city centre', ' town centre'])}"
    return text


def indian_street(rng: Random) -> str:
    place = lambda key: pick(rng, key, "places.txt")  # noqa: E731
    n = rng.randint(1, 400)
    door = rng.choice(
        [
            f"flat {n}",
            f"flat no {n}",
            f"house no {n}",
            f"h no {n}/{rng.randint(1, 40)}",
            f"door no {n}",
            f"plot {n}",
            f"plot number {n}",
            f"no {n}",
            f"{n}",
            f"{n}/{rng.randint(1, 30)}",
            f"{rng.choice('abcd')} {n}",
            f"{n} {rng.choice('abc')}",
            f"room no {n}",
            f"shop no {n}",
        ]
    )
    middle = [
        place("building.in"),
        f"sector {rng.randint(1, 90)}",
        f"block {rng.choice('abcdef')}",
        f"phase {rng.randint(1, 4)}",
        f"{rng.randint(1, 20)}th cross",
        f"{rng.randint(4, 20)}th main",
        f"{rng.choice(['second', 'third', 'first', '2nd', '3rd'])} {rng.choice(['floor', 'street', 'cross', 'lane'])}",
        place("street.in"),
        place("street.in"),
        f"{spoken.fold(name_parts(rng)[0])} {pick(rng, 'street.in.suffix', 'places.txt')}",
        f"ward no {rng.randint(1, 30)}",
        f"{rng.choice(['near', 'opposite', 'behind', 'opp'])} {pick(rng, 'landmark', 'places.txt')}",
    ]
    parts = [door, *rng.sample(middle, rng.choice([0, 1, 1, 2])), place("area.in")]
    if rng.random() < 0.25:
        parts.pop()
    return rng.choice([", ", ", ", " "]).join(parts)


def european_street(rng: Random) -> str:
    kind, family = rng.random(), spoken.fold(name_parts(rng)[1])
    if kind < 0.35:
        name = pick(rng, "street.eu", "places.txt")
    elif kind < 0.7:
        name = f"{pick(rng, 'street.eu.head', 'places.txt')} {family}"
    else:
        stem = rng.choice([family.replace(" ", ""), pick(rng, "street.eu.stem", "places.txt")])
        name = stem + pick(rng, "street.eu.tail", "places.txt")
    n = rng.randint(1, 300)
    return rng.choice(
        [f"{name} {n}", f"{n} {name}", f"{name} {n}{rng.choice('abc')}", f"{name} {n}, {number(rng, 4, 5)}"]
    )


def road(rng: Random) -> Value:
    kind = rng.random()
    text = western_street(rng) if kind < 0.62 else indian_street(rng) if kind < 0.85 else european_street(rng)
    return Value(titled(text) if rng.random() < 0.7 else text, spoken.street(text, rng))


def address(rng: Random) -> Value:
    kind = rng.random()
    glue = rng.choice([", ", ", ", " "])
    place = lambda key: pick(rng, key, "places.txt")  # noqa: E731
    if kind < 0.25:
        return road(rng)
    if kind < 0.5:
        text = f"{western_street(rng)}{glue}{place('city.us')}"
        text += rng.choice(["", f"{glue}{place('state.us')} {number(rng, 5, 5)}", f" {number(rng, 5, 5)}"])
    elif kind < 0.65:
        text = f"{western_street(rng)}{glue}{place('city.uk')}"
        if rng.random() < 0.7:
            text += glue + postcode(rng).written
    elif kind < 0.93:
        text = f"{indian_street(rng)}{glue}{place('city.in')}"
        text += rng.choice(["", f" {number(rng, 6, 6)}", f" - {number(rng, 6, 6)}", f"{glue}{place('region')}"])
    else:
        text = f"{european_street(rng)}{glue}{place('city.world')}"
    if rng.random() < 0.04:
        box = f"{rng.choice(['unit', 'psc', 'cmr'])} {rng.randint(100, 9999)} box {rng.randint(100, 9999)}"
        if rng.random() < 0.3:
            box = f"{rng.choice(['uss', 'usns', 'uscgc'])} {spoken.fold(name_parts(rng)[1])}"
        text = f"{box}{glue}{rng.choice(['apo', 'dpo', 'fpo'])} {rng.choice(['ae', 'ap', 'aa'])} {number(rng, 5, 5)}"
    elif rng.random() < 0.03:
        text = f"p o box {rng.randint(10, 9999)}{glue}{place('city.us')}"
    return Value(titled(text) if rng.random() < 0.6 else text, spoken.street(text, rng))


def location(rng: Random) -> Value:
    key = rng.choice(["city.in", "city.us", "city.uk", "city.world", "city.us", "city.in", "country", "region"])
    text = pick(rng, key, "places.txt") if rng.random() < 0.85 else place_as_made_up(rng)
    if rng.random() < 0.05:
        text = f"{rng.choice(['north', 'south', 'east', 'west', 'downtown', 'central', 'old', 'new'])} {text}"
    if rng.random() < 0.12:
        tail = pick(rng, rng.choice(["region", "country"]), "places.txt")
        return Value(f"{titled(text)}, {tail.title()}", f"{text} {tail}")
    return Value(titled(text), text)


def airport(rng: Random) -> Value:
    text = pick(rng, "airport", "places.txt")
    return Value(titled(text), text)


def organization(rng: Random) -> Value:
    kind = rng.random()
    if kind < 0.5:
        text = pick(rng, "organization", "words.txt")
    elif kind < 0.8:
        text = f"{pick(rng, 'org.head', 'words.txt')} {pick(rng, 'org.suffix', 'words.txt')}"
    elif kind < 0.9:
        text = f"{name_parts(rng)[1]} {pick(rng, 'org.suffix', 'words.txt')}"
    else:
        text = f"{name_parts(rng)[1]} {rng.choice(['and', 'and', '&'])} {name_parts(rng)[1]}"
    return Value(titled(text), plain(text.replace("&", "and")))


def calendar(rng: Random, low: int, high: int) -> Value:
    y, m, d = rng.randint(low, high), rng.randint(1, 12), rng.randint(1, 28)
    month = MONTHS[m - 1]
    written = rng.choice(
        [
            f"{d}/{m}/{y}",
            f"{m}/{d}/{y}",
            f"{d:02}-{m:02}-{y}",
            f"{d:02}.{m:02}.{y}",
            f"{y}-{m:02}-{d:02}",
            f"{month} {d}, {y}",
            f"{d} {month} {y}",
            f"{d}{suffix(d)} {month} {y}",
            f"{d}{suffix(d)} of {month} {y}",
            f"{month[:3]} {d} {y}",
            f"{d:02}{m:02}{y}",
            f"{d}/{m}/{y % 100:02}",
        ]
    )
    said_year = spoken.year(y, rng) if rng.random() < 0.8 else spoken.digits(f"{y % 100:02}", rng)
    said_day = rng.choice([spoken.ordinal(d), spoken.ordinal(d), spoken.cardinal(d)])
    said = rng.choice(
        [
            f"{said_day} of {month} {said_year}",
            f"the {said_day} of {month} {said_year}",
            f"{said_day} {month} {said_year}",
            f"{month} {said_day} {said_year}",
            f"{spoken.digits(f'{d:02}', rng)} {spoken.digits(f'{m:02}', rng)} {said_year}",
            f"{spoken.cardinal(d)} {spoken.cardinal(m)} {said_year}",
            f"{spoken.ordinal(d)} of the {spoken.ordinal(m)} {said_year}",
        ]
    )
    return Value(written, slipped(said.lower(), rng))


def titled(text: str) -> str:
    """Title case that leaves ``82nd`` and ``o'brien's`` readable."""
    return re.sub(r"(?<![\w'])[^\W\d_]", lambda m: m.group().upper(), text)


def suffix(n: int) -> str:
    return "th" if 10 <= n % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")


def birth_date(rng: Random) -> Value:
    return calendar(rng, 1915, 2012)


def date(rng: Random) -> Value:
    kind = rng.random()
    day, d, month = rng.choice(WEEKDAYS), rng.randint(1, 31), rng.choice(MONTHS)
    if kind < 0.2:
        return calendar(rng, 2015, 2027)
    if kind < 0.5:
        written = rng.choice(
            [f"{month} {d}{suffix(d)}", f"{d}{suffix(d)} of {month}", f"{d} {month}", f"the {d}{suffix(d)}"]
        )
        said = rng.choice(
            [f"{month} {spoken.ordinal(d)}", f"{spoken.ordinal(d)} of {month}", f"the {spoken.ordinal(d)}"]
        )
        return Value(written, said.lower())
    text = rng.choice(
        [
            "today",
            "tomorrow",
            "yesterday",
            "the day after tomorrow",
            f"next {day}",
            f"last {day}",
            day,
            f"this {day}",
            f"{day} morning",
            f"{day} evening",
            f"in {month}",
            "next week",
            "last month",
            "next month",
            "tonight",
            "this weekend",
            "last night",
            "this afternoon",
        ]
    )
    return Value(text, text.lower())


def clock(rng: Random) -> Value:
    hour, minute = rng.randint(1, 12), rng.choice([0, 0, 15, 30, 45, rng.randrange(0, 60, 5)])
    half = rng.choice(["am", "pm"])
    written = rng.choice(
        [
            f"{hour}:{minute:02} {half}",
            f"{hour}{half}" if not minute else f"{hour}:{minute:02}{half}",
            f"{hour}:{minute:02}",
        ]
    )
    words = spoken.cardinal(hour) + (f" {spoken.pair(minute)}" if minute else "")
    said = rng.choice([f"{words} {half[0]} m", f"{words} {half[0]} m", f"{words} o'clock" if not minute else words])
    if rng.random() < 0.15:
        phrase = rng.choice(["half past ", "quarter past ", "quarter to "]) + spoken.cardinal(hour)
        return Value(phrase, phrase)
    return Value(written, said)


def age(rng: Random) -> Value:
    n = rng.randint(1, 99)
    return Value(str(n), spoken.cardinal(n))


def card(rng: Random) -> Value:
    run = rng.choice(["4", "5", "37", "6", "52", "41"]) + number(rng, 14, 14)
    run = run[:15] if run[:2] == "37" else run[:16].ljust(16, rng.choice(string.digits))
    groups = " ".join(run[i : i + 4] for i in range(0, len(run), 4))
    return Value(rng.choice([run, groups, groups, groups.replace(" ", "-")]), spoken.digits(run, rng))


def expiry(rng: Random) -> Value:
    m, y = rng.randint(1, 12), rng.randint(24, 35)
    said = rng.choice(
        [
            f"{spoken.digits(f'{m:02}', rng)} {spoken.cardinal(y)}",
            f"{MONTHS[m - 1].lower()} {spoken.year(2000 + y, rng)}",
            f"{spoken.cardinal(m)} slash {spoken.cardinal(y)}",
            f"{spoken.digits(f'{m:02}', rng)} {spoken.digits(str(y), rng)}",
        ]
    )
    return Value(rng.choice([f"{m:02}/{y}", f"{m:02}/20{y}", f"{m}/{y}", f"{MONTHS[m - 1]} 20{y}"]), said)


def digits_value(low: int, high: int) -> Callable[[Random], Value]:
    def make(rng: Random) -> Value:
        run = number(rng, low, high)
        return Value(grouped(run, rng), spoken.digits(run, rng))

    return make


def pattern(*forms: str) -> Callable[[Random], Value]:
    """Values of a form such as ``AA999A``: ``A`` a letter, ``9`` a digit, anything else itself."""

    def make(rng: Random) -> Value:
        upper = "".join(
            rng.choice(string.ascii_uppercase) if c == "A" else rng.choice(string.digits) if c == "9" else c
            for c in rng.choice(forms)
        )
        return Value(upper if rng.random() < 0.6 else upper.lower(), spoken.code(upper, rng))

    return make


_mixed = pattern(
    "AAA999", "AAA 999", "AA999999", "AAA999999999", "A9A 9A9", "AA-9999-99", "A99999999", "99AAA9999A", "AAA-99999"
)


def reference(rng: Random) -> Value:
    return digits_value(4, 12)(rng) if rng.random() < 0.55 else _mixed(rng)


def password(rng: Random) -> Value:
    if rng.random() < 0.3:
        return digits_value(4, 8)(rng)
    word = rng.choice([pick(rng, "thing", "slots.txt"), plain(name_parts(rng)[0])])
    if rng.random() < 0.15:
        return Value(word, word)
    tail = number(rng, 1, 5)
    mark = rng.choice(["", "", "", "@", "#", "!", "_"])
    name = {"@": "at", "#": "hash", "!": "exclamation mark", "_": "underscore"}.get(mark, "")
    said = f"{word} {name} {spoken.digits(tail, rng)}"
    return Value(rng.choice([word, word.title()]) + mark + tail, re.sub(r"\s+", " ", said))


def username(rng: Random) -> Value:
    text = handle(rng)
    parts = re.findall(r"[a-z]+|\d+|[._-]", text)
    return Value(text, " ".join(spoken.local_part(p, rng, spell=rng.random() < 0.3) for p in parts))


def upi(rng: Random) -> Value:
    local, bank = handle(rng), rng.choice(["okaxis", "oksbi", "okhdfcbank", "ybl", "paytm", "upi", "ibl"])
    text = f"{local}@{bank}"
    return Value(text, spoken.email(text, rng))


def ip_address(rng: Random) -> Value:
    parts = [str(rng.randint(1, 254)) for _ in range(4)]
    return Value(".".join(parts), " dot ".join(spoken.number(p, rng) for p in parts))


def url(rng: Random) -> Value:
    name = pick(rng, "org.head", "words.txt").replace(" ", "") + rng.choice(["", "shop", "online", "help"])
    domain = f"{name}.{rng.choice(['com', 'in', 'co.uk', 'org', 'net'])}"
    written = rng.choice([domain, f"www.{domain}", f"https://www.{domain}/", f"http://{domain}"])
    said = ("www dot " if rng.random() < 0.5 else "") + domain.replace(".", " dot ")
    return Value(written, said)


LABELLED: dict[str, tuple[str, Callable[[Random], Value]]] = {
    "PERSON": ("PERSON", person),
    "FIRST": ("PERSON", first_name),
    "LAST": ("PERSON", last_name),
    "SPELLED": ("PERSON", spelled),
    "ADDRESS": ("ADDRESS", address),
    "STREET": ("ADDRESS", road),
    "POSTCODE": ("ADDRESS", postcode),
    "ZIP": ("ADDRESS", zip_code),
    "PINCODE": ("ADDRESS", pin_code),
    "LOCATION": ("LOCATION", location),
    "ORGANIZATION": ("ORGANIZATION", organization),
    "DATE_OF_BIRTH": ("DATE_OF_BIRTH", birth_date),
    "DATE_TIME": ("DATE_TIME", date),
    "AGE": ("AGE", age),
    "PHONE_NUMBER": ("PHONE_NUMBER", phone),
    "EMAIL_ADDRESS": ("EMAIL_ADDRESS", email),
    "UPI": ("EMAIL_ADDRESS", upi),
    "CREDIT_CARD": ("CREDIT_CARD", card),
    "LAST4": ("CREDIT_CARD", digits_value(4, 4)),
    "CARD_EXPIRY": ("CARD_EXPIRY", expiry),
    "CARD_CVV": ("CARD_CVV", digits_value(3, 3)),
    "ID_NUMBER": ("ID_NUMBER", reference),
    "LAST4ID": ("ID_NUMBER", digits_value(4, 4)),
    "SSN": ("ID_NUMBER", pattern("999-99-9999", "999 99 9999", "999999999")),
    "AADHAAR": ("ID_NUMBER", pattern("9999 9999 9999", "999999999999")),
    "PAN": ("ID_NUMBER", pattern("AAAPA9999A")),
    "PASSPORT": ("ID_NUMBER", pattern("A9999999", "999999999", "AA999999")),
    "LICENCE": ("ID_NUMBER", pattern("A999-9999-9999", "AA99 99999999999", "AAAAA999999AA9AA", "99999999")),
    "NHS": ("ID_NUMBER", pattern("999 999 9999")),
    "NINO": ("ID_NUMBER", pattern("AA999999A", "AA 99 99 99 A")),
    "SORT": ("ID_NUMBER", pattern("99-99-99", "999999")),
    "BANK": ("ID_NUMBER", digits_value(8, 14)),
    "IFSC": ("ID_NUMBER", pattern("AAAA0999999", "AAAA099999A")),
    "IBAN": ("ID_NUMBER", pattern("GB99AAAA99999999999999", "DE99 9999 9999 9999 9999 99")),
    "PLATE": ("ID_NUMBER", pattern("AA99 AAA", "AA 99 AA 9999", "AAA 9999", "9AAA999")),
    "PASSWORD": ("PASSWORD", password),
    "PIN": ("PASSWORD", digits_value(4, 6)),
    "USERNAME": ("USERNAME", username),
    "IP": ("URL", ip_address),
    "URL": ("URL", url),
}
"""Slot name -> (label, maker). The rules tell the identifiers apart; the model needs one label for them."""


def money(rng: Random) -> Value:
    amount = rng.choice([rng.randint(1, 99), rng.randint(10, 999), rng.randint(100, 9999), rng.randint(1000, 999999)])
    sign = rng.choice("$$££₹₹€")
    part = rng.choice(["", "", f".{rng.randint(1, 99):02}"])
    if rng.random() < 0.3:
        unit_name = rng.choice(
            ["dollars", "pounds", "rupees", "rs", "bucks", "euros", "quid", "lakhs", "thousand rupees"]
        )
        n = amount % 1000 + 1
        return Value(f"{n} {unit_name}", f"{spoken.cardinal(n)} {unit_name}")
    said = spoken.say(f"{sign}{amount}{part}", rng)
    written = f"{sign}{amount:,}{part}" if rng.random() < 0.7 else f"{sign}{amount}{part}"
    return Value(written, said.replace(" and ", " ") if rng.random() < 0.3 else said)


def count(rng: Random) -> Value:
    n = rng.choice([rng.randint(1, 9), rng.randint(1, 9), rng.randint(2, 40), rng.randint(10, 400)])
    words = spoken.cardinal(n)
    return Value(rng.choice([str(n), words]), words)


def of_number(low: int, high: int) -> Callable[[Random], Value]:
    def make(rng: Random) -> Value:
        n = rng.randint(low, high)
        return Value(str(n), spoken.cardinal(n))

    return make


def rating(rng: Random) -> Value:
    text = f"{rng.randint(1, 9)}.{rng.randint(0, 9)}"
    return Value(text, spoken.say(text, rng))


def percent(rng: Random) -> Value:
    text = rng.choice([f"{rng.randint(1, 100)}%", f"{rng.randint(1, 30)}.{rng.randint(1, 9)}%"])
    return Value(text, spoken.say(text, rng))


def plain_year(rng: Random) -> Value:
    y = rng.randint(1960, 2026)
    return Value(str(y), spoken.year(y, rng))


def error_number(rng: Random) -> Value:
    n = rng.choice([404, 500, 403, 101, 21, 7, 503, 10, 11, 3])
    return Value(str(n), spoken.number(str(n), rng))


def ordinal_day(rng: Random) -> Value:
    n = rng.randint(1, 28)
    return Value(f"{n}{suffix(n)}", spoken.ordinal(n))


def listed(section: str, file: str, *, title: float = 0.0) -> Callable[[Random], Value]:
    def make(rng: Random) -> Value:
        text = pick(rng, section, file)
        return Value(titled(text) if rng.random() < title else text, spoken.sentence(text, rng))

    return make


@cache
def long_words() -> list[str]:
    """English words whose ending says that they are no name, from the frequency list of ``wordfreq``."""
    from wordfreq import top_n_list

    ending = r"[a-z]{4,}(?:ing|tion|sion|ness|ment|able|ible|ology|ous|ful|less|ical|ive|ize|ised|ism|ists)"
    return [w for w in top_n_list("en", 40000) if re.fullmatch(ending, w)]


def thing(rng: Random) -> Value:
    text = rng.choice(long_words()) if rng.random() < 0.4 else pick(rng, "thing", "slots.txt")
    return Value(text, text)


UNLABELLED: dict[str, Callable[[Random], Value]] = {
    "amount": money,
    "count": count,
    "percent": percent,
    "rating": rating,
    "errno": error_number,
    "digit": of_number(1, 9),
    "ext": of_number(10, 99),
    "houseno": of_number(1, 99),
    "age_n": of_number(18, 99),
    "ordinal": ordinal_day,
    "issue": listed("issue", "words.txt"),
    "relation": listed("relation", "words.txt"),
    "filler": listed("filler", "slots.txt"),
    "job": listed("job", "slots.txt"),
    "thing": thing,
    "product": listed("product", "words.txt", title=0.4),
    "food": listed("food", "words.txt", title=0.2),
}


def venue(rng: Random) -> Value:
    """A restaurant, hotel or shop; a few are somebody's first name, or a word nobody knows."""
    kind = rng.random()
    if kind < 0.35:
        text = pick(rng, "venue", "words.txt")
    elif kind < 0.6:
        text = f"{name_parts(rng)[0]}'s {pick(rng, 'venue.kind', 'words.txt')}"
    elif kind < 0.8:
        text = f"the {pick(rng, 'thing', 'slots.txt')} and {pick(rng, 'thing', 'slots.txt')}"
    elif kind < 0.92:
        text = f"{pick(rng, 'org.head', 'words.txt')} {pick(rng, 'venue.kind', 'words.txt')}"
    else:
        text = f"{pick(rng, 'food', 'words.txt')} {pick(rng, 'venue.kind', 'words.txt')}"
    return Value(titled(text) if rng.random() < 0.8 else text, spoken.sentence(text, rng))


OFF_LABELLED: dict[str, tuple[str, Callable[[Random], Value]]] = {
    "time": ("DATE_TIME", clock),
    "year": ("DATE_TIME", plain_year),
    "venue": ("ORGANIZATION", venue),
    "area": ("LOCATION", listed("area", "places.txt", title=0.6)),
    "airport_l": ("LOCATION", airport),
    "title_work": ("", listed("title_work", "words.txt", title=0.8)),
    "title_ig": ("", listed("title", "words.txt")),
}
"""Slots that look like values and go under none of the types that are on by default."""
