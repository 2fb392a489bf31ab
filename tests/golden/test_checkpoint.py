"""A checkpoint of version 0.1.0 is read by every later version, which goes on where 0.1.0 stopped.

``checkpoint_0_1_0.jsonl`` is the checkpoint topic as version 0.1.0 (commit 5b36ea6) wrote it: its partition was fed
the records of ``checkpoint_calls.py`` in steps of 1.5 s of record time up to ``CUT_MS``, and a batch was taken after
each step: one base, six deltas. ``checkpoint_0_1_0.released.json`` lists the topic and key of every record that it had
published by then. Neither file can be made again with a later version, and neither may change.
"""

import json
from pathlib import Path

import msgspec
import pytest

from deid_stream.policy.compile import compile_policy
from deid_stream.worker.checkpoint import CheckpointLog
from tests.golden.checkpoint_calls import CUT_MS, SECRETS, START_MS, records
from tests.support.bench import NAMES, RELEASED, Bench, Out, real_sessions

HERE = Path(__file__).parent
KEY = b"golden" * 6
POLICY = compile_policy(b'{"customer_id":"someone","version":1}')
WALL_MS = START_MS + 60_000


def restored():
    log = CheckpointLog()
    for line in (HERE / "checkpoint_0_1_0.jsonl").read_text(encoding="utf-8").splitlines():
        log.add(msgspec.json.encode(json.loads(line)["value"]))
    return log.restored


@pytest.fixture(scope="module")
def sessions():
    return real_sessions(key=KEY)


@pytest.fixture(scope="module")
def whole(sessions):
    """The same records by the present version without a break."""
    bench = Bench(sessions, log=records(), policy=POLICY)
    bench.run(WALL_MS)
    return bench


@pytest.fixture(scope="module")
def continued(sessions):
    bench = Bench(sessions, restored(), log=records(), policy=POLICY)
    assert not bench.outputs(NAMES.audit), "every call was taken up"
    bench.run(WALL_MS)
    return bench


def by_key(bench: Bench) -> dict[tuple[str, str], Out]:
    return {(out.topic, (out.key or b"").decode()): out for out in bench.outputs(*RELEASED)}


def test_the_checkpoint_is_read_whole():
    state = restored()
    assert state.epoch == 1
    assert state.calls.keys() == {"pending", "released", "unlocated", "text-only"}
    assert set(state.closed) == {"closed"}
    assert state.progress.positions == {
        kind: sum(record.timestamp <= START_MS + CUT_MS for record in log) for kind, log in records().items()
    }


def test_every_record_comes_out_once_over_both_versions(whole, continued):
    before = {tuple(pair) for pair in json.loads((HERE / "checkpoint_0_1_0.released.json").read_text())}
    after = by_key(continued).keys()
    assert not before & after
    assert before | after == by_key(whole).keys()
    assert continued.outputs(NAMES.dead_letters) == []


def test_the_texts_are_those_of_a_run_without_a_break(whole, continued):
    expected = by_key(whole)
    texts = {key: out.fields["text"] for key, out in by_key(continued).items() if key[0] == NAMES.analytics_transcripts}
    assert len(texts) >= 5
    assert texts == {key: expected[key].fields["text"] for key in texts}


def test_what_is_still_held_is_silenced_as_it_would_have_been(whole, continued):
    expected = by_key(whole)
    audio = {key: out.value for key, out in by_key(continued).items() if key[0] == NAMES.analytics_audio}
    assert len(audio) > 100
    assert [key for key, value in audio.items() if value != expected[key].value] == []


def test_nothing_that_was_said_is_in_any_output(continued):
    for out in continued.out:
        if out.topic != NAMES.analytics_audio:
            call = (out.key or b"").decode().split("/")[0]
            assert not [word for word in SECRETS.get(call, ()) if word.encode() in (out.value or b"")]
