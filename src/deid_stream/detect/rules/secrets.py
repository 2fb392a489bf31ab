"""User names and passwords: the word after the cue, unless it is an everyday word ("my password is not working")."""

import re
from typing import Final

from deid_stream.detect.recognizer import View
from deid_stream.detect.vocabulary import COMMON, expressions, word_set
from deid_stream.model.entities import EntityType
from deid_stream.model.spans import Detection

_LINK: Final = r"(?: (?:is|was|are|it's|its|as|to|would be|will be|should be|set to|for it is))*\s*[:=]?\s*"
_NEGATIONS: Final = word_set("secrets.negations")


_ABOUT: Final = word_set("secrets.about")
"""Words after "password" that make it a thing of its own: "password reset"."""
_DETERMINERS: Final = word_set("told.determiners")
_OPENS: Final = re.compile(r"(?<![^\W_])to\s*\Z")
"""Before what the password opens: "the passcode to the gate"."""
_NO_HANDLE: Final = word_set("secrets.no_handle")
_CONTRACTED: Final = re.compile(r"[a-z]+['’](?:ve|re|ll|d|m)")
"""A subject with its verb: "the passcode we've sent"."""
_SITES: Final = tuple("insta twitter snap tiktok telegram skype facebook discord linkedin venmo cash pal zelle".split())
_HANDLE: Final = re.compile(
    r"(?<![^\W_])(?:my|his|her|our|the) (?:insta|instagram|twitter|snap|snapchat|tiktok|telegram|skype|facebook"
    r"|discord|linkedin|venmo|cash ?app|cash ?tag|pay ?pal(?:[ .]me)?|zelle)"
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


class SecretRecognizer:
    """Value after "password" or "username"."""

    name = "secrets"

    def find(self, view: View) -> list[Detection]:
        found: list[Detection] = []
        low = view.low
        for match in _HANDLE.finditer(low) if any(site in low for site in _SITES) else ():
            words = match.group("v").split()
            if words[0] not in _NEGATIONS and words[0] not in _NO_HANDLE:
                found.append(view.detection(*match.span("v"), EntityType.USERNAME, 0.8, f"{self.name}/handle"))
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
                if bare in _ABOUT and not match.group("link").strip(" :="):
                    continue
                start = match.start("v")
                found.append(view.detection(start, start + len(value.rstrip(".,!?")), entity_type, 0.8, self.name))
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
