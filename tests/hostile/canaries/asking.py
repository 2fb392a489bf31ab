"""Privacy requests with canaries in all that they hold, the control plane that answers them, and what it shows."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from deid_stream.config import Settings
from deid_stream.errors import DecodeError
from deid_stream.kafka.record import OutRecord
from deid_stream.model.requests import Kind
from deid_stream.model.topics import REQUEST_STATUS, REQUESTS
from deid_stream.wire.requests import read_request
from tests.chaos.processes import Workers
from tests.hostile.canaries.plant import CUSTOMER, Garden
from tests.hostile.canaries.shown import Shown, of_process, page
from tests.support.kafka import free_port
from tests.support.service import Service

DESK: Final = ("privacy.status", "command rights", "dashboard request?")
"""Who has asked and who has checked is shown to who may read where a request stands."""
ANSWER_S: Final = 180.0
Written = tuple[bytes, bytes, tuple[tuple[str, bytes], ...]]
"""Key, value and headers."""
_ENDED: Final = frozenset({"done", "in_force", "granted", "refused", "held", "released"})


class Control:
    """The control plane as a process, killed and started again between two halves of requests."""

    def __init__(self, service: Service, settings: Settings, folder: Path, **environment: str) -> None:
        self._service = service
        self._port = free_port()
        settings = msgspec.structs.replace(settings, metrics_port=self._port)
        self._processes = Workers(settings, folder, **environment)
        self._asked: set[str] = set()

    def start(self) -> None:
        self._processes.start("control")

    async def ask(self, garden: Garden, call_id: str, number: int) -> list[OutRecord]:
        """Every kind of request about a call, and what is none; until each has its answer."""
        records = [*_requests(garden, call_id, number), *_no_requests(garden)]
        topic = self._service.prefix + REQUESTS.name
        sent = [OutRecord(topic, key, value, headers) for key, value, headers in records]
        await self._service.put(*sent)
        self._asked |= {name for record in sent if (name := _id_of(record.value))}
        async with asyncio.timeout(ANSWER_S):
            while not self._asked <= await self._answered():
                assert self._processes.alive[0].poll() is None
                await asyncio.sleep(0.5)
        return sent

    async def shown(self) -> Shown:
        """Its metrics, its command line and its environment."""
        metrics = await asyncio.to_thread(page, f"http://127.0.0.1:{self._port}/metrics")
        return [("control metrics", metrics)] + [
            (f"control {name}", raw) for name, raw in of_process(self._processes.alive[0].pid)
        ]

    def kill(self) -> None:
        self._processes.kill(self._processes.alive[0])

    def close(self) -> None:
        self._processes.close()

    async def _answered(self) -> set[str]:
        records = await self._service.read(self._service.prefix + REQUEST_STATUS.name)
        latest = {record.key.decode(): json.loads(record.value) for record in records if record.value}
        return {name for name, status in latest.items() if status["state"] in _ENDED}


def _requests(garden: Garden, call_id: str, number: int) -> Iterator[Written]:
    """One of each kind; a deletion is about a call that is not there, since others look at this one afterwards."""
    hold = f"hold-{number}"
    for kind in Kind:
        request: dict[str, Any] = {"request_id": hold, "kind": kind, "customer_id": CUSTOMER}
        if kind is not Kind.HOLD:
            request["request_id"] = garden.canary("request_id", "id", an_id=True)
        request |= {name: garden.canary(f"request {name}", only=DESK) for name in ("requested_by", "verified_by")}
        if kind is Kind.DELETION:
            request["call_id"] = garden.canary("request call_id", "id", an_id=True)
        elif kind in (Kind.RELEASE, Kind.FULFILLED):
            request["target"] = hold
        elif kind in (Kind.ACCESS, Kind.HOLD):
            request["call_id"] = call_id
        else:
            request["subject"] = garden.canary(f"request subject of {kind}")
        headers = (("x-desk", garden.canary("request header").encode()),)
        yield CUSTOMER.encode(), json.dumps(request).encode(), headers
    refused = {"request_id": f"refused-{number}", "kind": "deletion", "customer_id": CUSTOMER}
    refused |= {"subject": garden.canary("subject of a refused request")}
    yield CUSTOMER.encode(), json.dumps(refused).encode(), ()


def _no_requests(garden: Garden) -> Iterator[Written]:
    """What becomes a dead letter."""
    good = {"kind": "access", "customer_id": CUSTOMER, "verified_by": "desk"}
    wrong: list[dict[str, Any]] = [
        {"kind": garden.canary("no kind of request")},
        {garden.canary("request: a field's name", "id"): garden.canary("request: an unknown field")},
        {"subject": f"{garden.canary('request: a subject with controls')}\n"},
        {"call_id": {"x": garden.canary("request: a call that is an object")}},
        {"request_id": garden.canary("request: a long id") * 40},
        {"requested_by": [garden.canary("request: a list of names")]},
        {"customer_id": garden.canary("request of another customer than its key", "id")},
    ]
    for more in wrong:
        yield CUSTOMER.encode(), json.dumps(good | more).encode(), ()
    yield CUSTOMER.encode(), garden.canary("request that is no JSON").encode(), ()
    yield garden.canary("request key").encode() + b"\n", json.dumps(good).encode(), ()


def _id_of(value: bytes | None) -> str:
    """Of what is a request."""
    try:
        return read_request(None, value, "").request_id
    except DecodeError:
        return ""


def reprs(sent: list[OutRecord]) -> Iterator[tuple[str, bytes]]:
    """Requests and their faults, as a debugger or an exception shows them."""
    for record in sent:
        try:
            request = read_request(record.key, record.value, "made-up")
        except DecodeError as error:
            yield "error of a request", f"{error!r} {error} {error.at} {error.mend}".encode()
        else:
            yield "repr request", f"{request!r} {request}".encode()
