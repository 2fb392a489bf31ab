"""The benchmarks of the stages run: what they wrap and call is where they look for it."""

import pytest
from benchmarks import instructions
from benchmarks.stages import stages


@pytest.mark.slow
def test_every_stage_is_measured() -> None:
    found = stages(calls=1, media_s=2.0)
    assert found["share"].keys() == {"detect_and_redact", "align", "watermark", "encode_and_append", "snapshot"}
    assert 0 < sum(found["share"].values()) < 1.5
    measured = {name: value for name, value in found.items() if not isinstance(value, dict)}
    assert len(measured) > 8
    assert all(value > 0 for value in measured.values())


def test_what_cachegrind_counts_runs_and_prints_the_number_of_audio_records() -> None:
    done = instructions.run(instructions.HERE, ["100", "1", "2.0", "1"], [])
    assert int(done.stdout) == 40
