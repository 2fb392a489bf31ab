"""``doctor``: what is wrong, and what to do about it."""

import asyncio
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import click
import msgspec

from deid_stream.commands.options import CONNECTION, WORKER, cluster, json_option, print_json, settings_options
from deid_stream.config import Settings
from deid_stream.custody.ring import key_ring
from deid_stream.errors import DeidError, counted
from deid_stream.kafka.connection import on_this_machine, transport_risks
from deid_stream.runtime.clock import wall_clock_ms

if TYPE_CHECKING:
    from deid_stream.kafka.ports import Kafka

MAX_SKEW_MS: Final = 2_000
"""Deadlines count in record time, which producers or the broker set. If it differs from this machine's clock by more
than this, calls wait too long or not long enough."""
LITTLE_MB: Final = 100
_FLAGS: Final = CONNECTION | {name: WORKER[name] for name in ("digest_key_file", "insecure_ephemeral_key", "region")}


class Finding(msgspec.Struct, frozen=True):
    """``state`` is ok, warning or error; ``mend`` says what to do."""

    what: str
    state: str
    found: str
    mend: str = ""


@click.command(short_help="Check broker, topics, model, clocks and policies, and say what to do.")
@settings_options(_FLAGS)
@json_option
def doctor(settings: Settings, as_json: bool) -> int:
    """Check this machine and, where a broker is named, the deployment. Exit status 1 where anything is wrong."""
    findings = []
    for finding in _all(settings):
        findings.append(finding)
        if not as_json:
            # printed one by one: the broker's takes a while where it does not answer
            click.echo(f"{finding.state:8} {finding.what:10} {finding.found}")
            if finding.mend:
                click.echo(f"{'':19} -> {finding.mend}")
    if as_json:
        print_json(findings)
    return 1 if any(finding.state == "error" for finding in findings) else 0


def _all(settings: Settings) -> Iterator[Finding]:
    yield from _local(settings)
    if settings.bootstrap_servers:
        yield from asyncio.run(_deployment(settings))
    else:
        yield _embedded_broker()


def _local(settings: Settings) -> Iterator[Finding]:
    yield Finding("python", "ok", f"{platform.python_version()} on {sys.platform} {platform.machine()}")
    yield _model()
    yield _disk()
    if settings.bootstrap_servers:
        try:
            key_ring(settings, bytes(32))
        except DeidError as error:
            given = settings.digest_key or settings.digest_key_file
            # `serve` has one of its own that nobody else knows
            state = "error" if given or not on_this_machine(settings) else "warning"
            yield Finding("key", state, "no usable digest key here", str(error))
        else:
            made_up = settings.insecure_ephemeral_key and not (settings.digest_key or settings.digest_key_file)
            mend = "set DEID_DIGEST_KEY, the same for every worker" if made_up else ""
            yield Finding("key", "warning" if made_up else "ok", "made up for each run" if made_up else "is set", mend)


def _disk() -> Finding:
    """Room for temporary files: the embedded broker's program, exports."""
    folder = tempfile.gettempdir()
    try:
        free_mb = shutil.disk_usage(folder).free / 1e6
        with tempfile.TemporaryFile():
            pass
    except OSError as error:
        return Finding("disk", "warning", f"{folder} cannot be written to: {error.strerror}", "set TMPDIR")
    if free_mb < LITTLE_MB:
        return Finding("disk", "warning", f"{folder} has {free_mb:.0f} MB left", "make room, or set TMPDIR")
    return Finding("disk", "ok", f"{folder} has {free_mb / 1000:.1f} GB left")


def _model() -> Finding:
    from deid_stream.detect.detector import Detector

    began = time.perf_counter()
    try:
        conversation = Detector.load().conversation(b"\0" * 32)
        found = conversation.turn("my card number is four five three nine one four eight eight", 0)
    except DeidError as error:
        return Finding("model", "error", "cannot be loaded", str(error))
    taken_ms = (time.perf_counter() - began) * 1000
    if not found:
        return Finding("model", "error", "finds nothing in a plain card number", "reinstall deid-stream")
    return Finding("model", "ok", f"loads and finds a spoken card number ({taken_ms:.0f} ms)")


def _embedded_broker() -> Finding:
    from deid_stream.kafka.embedded.broker import binary

    try:
        binary()
    except DeidError as error:
        return Finding("broker", "error", "none named, and no embedded one", str(error))
    mend = "for a deployment name its brokers with --bootstrap-servers"
    return Finding("broker", "ok", "none named; `serve` and `demo` start the embedded one", mend)


async def _deployment(settings: Settings) -> list[Finding]:
    kafka = cluster(settings, "deid-stream-doctor")
    try:
        await _answers(kafka)
        found = await _topics(kafka, settings)
    except DeidError as error:
        what, _, mend = str(error).removeprefix("connecting to the broker: ").partition("; ")
        return [Finding("broker", "error", what, mend)]
    found += [Finding("transport", "warning", *risk.split(": ", 1)) for risk in transport_risks(settings)]
    for what, step in (("policies", _policies), ("clock", _clock), ("calls", _recent)):
        try:
            found += await step(kafka, settings)
        except DeidError as error:
            found.append(Finding(what, "error", "cannot be checked", str(error)))
    return found


async def _answers(kafka: "Kafka") -> None:
    """Raises BrokerError where the broker says nothing, twice: 6 s later, 12 with TLS. A client would wait for 40."""
    from deid_stream.kafka.errors import Cause, broker_error
    from deid_stream.kafka.probe import diagnose

    silent = (Cause.SILENT, Cause.NOT_KAFKA)
    fault = await diagnose(kafka.connection)
    if fault is not None and fault.cause in silent:
        fault = await diagnose(kafka.connection)  # a broker may be slow once
    # whatever else is wrong, a client finds soon enough
    if fault is not None and fault.cause in silent:
        raise broker_error(fault.cause, "connecting to the broker", where=fault.where, detail=fault.detail)


async def _recent(kafka: "Kafka", settings: Settings) -> list[Finding]:
    from deid_stream.commands.recent import judge, look
    from deid_stream.detect.vocabulary import GIVEN_NAMES
    from deid_stream.model.topics import INPUTS

    seen, partitions = await look(kafka, {topic.kind: settings.topic_prefix + topic.name for topic in INPUTS})
    return [Finding(*remark) for remark in judge(seen, partitions, GIVEN_NAMES)]


async def _topics(kafka: "Kafka", settings: Settings) -> list[Finding]:
    from deid_stream.kafka import topics_admin
    from deid_stream.model import topics

    problems = await topics_admin.check(kafka, prefix=settings.topic_prefix)
    broker = Finding("broker", "ok", f"answers at {settings.bootstrap_servers}")
    if not problems:
        return [broker, Finding("topics", "ok", f"all {len(topics.TOPICS)} are right")]
    return [broker, *(Finding("topics", "error", f"{p.topic}: {p.what}", p.mend) for p in problems)]


async def _policies(kafka: "Kafka", settings: Settings) -> list[Finding]:
    from deid_stream.kafka.reading import read_to_end
    from deid_stream.model.topics import POLICIES
    from deid_stream.policy import PolicyStatus, PolicyTable, Position

    table = PolicyTable(settings.region)
    for record in await read_to_end(kafka, settings.topic_prefix + POLICIES.name):
        if record.key:
            customer = record.key.decode(errors="replace")
            table.apply(customer, record.value, Position(record.partition, record.offset), record.timestamp)
    customers = table.customers()
    bad = [table.standing(name) for name in customers if table.standing(name).status is not PolicyStatus.IN_FORCE]
    found = [
        Finding(
            "policies",
            "error",
            f"{standing.customer_id}: the last record is {standing.status}, so no training",
            "write it again with `deid-stream policy set`, under a higher version",
        )
        for standing in bad
    ]
    if not customers:
        mend = "nothing goes to training until a customer has one: `deid-stream policy set`"
        return [Finding("policies", "warning", "there are none", mend)]
    now_ms = wall_clock_ms()
    training = sum(table.standing(name).refusal(now_ms) is None for name in customers)
    return [*found, Finding("policies", "ok", f"{counted(len(customers), 'customer')}, {training} with training")]


async def _clock(kafka: "Kafka", settings: Settings) -> list[Finding]:
    """The newest records' times against this machine's: producers' clocks run ahead where they lie in the future."""
    from deid_stream.kafka.reading import newest_time_ms
    from deid_stream.model.topics import AUDIO, EVENTS, TRANSCRIPTS

    newest = [await newest_time_ms(kafka, settings.topic_prefix + t.name) for t in (EVENTS, TRANSCRIPTS, AUDIO)]
    latest = max((ms for ms in newest if ms is not None), default=None)
    if latest is None:
        return [Finding("clock", "ok", "no call records yet to compare with")]
    ahead_ms = latest - wall_clock_ms()
    if ahead_ms > MAX_SKEW_MS:
        mend = "set the producers' and this machine's clocks by NTP: every deadline counts in record time"
        return [Finding("clock", "error", f"the newest call record is {ahead_ms / 1000:.1f} s in the future", mend)]
    return [Finding("clock", "ok", f"the newest call record is {-ahead_ms / 1000:.0f} s old")]
