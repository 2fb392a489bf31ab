"""United States: SSN, ITIN, routing numbers, driver licences, passports, vehicle identification numbers."""

from typing import Final

from deid_stream.detect.rules import checksums
from deid_stream.detect.rules.base import Pattern, near, rx
from deid_stream.model.entities import EntityType

_DATE: Final = r"\d{1,2}-\d{1,2}-\d{4}|\d{4}-\d{2}-\d{2}"

UNITED_STATES: Final = (
    Pattern(EntityType.US_SSN, rx(r"\d{3}[ -]\d{2}[ -]\d{4}"), 0.8, digits=9, check=checksums.us_ssn, sure=0.9),
    Pattern(
        EntityType.US_SSN,
        rx(r"(?:\d[ -]?){8}\d|(?<!\d[-/.])\d{4}(?![-/.]\d)"),
        0.85,
        digits=4,
        hints=("ssn", "s s n", "social", "itin", "tax"),
        context=near(r"ssn|s s n|social(?: security)?|itin|tax(?:payer)? id\w*"),
    ),
    Pattern(
        EntityType.BANK_ACCOUNT,
        rx(r"(?:\d ?){8}\d"),
        0.85,
        digits=9,
        hints=("routing", "aba", "a b a"),
        context=near(r"routing(?: number)?|a b a|aba"),
        check=checksums.aba_routing,
    ),
    Pattern(
        EntityType.DRIVER_LICENSE,
        rx(
            r"(?!(?:is|it|no|to|id|of|my|so)\b)[a-z]{1,2}[ -]?\d(?:[ -]?\d){3,13}[a-z]?"
            rf"|(?<!\d[-/.])(?!{_DATE})\d(?:[ -]?\d){{5,12}}"
        ),
        0.8,
        digits=4,
        hints=("licen", "d l", "dl"),
        context=near(r"(?:driver'?s?|driving) licen[cs]e|licen[cs]e (?:number|no)|d l(?: number)?|dl number"),
    ),
    Pattern(
        EntityType.VEHICLE_ID,
        rx(r"[a-hj-npr-z0-9]{17}"),
        0.6,
        digits=4,
        hints=("vin", "vehicle", "chassis"),
        context=near(r"vin|vehicle|chassis"),
    ),
    Pattern(EntityType.PHONE_NUMBER, rx(r"(?:\+?1[ .-]?)?\(?\d{3}\)?[ .-]?\d{3}[ .-]\d{4}"), 0.85, digits=10),
)
