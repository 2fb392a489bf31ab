"""How written values and sentences sound on the telephone: the ASR side of every training sentence.

Every function takes the ``random.Random`` it may use, so one seed gives one corpus.
"""

import re
import unicodedata
from random import Random

ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
TENS = ["", "", *"twenty thirty forty fifty sixty seventy eighty ninety".split()]
ORDINALS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}
NATO = (
    "alpha bravo charlie delta echo foxtrot golf hotel india juliet kilo lima mike november oscar papa quebec romeo "
    "sierra tango uniform victor whiskey x-ray yankee zulu"
).split()
EXAMPLES = (
    "apple boy cat dog egg fox george harry india jack king london mother nancy orange peter queen robert sugar tommy "
    "umbrella victor william x-ray yellow zebra"
).split()
HEARD_AS = dict(
    zip(
        "abcdefghijklmnopqrstuvwxyz",
        (
            "hey,be|bee,see|sea,the|dee,he|ee,if|ef,gee,age|each,i|eye,jay,kay|okay,el|hell,am|em,and|an|en,oh|zero,pea|pee,"
            "queue|cue,are|our,us|yes|es,tea|tee,you,we|vee,double you,ex,why,said|zee|zed"
        ).split(","),
        strict=True,
    )
)
"""What recognisers write for a spelled letter when they take it for a word."""
DIGIT_HEARD_AS = {"one": "won", "two": "to", "four": "for", "six": "sicks", "eight": "ate", "oh": "o", "zero": "o"}
SYMBOLS = {".": "dot", "_": "underscore", "-": "dash", "@": "at", "/": "slash", "+": "plus", ":": "colon", "#": "hash"}
FULL_WORD = {
    "st": "street",
    "ave": "avenue",
    "rd": "road",
    "dr": "drive",
    "ln": "lane",
    "blvd": "boulevard",
    "ct": "court",
    "pkwy": "parkway",
    "apt": "apartment",
    "ste": "suite",
    "n": "north",
    "s": "south",
    "e": "east",
    "w": "west",
    "no": "number",
    "opp": "opposite",
}
MONEY = {"$": "dollar", "£": "pound", "€": "euro", "₹": "rupee"}
CENTS = {"$": "cents", "£": "pence", "€": "cents", "₹": "paise"}
MERIDIEM = re.compile(r"^(\d{1,2})(?::(\d\d))?(am|pm)$")


def cardinal(n: int, *, indian: bool = False) -> str:
    """Words of ``0 <= n < 10**12``; lakh and crore when ``indian``."""
    if n < 20:
        return ONES[n]
    if n < 100:
        return TENS[n // 10] + (f" {ONES[n % 10]}" if n % 10 else "")
    if n < 1000:
        return f"{ONES[n // 100]} hundred" + (f" {cardinal(n % 100)}" if n % 100 else "")
    scales = (
        ((10**7, "crore"), (10**5, "lakh"), (1000, "thousand"))
        if indian
        else ((10**9, "billion"), (10**6, "million"), (1000, "thousand"))
    )
    for size, name in scales:
        if n >= size:
            rest = f" {cardinal(n % size, indian=indian)}" if n % size else ""
            return f"{cardinal(n // size, indian=indian)} {name}{rest}"
    raise AssertionError(n)


def ordinal(n: int) -> str:
    head, _, last = cardinal(n).rpartition(" ")
    last = ORDINALS.get(last) or (last[:-1] + "ieth" if last.endswith("y") else last + "th")
    return f"{head} {last}".strip()


def year(n: int, rng: Random) -> str:
    """``1986`` as nineteen eighty six, ``2005`` as two thousand and five or twenty oh five."""
    high, low = divmod(n, 100)
    if 2000 <= n < 2010:
        rest = f" {ONES[low]}" if low else ""
        return rng.choice([f"two thousand{rest}", f"two thousand and{rest}" if low else "two thousand"])
    if low == 0:
        return f"{cardinal(high)} hundred"
    return f"{cardinal(high)} {f'oh {ONES[low]}' if low < 10 else cardinal(low)}"


def digits(run: str, rng: Random) -> str:
    """A digit run read aloud in one of the usual ways."""
    zero = rng.choice(["zero", "oh", "oh", "zero"])
    slips = 0.15 if rng.random() < 0.1 else 0.0
    style = rng.random()
    out: list[str] = []
    i = 0
    while i < len(run):
        same = 1
        while i + same < len(run) and run[i + same] == run[i] and same < 3:
            same += 1
        word = zero if run[i] == "0" else ONES[int(run[i])]
        if rng.random() < slips:
            word = DIGIT_HEARD_AS.get(word, word)
        if same == 3 and rng.random() < 0.8:
            out.append(f"{rng.choice(['triple', 'triple', 'treble'])} {word}")
            i += 3
        elif same >= 2 and rng.random() < 0.65:
            out.append(f"double {word}")
            i += 2
        elif style > 0.75 and i + 1 < len(run) and run[i] != "0" and rng.random() < 0.7:
            pair = int(run[i : i + 2])
            out.append(cardinal(pair))
            i += 2
        else:
            out.append(word)
            i += 1
    return " ".join(out)


def letters(text: str, rng: Random, *, by_example: float = 0.16) -> str:
    """Letters one by one: ``r a g h u``, ``double t``, ``b for boy``, NATO."""
    low = "".join(c for c in text.lower() if c.isascii() and c.isalpha())
    style = rng.random()
    slips = 0.12 if rng.random() < 0.3 else 0.0
    out: list[str] = []
    i = 0
    while i < len(low):
        c = low[i]
        if rng.random() < slips:
            out.append(rng.choice([*HEARD_AS[c].split("|"), low[i : i + 2]]))
            i += len(out[-1]) if out[-1] == low[i : i + 2] else 1
            continue
        if i + 1 < len(low) and low[i + 1] == c and rng.random() < 0.5:
            out.append(f"double {c}")
            i += 2
            continue
        if style < by_example * 0.4:
            out.append(NATO[ord(c) - 97])
        elif style < by_example:
            out.append(f"{c} {rng.choice(['for', 'for', 'as in'])} {EXAMPLES[ord(c) - 97]}")
        else:
            out.append(c)
        i += 1
    return " ".join(out)


def code(text: str, rng: Random) -> str:
    """A mixed code (``KJH789``, ``SW1A 2AA``): letters spelled, digits read."""
    out = []
    nato = rng.random() < 0.22
    for run in re.findall(r"[A-Za-z]+|\d+", text):
        if run[0].isdigit():
            out.append(digits(run, rng))
        elif nato:
            out.append(" ".join(NATO[ord(c) - 97] for c in run.lower()))
        else:
            out.append(letters(run, rng, by_example=0.15))
    return " ".join(out)


def email(address: str, rng: Random) -> str:
    local, _, domain = address.lower().partition("@")
    spell = rng.random() < 0.35
    parts = [local_part(run, rng, spell=spell) for run in re.findall(r"[a-z]+|\d+|[._-]", local)]
    return f"{' '.join(parts)} at {' '.join(SYMBOLS.get(p, p) for p in re.findall(r'[a-z0-9]+|[.-]', domain))}"


def local_part(run: str, rng: Random, *, spell: bool) -> str:
    if run.isdigit():
        return cardinal(int(run)) if len(run) <= 2 and run[0] != "0" and rng.random() < 0.5 else digits(run, rng)
    if run in SYMBOLS:
        return SYMBOLS[run]
    return " ".join(run) if spell else run


def street(text: str, rng: Random) -> str:
    """An address: house numbers as people say them, postcodes spelled, the rest as words."""
    out = []
    for token in re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)?|\d+(?:st|nd|rd|th)?\b|[A-Za-z\d]+|#", text):
        if token == "#":
            out.append(rng.choice(["number", ""]))
        elif re.fullmatch(r"\d+(?:st|nd|rd|th)", token):
            out.append(ordinal(int(re.sub(r"\D", "", token))))
        elif token.isdigit():
            out.append(number(token, rng))
        elif any(c.isdigit() for c in token):
            out.append(code(token, rng))
        else:
            word = token.lower()
            out.append(FULL_WORD.get(word, word) if rng.random() < 0.6 else word)
    return " ".join(o for o in out if o)


def number(token: str, rng: Random) -> str:
    """A bare number: a count when short, digits or pairs when long."""
    n = int(token)
    if token[0] == "0" or len(token) > 5:
        return digits(token, rng)
    if len(token) <= 2:
        return cardinal(n)
    if len(token) == 3:
        return rng.choice([cardinal(n), digits(token, rng), f"{ONES[n // 100]} {pair(n % 100)}"])
    if len(token) == 4 and rng.random() < 0.6:
        return f"{cardinal(n // 100)} {pair(n % 100)}" if n % 100 else f"{cardinal(n // 100)} hundred"
    return digits(token, rng)


def pair(n: int) -> str:
    return f"oh {ONES[n]}" if n < 10 else cardinal(n)


def sentence(text: str, rng: Random) -> str:
    """Carrier text as a telephone recogniser writes it: lower case, no punctuation, numbers in words."""
    text = fold(text).lower().replace("’", "'")
    text = re.sub(r"(?<=\d),(?=\d{3}\b)", "", text)
    text = re.sub(r"\b(\d{1,2}(?::\d\d)?)\s?([ap])\.?\s?m\b\.?", r"\1\2m", text)
    out: list[str] = []
    for token in re.findall(r"[$£€₹]?\d+(?:[.:]\d+)?(?:am|pm|st|nd|rd|th|%)?|[^\W\d_]+(?:'[^\W\d_]+)*", text):
        out.extend(say(token, rng).split())
    return " ".join(out)


def say(token: str, rng: Random) -> str:
    if not any(c.isdigit() for c in token):
        return token
    if clock := MERIDIEM.match(token):
        hour, minute, half = clock.groups()
        middle = f" {pair(int(minute))}" if minute and minute != "00" else ""
        return f"{cardinal(int(hour))}{middle} {half[0]} m"
    if token[0] in MONEY:
        whole, _, part = token[1:].rstrip("%").partition(".")
        name = MONEY[token[0]] + ("" if whole == "1" else "s")
        tail = f" and {cardinal(int(part[:2]))} {CENTS[token[0]]}" if part.strip("0") else ""
        return f"{cardinal(int(whole), indian=token[0] == '₹')} {name}{tail}"
    if token.endswith("%"):
        return f"{say(token[:-1], rng)} percent"
    if token[-2:] in ("st", "nd", "rd", "th"):
        return ordinal(int(token[:-2]))
    if ":" in token:
        hour, minute = token.split(":")
        return f"{cardinal(int(hour[-2:]))} {pair(int(minute[:2])) if int(minute[:2]) else ''}".strip()
    if "." in token:
        whole, part = token.split(".")
        return f"{number(whole, rng)} point {' '.join(ONES[int(c)] for c in part)}"
    if len(token) == 4 and token[:2] in ("19", "20"):
        return year(int(token), rng)
    return number(token, rng)


def fold(text: str) -> str:
    """Accents away, as English recognisers write names."""
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
