"""Every slot of the templates, and what fills it."""

import re
import string
from collections.abc import Callable
from random import Random

from models.train import spoken, tongues
from models.train.base import Value, digits_value, grouped, number, pattern, pick, plain, titled
from models.train.lookalikes import disease, drug, landmark, namecity, namesake
from models.train.people import (
    everyday_word,
    first_name,
    handle,
    initialled,
    last_name,
    listed_person,
    listed_word,
    name_parts,
    person,
    spelled,
)
from models.train.places import address, airport, doorstep, location, pin_code, postcode, road, zip_code
from models.train.times import age, birth_date, clock, date, expiry, iso_date, ordinal_day, plain_year


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


def card(rng: Random) -> Value:
    run = rng.choice(["4", "5", "37", "6", "52", "41"]) + number(rng, 14, 14)
    run = run[:15] if run[:2] == "37" else run[:16].ljust(16, rng.choice(string.digits))
    groups = " ".join(run[i : i + 4] for i in range(0, len(run), 4))
    return Value(rng.choice([run, groups, groups, groups.replace(" ", "-")]), spoken.digits(run, rng))


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
    "LISTED": ("PERSON", listed_person),
    "INITIALLED": ("PERSON", initialled),
    "WORDFIRST": ("PERSON", listed_word("word_first")),
    "WORDLAST": ("PERSON", listed_word("word_last")),
    "ADDRESS": ("ADDRESS", address),
    "STREET": ("ADDRESS", road),
    "DOORSTEP": ("ADDRESS", doorstep),
    "POSTCODE": ("ADDRESS", postcode),
    "ZIP": ("ADDRESS", zip_code),
    "PINCODE": ("ADDRESS", pin_code),
    "PINCODE_HI": ("ADDRESS", tongues.hindi_digits(6, 6)),
    "LOCATION": ("LOCATION", location),
    "ORGANIZATION": ("ORGANIZATION", organization),
    "DATE_OF_BIRTH": ("DATE_OF_BIRTH", birth_date),
    "DATE_TIME": ("DATE_TIME", date),
    "ISODATE": ("DATE_TIME", iso_date),
    "AGE": ("AGE", age),
    "PHONE_NUMBER": ("PHONE_NUMBER", phone),
    "PHONE_NUMBER_HI": ("PHONE_NUMBER", tongues.hindi_digits(10, 10)),
    "PHONE_NUMBER_ES": ("PHONE_NUMBER", tongues.spanish_phone),
    "EMAIL_ADDRESS": ("EMAIL_ADDRESS", email),
    "UPI": ("EMAIL_ADDRESS", upi),
    "CREDIT_CARD": ("CREDIT_CARD", card),
    "LAST4": ("CREDIT_CARD", digits_value(4, 4)),
    "CARD_EXPIRY": ("CARD_EXPIRY", expiry),
    "CARD_CVV": ("CARD_CVV", digits_value(3, 3)),
    "ID_NUMBER": ("ID_NUMBER", reference),
    "ID_NUMBER_HI": ("ID_NUMBER", tongues.hindi_digits(6, 14)),
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
    "PIN_HI": ("PASSWORD", tongues.hindi_digits(4, 6)),
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


def error_number(rng: Random) -> Value:
    n = rng.choice([404, 500, 403, 101, 21, 7, 503, 10, 11, 3])
    return Value(str(n), spoken.number(str(n), rng))


def listed(section: str, file: str, *, title: float = 0.0) -> Callable[[Random], Value]:
    def make(rng: Random) -> Value:
        text = pick(rng, section, file)
        return Value(titled(text) if rng.random() < title else text, spoken.sentence(text, rng))

    return make


def thing(rng: Random) -> Value:
    kind = rng.random()
    if kind < 0.5:
        text = everyday_word(rng)
    elif kind < 0.65:
        text = pick(rng, "rare_noun", "words.txt")
    else:
        text = pick(rng, "thing", "slots.txt")
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
    "medicine": listed("medicine", "words.txt", title=0.2),
    "product": listed("product", "words.txt", title=0.4),
    "food": listed("food", "words.txt", title=0.2),
    "version": listed("version", "lookalikes.txt"),
    "errcode": listed("errcode", "lookalikes.txt"),
    "flight": listed("flight", "lookalikes.txt"),
    "model": listed("model", "lookalikes.txt"),
    "band": listed("band", "lookalikes.txt", title=0.8),
    "channel": listed("channel", "lookalikes.txt", title=0.7),
    "team": listed("team", "lookalikes.txt", title=0.8),
    "price_said": listed("price_said", "lookalikes.txt"),
    "drug": drug,
    "disease": disease,
    "pence": listed("pence", "lookalikes.txt"),
    "time_bare": listed("time_bare", "lookalikes.txt"),
    "hindi_subject": listed("hindi_subject", "lookalikes.txt"),
    "hindi_time": listed("hindi_time", "lookalikes.txt"),
    "hindi_verb": listed("hindi_verb", "lookalikes.txt"),
    "hindi_words": tongues.bag("hindi_word"),
    "tamil_words": tongues.bag("tamil_word"),
    "telugu_words": tongues.bag("telugu_word"),
    "spanish_words": tongues.foreign("es"),
    "french_words": tongues.foreign("fr"),
    "german_words": tongues.foreign("de"),
    "portuguese_words": tongues.foreign("pt"),
    "italian_words": tongues.foreign("it"),
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
    "namesake": ("ORGANIZATION", namesake),
    "namecity": ("LOCATION", namecity),
    "landmark": ("LOCATION", landmark),
    "airport_l": ("LOCATION", airport),
    "title_work": ("", listed("title_work", "words.txt", title=0.8)),
    "title_ig": ("", listed("title", "words.txt")),
}
"""Slots that look like values and go under none of the types that are on by default."""
