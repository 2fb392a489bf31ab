"""A register with calls in it, as the tests of this folder need it."""

from deid_stream.control.register import Register
from deid_stream.control.tables import Table
from deid_stream.model.outputs import SeqRange
from deid_stream.model.published import Claim, Claims, Closing, Trained
from deid_stream.model.requests import Kind
from deid_stream.policy.holdings import Holding
from deid_stream.policy.retention import DAY_MS
from deid_stream.policy.rights import Customer, State, Status

T = 20_000 * DAY_MS
"""A call's start, at midnight."""


class Stored:
    """The tables' topics: what is left when a control plane is gone."""

    def __init__(self):
        self.calls = {}
        self.customers = {}
        self.requests = {}

    def register(self):
        register = Register(Table(self.calls, Holding), Table(self.customers, Customer), Table(self.requests, Status))
        register.load()
        return register


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
