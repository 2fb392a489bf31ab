"""Made-up addresses (US, UK, Indian, European), codes, towns."""

from random import Random

from models.train import spoken
from models.train.base import Value, number, pattern, pick, slipped, titled
from models.train.people import name_parts, place_as_made_up


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
        [
            f"{rng.choice(['apt', 'apt.', 'apartment', 'suite', 'unit', 'ste', 'room', 'flat', '#', 'door'])} {n}",
            f"{rng.choice(['apt', 'apt.', 'suite', 'apartment'])} {n}",
            f"{n % 17 + 4}th floor",
            f"{rng.choice(['flat', 'unit', 'suite', 'block'])} {rng.choice('abcd')}",
        ]
    )


def western_street(rng: Random) -> str:
    text = f"{house(rng)} {street_words(rng)}"
    if rng.random() < 0.2:
        text += rng.choice([", ", " "]) + unit(rng)
    chance = rng.random()
    if chance < 0.03:
        return f"{street_words(rng)}{rng.choice(['', ' city centre', ' town centre'])}"
    if chance < 0.05:
        return f"{street_words(rng)} {unit(rng)}"
    if chance < 0.07:
        return f"{unit(rng)} {text}"
    if chance < 0.1:
        return f"{rng.choice(['the corner of', 'corner of', 'junction of', ''])} {crossing(rng)}".strip()
    return text


def crossing(rng: Random) -> str:
    """Two streets that meet, four in ten of them with names of other languages."""
    one, other = (european_name(rng) if rng.random() < 0.4 else street_words(rng) for _ in range(2))
    return f"{one} {rng.choice(['and', 'and', '&'])} {other}"


def indian_street(rng: Random) -> str:
    place = lambda key: pick(rng, key, "places.txt")  # noqa: E731
    n = rng.randint(1, 400)
    door = rng.choice(
        [
            f"flat {n}",
            f"flat no {n}",
            f"{rng.choice(['house', 'flat', 'door', 'shop'])} number {n}",
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


def european_name(rng: Random) -> str:
    """A street of another language, without its number."""
    kind, family = rng.random(), spoken.fold(name_parts(rng)[1])
    if kind < 0.35:
        return pick(rng, "street.eu", "places.txt")
    if kind < 0.7:
        return f"{pick(rng, 'street.eu.head', 'places.txt')} {family}"
    if kind < 0.78:
        return f"{family} {pick(rng, 'street.eu.word', 'places.txt')}"
    stem = rng.choice([family.replace(" ", ""), pick(rng, "street.eu.stem", "places.txt")])
    return stem + pick(rng, "street.eu.tail", "places.txt")


def european_street(rng: Random) -> str:
    name, n = european_name(rng), rng.randint(1, 300)
    text = rng.choice(
        [f"{name} {n}", f"{n} {name}", f"{name} {n}{rng.choice('abc')}", f"{name} {n}, {number(rng, 4, 5)}"]
    )
    return f"{text}{rng.choice([', ', ' ', '. '])}{unit(rng)}" if rng.random() < 0.25 else text


def road(rng: Random) -> Value:
    kind = rng.random()
    text = western_street(rng) if kind < 0.62 else indian_street(rng) if kind < 0.85 else european_street(rng)
    return Value(titled(text) if rng.random() < 0.7 else text, spoken.street(text, rng))


def doorstep(rng: Random) -> Value:
    """An address as it is described: the flat or floor, the road, what is near by."""
    near = rng.choice(["near", "opposite", "behind", "next to", "beside", "above", "in front of"])
    mark = pick(rng, *rng.choice([("landmark", "places.txt"), ("landmark_name", "lookalikes.txt")]))
    side = f"{near} {rng.choice(['', '', 'the '])}{mark}"
    floor = f"{rng.choice(['first', 'ground', 'second', 'third', 'top'])} floor"
    flat = f"{rng.choice(['flat', 'flat no', 'unit', 'apartment', 'room'])} {rng.randint(1, 999)}"
    way = western_street(rng) if rng.random() < 0.5 else indian_street(rng)
    text = rng.choice(
        [f"{flat} {way}", f"{floor} {way}", f"{way} {side}", f"{floor} {side} {way}", f"{flat} {floor} {side}", way]
    )
    return Value(titled(text) if rng.random() < 0.6 else text, spoken.street(text, rng))


def address(rng: Random) -> Value:
    kind = rng.random()
    glue = rng.choice([", ", ", ", ", ", ", ", " ", " ", " ", "\n"])
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
    elif kind < 0.9:
        street = f"{place('building.in')} {place('area.in')}" if rng.random() < 0.1 else indian_street(rng)
        text = f"{street}{glue}{place('city.in')}"
        text += rng.choice(["", f" {number(rng, 6, 6)}", f" - {number(rng, 6, 6)}", f"{glue}{place('region')}"])
    else:
        text = f"{european_street(rng)}{glue}{place('city.world')}"
        text += rng.choice(["", f"{glue}{place('country')} {number(rng, 4, 5)}", f" {number(rng, 4, 5)}"])
    if rng.random() < 0.04:
        box = f"{rng.choice(['unit', 'psc', 'cmr'])} {rng.randint(100, 9999)} box {rng.randint(100, 9999)}"
        if rng.random() < 0.3:
            box = f"{rng.choice(['uss', 'usns', 'uscgc'])} {spoken.fold(name_parts(rng)[1])}"
        text = f"{box}{glue}{rng.choice(['apo', 'dpo', 'fpo'])} {rng.choice(['ae', 'ap', 'aa'])} {number(rng, 5, 5)}"
    elif rng.random() < 0.03:
        box = rng.choice(["p o box", "po box", "p.o. box", "postbox"])
        text = f"{box} {rng.randint(10, 9999)}{glue}{place('city.us')}"
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
