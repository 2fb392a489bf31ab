"""E-mail, UPI, URL and IP addresses."""

import re
from collections.abc import Iterator
from typing import Final

from deid_stream.detect.recognizer import View
from deid_stream.detect.rules.base import Pattern, rx
from deid_stream.detect.vocabulary import CLOSED, COMMON, FIELDS, FUNCTION_HI, VERBS_HI, word_set
from deid_stream.model.entities import EntityType
from deid_stream.model.spans import Detection
from deid_stream.text.normalise import MAIL_HOSTS, UPI_HANDLES
from deid_stream.text.tokens import POSSESSIVES
from deid_stream.units import CharIndex

_NO_VERSION = r"(?<!version )(?<!release )(?<!build )(?<!firmware )(?<!version is )(?<! v)"
_OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"

_NO_LOCAL_HI: Final = r"(?!(?:मेरा|मेरी|आपका|आपकी|ई-?मेल|मेल|आईडी|है|पर|पे|का|की|को|और|जी|हाँ|हां)[ ,])"
CONTACT: Final = (
    Pattern(
        EntityType.EMAIL_ADDRESS,
        re.compile(
            rf"(?<!\S)(?:{_NO_LOCAL_HI}[^\s,]+ ){{1,4}}(?:एट|ऐट|अट)(?: द रेट(?: ऑफ)?)? ?[^\s,]+(?: ?\. ?| डॉट )"
            r"(?:कॉम|इन|को|नेट|ऑर्ग|com|in|co)(?:(?: ?\. ?| डॉट )(?:इन|in))?(?!\w)"
        ),
        0.9,
        needs="ट",
    ),
    Pattern(
        EntityType.IP_ADDRESS,
        rx(rf"{_NO_VERSION}(?:\d \d\d|\d{{1,3}})(?: ?\. ?(?:\d \d\d|\d{{1,3}})){{3}}"),
        0.85,
        needs=".",
        digits=5,
    ),
    Pattern(
        EntityType.IP_ADDRESS,
        rx(rf"{_NO_VERSION}{_OCTET}(?: ?\. ?{_OCTET}){{3}}"),
        0.95,
        needs=".",
    ),
    Pattern(
        EntityType.IP_ADDRESS,
        re.compile(
            r"(?<![\w:])(?:(?:[0-9a-f]{1,4}:){5,7}[0-9a-f]{1,4}"
            r"|(?:[0-9a-f]{1,4}:){1,6}(?::[0-9a-f]{1,4}){1,6})(?![\w:])",
            re.IGNORECASE,
        ),
        0.9,
        needs=":",
    ),
    Pattern(
        EntityType.URL,
        re.compile(r"(?<!\w)(?:https?://|ftp://|www\.)[^\s<>\"'\]]{2,300}", re.IGNORECASE),
        0.95,
        needs=".",
    ),
    Pattern(
        EntityType.URL,
        rx(
            r"(?<!@)[a-z0-9][\w-]{0,62}(?:\.[\w-]{1,62}){0,4}\.(?:com|co\.in|co\.uk|org|net|edu|gov|in|io"
            r"|info)(?:/[^\s]{0,200})?"
        ),
        0.6,
        needs=".",
    ),
)

_HOSTS: Final = "gmail|yahoo|hotmail|outlook|rediffmail|rediff|icloud|ymail|aol|protonmail"
_SQUASHED: Final = re.compile(
    rf"(?<![\w./-])(?P<local>[a-z0-9][\w.+-]{{1,63}})?(?:{_HOSTS})\.? ?(?:dot ?)?(?:com|con|co ?in|co ?uk)(?![^\W_])"
    r"|(?<![\w./-])[a-z0-9]{6,63}com(?![\w-])"
)
"""An address whose signs were lost: "rajugmailcom", "raju 28 gmailcom", "rajumailhostcom"."""
_LOCAL_PART: Final = re.compile(r"(?=[\d._-]*[^\W\d_])[^\W_]+(?:[._-][^\W_]+)+(?!\w)")
"""What an answer to "your e-mail?" joins by signs: "barnaby.quill", before "at" has come."""
_LEFT_WORD: Final = re.compile(r"([^\s]{1,64})(\s+)$")
_STOPS: Final = word_set("contact.stops")
_HINDI: Final = FUNCTION_HI | VERBS_HI
"""Words of a sentence around an address: "email pe bhejo neha at ..."."""
_SPOKEN_LOCAL: Final = 5
"""The part before the "at" is heard as at most this many words. A larger value redacts more of the words before an
address; a smaller one leaves the beginning of long ones."""


class EmailRecognizer:
    """Written and spoken e-mail and UPI addresses. The normaliser has already made ``@`` and ``.`` of the words."""

    name = "email"

    def find(self, view: View) -> list[Detection]:
        text = view.text
        found: list[Detection] = []
        if "com" in view.low or "gmailcon" in view.low:
            found.extend(self._squashed(view))
        found.extend(self._of_its_host(view))
        if view.open_run is EntityType.EMAIL_ADDRESS:
            rest = _REST.match(view.low)
            if rest is not None:
                found.append(view.detection(*rest.span("rest"), EntityType.EMAIL_ADDRESS, 0.85, f"{self.name}/rest"))
        if EntityType.EMAIL_ADDRESS in view.expected and (half := _HALF.match(view.low)) is not None:
            found.append(view.detection(*half.span("v"), EntityType.EMAIL_ADDRESS, 0.8, f"{self.name}/half"))
        if EntityType.EMAIL_ADDRESS in view.expected or _MAILED.search(view.low):
            for host in _UNFINISHED.finditer(text):
                start = self._local_start(text, host.start())
                if start < host.start():
                    found.append(
                        view.detection(start, host.end("v"), EntityType.EMAIL_ADDRESS, 0.8, f"{self.name}/unfinished")
                    )
        if "." in text:
            found.extend(self._of_its_domain(view))
        if not found and EntityType.EMAIL_ADDRESS in view.expected and "@" not in text:
            found.extend(
                view.detection(*part.span(), EntityType.EMAIL_ADDRESS, 0.9, f"{self.name}/local")
                for part in _LOCAL_PART.finditer(text)
            )
        if "@" not in text:
            return found
        for match in re.finditer("@", text):
            bounds = self._bounds(text, match.start())
            if bounds is not None:
                start, end, entity_type = bounds
                if entity_type is EntityType.EMAIL_ADDRESS and _is_prose(view, start, match.start(), end):
                    continue
                found.append(view.detection(start, end, entity_type, 0.97, self.name))
        return found

    def _squashed(self, view: View) -> Iterator[Detection]:
        for match in _SQUASHED.finditer(view.low):
            start, end = match.span()
            word = match.group()
            if match.group("local") is None and word.startswith(tuple(_HOSTS.split("|"))):
                start = self._local_start(view.text, start)
                if start == match.start():
                    continue
            elif word in COMMON or (match.group("local") is None and word.isalpha() and len(word) < 9):
                continue
            yield view.detection(start, end, EntityType.EMAIL_ADDRESS, 0.9, self.name)

    def _of_its_host(self, view: View) -> Iterator[Detection]:
        """ "my gmail is sam the man twenty three": an address told by its host, to the end of the turn."""
        low = view.low
        if not any(host in low for host in _HOST_WORDS):
            return
        for match in _HOSTED.finditer(low):
            value = match.group("value")
            first = value.split()[0]
            if "@" in value or first in _NO_LOCAL or any(w in _NO_LOCAL_PART for w in value.split()):
                continue
            yield view.detection(*match.span("value"), EntityType.EMAIL_ADDRESS, 0.75, f"{self.name}/host")

    def _of_its_domain(self, view: View) -> Iterator[Detection]:
        """An address told by its domain: "mara.quill, at example.com"; where one was asked for, also "mara quill and
        example .com". Recognisers write a comma for the pause before its sign, and other short words for the sign."""
        asked = EntityType.EMAIL_ADDRESS in view.expected
        for match in _DOMAIN.finditer(view.low):
            local_end = len(view.low[: match.start()].rstrip(" ,."))
            start = self._local_start(view.text, local_end)
            said = view.low[start:local_end].split()
            if not said:
                continue
            sign = (match["sign"] or "").strip(" ,")
            written = "." in said[-1] and sign in ("@", "at")
            if written or (asked and (sign or said[-1] not in COMMON | CLOSED)):
                yield view.detection(start, match.end(), EntityType.EMAIL_ADDRESS, 0.8, f"{self.name}/domain")

    def _bounds(self, text: str, at: CharIndex) -> tuple[CharIndex, CharIndex, EntityType] | None:
        host = _HOST.match(text, at + 1)
        if host is None:
            return None
        start = self._local_start(text, at)
        if start == at:
            return None
        end = host.end()
        tail = _TAIL.match(text, end)
        if tail is not None and text[:end].lower().endswith(".co"):
            end = tail.end()
        name = text[at + 1 : end].strip().lower()
        if name in UPI_HANDLES or ("." not in name and "dot" not in name):
            return start, end, EntityType.UPI_ID
        return start, end, EntityType.EMAIL_ADDRESS

    @staticmethod
    def _local_start(text: str, at: CharIndex) -> CharIndex:
        start = at
        while start and text[start - 1] == " ":
            start -= 1
        while start and (text[start - 1].isalnum() or text[start - 1] in "._+-%'") and at - start < 80:
            start -= 1
        first = text[start:at].strip()
        if not first:
            return at
        spoken = 1
        while spoken < _SPOKEN_LOCAL:
            match = _LEFT_WORD.search(text, max(0, start - 70), start)
            if match is None or "\n" in match.group(2):
                break
            word = match.group(1).lower()
            ends = word in _STOPS or word.endswith(POSSESSIVES) or (word in _HINDI and len(word) > 1)
            if ends or not (word[-1].isalnum() or word[-1] in "._+-") or not word[0].isalnum():
                break
            if (word in CLOSED or word in FIELDS) and len(word) > 2 and not _glued(first):
                break
            start = match.start(1)
            first = word
            spoken += 1
        return start


_HALF: Final = re.compile(
    r"(?:(?:yes|yeah|sure|so|um|uh|okay|it'?s|it is|my|email|mail|e-mail|id|is|the|that's)[ ,]+)*"
    r"(?P<v>[a-z0-9][\w. -]{1,40}? ?(?:@|(?<![^\W_])(?:at|at the rate(?: of)?)))\W*\Z"
)
"""The first half of an address that was asked for: the turn ends in its sign."""
_UNFINISHED: Final = re.compile(
    r" ?(?P<v>(?:@|(?<![^\W_])(?:at|at the rate(?: of)?) ) ?"
    rf"(?:{'|'.join(sorted(MAIL_HOSTS - {'me', 'live', 'mail', 'sky', 'virgin'}))}))\W*\Z",
    re.IGNORECASE,
)
"""The end of an address whose "dot com" did not come: "john smith at outlook"."""
_TAIL: Final = re.compile(r" (?:in|uk|nz|za|jp)(?![^\W_])", re.IGNORECASE)
_HOST_WORDS: Final = ("mail", "yahoo", "outlook", "icloud", "rediff")
_HOSTED: Final = re.compile(
    r"(?<![^\W_])(?:my|his|her|the) (?:gmail|g mail|yahoo|hotmail|outlook|icloud|rediff|rediffmail|e-?mail|mail)(?: id"
    r"| address)?"
    r"(?: is|'s|:) (?P<value>[^\W_][\w. -]{2,48}?)(?=[,;?!]|\.? *\Z| (?:and|but|so|please)\b)"
)
_DOMAIN: Final = re.compile(
    r"(?P<sign>@ ?|(?<![^\W_])(?:at|add|and|an|a|had|hat|it|that)[ ,]+)?(?<![\w.-])[a-z0-9][a-z0-9-]{1,62}"
    r"(?: ?\. ?[a-z0-9-]{1,62}){0,2} ?\. ?(?:com|org|net|edu|gov|co ?\. ?uk|co ?\. ?in)(?![^\W_])"
)
"""A domain, and the sign before it, or what that is heard as."""
_NO_LOCAL: Final = word_set("contact.no_local")
_NO_LOCAL_PART: Final = word_set("contact.no_local_part")
_REST: Final = re.compile(
    r"\W*(?P<rest>(?:at |dot |@ ?)?[a-z0-9][\w-]{1,30}(?: [a-z0-9][\w-]{0,30}){0,2}(?: ?(?:\.|dot|@|com\b|co\b|in\b"
    r"|uk\b) ?[\w.-]{0,20}){0,4})\W*\Z"
)
_ROLES: Final = word_set("contact.roles")
_PRONOUNS: Final = word_set("contact.pronouns")
"""What is looked at or done "at acme dot com"; "it" is also a department."""
_MAILED: Final = re.compile(r"(?<![^\W_])(?:e-?mails?|mails?|mail id|gmail|write to|address|correo)(?![^\W_])")


_ME: Final = re.compile(r" (?:and|or|for|to|that|when|if|about|,)(?![^\W_])")
"""After "dot me" the sentence goes on: "me" is the speaker."""


def _is_prose(view: View, start: CharIndex, at: CharIndex, end: CharIndex) -> bool:
    """A place on the web, not an address: "reach us at acme.com", "because at six dot me"."""
    host = view.low[at + 1 : end].strip()
    name = host.split(".")[0].replace("-", "").strip()
    if name in MAIL_HOSTS or "@" in view.written.source:
        return False
    if name.replace(" ", "").isdecimal() or (host.endswith(".me") and _ME.match(view.low, end)):
        return True
    local = view.low[start:at].split()
    last = local[-1] if local else ""
    if EntityType.EMAIL_ADDRESS in view.expected or any(c in "._-+" or c.isdecimal() for c in last):
        return False
    if last in _ROLES and last not in _PRONOUNS:
        return False
    return (last in COMMON or last in CLOSED) and _MAILED.search(view.low[:start]) is None


_HOST: Final = re.compile(
    r"(?:[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}|(?:[\w-]{1,63} ){1,3}[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}"
    r"|[\w-]{2,63}(?: com\b)?)",
    re.IGNORECASE,
)


def _glued(local: str) -> bool:
    """The part so far begins with a sign or is digits: something must come before it."""
    return local[0] in "._-+" or local.isdecimal()
