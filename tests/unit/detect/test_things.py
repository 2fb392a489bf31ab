"""What looks like a person and is none: companies, cities, medicines; and persons of the same names."""

import pytest

from deid_stream.detect.detector import Detector
from deid_stream.model.entities import OFF_BY_DEFAULT

KEY = b"a key of the tests, 32 bytes long"


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector.load()


def gone(text: str, detector: Detector) -> list[str]:
    spans = detector.conversation(KEY).turn(text, "caller")
    return [text[s.start : s.end] for s in spans if s.entity_type not in OFF_BY_DEFAULT]


THINGS = [
    "i bought it at john lewis", "charles schwab has better rates", "the johnson and johnson vaccine",
    "jp morgan rejected it",
    "kotak mahindra and hdfc both refused", "my policy is with bajaj allianz", "calvin klein jeans",
    "we flew to austin",
    "i used to be with morgan stanley and then charles schwab", "i called john deere about the mower",
    "the raymond showroom",
    "i am flying from austin to charlotte and then to victoria", "she moved to sydney last year",
    "the train to chester is late",
    "flights from florence to lourdes", "is there an office in madison", "they have a branch in lincoln",
    "i take metformin and atorvastatin and lisinopril at night", "my doctor put me on jardiance",
    "mounjaro is out of stock",
    "she takes rosuvastatin and telmisartan", "he was diagnosed with parkinsons", "it might be hodgkins lymphoma",
    "my watch from ernest jones stopped", "our cover is with hastings direct", "the stanley cup leaks from the lid",
    "i got the wilson tennis racket", "the lloyd ac is not cooling", "my franklin templeton statement never came",
    "our preston depot is shut", "there's a power cut all over chester", "two adults to victoria please",
    "a return to nelson please",
    "my order was shipped from eugene oregon", "savannah is about four hours from here", "is madison on central time",
    "what's the time difference with sydney", "Is there a direct flight from Jackson to Orlando?",
    "the chemist gave me sandoz instead of teva", "is shingrix free for over sixties", "grandad had a fall",
    "it hung up on me", "adam's apple is sore",
    "the name is on the account", "my name is on the list", "my mother's maiden name is wrong on the form",
    "it's under warranty until next year", "hiya it's about my parcel", "the account's under the tenant for now",
    "the stanley cup i ordered has a cracked lid", "i bought a stanley flask",
    "please send it by post", "could you send me the form by post", "it was delivered by hand",
    "i'd like to grant access to my son", "i'll be frank with you", "that's grand so it is",
    "my nan will be using the phone mostly", "give your team a pat on the back",
    "engineer kal subah das baje aayega", "asha karta hoon jaldi theek ho jayega", "bees rupaye kat gaye",
    "the robin is back", "some rosemary and thyme", "the princess royal opened it", "richard the third was good",
    "Arcadia Nights is a 2012 Danish action film directed by nobody", "my city is trenton",
    "how high is mount kinabalu", "st pancras was closed", "the ansible playbooks failed",
    "a 501(c)(3) like ours pays no tax", "the rating is four point five", "i'd go with option b",
    "my husband will be at home", "it was either eighty six or eighty seven",
    "i have crohns disease", "my son has asperger's", "st john's wort did nothing",
]  # fmt: skip
PERSONS = {
    "my name is john lewis": "john lewis",
    "this is charles schwab speaking": "charles schwab",
    "i spoke to charlotte about the flight": "charlotte",
    "hello victoria": "victoria",
    "please ask for sydney": "sydney",
    "mr parkinson called": "parkinson",
    "the okonkwo account is overdue": "okonkwo",
    "the robin wardle file is missing": "robin wardle",
    "harrison ford is my neighbour": "harrison ford",
    "my husband will be at home and his name is will": "will",
    "this is my husband will": "will",
    "is that will speaking": "will",
    "ask lloyd about the ac": "lloyd",
    "wilson has the racket": "wilson",
    "it was shipped to charlotte on monday": "charlotte",
    "the parcel for victoria is late": "victoria",
    "peter jones was late": "peter jones",
    "it's under warrender until next year": "warrender",
    "my mother's maiden name is mould": "mould",
    "my mums maiden name was tenant": "tenant",
    "my name is mark on the account": "mark",
    "my name is joy with a y": "joy",
    "grant said i have no access": "grant",
    "it was signed by emily post": "emily post",
    "asha ne karta bheja": "asha",
    "i gave the cup to stanley": "stanley",
    "grandad albert needs a ride": "grandad albert",
    "i gave a lift to nelson": "nelson",
    "my wife florence will collect it": "florence",
}  # fmt: skip


@pytest.mark.parametrize("text", THINGS)
def test_a_thing_stays(text: str, detector: Detector) -> None:
    assert gone(text, detector) == []


@pytest.mark.parametrize(("text", "name"), PERSONS.items())
def test_a_person_of_that_name_goes(text: str, name: str, detector: Detector) -> None:
    assert gone(text, detector) == [name]
