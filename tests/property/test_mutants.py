"""Every law has a mutant, and each mutant still says what stands in the source (``python -m tests.property.mutants``
runs them)."""

import pytest

from tests.property import mutants
from tests.property.mutants import MUTANTS, ROOT, SRC, Mutant


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: f"law {mutant.law}: {mutant.protection}")
def test_what_a_mutant_takes_out_stands_once_in_the_source(mutant: Mutant) -> None:
    text = (ROOT / SRC / mutant.path).read_text(encoding="utf-8")
    assert text.count(mutant.old) == 1
    assert mutant.new != mutant.old
    path, _, name = mutant.test.partition("::")
    tests = (ROOT / path).read_text(encoding="utf-8")
    assert not name or f"def {name.partition('[')[0]}(" in tests


def test_every_law_has_one() -> None:
    assert {mutant.law for mutant in mutants.MUTANTS} == set(range(1, 12))
