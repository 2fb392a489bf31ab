"""India: PAN, GSTIN, IFSC, Aadhaar, ABHA, passport, vehicle, driving licence, voter id."""

from typing import Final

from deid_stream.detect.rules import checksums
from deid_stream.detect.rules.base import Pattern, near, rx
from deid_stream.detect.vocabulary import COMMON
from deid_stream.model.entities import EntityType

_STATES = (
    "an|ap|ar|as|br|cg|ch|dd|dl|dn|ga|gj|hp|hr|jh|jk|ka|kl|la|ld|mh|ml|mn|mp|mz|nl|od|or|pb|py|rj|sk"
    "|tn|tr|ts|tg|ua|uk|up|wb"
)

INDIA: Final = (
    Pattern(
        EntityType.IN_PAN,
        rx(r"[a-z]{3} ?[abcfghjlpt][a-z] ?\d{2} ?\d{2} ?[a-z]"),
        0.9,
        digits=4,
        # "costs 19 99 a month", "price 12 50 a head"
        accept=lambda v: v[-1] != "A" or v[:5].lower() not in COMMON,
    ),
    Pattern(
        EntityType.IN_GSTIN,
        rx(r"[0-3]\d ?[a-z]{5} ?\d{4} ?[a-z] ?[a-z0-9] ?z ?[a-z0-9]"),
        0.9,
        digits=7,
        check=checksums.gstin,
    ),
    Pattern(EntityType.IFSC, rx(r"[a-z]{4} ?0 ?[a-z0-9]{6}"), 0.85, digits=5),
    Pattern(
        EntityType.IN_AADHAAR,
        rx(r"(?<!\+)[2-9]\d{3}[ -]?\d{4}[ -]?\d{4}"),
        0.9,
        digits=12,
        accept=checksums.verhoeff,
    ),
    Pattern(
        EntityType.ID_NUMBER,
        rx(r"\d{2}[ -]?\d{4}[ -]?\d{4}[ -]?\d{4}"),
        0.82,
        digits=14,
        hints=("abha", "health"),
        context=near(r"abha|health (?:id|account)"),
    ),
    Pattern(EntityType.VEHICLE_ID, rx(rf"(?:{_STATES})[ -]?\d{{1,2}}[ -]?[a-z]{{1,3}}[ -]?\d{{4}}"), 0.85, digits=5),
    Pattern(EntityType.VEHICLE_ID, rx(r"\d{2} ?bh ?\d{4} ?[a-z]{1,2}"), 0.85, digits=6),
    Pattern(EntityType.DRIVER_LICENSE, rx(rf"(?:{_STATES})[ -]?\d{{2}}[ -]?(?:19|20)\d{{2}} ?\d{{7}}"), 0.9, digits=13),
    Pattern(EntityType.PASSPORT, rx(r"[a-pr-wy] ?[1-9]\d ?\d{4}[1-9]"), 0.6, digits=7),
    Pattern(
        EntityType.PASSPORT,
        rx(r"(?!(?:is|it|no|to|id|of|my|so)\b)[a-z]{1,2} ?\d{6,8}"),
        0.85,
        digits=6,
        hints=("passport",),
        context=near(r"passport"),
    ),
    Pattern(
        EntityType.ID_NUMBER,
        rx(r"[a-z]{3} ?\d{7}"),
        0.8,
        digits=7,
        hints=("voter", "epic", "election"),
        context=near(r"voter|epic|election"),
    ),
)
