"""What the dashboard knows: the newest heartbeats, calls, audit lines, dead letters and aggregates; every policy,
and every privacy request that goes on. Pure.

Kafka record -> ``take`` -> tables -> ``overview``, ``calls``, ``policies`` and so on, as plain JSON values
"""

from collections import Counter, OrderedDict, deque
from collections.abc import Iterable
from typing import Final

import msgspec

from deid_stream.dashboard.requests import LOOKED_AT, Requests
from deid_stream.dashboard.windows import Windows
from deid_stream.model.json import UNDECODABLE, JsonObject
from deid_stream.model.outputs import AuditAction
from deid_stream.model.topics import AGGREGATES, AUDIT, CALLS, DEAD_LETTERS, POLICIES, REQUEST_STATUS, STATUS
from deid_stream.observe.status import Delay, Heartbeat
from deid_stream.policy.brief import in_brief
from deid_stream.policy.permit import Position
from deid_stream.policy.status import PolicyStatus
from deid_stream.policy.table import PolicyTable
from deid_stream.units import Ms

MAX_CALLS: Final = 2_000
"""Calls that are kept. More, and the list is slow in a browser; fewer, and a call of this morning is gone."""
MAX_AUDIT: Final = 500
"""Audit lines that are kept of one call."""
MAX_LETTERS: Final = 500
ALIVE_MS: Final = 5_000
"""A worker without a heartbeat for so long is shown as silent."""
GONE_MS: Final = 600_000
"""A worker without a heartbeat for so long is no longer shown."""
KINDS: Final = tuple(topic.kind for topic in (STATUS, CALLS, AUDIT, DEAD_LETTERS, POLICIES, REQUEST_STATUS, AGGREGATES))
"""The topics that the dashboard follows."""


class CallLine(msgspec.Struct, frozen=True, kw_only=True):
    """One call of ``deid.calls``, and in which partition and period its records lie."""

    call_id: str
    customer_id: str
    time_ms: Ms
    duration_ms: Ms = 0
    channels: int = 0
    segments: int = 0
    audio_chunks: int = 0
    redactions: dict[str, int] = {}
    redacted_audio_ms: dict[str, int] = {}
    withheld: bool = False
    complete: bool = True
    policy_version: str = ""
    metadata: JsonObject = {}
    partition: int = 0


class AuditLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    call_id: str
    customer_id: str
    action: str
    reason: str
    time_ms: Ms
    policy_version: str = ""
    channel: int | None = None
    seq: int | None = None
    start_ms: Ms | None = None
    end_ms: Ms | None = None
    counts: dict[str, int] = {}
    rules: dict[str, int] = {}


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    error: str
    source_topic: str
    source_partition: int
    source_offset: int
    timestamp_ms: Ms
    key_bytes: int
    value_bytes: int
    path: str = ""
    mend: str = ""


class Board:
    """Call ``take`` for every record of the topics in ``KINDS``, then ask. Records that cannot be read are passed over
    and counted. ``policies`` is made as the workers make theirs: with their region and their pseudonyms."""

    def __init__(self, policies: PolicyTable | None = None) -> None:
        self._workers: dict[str, Heartbeat] = {}
        self._calls: OrderedDict[str, CallLine] = OrderedDict()
        self._audit: OrderedDict[str, deque[AuditLine]] = OrderedDict()
        self._letters: deque[Letter] = deque(maxlen=MAX_LETTERS)
        self._policies = PolicyTable() if policies is None else policies
        self.requests = Requests()
        self.windows = Windows()
        self.unreadable = 0

    def take(
        self, kind: str, key: bytes | None, value: bytes | None, partition: int, offset: int = 0, time_ms: Ms = 0
    ) -> None:
        """Take one record, with its place and its timestamp. A ``value`` of None is a tombstone."""
        name = (key or b"").decode(errors="replace")
        try:
            if kind == POLICIES.kind:
                self._policies.apply(name, value, Position(partition, offset), time_ms)
            elif kind == REQUEST_STATUS.kind:
                self.requests.take(name, value)
            elif kind == AGGREGATES.kind:
                self.windows.take(name, value)
            elif kind == STATUS.kind:
                self._status(name, value)
            elif kind == CALLS.kind:
                self._call(name, value, partition)
            elif value is not None and kind == AUDIT.kind:
                self._audited(msgspec.json.decode(value, type=AuditLine))
            elif value is not None and kind == DEAD_LETTERS.kind:
                self._letters.append(msgspec.json.decode(value, type=Letter))
        except UNDECODABLE:
            self.unreadable += 1

    # -- what the pages ask

    def overview(self, now_ms: Ms) -> JsonObject:
        """Sums over the workers that are alive, and the figures of each. Delays are those of the slowest worker."""
        for name in [name for name, beat in self._workers.items() if now_ms - beat.time_ms > GONE_MS]:
            del self._workers[name]
        beats = sorted(self._workers.values(), key=lambda beat: beat.worker_id)
        alive = [beat for beat in beats if now_ms - beat.time_ms <= ALIVE_MS]
        lag: dict[str, Counter[str]] = {}
        for beat in alive:
            for name, records in beat.lag.items():
                kind, _, partition = name.partition("/")
                lag.setdefault(partition, Counter())[kind] += records
        standings = [self._policies.standing(name) for name in self._policies.customers()]
        training = sum(standing.refusal(now_ms) is None for standing in standings)
        return {
            "time_ms": now_ms,
            "totals": {
                "workers": len(alive),
                "ready": sum(beat.ready for beat in alive),
                "calls": sum(beat.calls for beat in alive),
                "in_per_s": round(sum(beat.in_per_s for beat in alive), 1),
                "out_per_s": round(sum(beat.out_per_s for beat in alive), 1),
                "held_bytes": sum(beat.held_bytes for beat in alive),
                "held_bytes_limit": sum(beat.held_bytes_limit for beat in alive),
                "stuck_partitions": sum(beat.stuck_partitions for beat in alive),
                "quarantined": sum(beat.quarantined for beat in beats),
                "task_failures": sum(beat.task_failures for beat in beats),
                "text_delay_ms": _slowest(beat.text_delay_ms for beat in alive),
                "audio_delay_ms": _slowest(beat.audio_delay_ms for beat in alive),
                "release_delay_ms": _slowest(beat.release_delay_ms for beat in alive),
            },
            "lag": {number: dict(lag[number]) for number in sorted(lag, key=lambda number: (len(number), number))},
            "redactions": _summed(beat.redactions for beat in beats),
            "withheld": _summed(beat.withheld for beat in beats),
            "training_withheld": _summed(beat.training_withheld for beat in beats),
            "dead_letters": _summed(beat.dead_letters for beat in beats),
            "customers": {
                "all": len(standings),
                "training": training,
                "without_training": len(standings) - training,
                "doubtful": sum(standing.status is not PolicyStatus.IN_FORCE for standing in standings),
            },
            "requests": self.requests.totals(now_ms),
            "workers": [
                {**msgspec.to_builtins(beat), "alive": beat in alive, "age_ms": max(0, now_ms - beat.time_ms)}
                for beat in beats
            ],
        }

    def calls(self) -> list[JsonObject]:
        """The calls that closed, the newest first."""
        return [msgspec.to_builtins(call) for call in reversed(self._calls.values())]

    def call(self, call_id: str) -> CallLine | None:
        return self._calls.get(call_id)

    def audit(self, call_id: str) -> list[JsonObject]:
        """The audit lines of a call, in their order, without those about privacy requests."""
        return [line for line in self._lines(call_id) if not _of_a_request(line)]

    def request(self, reference: str, now_ms: Ms) -> JsonObject:
        """A privacy request with the names in it. Raises KeyError where there is none."""
        status = self.requests.status(reference)
        if status is None:
            raise KeyError
        held = bool(self._policies.standing(status.customer_id).held)
        lines = self._lines(status.call_id or status.request_id)
        return self.requests.details(reference, now_ms, held, lines)

    def dead_letters(self) -> list[JsonObject]:
        """The dead letters, the newest first."""
        return [msgspec.to_builtins(letter) for letter in reversed(self._letters)]

    def policies(self, now_ms: Ms) -> list[JsonObject]:
        """The policies as the workers see them: what is in force for each customer, and why there is no training."""
        return [in_brief(self._policies.standing(name), now_ms) for name in self._policies.customers()]

    # -- records

    def _status(self, name: str, value: bytes | None) -> None:
        if value is None:
            self._workers.pop(name, None)
        else:
            self._workers[name] = msgspec.json.decode(value, type=Heartbeat)

    def _call(self, call_id: str, value: bytes | None, partition: int) -> None:
        self._calls.pop(call_id, None)
        if value is None:
            return
        line = msgspec.json.decode(value, type=CallLine)
        self._calls[call_id] = msgspec.structs.replace(line, partition=partition)
        while len(self._calls) > MAX_CALLS:
            self._calls.popitem(last=False)

    def _audited(self, line: AuditLine) -> None:
        lines = self._audit.setdefault(line.call_id, deque(maxlen=MAX_AUDIT))
        if line not in lines:
            lines.append(line)
        self._audit.move_to_end(line.call_id)
        while len(self._audit) > MAX_CALLS:
            self._audit.popitem(last=False)

    def _lines(self, call_id: str) -> list[JsonObject]:
        return [msgspec.to_builtins(line) for line in self._audit.get(call_id, ())]


def _of_a_request(line: JsonObject) -> bool:
    return bool(line["action"] == AuditAction.REQUESTED or line["reason"] == LOOKED_AT)


def _slowest(delays: Iterable[Delay]) -> dict[str, float | None]:
    found = list(delays)
    return {
        name: max((ms for delay in found if (ms := getattr(delay, name)) is not None), default=None)
        for name in ("p50", "p99")
    }


def _summed(counts: Iterable[dict[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for count in counts:
        total.update(count)
    return dict(total.most_common())
