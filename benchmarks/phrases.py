"""What the callers of the load say: made up, in the style of a telephone recogniser (lower case, numbers spoken)."""

from random import Random

AGENT = (
    "thank you for calling how may i help you today",
    "i understand let me look into that for you",
    "could you please give me a moment while i open your account",
    "okay i can see the order here it left our warehouse on tuesday",
    "is there anything else i can do for you",
    "the plan costs forty nine pounds a month and includes the line rental",
    "i am sorry about that it should not have happened",
    "we can offer you a refund or a replacement whichever you prefer",
    "the engineer can come between nine and twelve",
    "right so the balance is twenty three pounds and fifteen pence",
    "no worries at all that is what we are here for",
    "please restart the router and wait two minutes until the light turns green",
    "let me just confirm that with my supervisor",
    "you will get a message once it has been processed",
    "may i have your full name please",
    "could i take the long number on the front of the card",
    "can you confirm the postcode for me",
    "what is the best number to reach you on",
    "and the email address please",
)
CUSTOMER = (
    "hi yes i am calling about my last bill it looks far too high",
    "no i did not order that and i want it taken off",
    "yes that is right",
    "okay",
    "um i think it was last week maybe on the thursday",
    "the internet keeps dropping every evening around eight",
    "how long will that take",
    "can you send it to the shop instead i will pick it up there",
    "i have been waiting for three weeks and nobody called me back",
    "well i was told it would be free for the first six months",
    "sure go ahead",
    "i would like to cancel the subscription please",
    "that sounds good to me thank you very much",
    "it is the blue one the medium size",
    "no that is everything thanks for your help",
    "i paid for two tickets but only got one",
    "yeah the screen stays black when i turn it on",
)
WITH_PII = (
    "my name is {name}",
    "yes it is {name} that is spelled {spelled}",
    "the card number is {card}",
    "sure it is {card} and the expiry is {month} twenty {ones}",
    "you can reach me on {phone}",
    "it is {email}",
    "i live at {house} {street} street in {town}",
    "my date of birth is the {day} of {month} nineteen {tens} {ones}",
    "the account number is {account}",
    "this is {name} calling the order number is {account}",
    "the security code is {cvv}",
    "my postcode is {postcode}",
)
_FIRST = "anita rohan priya james emma karthik fatima oliver mei lakshmi sanjay grace kwame sofia daniel aisha".split()
_LAST = "raghavan fernandes patel turner okafor novak iyer hughes mendoza chen kapoor walsh banerjee schmidt".split()
_STREETS = "maple station victoria gandhi church orchard nehru queen bridge mill".split()
_TOWNS = "leeds pune bristol chennai austin dayton nagpur derby".split()
_MONTHS = "january february march april june july august september october november december".split()
_DAYS = "first second third fourth fifth ninth twelfth fifteenth twentieth".split()
_TENS = "fifty sixty seventy eighty ninety".split()
_DIGITS = "zero one two three four five six seven eight nine".split()
_HOSTS = "gmail outlook yahoo".split()


def _digits(rng: Random, count: int) -> str:
    said: list[str] = []
    while count:
        digit = "oh" if rng.random() < 0.05 else rng.choice(_DIGITS)
        if count > 1 and rng.random() < 0.15:
            said += ["double", digit]
            count -= 2
        else:
            said.append(digit)
            count -= 1
    return " ".join(said)


def _pii(rng: Random) -> str:
    first, last = rng.choice(_FIRST), rng.choice(_LAST)
    return rng.choice(WITH_PII).format(
        name=f"{first} {last}",
        spelled=" ".join(last),
        card=_digits(rng, 16),
        phone=_digits(rng, 10),
        email=f"{first} dot {last} at {rng.choice(_HOSTS)} dot com",
        house=rng.choice(_DIGITS[1:]),
        street=rng.choice(_STREETS),
        town=rng.choice(_TOWNS),
        day=rng.choice(_DAYS),
        month=rng.choice(_MONTHS),
        tens=rng.choice(_TENS),
        ones=rng.choice(_DIGITS[1:]),
        account=_digits(rng, 8),
        cvv=_digits(rng, 3),
        postcode=" ".join(rng.choice(part) for part in ("abcdefg", _DIGITS[1:], _DIGITS, "abc", "xyz")),
    )


def utterance(rng: Random, channel: int, pii_share: float = 0.2) -> str:
    """One turn, about 11 words; ``pii_share`` of all turns hold personal data (the caller's, channel 1)."""
    if channel == 1 and rng.random() < 2 * pii_share:
        return _pii(rng)
    return rng.choice(AGENT if channel == 0 else CUSTOMER)
