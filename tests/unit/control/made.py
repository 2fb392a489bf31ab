"""A register with calls in it, as the tests of this folder need it."""

import json

from deid_stream.control.deletions import Deletions
from deid_stream.control.executor import Executor
from deid_stream.control.identity import IdentityCheck
from deid_stream.control.policies import Policies
from deid_stream.control.reading import Message
from deid_stream.control.register import Register
from deid_stream.control.requests import Desk, Names
from deid_stream.control.tables import Table
from deid_stream.control.topics import ControlTopics
from deid_stream.control.windows import Windows
from deid_stream.errors import BrokerError
from deid_stream.kafka.memory import MemoryBroker
from deid_stream.kafka.record import Place
from deid_stream.model.outputs import SeqRange
from deid_stream.model.published import Claim, Claims, Closing, Trained
from deid_stream.model.requests import Kind
from deid_stream.observe.metrics import Metrics
from deid_stream.policy.holdings import Holding
from deid_stream.policy.rights import Customer, State, Status
from deid_stream.units import DAY_MS

T = 20_000 * DAY_MS
"""A call's start, at midnight."""


class Stored:
    """The tables' topics: what is left when a control plane is gone."""

    def __init__(self):
        self.calls = {}
        self.customers = {}
        self.requests = {}
        self.windows = {}

    def register(self, windows=None):
        register = Register(
            Table(self.calls, Holding),
            Table(self.customers, Customer),
            Table(self.requests, Status),
            windows or self.counts(),
        )
        register.load()
        return register

    def counts(self, length_ms=3_600_000):
        """Windows in which no call has been counted."""
        table = Table(self.windows, int)
        return Windows(table, TOPICS.aggregates, length_ms=length_ms, threshold=4, epsilon=0.0, seed=b"seed")


def claim(call_id="c1", customer_id="acme", *, last=4, position="0/5", closed=False, **fields):
    """Transcripts and chunks 0 to ``last`` of channel 0, in analytics and, under ``position``, in training."""
    ranges = (SeqRange(0, 0, last),)
    return Claim(
        call_id=call_id,
        customer_id=customer_id,
        started_ms=T,
        last_ms=T + 60_000,
        transcripts=ranges,
        audio=ranges,
        trained=(Trained(position=position, transcripts=ranges, audio=ranges),) if position else (),
        closed=closed,
        closing=Closing(time_ms=T + 60_000) if closed else None,
        **fields,
    )


def claims(*calls, partition=0):
    return Claims(v=1, partition=partition, time_ms=T, calls=calls)


def asked(kind, *, state=None, **fields):
    state = state or (State.RUNNING if kind is Kind.DELETION else State.IN_FORCE)
    known = {"request_id": f"r-{kind}", "customer_id": "acme", "asked_ms": T + 1_000, "due_ms": T + 30 * DAY_MS}
    return Status(kind=kind, state=state, **known | fields)


TOPICS = ControlTopics.of("p.")


class Plane:
    """An executor over a broker in memory. ``broken``: topics that cannot be written; ``allowed``: how many records
    more some can be."""

    def __init__(self, stored=None, broker=None, keys=None):
        self.stored = stored or Stored()
        self.broker = broker or MemoryBroker()
        for topic in TOPICS.all:
            for number in range(2):
                self.broker.logs.setdefault(Place(topic, number), [])
        self.windows = self.stored.counts()
        self.register = self.stored.register(self.windows)
        self.metrics = Metrics()
        self.now_ms = T + 2_000
        self.broken = set()
        self.allowed = {}
        self.flushed = []
        self.kept = Stored()
        """What the tables' topics are sure to have."""
        kafka = self.broker.connect()
        self.deletions = Deletions(kafka, TOPICS, keys)
        self.executor = Executor(
            self.register, kafka, TOPICS, self.deletions, self.metrics, self._flush, lambda: self.now_ms
        )

    async def _flush(self):
        self.flushed.append(len(self.audit()))
        self.kept.requests = dict(self.stored.requests)

    async def send(self, records):
        for record in records:
            if record.topic in self.broken:
                raise BrokerError("away")
            if record.topic in self.allowed:
                self.allowed[record.topic] -= 1
                if self.allowed[record.topic] < 0:
                    raise BrokerError("away")
            self.broker.append(record)

    async def work(self, rounds=5):
        for _ in range(rounds):
            await self.executor.step(self)

    def tombstones(self, topic):
        return [
            (place.partition, record.key.decode())
            for place in self.broker.places(topic)
            for record in self.broker.logs[place]
            if record.value is None
        ]

    def audit(self):
        places = self.broker.places(TOPICS.audit)
        return [json.loads(record.value) for place in places for record in self.broker.logs[place]]

    def shown(self):
        return {sample.name: sample.value for metric in self.metrics.collect() for sample in metric.samples}

    def said(self):
        return [(line["action"], line["reason"]) for line in self.audit()]

    def desk(self, names=None):
        policies = Policies(self.broker.connect(), TOPICS.policies, "", None)
        return Desk(
            self.register,
            self.executor,
            policies,
            names or Names(None),
            IdentityCheck(""),
            TOPICS,
            days=30,
            wall_ms=lambda: self.now_ms,
        )

    def message(self, kind, **fields):
        """One request, as it comes from its topic."""
        request = {"kind": kind, "customer_id": "acme", "request_id": f"r-{kind}", "verified_by": "v"} | fields
        request.setdefault("requested_by", "dpo")
        return Message(0, 0, T + 1_000, request["customer_id"].encode(), json.dumps(request).encode())

    async def ask(self, kind, desk=None, **fields):
        """What becomes of it."""
        await (desk or self.desk()).take(self.message(kind, **fields), self)
        return self.register.status(fields.get("request_id", f"r-{kind}"))
