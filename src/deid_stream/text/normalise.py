"""Writes what was said as it would be written, and keeps the way back to the original characters.

    "nine eight double four at the desk"       -> "9844 at the desk"
    "forty two, twelfth of march"              -> "42, 12th of march"
    "four thousand five hundred rupees"        -> "4,500 rupees"
    "r a j u underscore one at gmail dot com"  -> "raju_1@gmail.com"

Single digits and letters that stand in a row are joined; two-digit numbers keep the space between them, so that
"ten thirty" (``10 30``) and "one zero three zero" (``1030``) stay different. Cost is linear in the length.
"""

from typing import Final

from deid_stream.errors import DetectionError
from deid_stream.text.doubts import settle_doubts
from deid_stream.text.languages import Lexicon, WordClass, lexicon, undrawn
from deid_stream.text.numbers import SQUASHED_LETTERS, Atom, read_number, read_squashed, squashed
from deid_stream.text.offsets import Written, WrittenBuilder
from deid_stream.text.spelling import WORDS_THAT_ARE_LETTERS, read_letter
from deid_stream.text.tokens import Tokens

_NUMBERS: Final = frozenset(
    map(
        int,
        (WordClass.UNIT, WordClass.TEEN, WordClass.TEN, WordClass.HUNDRED, WordClass.REPEAT, WordClass.ORDINAL),
    )
)
_LETTERS: Final = frozenset(map(int, (WordClass.LETTER, WordClass.CODEWORD)))
_DIGITS, _SYMBOL, _SCALE = int(WordClass.DIGITS), int(WordClass.SYMBOL), int(WordClass.SCALE)
_HOMOPHONE = int(WordClass.HOMOPHONE)
_NEEDS_NEIGHBOUR: Final = _NUMBERS | {_DIGITS, _HOMOPHONE}
_AT, _POINT, _UNIT, _CODEWORD = int(WordClass.AT), int(WordClass.POINT), int(WordClass.UNIT), int(WordClass.CODEWORD)

MAIL_HOSTS: Final = frozenset(
    "gmail yahoo hotmail outlook icloud rediffmail rediff protonmail proton aol msn live ymail googlemail"
    " mail zoho btinternet comcast verizon sbcglobal sky virgin gmx yandex fastmail me".split()
)
TOP_LEVEL: Final = frozenset(
    "com co in org net edu gov uk us io ai ac info biz me de fr it es nl ca au nz ie za ch se no dk fi pl at"
    " be pt jp cn ru br mx sg hk ae pk lk bd np tech app dev online site store xyz int mil eu name pro"
    " hu cz sk ro bg hr si lt lv ee gr tr il ua kr tw th vn ph ke ng gh tz ug ma eg sa qa kw cl ar ve ec uy lu mt cy"
    " rs mk ge kz cat edu gov club shop live news cloud email".split()
)
UPI_HANDLES: Final = frozenset(
    "upi ybl ibl axl paytm okaxis oksbi okicici okhdfcbank apl axisbank sbi icici hdfcbank kotak barodampay"
    " idfcbank ptsbi ptyes ptaxis pthdfc freecharge jupiteraxis yesbank waaxis wahdfcbank waicici wasbi fbl"
    " federal pnb cnrb unionbank indus kbl rbl superyes slice airtel jio postbank".split()
)
_SENTENCE_SIGNS: Final = " .,;:?!"
_HANDLE_WORD: Final = 6
_DOMAIN_WORDS: Final = 4
"""Most words that may stand between a spoken "at" and the spoken "dot"."""


def normalise(text: str, words: Lexicon | None = None, *, expecting: bool = False) -> Written:
    """The written form of ``text`` (any ``str``) with the way back to its characters.

    ``expecting``: digits were just asked for, so that "for to seven" is ``427``.
    """
    if not isinstance(text, str):
        raise DetectionError(f"text must be str, not {type(text).__name__}")
    words = words or lexicon()
    tokens = Tokens(text, words)
    if not any(tokens.classes) and max(map(len, tokens.lows), default=0) < SQUASHED_LETTERS:
        return Written(text, text)
    doubtful = _read_atoms(tokens, words)
    atoms = _settle(tokens, settle_doubts(tokens, words, doubtful, expecting=expecting), expecting=expecting)
    if not atoms:
        return Written(text, text)
    return _write(text, tokens, atoms)


def ends_in_word(text: str, words: Lexicon | None = None) -> bool:
    """Whether the written form surely ends in a word too, because ``text`` ends in one that is never a part of a
    number, letter by letter as it stands there. Told from that word alone."""
    words = words or lexicon()
    low = text.rstrip(_SENTENCE_SIGNS).rpartition(" ")[2].lower()
    if not (low.isascii() and low.isalpha()) or low in words.classes:
        return False
    return undrawn(low) not in words.drawn and not squashed(low, words)


def _read_atoms(tokens: Tokens, words: Lexicon) -> list[Atom]:
    atoms: list[Atom] = []
    at, end = 0, len(tokens)
    classes = tokens.classes
    mail_signs = _mail_signs(tokens, words)
    while at < end:
        cls = classes[at]
        atom: Atom | None = None
        if cls == 0:
            atom = read_squashed(tokens, words, at) if len(tokens.lows[at]) >= SQUASHED_LETTERS else None
            if atom is not None:
                atoms.append(atom)
            at += 1
            continue
        if cls in _NUMBERS or cls == _SCALE:
            atom = read_number(tokens, words, at)
            if atom is not None and not atom.ordinal:
                atom = _with_decimals(tokens, words, atom)
        elif cls in _LETTERS:
            atom = read_letter(tokens, words, at)
        elif cls == _DIGITS:
            atom = Atom(at, at + 1, _ascii_digits(tokens, at), tokens.ends[at] - tokens.starts[at] == 1)
        elif cls == _HOMOPHONE and at not in mail_signs:
            beside = (at and classes[at - 1] in _NEEDS_NEIGHBOUR) or (
                at + 1 < end and classes[at + 1] in _NEEDS_NEIGHBOUR
            )
            atom = Atom(at, at + 1, str(words.values[tokens.lows[at]]), True) if beside else None
        elif at in mail_signs:
            atom = _mail_sign(tokens, at, mail_signs[at])
        elif cls == _SYMBOL:
            atom = _symbol(tokens, words, at, in_address=any(at < sign <= at + 4 for sign in mail_signs))
        if atom is None:
            at += 1
            continue
        atoms.append(atom)
        at = atom.last
    return atoms


def _ascii_digits(tokens: Tokens, at: int) -> str:
    low = tokens.lows[at]
    return low if low.isascii() else "".join(str(int(c)) for c in low)


def _with_decimals(tokens: Tokens, words: Lexicon, atom: Atom) -> Atom:
    """ "four point five" -> ``4.5``; at most three decimals, or it is not one."""
    at = atom.last
    if at + 1 >= len(tokens) or tokens.classes[at] != _POINT or tokens.classes[at + 1] not in _NUMBERS:
        return atom
    decimals, nxt = "", at + 1
    while nxt < len(tokens) and tokens.classes[nxt] == _UNIT:
        decimals += str(words.values[tokens.lows[nxt]])
        nxt += 1
    if not decimals:
        part = read_number(tokens, words, nxt)
        if part is None or part.ordinal or not part.written.isdecimal():
            return atom
        decimals, nxt = part.written, part.last
    if len(decimals) > 3 or (nxt < len(tokens) and tokens.classes[nxt] == _POINT):
        return atom
    return Atom(atom.first, nxt, f"{atom.written}.{decimals}", False)


def _symbol(tokens: Tokens, words: Lexicon, at: int, *, in_address: bool) -> Atom | None:
    """The sign that a word stands for ("at", "dot"), where it stands between two words that it can join."""
    sign = str(words.values[tokens.lows[at]])
    if at + 1 >= len(tokens) or not _is_word(tokens, at + 1):
        return None
    if sign == "+":
        return Atom(at, at + 1, sign, False) if tokens.classes[at + 1] in _NUMBERS | {_DIGITS} else None
    if at == 0 or not _is_word(tokens, at - 1):
        return None
    if sign in "-/#" and not (in_address or _short(tokens, at - 1) or _short(tokens, at + 1)):
        return None
    return Atom(at, at + 1, sign, False)


def _is_word(tokens: Tokens, at: int) -> bool:
    return tokens.lows[at][0].isalnum()


def _short(tokens: Tokens, at: int) -> bool:
    """Something that is dictated: a letter, a digit, a number."""
    return tokens.classes[at] in _NUMBERS or tokens.classes[at] in _LETTERS or tokens.classes[at] == _DIGITS


def _mail_signs(tokens: Tokens, words: Lexicon) -> dict[int, int]:
    """Tokens where a spoken "at" is the sign of an address, each with the token after it."""
    found: dict[int, int] = {}
    classes, lows = tokens.classes, tokens.lows
    if _AT not in classes:
        return found
    for at, cls in enumerate(classes):
        if cls != _AT or at == 0:
            continue
        after = at + 1
        explicit = False
        for tail in words.at_tails:
            if tuple(lows[after : after + len(tail)]) == tail:
                after += len(tail)
                explicit = True
                break
        if after >= len(lows):
            continue
        known = lows[after] in UPI_HANDLES or _handle_end(lows, after)
        if (explicit and lows[after].isalnum()) or known or _domain_follows(tokens, after):
            found[at] = after
    return found


def _handle_end(lows: list[str], at: int) -> int:
    """The token after a UPI handle that is said in two or three words ("ok hdfc bank"); 0 without one."""
    if len(lows[at]) > _HANDLE_WORD or at + 1 >= len(lows):
        return 0
    ends = (at + n for n in (3, 2) if at + n <= len(lows))
    return next((end for end in ends if "".join(lows[at:end]) in UPI_HANDLES), 0)


def _mail_sign(tokens: Tokens, at: int, after: int) -> Atom:
    end = _handle_end(tokens.lows, after)
    if end and tokens.lows[after] not in UPI_HANDLES:
        return Atom(at, end, "@" + "".join(tokens.lows[after:end]), False)
    return Atom(at, after, "@", False)


def _domain_follows(tokens: Tokens, at: int) -> bool:
    lows = tokens.lows
    if lows[at] in MAIL_HOSTS and at + 1 < len(lows) and lows[at + 1] in ("dot", ".", "com", "co"):
        return True
    spelled = 0
    limit = min(len(lows) - 1, at + _DOMAIN_WORDS + 8)
    for i in range(at, limit):
        low = lows[i]
        if low == "dot":
            return i > at and lows[i + 1] in TOP_LEVEL
        if low == ".":
            inside = i > at and tokens.ends[i - 1] == tokens.starts[i] and tokens.ends[i] == tokens.starts[i + 1]
            return inside and lows[i + 1] in TOP_LEVEL
        if len(low) == 1:
            spelled += 1
        if (not low[0].isalnum() and low not in "-_") or i - at - spelled >= _DOMAIN_WORDS:
            return False
    return False


def _settle(tokens: Tokens, atoms: list[Atom], *, expecting: bool) -> list[Atom]:
    """Decide on atoms that depend on their neighbours: code words, "a" and "i", "o" for zero."""
    settled: list[Atom] = []
    row: list[Atom] = []
    for atom in atoms:
        if row and not (atom.single and _joined(tokens, row[-1], atom)):
            settled.extend(_settle_row(tokens, row, expecting=expecting))
            row = []
        if atom.single:
            row.append(atom)
        else:
            settled.append(atom)
    settled.extend(_settle_row(tokens, row, expecting=expecting))
    return settled


def _settle_row(tokens: Tokens, row: list[Atom], *, expecting: bool) -> list[Atom]:
    while row and _word_at_edge(tokens, row, 0):
        row = row[1:]
    while row and _word_at_edge(tokens, row, -1):
        row = row[:-1]
    if len(row) < 2:
        return [a for a in row if a.written.isdecimal() and (expecting or not _interjection(tokens, a))]
    return [_zero(row, i) for i in range(len(row))]


def _interjection(tokens: Tokens, atom: Atom) -> bool:
    """ "oh", unless a number stands beside it."""
    beside = [i for i in (atom.first - 1, atom.last) if 0 <= i < len(tokens)]
    return tokens.lows[atom.first] == "oh" and not any(tokens.classes[i] in _NUMBERS | {_DIGITS} for i in beside)


def _word_at_edge(tokens: Tokens, row: list[Atom], edge: int) -> bool:
    """The first or last of a row is a word after all: a code word alone, "a one", "i", "zero a"."""
    atom = row[edge]
    low = tokens.lows[atom.first]
    others = len(row) - 1
    if others == 0:
        return tokens.classes[atom.first] == _CODEWORD or low in WORDS_THAT_ARE_LETTERS
    if low not in WORDS_THAT_ARE_LETTERS or atom.last - atom.first > 1:
        return False
    letters = sum(not a.written.isdecimal() for a in row) - 1
    if letters:
        return False
    return edge == 0 or others < 2 or (atom.last < len(tokens) and tokens.spaced(atom.last - 1, atom.last))


def _zero(row: list[Atom], at: int) -> Atom:
    """The letter o next to a digit and to no other letter is a zero."""
    atom = row[at]
    if atom.written != "o" or atom.last - atom.first > 1:
        return atom
    sides = [row[i].written for i in (at - 1, at + 1) if 0 <= i < len(row)]
    return atom._replace(written="0") if sides and all(s.isdecimal() for s in sides) else atom


def _joined(tokens: Tokens, left: Atom, right: Atom) -> bool:
    """Nothing but white space between two atoms; between letters a hyphen too ("s-m-i-t-h")."""
    if left.last == right.first:
        return tokens.spaced(left.last - 1, right.first)
    hyphen = left.last + 1 == right.first and tokens.lows[left.last] == "-"
    return hyphen and left.written.isalpha() and right.written.isalpha()


def _write(text: str, tokens: Tokens, atoms: list[Atom]) -> Written:
    out = WrittenBuilder(text)
    previous: Atom | None = None
    for atom in atoms:
        start, end = tokens.starts[atom.first], tokens.ends[atom.last - 1]
        glued = previous is not None and (
            (previous.single and atom.single and _joined(tokens, previous, atom)) or _sign_joins(tokens, previous, atom)
        )
        if not glued:
            out.copy_until(
                tokens.ends[atom.first - 1] if _is_sign(atom) and atom.first and atom.written != "+" else start
            )
        out.replace(start, end, atom.written if _rewrites(text, start, end, atom) else text[start:end])
        previous = atom
        if _is_sign(atom) and len(atom.written) == 1 and atom.last < len(tokens):
            out.skip_to(tokens.starts[atom.last])
    return out.build()


def _rewrites(text: str, start: int, end: int, atom: Atom) -> bool:
    return text[start:end].lower() != atom.written


def _is_sign(atom: Atom) -> bool:
    return not atom.written[0].isalnum()


def _sign_joins(tokens: Tokens, previous: Atom, atom: Atom) -> bool:
    return _is_sign(previous) and len(previous.written) == 1 and previous.last == atom.first
