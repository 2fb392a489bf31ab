"""United Kingdom: NINO, NHS number, sort code, postcode, driving licence, vehicle registration."""

from typing import Final

from deid_stream.detect.rules import checksums
from deid_stream.detect.rules.base import Pattern, near, rx
from deid_stream.model.entities import EntityType

UNITED_KINGDOM: Final = (
    Pattern(
        EntityType.UK_NINO, rx(r"[a-ceghj-prstw-z][a-ceghj-nprstw-z] ?\d{2} ?\d{2} ?\d{2} ?[abcd]"), 0.93, digits=6
    ),
    Pattern(
        EntityType.UK_NHS,
        rx(r"\d{3}[ -]?\d{3}[ -]?\d{4}"),
        0.9,
        digits=10,
        hints=("nhs", "n h s"),
        context=near(r"nhs|n h s"),
        check=checksums.nhs,
    ),
    Pattern(EntityType.BANK_ACCOUNT, rx(r"\d{2}-\d{2}-\d{2}"), 0.7, needs="-"),
    Pattern(
        EntityType.BANK_ACCOUNT,
        rx(r"\d{2}[ -]?\d{2}[ -]?\d{2}"),
        0.85,
        digits=6,
        hints=("sort code",),
        context=near(r"sort code"),
    ),
    Pattern(EntityType.ADDRESS, rx(r"(?:[a-z]{1,2}\d[a-z\d]?|gir) ?\d[abd-hjlnp-uw-z]{2}"), 0.85, digits=2),
    Pattern(EntityType.DRIVER_LICENSE, rx(r"[a-z9]{5}\d{6}[a-z9]{2}\d[a-z]{2}"), 0.95, digits=7),
    Pattern(EntityType.VEHICLE_ID, rx(r"[a-z]{2}\d{2} ?[a-z]{3}"), 0.8, digits=2),
)
