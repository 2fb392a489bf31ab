"""The worker is killed in the middle of the demo's calls and started again: nothing is lost, nothing leaks."""

import pytest

pytestmark = pytest.mark.slow


async def test_a_kill_in_the_middle_of_the_calls_loses_no_record(tmp_path):
    # with matplotlib, which only this test needs: every worker of pytest collects this file
    from deid_stream.demo import checks, report, stage

    progress = stage.Progress(stage.load_samples())
    total = sum(progress.planned.values())
    kills = []

    def kill_once(now, worker):
        out = len(now.collected.records["deid.analytics.audio"])
        if not kills and out > 0 and sum(now.sent.values()) < total:
            worker.kill()
            worker.start()
            kills.append(out)

    # slow enough that calls are still running when the worker has joined its group
    await stage.perform(progress, pace=2, log=tmp_path / "worker.log", meanwhile=kill_once)
    assert kills, "the worker was never killed while calls were running"
    after = {call.header.call_id: report.after_wav(call, progress.collected) for call in progress.calls}
    found, _ = checks.check_all(progress.calls, after, progress.collected, progress.chunks, stage.OPTED_OUT)
    assert {check.name: check.detail for check in found if not check.ok} == {}
