"""What sounds like a person and is none: companies, medicines, diseases, towns and landmarks, listed and made up."""

from random import Random

from models.train import spoken
from models.train.base import Value, pick, titled
from models.train.people import name_parts, place_as_made_up

_FIRMS = "brothers|and sons|motors|jewellers|sweets|stores|bank|mutual|foods|tyres|opticians".split("|")
_MEDICINES = (
    "mab nib pril sartan olol dipine statin prazole tidine cillin mycin floxacin azole vir gliptin gliflozin glutide "
    "zepam pam triptan setron lukast profen coxib caine dronate parin xaban grel thiazide semide oxetine"
).split()
_ILLNESSES = "disease syndrome palsy lymphoma sign ataxia anaemia fracture neuroma cyst thyroiditis".split()
_PLACES = "hospital|stadium|museum|library|airport|university|college|bridge|theatre|arena|metro station".split("|")


def namesake(rng: Random) -> Value:
    """A company named like a person; one in seven is made up, so that "a branch of" is learned beside the list."""
    text = pick(rng, "namesake", "lookalikes.txt")
    if rng.random() < 0.14:
        (first, last), other = name_parts(rng), name_parts(rng)[1]
        firm = rng.choice(_FIRMS)
        made = [f"{last} {firm}", f"{first} {last} {firm}", f"{last} and {other}", f"{last}'s", f"{first}'s"]
        text = rng.choice([*made, f"{first} {last}"])
    return Value(titled(text) if rng.random() < 0.8 else text, spoken.sentence(text, rng))


def drug(rng: Random) -> Value:
    """A medicine; one in five is one that nobody makes, with the ending of its kind."""
    text = pick(rng, "drug", "lookalikes.txt")
    if rng.random() < 0.2:
        head = "".join(rng.choice("bdfglmnprstvz") + rng.choice("aeiou") for _ in range(rng.randint(1, 2)))
        text = head + rng.choice(["", "l", "n", "r", "x"]) + rng.choice(_MEDICINES)
    return Value(titled(text) if rng.random() < 0.4 else text, spoken.sentence(text, rng))


def disease(rng: Random) -> Value:
    """A disease; one in five is named after somebody of no list."""
    text = pick(rng, "disease", "lookalikes.txt")
    if rng.random() < 0.2:
        ending = rng.choice(["'s", "'s", "", "s"])
        text = f"{name_parts(rng)[1]}{ending} {rng.choice(_ILLNESSES)}"
    return Value(titled(text) if rng.random() < 0.4 else text, spoken.sentence(text, rng))


def namecity(rng: Random) -> Value:
    """A town named like a person; one in six is made up."""
    text = pick(rng, "namecity", "lookalikes.txt")
    if rng.random() < 0.16:
        last = name_parts(rng)[1]
        made = [f"{last} {rng.choice(['city', 'springs', 'nagar'])}", f"{rng.choice(['port', 'fort'])} {last}"]
        text = rng.choice([*made, f"{last}ton", f"{last}pur", place_as_made_up(rng), place_as_made_up(rng)])
    return Value(titled(text) if rng.random() < 0.8 else text, spoken.sentence(text, rng))


def landmark(rng: Random) -> Value:
    """A station, hospital or hall; one in five is made up: what it is called after, its last word tells."""
    text = pick(rng, "landmark_name", "lookalikes.txt")
    if rng.random() < 0.2:
        first, last = name_parts(rng)
        text = f"{rng.choice([last, last, f'{first} {last}', f'st {first}'])} {rng.choice(_PLACES)}"
    return Value(titled(text) if rng.random() < 0.8 else text, spoken.sentence(text, rng))
