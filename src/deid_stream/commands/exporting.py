"""A regulator's report of the audit: JSON lines, a page to read, and a manifest with every digest."""

import hashlib
import html
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from deid_stream import __version__
from deid_stream.commands.names import unknown
from deid_stream.commands.proving import read_audit
from deid_stream.errors import ConfigError, counted
from deid_stream.keys.ids import IdPseudonyms
from deid_stream.model.json import JsonObject
from deid_stream.model.outputs import AuditAction
from deid_stream.model.topics import AUDIT, POLICIES
from deid_stream.policy.permit import rfc3339
from deid_stream.policy.withdrawn import AuditLine
from deid_stream.units import Ms
from deid_stream.wire.chain import Link

if TYPE_CHECKING:
    from deid_stream.kafka.ports import Kafka
    from deid_stream.kafka.record import InRecord

_LINES: Final = "audit.jsonl"
_PAGE: Final = "report.html"
_MANIFEST: Final = "manifest.json"
_SHOWN: Final = 5_000
"""Most lines that the page shows; all of them are in the JSON lines. With more, browsers become slow."""
_REMEMBERED: Final = 50_000
"""Most call ids among which the nearest to an unknown one is looked for. More take memory, and time to compare."""
_HASHED: Final = (
    "The hash of a line is SHA-256 over its writer, its position in decimal digits, the hash of the line before (hex, "
    "empty for the first), its key (the call id) and its value (the field `entry`, compact JSON with the fields in "
    "this order, UTF-8), each preceded by its length in bytes as 8 bytes, big-endian."
)
_STYLE: Final = """
body{font:15px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem;color:#1d2430}
table{border-collapse:collapse;width:100%;margin:1rem 0}
th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #d9dee6}
th{background:#f3f5f8}code{font-size:.85em}.bad{color:#a3001b;font-weight:600}.good{color:#10643a;font-weight:600}
"""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which lines to export; empty or None: all. Times are those of the entries, half-open, ms since the epoch. A
    customer or a call may have several names: pseudonyms by the current key and by retired ones."""

    customers: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()
    since_ms: Ms | None = None
    until_ms: Ms | None = None

    def takes(self, line: AuditLine) -> bool:
        return (
            (not self.customers or line.customer_id in self.customers)
            and (not self.calls or line.call_id in self.calls)
            and (self.since_ms is None or line.time_ms >= self.since_ms)
            and (self.until_ms is None or line.time_ms < self.until_ms)
        )


class _Line(msgspec.Struct):
    """A line of ``audit.jsonl``."""

    partition: int
    offset: int
    written_ms: Ms
    key: str
    writer: str | None
    position: int | None
    previous: str | None
    hash: str | None
    entry: msgspec.Raw


class _Page(msgspec.Struct):
    """What the page shows of a line."""

    time_ms: Ms
    call_id: str
    customer_id: str
    action: str
    reason: str
    hash: str


class _Report:
    """Gathers what is wanted while the audit is read."""

    def __init__(self, wanted: Wanted, out: Path) -> None:
        self._wanted = wanted
        self._made = not out.exists()
        out.mkdir(parents=True, exist_ok=True)
        self._path = out / _LINES
        self._file = self._path.open("wb")
        self._digest = hashlib.sha256()
        self.actions: Counter[tuple[str, str]] = Counter()
        self.calls: set[str] = set()
        self.customers: set[str] = set()
        self.known_customers: set[str] = set()
        self.known_calls: set[str] = set()
        self.call_seen = False
        """The audit has a line of the wanted call, whatever the customer and the day."""
        self.lines = 0
        self.shown: list[_Page] = []

    def take(self, record: "InRecord", line: AuditLine, link: Link | None) -> None:
        self.known_customers.add(line.customer_id)
        self.call_seen = self.call_seen or line.call_id in self._wanted.calls
        if len(self.known_calls) < _REMEMBERED:
            self.known_calls.add(line.call_id)
        if not self._wanted.takes(line):
            return
        row = _Line(
            record.partition,
            record.offset,
            record.timestamp,
            (record.key or b"").decode(errors="replace"),
            link.writer if link else None,
            link.position if link else None,
            link.previous if link else None,
            link.hash if link else None,
            msgspec.Raw(record.value or b"null"),
        )
        raw = msgspec.json.encode(row) + b"\n"
        self._file.write(raw)
        self._digest.update(raw)
        self.lines += 1
        self.actions[line.action, line.reason] += 1
        # a request's own line may stand under the request's id, and one about keys is about no call
        if line.action not in (AuditAction.REQUESTED, AuditAction.KEYS):
            self.calls.add(line.call_id)
        self.customers.add(line.customer_id)
        if len(self.shown) < _SHOWN:
            shown = _Page(
                line.time_ms, line.call_id, line.customer_id, line.action, line.reason, link.hash if link else ""
            )
            self.shown.append(shown)

    def close(self) -> str:
        """SHA-256 of the file."""
        self._file.close()
        return self._digest.hexdigest()

    def discard(self) -> None:
        """Leave nothing behind of a report that did not come about."""
        self._file.close()
        self._path.unlink()
        if self._made:
            self._path.parent.rmdir()


async def write_export(
    kafka: "Kafka", prefix: str, wanted: Wanted, out: Path, now_ms: Ms, ids: IdPseudonyms | None = None
) -> JsonObject:
    """Write the three files into a new or empty folder; the manifest. ``ids``: the deployment's with ``hash_ids``.
    Raises BrokerError, OSError; ConfigError where nothing at all is known of the customer or the call that is wanted.
    Then no file is left, nor a folder that was made for them."""
    report = _Report(wanted, out)
    try:
        try:
            read = await read_audit(kafka, prefix, report.take)
        finally:
            digest = report.close()
        if not report.lines and (stranger := await _stranger(kafka, prefix, wanted, report, ids)):
            raise stranger
    except BaseException:
        report.discard()
        raise
    manifest: JsonObject = {
        "made": rfc3339(now_ms),
        "by": f"deid-stream {__version__}",
        "topic": prefix + AUDIT.name,
        "wanted": msgspec.to_builtins(wanted),
        "lines": report.lines,
        "calls": len(report.calls),
        "customers": sorted(report.customers),
        "actions": {f"{action}/{reason}": n for (action, reason), n in sorted(report.actions.items())},
        **read.as_json() | {"lines": report.lines, "lines_checked": read.lines},
        "policies": await _policies(kafka, prefix, report.customers, ids),
        "hash": _HASHED,
        "files": {_LINES: digest},
    }
    page = _page(manifest, report.shown)
    (out / _PAGE).write_bytes(page)
    manifest["files"][_PAGE] = hashlib.sha256(page).hexdigest()
    (out / _MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n")
    return manifest


async def _stranger(
    kafka: "Kafka", prefix: str, wanted: Wanted, report: _Report, ids: IdPseudonyms | None
) -> ConfigError | None:
    """The error for a wanted customer or call of whom nothing is known; None where both are known, so that lines can
    only be missing because of the period."""
    from deid_stream.kafka.reading import read_to_end

    if wanted.calls and not report.call_seen:
        # what is like a pseudonym is nobody's nearest name
        return unknown("the audit knows nothing of a call", wanted.calls[0], () if ids else report.known_calls)
    if not wanted.customers or not report.known_customers.isdisjoint(wanted.customers):
        return None
    policies = await read_to_end(kafka, prefix + POLICIES.name)
    written = {name for record in policies for name in _names(record, ids)}
    if not written.isdisjoint(wanted.customers):
        return None
    known = set() if ids else report.known_customers | written
    return unknown("neither the audit nor a policy knows a customer", wanted.customers[0], known)


async def _policies(kafka: "Kafka", prefix: str, customers: set[str], ids: IdPseudonyms | None) -> list[JsonObject]:
    """Which policies of these customers the topic still holds: when they came, and what digest they have."""
    from deid_stream.kafka.reading import read_to_end

    return [
        {
            "customer_id": customers.intersection(names).pop(),
            "time": rfc3339(record.timestamp),
            "position": f"{record.partition}/{record.offset}",
            "removed": record.value is None,
            "sha256": hashlib.sha256(record.value or b"").hexdigest(),
        }
        for record in await read_to_end(kafka, prefix + POLICIES.name)
        if not customers.isdisjoint(names := _names(record, ids))
    ]


def _names(record: "InRecord", ids: IdPseudonyms | None) -> tuple[str, ...]:
    """Of the customer whose policy it is, as the audit knows them."""
    name = (record.key or b"").decode(errors="replace")
    return ids.customers(name) if ids is not None else (name,)


def _page(manifest: JsonObject, lines: Iterable[_Page]) -> bytes:
    whole = not manifest["breaks"]
    state = (
        "The audit is whole: every line is where its chain says it is." if whole else "The audit was changed or cut."
    )
    said: JsonObject = manifest["wanted"]
    wanted = {name: ", ".join(said[name]) for name in ("customers", "calls") if said[name]}
    bounds = (("from", "since_ms"), ("until", "until_ms"))
    wanted |= {shown: rfc3339(said[name]) for shown, name in bounds if said[name] is not None}
    shown = list(lines)
    body = [
        "<h1>What was done with calls</h1>",
        f"<p>From <code>{_e(manifest['topic'])}</code>, made {_e(manifest['made'])} by {_e(manifest['by'])}. "
        f"{_e('Everything' if not wanted else ', '.join(f'{n}: {v}' for n, v in wanted.items()))}.</p>",
        f"<p class={'good' if whole else 'bad'}>{state}</p>",
        f"<p>{counted(manifest['lines'], 'line')} about {counted(manifest['calls'], 'call')}. A line says what was "
        "redacted, withheld or taken back, why and when; never what was said.</p>",
        _table(("Action", "Reason", "Lines"), [(*k.split("/", 1), v) for k, v in manifest["actions"].items()]),
        "<h2>Policies of these customers</h2>",
        _table(
            ("Customer", "Time", "Position", "Removed", "SHA-256"),
            [[p[n] for n in ("customer_id", "time", "position", "removed", "sha256")] for p in manifest["policies"]],
        ),
        "<h2>Chains</h2>",
        f"<p>{_e(manifest['hash'])} Chains of all customers were checked: "
        f"{counted(manifest['lines_checked'], 'line')}.</p>",
        _table(
            ("Partition", "Writer", "From position", "Lines", "Last hash"),
            [[c[n] for n in ("partition", "writer", "first", "lines", "head")] for c in manifest["chains"]],
        ),
    ]
    if manifest["breaks"]:
        body.append("<h2>Where a chain does not hold</h2>")
        columns = ("what", "partition", "writer", "position", "offset")
        body.append(_table(columns, [[b[n] for n in columns] for b in manifest["breaks"]]))
    body.append("<h2>Lines</h2>")
    if len(shown) < manifest["lines"]:
        body.append(f"<p>The first {len(shown)}; all of them are in <code>{_LINES}</code>.</p>")
    rows = [(rfc3339(s.time_ms), s.customer_id, s.call_id, s.action, s.reason, s.hash[:16]) for s in shown]
    body.append(_table(("Time", "Customer", "Call", "Action", "Reason", "Hash"), rows))
    head = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Audit report</title><style>{_STYLE}</style>'
    return "\n".join([head, *body, "</html>\n"]).encode()


def _table(columns: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    head = "".join(f"<th>{_e(column)}</th>" for column in columns)
    body = "".join(f"<tr>{''.join(f'<td>{_e(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def _e(value: object) -> str:
    return html.escape(str(value))
