"""The short run of ``python -m tests.chaos.flips``."""

import pytest

from deid_stream.config import Settings
from deid_stream.kafka.connect import connect
from deid_stream.kafka.embedded.broker import EmbeddedBroker
from tests.chaos.flips import run


@pytest.mark.chaos
async def test_no_record_stays_that_an_opt_out_has_taken_back_whoever_was_killed_meanwhile() -> None:
    async with EmbeddedBroker() as broker:
        kafka = connect(Settings(bootstrap_servers=broker.bootstrap_servers), "flips")
        tally = await run(kafka, flips=30, seed=5, exactly_once=False, logs=None)
    assert tally.flips == 30
    assert tally.clean, tally
