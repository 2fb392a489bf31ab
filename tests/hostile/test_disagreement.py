"""The first cases of the disagreement fuzzer; all of them by ``python -m tests.hostile.disagreement``."""

import pytest

from tests.hostile.disagreement import describe, make_case, run


@pytest.mark.parametrize("first", range(0, 500, 50))
def test_no_value_gets_out(first):
    for seed in range(first, first + 50):
        case = make_case(seed)
        assert run(case) == [], describe(case)
