"""User names and passwords: the word after the cue, unless it is an everyday word ("my password is not working")."""

import re
from typing import Final

from deid_stream.detect.recognizer import View
from deid_stream.detect.vocabulary import COMMON, DICTIONARY, VERBS_HI, expressions, word_set
from deid_stream.model.entities import EntityType
from deid_stream.model.spans import Detection

_LINK: Final = r"(?: (?:is|was|are|it's|its|as|to|would be|will be|should be|set to|for it is))*\s*[:=]?\s*"
_NEGATIONS: Final = word_set("secrets.negations")


_ABOUT: Final = word_set("secrets.about")
"""Words after "password" that make it a thing of its own: "password reset"."""
_DETERMINERS: Final = word_set("told.determiners")
_NTH: Final = re.compile(r"\d+(?:st|nd|rd|th)")
_OPENS: Final = re.compile(r"(?<![^\W_])to\s*\Z")
"""Before what the password opens: "the passcode to the gate"."""
_NO_HANDLE: Final = word_set("secrets.no_handle")
_THE_SAME: Final = word_set("secrets.the_same")
"""Words after "the" that describe a user name and are not it: "the same as my e-mail"."""
_TITLED: Final = re.compile(
    r"the (?P<first>[^\s,.?!]+)"
    rf"(?: (?!(?:{'|'.join(expressions('secrets', 'followed_by'))})(?![^\W_]))[^\s,.?!]+){{0,3}}"
)
"""A user name that begins with "the", up to the word that continues the sentence: "the iron duke and my email is"."""
_CONTRACTED: Final = re.compile(r"[a-z]+['’](?:ve|re|ll|d|m)")
"""A subject with its verb: "the passcode we've sent"."""
_SITES: Final = tuple(
    "insta twitter snap tiktok telegram skype facebook discord linkedin venmo cash pal zelle gamer handle".split()
)
_HANDLE: Final = re.compile(
    r"(?<![^\W_])(?:my|his|her|our|the) (?P<site>insta|instagram|twitter|snap|snapchat|tiktok|telegram|skype|facebook"
    r"|discord|linkedin|venmo|cash ?app|cash ?tag|pay ?pal(?:[ .]me)?|zelle|gamer ?tag|handle)"
    r"(?: id| handle| name| username| account| tag)? (?:is|:|'s) (?:at "
    r"|@ ?|dollar sign |\$)?(?P<v>(?:the )?[^\s,.?!]{2,30}(?: [^\s,.?!]{1,30}){0,4}?)"
    r"(?=[,.?!]|\s*\Z| (?:and|but|so|if|please)\b)"
)


_NAMED: Final = re.compile(
    rf"(?<![^\W_])(?:{'|'.join(expressions('secrets', 'named'))})(?: |(?=[':]))"
    rf"(?:{'|'.join(expressions('secrets', 'links'))})"
    r" (?P<v>[^\s,.?!]{2,30}(?: [^\s,.?!]{1,30}){0,3}?)"
    rf"(?=[,.?!]|\s*\Z| (?:{'|'.join(expressions('secrets', 'followed_by'))})\b)"
)
_TOLD_OF: Final = re.compile("|".join(expressions("secrets", "about")))


_ANSWER: Final = re.compile(
    r"(?<![^\W_])(?:(?:my |our |the )?(?:very )?(?:first|1st) (?P<of>school|pet|teacher|car|employer|boss"
    r"|girlfriend|boyfriend|street)"
    r"|childhood (?:nickname|friend|hero|pet|home)|favou?rite (?:film|movie|book|teacher|author|singer|band|team)"
    r"|(?:street|road) i grew up (?:on|in)|school i went to)(?: was| is|'s| were)(?: called| named)?(?: an?)?"
    r" (?P<v>(?:the )?[^\s,.?!]+(?: (?!(?:and|but|so|when|because|if|then|i|it|we|in|at)(?![^\W_]))[^\s,.?!]+){0,3})"
)
"""The answer to a security question, said without being asked: "my first school was saint brendans"."""
_ANSWER_HINTS: Final = ("first ", "1st ", "childhood", "favourite", "favorite", "grew up", "i went to")
"""Without one of these ``_ANSWER`` cannot match."""
_NO_ANSWER: Final = word_set("judge.function") | {"under", "over", "near", "put", "right", "still"}
_TELLING: Final = ("able", "ed", "ful", "ible", "ing", "less", "ly", "ous")
_SCHOOLS: Final = frozenset("academy college grammar high infants juniors primary school secondary".split())


class SecretRecognizer:
    """Value after "password" or "username"."""

    name = "secrets"

    def find(self, view: View) -> list[Detection]:
        found: list[Detection] = []
        low = view.low
        for match in _HANDLE.finditer(low) if any(site in low for site in _SITES) else ():
            words = match.group("v").split()
            if words[0] != "the" and match["site"] == "handle" and all(w in COMMON or w in DICTIONARY for w in words):
                continue  # the handle of a door or a bag
            titled = words[0] == "the" and len(words) > 1 and words[1] not in _THE_SAME
            if titled or (words[0] not in _NEGATIONS and words[0] not in _NO_HANDLE):
                found.append(view.detection(*match.span("v"), EntityType.USERNAME, 0.8, f"{self.name}/handle"))
        for match in _ANSWER.finditer(low) if any(map(low.__contains__, _ANSWER_HINTS)) else ():
            words = match.group("v").split()
            strange = any(w not in COMMON and w not in VERBS_HI and not w.isdecimal() for w in words)
            told = words[0] in _NO_ANSWER or (
                len(words) == 1 and words[0].endswith(_TELLING)
            )  # "my first boss was horrendous"
            if (strange and not told) or (match["of"] == "school" and len(words) > 1 and words[-1] in _SCHOOLS):
                found.append(view.detection(*match.span("v"), EntityType.PASSWORD, 0.8, f"{self.name}/answer"))
        for match in _NAMED.finditer(low):
            words = match.group("v").split()
            if not (words[0] in _NEGATIONS or words[0] in _NO_HANDLE or _TOLD_OF.fullmatch(words[0])):
                found.append(view.detection(*match.span("v"), EntityType.PASSWORD, 0.8, f"{self.name}/word"))
        if "pass" not in view.low and "user" not in view.low and "log" not in view.low:
            return found
        for entity_type, pattern in _SECRETS:
            for match in pattern.finditer(view.text):
                value = match.group("v").lower()
                bare = value.strip(".,!?\"'")
                if (
                    len(bare) < 3
                    or bare in _NEGATIONS
                    or _CONTRACTED.fullmatch(bare)
                    or (bare in view.everyday and not match.group("link").strip())
                ):
                    continue
                if bare in COMMON and bare.endswith(("ing", "ed")):
                    continue
                if bare in _DETERMINERS and _OPENS.search(match.group("link")):
                    continue
                if _NTH.fullmatch(bare) and not match.group("link").strip(" :="):
                    continue  # "the passcode, second and fifth character"
                if bare in _ABOUT and not match.group("link").strip(" :="):
                    continue
                start, end = match.start("v"), match.start("v") + len(value.rstrip(".,!?"))
                if bare == "the":
                    titled = _TITLED.match(low, start)
                    if titled is None or titled["first"] in _THE_SAME or titled["first"][0].isdecimal():
                        continue
                    end = titled.end()
                found.append(view.detection(start, end, entity_type, 0.8, self.name))
        return found


_SECRETS: Final = (
    (
        EntityType.PASSWORD,
        re.compile(
            rf"\b(?:password|passcode|passphrase|pass word|passwd|pwd)(?P<link>{_LINK})(?P<v>[^\s]{{3,64}})",
            re.IGNORECASE,
        ),
    ),
    (
        EntityType.USERNAME,
        re.compile(
            rf"\b(?:user ?name|user ?id|log ?in ?(?:id|name)|screen name)(?P<link>{_LINK})(?P<v>[^\s]{{3,64}})",
            re.IGNORECASE,
        ),
    ),
)
