"""Law 7: whatever batches fail, whoever is fenced, whenever the worker dies, nothing is lost and nothing comes twice.

The real worker, partition and checkpoint on the in-memory broker; each step of a batch may fail, be refused because
another owner has come, fail after everything has become visible, or end the process.
"""

import asyncio
from collections import Counter, defaultdict
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deid_stream import __version__
from deid_stream.config import Settings
from deid_stream.detect.detector import Detector
from deid_stream.errors import BrokerError, FencedError, TaskError
from deid_stream.kafka import topics_admin
from deid_stream.kafka.memory import MemoryBroker
from deid_stream.kafka.record import OutRecord, Place
from deid_stream.keys.ring import KeyRing
from deid_stream.model.topics import TopicNames
from deid_stream.policy.permit import Position
from deid_stream.policy.table import PolicyTable
from deid_stream.session.settings import SessionSettings
from deid_stream.worker import owner
from deid_stream.worker.run import Worker
from deid_stream.worker.sessions import SessionFactory
from tests.support.calls import make_call
from tests.support.oracle import expected_records
from tests.support.topics import TOPIC_OF

NAMES = TopicNames.of("")
KEY = bytes(range(32))
START_MS = 1_700_000_000_000
COME_MS = START_MS - 1_000_000
POLICY = b'{"customer_id":"someone","version":1}'
CHECKED = (
    NAMES.analytics_transcripts,
    NAMES.analytics_audio,
    NAMES.training_transcripts,
    NAMES.training_audio,
    NAMES.calls,
)
CALLS = [make_call(f"call-{number}", "someone", number, START_MS + number * 900, turns=3) for number in range(3)]
RECORDS = sorted((record for call in CALLS for record in call.records), key=lambda record: record.time_ms)
SETTINGS = Settings(bootstrap_servers="memory:9092", digest_key=KEY.hex(), broker_wait_ms=0, metrics_port=0)

STEPS = ("outputs", "checkpoint", "commit", "answer")
FAULTS = {"refused": BrokerError("refused"), "fenced": FencedError("fenced"), "dies": ValueError("dies")}
faults = st.dictionaries(
    st.integers(0, 30), st.tuples(st.sampled_from(STEPS), st.sampled_from(sorted(FAULTS))), max_size=6
)
"""Number of the batch, over all lives of the worker, to what happens to it and in which step."""


@pytest.fixture(scope="module")
def detector():
    return Detector.load()


@pytest.fixture(scope="module")
def expected(detector):
    table = PolicyTable()
    table.apply("someone", POLICY, Position(0, 0), COME_MS)
    standing = table.standing("someone")
    found = defaultdict(dict)
    for call in CALLS:
        records = expected_records(call.records, standing, names=NAMES, detector=detector, key=KEY, version=__version__)
        for record in records:
            found[record.topic][record.key] = (record.value, record.headers)
    return found


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    for name in ("FENCED_S", "FIRST_BACKOFF_S", "MAX_BACKOFF_S"):
        monkeypatch.setattr(owner, name, 0.01)


class Script:
    """Does to each batch what was drawn for it."""

    def __init__(self, drawn):
        self._drawn = drawn
        self._batch = -1

    def __call__(self, step, partition):
        if step == "outputs":
            self._batch += 1
        wanted = self._drawn.get(self._batch)
        if wanted is not None and wanted[0] == step:
            raise FAULTS[wanted[1]]


async def run(broker, detector, chunks, drawn):
    """Send the records in chunks and work until every call is closed; a worker that died is started again."""
    await topics_admin.create(broker.connect(), partitions=1)
    broker.append(OutRecord(NAMES.policies, b"someone", POLICY, (), COME_MS))
    broker.fault = Script(drawn)
    sessions = SessionFactory(detector, KeyRing(KEY), SessionSettings())
    lives = 0
    waiting = list(chunks)

    def more():
        for record in waiting.pop(0) if waiting else ():
            sent = OutRecord(TOPIC_OF[record.kind], record.key, record.value, tuple(record.headers), record.time_ms)
            broker.append(sent)

    async with asyncio.timeout(60):
        while len({record.key for record in broker.logs[Place(NAMES.calls, 0)]}) < len(CALLS):
            lives += 1
            worker = Worker(SETTINGS, sessions=sessions, kafka=broker.connect())
            running = asyncio.create_task(worker.run())
            while not running.done() and len({r.key for r in broker.logs[Place(NAMES.calls, 0)]}) < len(CALLS):
                more()
                await asyncio.sleep(0.02)
            worker.stop()
            try:
                await running
            except TaskError:
                continue
    return lives


@pytest.mark.parametrize("transactions", [True, False], ids=["transactions", "none"])
@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=faults, cuts=st.lists(st.integers(1, len(RECORDS) - 1), max_size=5, unique=True))
def test_every_record_comes_out_once(transactions, detector, expected, drawn, cuts):
    broker = MemoryBroker(transactions=transactions)
    borders = [0, *sorted(cuts), len(RECORDS)]
    chunks = [RECORDS[low:high] for low, high in pairwise(borders)]
    asyncio.run(run(broker, detector, chunks, drawn))
    for topic in CHECKED:
        found = broker.logs[Place(topic, 0)]
        assert {r.key: (r.value, r.headers) for r in found} == expected[topic]
        if transactions:
            assert max(Counter(r.key for r in found).values()) == 1
        else:
            assert len({(r.key, r.value) for r in found}) == len({r.key for r in found})
