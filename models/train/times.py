"""Made-up dates, times, ages."""

from random import Random

from models.train import spoken
from models.train.base import Value, slipped, suffix

MONTHS = "January February March April May June July August September October November December".split()


WEEKDAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()


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


def plain_year(rng: Random) -> Value:
    y = rng.randint(1960, 2026)
    return Value(str(y), spoken.year(y, rng))


def ordinal_day(rng: Random) -> Value:
    n = rng.randint(1, 28)
    return Value(f"{n}{suffix(n)}", spoken.ordinal(n))


def iso_date(rng: Random) -> Value:
    y, m, d = rng.randint(2015, 2027), rng.randint(1, 12), rng.randint(1, 28)
    written = rng.choice([f"{y}-{m:02}-{d:02}", f"{y}-{m:02}-{d:02}", f"{d:02}.{m:02}.{y}", f"{d:02}-{m:02}-{y}"])
    said = f"{spoken.year(y, rng)} {spoken.digits(f'{m:02}', rng)} {spoken.digits(f'{d:02}', rng)}"
    return Value(
        written, rng.choice([said, f"the {spoken.ordinal(d)} of {MONTHS[m - 1].lower()} {spoken.year(y, rng)}"])
    )
