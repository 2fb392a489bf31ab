"""Words that tell what a value is: in a question ("the long number on the card?"), or before the value itself.

The order is from the most to the least specific; the first that matches names the type.
"""

import re
from typing import Final

from deid_stream.model.entities import EntityType as T

_CUES: Final[tuple[tuple[T, str], ...]] = (
    (
        T.CARD_CVV,
        r"cvv2?|cvc2?|cv2|c v v|c v c|security (?:code|number)|(?:three|four|3|4)[- ]digits?(?: \w+){0,3} back",
    ),
    (T.CARD_EXPIRY, r"expir(?:y|es|ed|ation|ing)|exp date|valid (?:thru|through|until|till|upto|up to)"),
    (
        T.PASSWORD,
        r"pass ?(?:word|code|phrase)|p i n|pin(?! ?code)|mpin|upi pin|o t p|otp|one[- ]time (?:code|pass\w*)"
        r"|verification code|access code|security (?:answer|question|word)|maiden name|memorable (?:word|\w+)",
    ),
    (T.US_SSN, r"ssn|s s n|social(?: security)?(?: number)?|itin|tax(?:payer)? id\w*"),
    (T.IN_AADHAAR, r"aadhaa?r|adhaa?r|adhar|aadhar|uidai|uid number"),
    (T.IN_PAN, r"pan (?:card|number|no)|permanent account number"),
    (T.IN_GSTIN, r"gst ?(?:in)?(?: number| no)?|g s t"),
    (T.IFSC, r"ifsc|i f s c"),
    (T.IBAN_CODE, r"iban|i b a n"),
    (T.UPI_ID, r"upi(?: id)?|u p i|vpa"),
    (T.UK_NHS, r"nhs|n h s"),
    (T.UK_NINO, r"national insurance|nino|n i number|ni number"),
    (T.PASSPORT, r"passport"),
    (T.DRIVER_LICENSE, r"licen[cs]e|driving licen\w+|d l number"),
    (
        T.VEHICLE_ID,
        r"number plate|licen[cs]e plate|plate number|registration (?:number|plate|mark)|vehicle (?:number"
        r"|reg\w*)|vin(?: number)?|chassis|car reg\w*",
    ),
    (
        T.DATE_OF_BIRTH,
        r"date of birth|birth ?date|birthday|d o b|dob|(?:was|were|am|i'm) born|born (?:on|in)"
        r"|year of birth|when were you born|date you were born",
    ),
    (T.EMAIL_ADDRESS, r"e[- ]?mail(?: id| address)?s?|mail id|gmail"),
    (T.USERNAME, r"user ?(?:name|id)|log ?in(?: id| name)?|screen name|handle"),
    (T.BANK_ACCOUNT, r"(?:bank|savings?|checking|current) account|bank details|sort code|routing(?: number)?|iban|a/c"),
    (
        T.CREDIT_CARD,
        r"(?:credit|debit|bank|atm|payment)?[ -]?card(?: number| no)?s?|visa|master ?card|amex"
        r"|american express|rupay|long number|(?:16|sixteen)[- ]digits?",
    ),
    (
        T.PHONE_NUMBER,
        r"(?:my|your|his|her|their|me) number|(?:tele)?phone|mobile|cell(?: ?phone)?|landline|whats ?app"
        r"|(?:contact|call ?back|reach|alternate|best|home|office|work) (?:number|no|you)|contact|fax"
        r"|call (?:you|me|back|us)|ring (?:you|me)|dial|text (?:you|me)|extension|phn|ph no|mob|sms",
    ),
    (
        T.ADDRESS,
        r"(?:post|zip|postal|pin) ?code|zip|address|(?:street|house|flat|apartment|door|building"
        r"|plot) ?(?:number|name|no)?|where (?:do|did) you (?:live|stay)|live (?:at|on)|located (?:at"
        r"|in|on)|location",
    ),
    (
        T.ID_NUMBER,
        r"(?:order|policy|claim|case|ticket|reference|ref|booking|confirmation|member(?:ship)?|customer"
        r"|client|employee|tracking|invoice|serial|loyalty|account|acc|ac|acct|application|request"
        r"|complaint|service|reservation|registration|flyer|patient|student|user|consumer|subscriber"
        r"|transaction|policyholder|record|locator|pnr|imei|meter|abha|voter|p n r)s?'?s? ?(?:number|no"
        r"|num|id|code|i d|#|details)?|(?:number|id|i d|code)",
    ),
    (
        T.PERSON,
        r"(?:first |last |full |middle |sur|given |family |your |the |maiden )?names?|who (?:am i"
        r"|is (?:this|calling|speaking|it))|(?:to )?whom?(?= (?:would|do|did|should|are|will|shall|can"
        r"|else) )|to whom|whom|surname|called|speaking (?:to|with)",
    ),
)
_NOUN: Final = r"(?: ?(?:number|no|num|id|code|details?|card)(?![a-z0-9]))?"
_COMPILED: Final = tuple((t, re.compile(rf"(?<![a-z0-9])(?:{p}){_NOUN}(?![a-z0-9])")) for t, p in _CUES)
_ANY: Final = re.compile(
    "(?<![a-z0-9])(?=[a-z0-9#])(?:" + "|".join(f"(?P<{t.name}>(?:{p}){_NOUN})" for t, p in _CUES) + ")(?![a-z0-9])"
)


def nearest(low: str) -> T | None:
    """The type that the last cue in lower-case ``low`` names; None without one."""
    last = None
    for match in _ANY.finditer(low):
        last = match.lastgroup
    return T[last] if last else None


def first_named(low: str) -> T | None:
    """The most specific type that lower-case ``low`` names anywhere."""
    for entity_type, pattern in _COMPILED:
        if pattern.search(low):
            return entity_type
    return None


def all_named(low: str) -> tuple[T, ...]:
    """Types named in lower-case ``low``, each once, in order; a general cue inside a specific one is not counted."""
    return tuple(dict.fromkeys(T[m.lastgroup] for m in _ANY.finditer(low) if m.lastgroup))
