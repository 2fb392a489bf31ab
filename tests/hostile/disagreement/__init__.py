"""Calls whose transcript disagrees with itself and with the sound: does a planted value get out?

    python -m tests.hostile.disagreement [CASES] [FIRST]

Every case is one made call: words with sound exactly where they are said, some of them values, which may be said
softly. Its segments then say otherwise: text, words, times and revisions are disturbed, each by itself; values are
replaced by placeholders or left out; what was said is sent again (``cases``). Half of the cases are disturbed further
(``kin``): in writing, in times, in order, on a second channel, in the sound. The detector knows the values by their
letters and digits, so what gets out got past the session, not past detection. A value may not be in any field of any
output, and 20 ms of its sound at most (``leaks``); what no sample of is louder than ``pcm.IDLE_PEAK`` is no sound.
"""

from tests.hostile.disagreement.cases import Case, Said, basic_case, describe
from tests.hostile.disagreement.kin import KINDS, disturb
from tests.hostile.disagreement.leaks import LEFT_MS, run
from tests.hostile.disagreement.values import DIGITS, NAMES, KnowsTheValues


def make_case(seed: int, *, kinds: int = len(KINDS)) -> Case:
    """The case of that number. ``kinds``: half of them are disturbed by these first ones of ``kin.KINDS``."""
    case = basic_case(seed)
    if kinds and seed % 2:
        disturb(case, kinds)
    return case


__all__ = ["DIGITS", "LEFT_MS", "NAMES", "Case", "KnowsTheValues", "Said", "describe", "make_case", "run"]
