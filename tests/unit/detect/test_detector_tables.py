"""What goes and what stays, by kind, with the rules alone: positives beside the negatives that look like them."""

import pytest

from deid_stream.detect.detector import Detector, DetectorSettings
from deid_stream.model.entities import OFF_BY_DEFAULT, EntityType

KEY = b"a key of the tests, 32 bytes long"
RULES = Detector.load(DetectorSettings(model="off"))


def found(text: str, prev: str | None = None) -> list[tuple[str, str]]:
    """``(type, source text)`` of what goes by default in one turn of a caller."""
    spans = RULES.conversation(KEY).turn(text, "caller", prev)
    return [(s.entity_type.value, text[s.start : s.end]) for s in spans if s.entity_type not in OFF_BY_DEFAULT]


# One value a line; the value stands in brackets.
GOES: dict[EntityType, list[str]] = {
    EntityType.CREDIT_CARD: [
        "my card number is [four one one one double two double two three three three three four four four four]",
        "card number [4111 1111 1111 1111]",
        "it is [5500-0000-0000-0004] thanks",
        "[four one one one] [one one one one one one one one one one one one]".replace("] [", " "),
    ],
    EntityType.CARD_EXPIRY: [
        "the expiry is [zero nine slash twenty six]",
        "it expires [09/27]",
        "valid till [march twenty twenty eight]",
    ],
    EntityType.CARD_CVV: [
        "cvv is [one two three]",
        "the security code on the back is [123]",
        "and the three on the back are [seven one two]",
        "the last three on the signature strip are [eight eight one]",
    ],
    EntityType.PHONE_NUMBER: [
        "call me on [plus nine one nine eight seven six five four three two one zero]",
        "my number's [double nine eight seven six five treble two one]",
        "[555-123-4567]",
        "phone is [two one two five five five oh one four two]",
        "you can reach me at [four one, sorry, four two, seven seven um eight eight nine nine]",
        "[(0)20 7946 0123]",
    ],
    EntityType.EMAIL_ADDRESS: [
        "email is [john dot smith at gmail dot com]",
        "[j o h n underscore s at yahoo dot co dot uk]",
        "mail to [raju one two three at the rate gmail dot com] please",
        "it's [mary hyphen ann at my company dot org]",
        "write to [someone.else@example.co.in]",
        "[rajukumargmailcom]",
        "write to [ilmara at fleckens dot hu] today",
    ],
    EntityType.UPI_ID: ["my upi is [raju at okaxis]", "[raju.k@ybl]"],
    EntityType.IFSC: ["IFSC code is [h d f c zero zero zero one two three four]", "[HDFC0001234]"],
    EntityType.IBAN_CODE: [
        "iban is [g b two nine n w b k six zero one six one three three one nine two six eight one nine]",
        "[DE89370400440532013000]",
    ],
    EntityType.BANK_ACCOUNT: [
        "routing number is [zero two one zero zero zero zero two one]",
        "sort code [twenty thirty forty]",
        "bank account [12345678]",
    ],
    EntityType.ID_NUMBER: [
        "order number [five five two one nine]",
        "no wait it is [thirty one thousand two hundred and seven]",
        "my policy number is [a b dash nine nine one two three]",
        "case id [88213]",
        "reference is [x j seven nine two k]",
        "account ending in [four four seven one]",
        "abha number is [nine one one two three four five six seven eight nine zero one two]",
        "[four four seven one]",
        "[g58a58]",
        "claim number is [clm 876]",
    ],
    EntityType.US_SSN: [
        "my ssn is [one two three forty five six seven eight nine]",
        "[123-45-6789]",
        "last four of my social is [six seven eight nine]",
    ],
    EntityType.IN_AADHAAR: ["my aadhaar is [two three four five six seven eight nine oh one two four]"],
    EntityType.IN_PAN: ["pan is [a b c p e one two three four f]", "it is [ABCPE1234F]"],
    EntityType.IN_GSTIN: ["gst number [two seven a a p f u oh nine three nine f one z v]"],
    EntityType.PASSPORT: ["passport number [j eight three six nine eight five four]"],
    EntityType.DRIVER_LICENSE: ["my driving licence is [d one two three four five six seven]"],
    EntityType.UK_NHS: ["nhs number [nine four three four seven six five nine one nine]"],
    EntityType.UK_NINO: ["[AB 12 34 56 C]", "national insurance number [q q one two three four five six c]"],
    EntityType.DATE_OF_BIRTH: [
        "my date of birth is [twelfth of march nineteen eighty six]",
        "born on [12/03/1986]",
        "dob [twelve three eighty six]",
    ],
    EntityType.PASSWORD: [
        "my password is [sunshine42]",
        "pin is [four four seven one]",
        "otp is [eight nine two one double three]",
    ],
    EntityType.USERNAME: ["username is [raju_k]"],
    EntityType.IP_ADDRESS: [
        "ip is [one nine two dot one six eight dot one dot twenty five]",
        "[192.168.1.25]",
        "[2001:db8:85a3:0:0:8a2e:370:7334]",
    ],
    EntityType.VEHICLE_ID: ["vehicle number [m h twelve a b one two three four]", "[MH 12 AB 1234]"],
    EntityType.ADDRESS: [
        "i live at [twenty two acacia avenue]",
        "[221b baker street london]",
        "[flat 4 b rose apartments mg road bangalore five six zero zero zero one]",
        "postcode is [s w one a one a a]",
        "send it to [po box 1234] please",
        "ship to [6221 Montecito Boulevard, Apt 4, Springfield]",
        "at [the corner of 5th and walnut]",
    ],
    EntityType.PERSON: [
        "my name is [raghavan r a g h a v a n]",
        "this is [john smith] calling",
        "mrs [patel] speaking",
        "mr [brown] called",
        "thank you [robert]",
    ],
}  # fmt: skip

STAYS = [
    # amounts
    "four thousand five hundred rupees", "it costs 4500 rupees", "the total is twelve thousand three hundred dollars",
    "i paid one hundred and fifty pounds", "it's three nine five zero zero dollars", "two lakh fifty thousand",
    "$1,250.00", "£3500", "1,50,000", "my bill is 2340", "the balance was 10500", "i want to transfer 1000",
    # times
    "ten thirty", "at ten thirty tomorrow", "seven forty five p m", "19:30", "1230 pm", "we arrive at 2100 hours",
    # dates and years
    "twelfth of march", "on march third twenty nineteen", "12/05/2018", "in nineteen eighty six", "since 2015",
    "the year is twenty seventeen", "the 1990s", "between 2010 and 2015", "2019 to 2021",
    # quantities
    "two hundred and fifty units", "1500 points", "2000 steps a day", "room for two guests", "party of five",
    "a table for twelve people", "three nights four days", "forty five minutes", "around 1000 people came",
    "16 gb ram 512 gb storage", "speed is 100 mbps", "the temperature is 102 degrees", "twenty five percent",
    "4.5 percent", "i have 2 kids aged 4 and 6", "i ordered 3 pizzas and 2 cokes",
    # products, versions, places in a list
    "flight ba 123", "flight number 1234", "windows 2000", "iphone 12 pro max", "version 10.4.2", "galaxy s 21",
    "covid 19", "boeing 737", "channel 5", "page 404", "vitamin b 12", "the twenty third", "fiftieth anniversary",
    # everyday words that are names, months or numbers
    "will you mark it as paid", "may i help you", "in may or june", "one of them", "no one told me", "first of all",
    "i need a one bedroom", "two one way tickets", "my password is not working", "dot your i's",
    "what is your account number", "thanks have a great day", "can you please hold for a moment",
]  # fmt: skip


@pytest.mark.parametrize(
    ("entity_type", "line"), [(entity_type, line) for entity_type, lines in GOES.items() for line in lines]
)
def test_goes_whole_and_by_its_name(entity_type: EntityType, line: str) -> None:
    value = line[line.index("[") + 1 : line.index("]")]
    assert found(line.replace("[", "").replace("]", "")) == [(entity_type.value, value)]


@pytest.mark.parametrize("line", STAYS)
def test_stays(line: str) -> None:
    assert found(line) == []


def test_every_type_that_goes_by_default_has_a_line() -> None:
    assert set(GOES) == set(EntityType) - OFF_BY_DEFAULT


@pytest.mark.parametrize("number", ["4111 1111 1111 1112", "2345 6789 0123", "943 476 5918"])
def test_a_wrong_checksum_lets_nothing_go(number: str) -> None:
    assert [text for _, text in found(f"it is {number}")] == [number]


@pytest.mark.parametrize("amount", ["rupees", "dollars", "people", "pm"])
def test_a_unit_does_not_free_a_card(amount: str) -> None:
    assert found(f"4111 1111 1111 1111 {amount}")[0][1].startswith("4111 1111 1111 1111")


@pytest.mark.parametrize("date", ["14-03-1982", "03/14/1982", "14.03.1982"])
@pytest.mark.parametrize(
    ("cue", "entity_type", "number"),
    [("ssn", "US_SSN", "519-44-2201"), ("driving licence", "DRIVER_LICENSE", "d1234567")],
)
def test_a_date_after_a_number_is_no_part_of_another_one(cue: str, entity_type: str, number: str, date: str) -> None:
    assert found(f"{cue} {number}, born {date}") == [(entity_type, number), ("DATE_OF_BIRTH", date)]
