"""Healthy calls come out hardly later while bad records come among them (``python -m tests.hostile.delay``: all of
them, among twenty calls)."""

import time
from pathlib import Path

import pytest

from deid_stream.config import Settings
from deid_stream.kafka.embedded.broker import EmbeddedBroker
from tests.hostile import bad_records, delay
from tests.support.service import Service


@pytest.mark.slow
async def test_bad_records_delay_no_other_call(tmp_path: Path) -> None:
    now_ms = int(time.time() * 1000)
    bad = [*bad_records.large(now_ms), *bad_records.hour(now_ms), *bad_records.providers(now_ms)]
    async with (
        EmbeddedBroker() as broker,
        Service(Settings(bootstrap_servers=broker.bootstrap_servers), exactly_once=False) as service,
    ):
        result = await delay.among_bad_records(service, 2, tmp_path, bad)
    assert result.ratio < delay.BAR, result.json()


def test_a_delay_is_told_by_its_quantiles() -> None:
    slow, quick = delay.Delays([1.0] * 50 + [40.0] * 50), delay.Delays([float(n) for n in range(100)])
    result = delay.Result(quick, slow, 3)
    assert (quick.quantile(0.5), quick.quantile(0.99)) == (50, 99)
    assert result.ratio == pytest.approx(40 / 99)
    assert result.json()["disturbed_p99_ms"] == 40
