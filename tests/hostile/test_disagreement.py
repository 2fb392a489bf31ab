"""The first cases of the disagreement fuzzer; all of them by ``python -m tests.hostile.disagreement``."""

import pytest

from deid_stream.audio.align import forced
from tests.hostile.disagreement import describe, make_case, run


@pytest.fixture
def without_aligner(monkeypatch):
    """As where the extra ``align`` is not installed."""
    monkeypatch.setattr(forced, "available", lambda: False)


@pytest.mark.parametrize("first", range(0, 500, 50))
def test_no_value_gets_out(first):
    for seed in range(first, first + 50):
        case = make_case(seed)
        assert run(case) == [], describe(case)


@pytest.mark.parametrize(
    "seed",
    [
        pytest.param(10_167, id="a word that is late lies on a digit"),
        pytest.param(701_631, id="the last word of a segment that is late lies on the next one's first digit"),
        pytest.param(801_454, id="words in half their time stand at onsets of sound by chance"),
        pytest.param(804_620, id="a value that is said twice and written once"),
        pytest.param(701_375, id="a name said softly parts the words before it from those after it"),
        pytest.param(803_019, id="a number said softly before the line is known"),
        pytest.param(804_473, id="the first words are said softly"),
        pytest.param(805_305, id="the line's looks meet pauses and a soft number"),
        pytest.param(811_907, id="a soft name, and a text that says okay"),
        pytest.param(40_002_028, id="every look of eight seconds falls within words"),
        pytest.param(814_930, id="a soft number and a soft name that no text has"),
    ],
)
def test_cases_that_larger_runs_found(seed):
    case = make_case(seed, kinds=0)
    assert run(case) == [], describe(case)


@pytest.mark.parametrize(
    ("seed", "kinds"),
    [
        pytest.param(435, 26, id="a segment of no length whose words have no times"),
        pytest.param(1_900_039, 26, id="number words with signs that nobody sees"),
        pytest.param(1_900_123, 26, id="number words joined by hyphens that do not break"),
        pytest.param(1_900_375, 26, id="numbers that are typed"),
        pytest.param(2_020_017, 26, id="the sound ends in a digit"),
        pytest.param(2_100_215, 26, id="a soft digit fills the last cell, which is cut short"),
        pytest.param(2_040_563, 28, id="all words of a segment run backwards, two at one time"),
        pytest.param(6_000_659, 29, id="a placeholder beside a word that is late, in words that run backwards"),
        pytest.param(6_001_501, 29, id="a placeholder in squeezed words outside their segment"),
        pytest.param(20_000_665, 29, id="a number in squeezed words outside their segment"),
        pytest.param(20_003_175, 29, id="words in half their time, twice, outside their segment"),
        pytest.param(20_003_285, 29, id="words of which the text has none explain what sounds beside them"),
        pytest.param(21_000_729, 32, id="a word of no length within a name"),
        pytest.param(21_002_025, 32, id="a last word that is stated to end just after a digit has begun"),
        pytest.param(21_002_953, 32, id="the sound ends long before the segment"),
        pytest.param(50_001_639, 33, id="words that last far into the next ones"),
        pytest.param(50_001_759, 33, id="the words before those that reach to a name have left"),
        pytest.param(60_001_477, 33, id="a word of no length outside its segment"),
        pytest.param(60_002_906, 33, id="a last word after all sound, in words that the text does not have"),
        pytest.param(24_001_476, 32, id="words in half their time after a number that is said softly for long"),
        pytest.param(25_002_193, 32, id="a word that lasts into a name that nobody has read"),
        pytest.param(30_000_631, 32, id="two segments of one time, each with the words of half of it"),
        pytest.param(30_000_989, 32, id="a text without letters, and a word that texts may leave out"),
        pytest.param(22_000_421, 32, id="every look of eight seconds falls within words, on a soft line"),
        pytest.param(80_001_727, 33, id="a text without words that is stated in silence"),
        pytest.param(60_001_217, 33, id="keys in the softest steps of A-law"),
        pytest.param(92_002_375, 34, id="words that are late, and the sound before them is lost"),
        pytest.param(94_101_067, 34, id="number words run together, with signs that nobody sees"),
        pytest.param(92_102_251, 34, id="a word without a start after one that is late"),
        pytest.param(96_001_168, 34, id="words in less time than they take, beside a name that nobody has read"),
        pytest.param(4_615, 34, id="a word that lasts over a name after a pause"),
        pytest.param(2_653, 34, id="a letter that lasts over a name after a pause"),
        pytest.param(16_435, 34, id="a part of a name is lost where a word begins with the end of the one before"),
        pytest.param(121_300_057, 34, id="words that are stated in silence, beside a name that nobody has read"),
        pytest.param(110_200_321, 34, id="a word that is stated to last beyond its segment, into a number"),
        pytest.param(110_200_589, 34, id="the sound ends in the first of a number"),
        pytest.param(110_700_601, 34, id="sound before a text without times is lost"),
        pytest.param(22_002_909, 32, id="the sound of a text's first half has left before the text came"),
    ],
)
def test_cases_disturbed_further_that_larger_runs_found(seed, kinds):
    case = make_case(seed, kinds=kinds)
    assert run(case) == [], describe(case)


@pytest.mark.parametrize("first", range(500, 700, 50))
def test_no_value_gets_out_without_the_aligner(first, without_aligner):
    for seed in range(first, first + 50):
        case = make_case(seed)
        assert run(case) == [], describe(case)


@pytest.mark.parametrize(
    "seed",
    [
        pytest.param(98_400_606, id="a word that is there twice, and a number whose times are right"),
        pytest.param(98_201_696, id="a segment that came again, late"),
        pytest.param(98_202_781, id="words outside their segment"),
        pytest.param(98_202_891, id="words in half their time, before their segment"),
        pytest.param(98_501_391, id="ten seconds without times"),
        pytest.param(97_202_835, id="words without times, before a segment whose words have them"),
        pytest.param(98_302_157, id="two segments that cross"),
        pytest.param(97_501_714, id="a segment whose words lie before it, after one whose times are right"),
        pytest.param(97_902_777, id="an utterance that goes on where a text without times may begin"),
        pytest.param(97_002_849, id="a placeholder with signs that nobody sees"),
        pytest.param(110_900_867, id="words that begin while the ones before them last"),
        pytest.param(111_100_849, id="the end of a number where a text without times may begin"),
        pytest.param(111_101_285, id="the first words of a text without times have left"),
        pytest.param(111_400_935, id="words without an order, outside their segment"),
        pytest.param(98_400_077, id="the sound beside a text without words is lost"),
    ],
)
def test_cases_that_larger_runs_found_without_the_aligner(seed, without_aligner):
    case = make_case(seed, kinds=34)
    assert run(case) == [], describe(case)
