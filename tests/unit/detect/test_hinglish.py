"""Hindi in Latin letters and Devanagari, English inside: what goes, and ordinary sentences that stay."""

import pytest

from deid_stream.detect.detector import Detector
from deid_stream.model.entities import OFF_BY_DEFAULT

KEY = b"a key of the tests, 32 bytes long"


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector.load()


def gone(text: str, detector: Detector, prev: str | None = None) -> list[str]:
    spans = detector.conversation(KEY).turn(text, "caller", prev)
    return [text[s.start : s.end] for s in spans if s.entity_type not in OFF_BY_DEFAULT]


GOES = {
    "mera mobile number hai nau sau chauvan, pachpan, athaasi, bees": "nau sau chauvan, pachpan, athaasi, bees",
    "mera number nau aath saat ek do teen char paanch chhe saat hai": "nau aath saat ek do teen char paanch chhe saat",
    "account number hai teen saat nau do paanch ek ek aath": "teen saat nau do paanch ek ek aath",
    "pin code ek ek shunya shunya paanch nau": "ek ek shunya shunya paanch nau",
    "aadhaar number do teen char paanch chhe saat aath nau ek do teen char hai":
        "do teen char paanch chhe saat aath nau ek do teen char",
    "main vaishali sector char mein rehta hoon": "vaishali sector char",
    "ghar ka pata hai makan number satrah sector bees rohini": "makan number satrah sector bees rohini",
    "meri janm tithi paanch august unnees sau bayasi hai": "paanch august unnees sau bayasi",
    "janm tithi pandrah agast unnis sau nabbe": "pandrah agast unnis sau nabbe",
    "email hai kavita dot joshi at the rate yahoo dot com": "kavita dot joshi at the rate yahoo dot com",
    "card ke last char digit aath do nau ek hain": "aath do nau ek",
    "nominee ka naam badal ke sunaina kar dijiye": "sunaina",
    "main faisal ka chhota bhai hoon": "faisal",
    "main gurpreet ki behen bol rahi hoon": "gurpreet",
    "humne wasim ko paise bheje the wapas nahi aaye": "wasim",
    "bhabhi ka naam shabnam likh lo": "shabnam",
    "unka gaon ramgarh hai aur naam baldev": "baldev",
    "sir suhani se baat karwa dijiye": "suhani",
    "main tanmay ki taraf se bol raha hoon": "tanmay",
    "chacha kishori lal ke naam se zameen hai": "kishori lal",
    "gomti nagar se bol raha hoon": "gomti nagar",
    "मेरा नंबर नौ आठ सात दो तीन चार पांच छह एक शून्य है": "नौ आठ सात दो तीन चार पांच छह एक शून्य",
    "मेरा आधार नंबर २३४५ ६७८९ ०१२४ है": "२३४५ ६७८९ ०१२४",
}  # fmt: skip
ASKED = {
    ("aapka naam bataiye", "sangeeta"): "sangeeta",
    ("aapka mobile number bataiye", "nau nau ek do paanch char teen saat shunya aath"):
        "nau nau ek do paanch char teen saat shunya aath",
    ("otp bataiye", "paanch nau do saat"): "paanch nau do saat",
}  # fmt: skip
STAYS = [
    "main subah se wait kar raha hoon", "aapka order kal tak pahunch jayega", "net bahut slow chal raha hai aajkal",
    "mera recharge kal se pending hai", "bhaiya ye plan kitne ka hai", "do teen din pehle bhi call kiya tha",
    "kal shaam ko technician aaya tha par kuch nahi hua", "accha suniye ek aur baat thi",
    "nahi nahi cancel mat karna abhi",
    "do hazaar paanch sau rupaye ka bill hai", "pachaas rupaye zyada liye hain", "dus pandrah din se problem hai",
    "shaam ko saat baje ke baad call kijiye", "char log hain ghar mein", "refund kab tak aayega",
    "paanch minute ruk jaiye",
    "train late hai do ghante", "teen baar phone kiya", "wifi ka password kaise change karein", "bijli chali gayi thi",
    "net banking ka password bhool gaya hoon", "password yaad nahi hai", "password kaise reset karun",
    "user id bhool gaya hoon bhai", "naam likhwana padega kya", "address proof kya chalega",
    "dukandar ko paise bhej diye the", "naam badal ke theek kar dijiye", "company ke naam se bill banao",
    "main uska bhai hoon", "order ka naam badal ke naya daal do", "nagar nigam ka pani nahi aaya",
    "तीन दिन से इंटरनेट नहीं चल रहा", "मुझे दो हजार रुपये वापस चाहिए", "कृपया थोड़ी देर रुकिए",
    "आपकी शिकायत दर्ज हो गई है",
]  # fmt: skip


@pytest.mark.parametrize(("text", "value"), GOES.items())
def test_a_value_goes_whole(text: str, value: str, detector: Detector) -> None:
    assert gone(text, detector) == [value]


@pytest.mark.parametrize(("turns", "value"), ASKED.items())
def test_a_bare_answer_goes(turns: tuple[str, str], value: str, detector: Detector) -> None:
    assert gone(turns[1], detector, prev=turns[0]) == [value]


@pytest.mark.parametrize("text", STAYS)
def test_an_ordinary_sentence_stays(text: str, detector: Detector) -> None:
    assert gone(text, detector) == []
