"""The systems under test: ours and the peers, as commands."""

import sys

from benchmarks.capacity import System
from benchmarks.load import Shape
from benchmarks.probe import Allowed, named_in_header, own_time


def _by_oracle(shape: Shape, scripts: int) -> Allowed:
    from benchmarks.oracle import by_oracle

    return by_oracle(shape, scripts)


_BY = {"librdkafka": "", "aiokafka": ", aiokafka"}


def ours(processes: int = 1, client: str = "librdkafka") -> System:
    return System(
        "deid-stream" + (f", {processes} processes" if processes > 1 else "") + _BY[client],
        lambda bootstrap, port: [
            sys.executable,
            "-m",
            "deid_stream",
            "worker",
            "--bootstrap-servers",
            bootstrap,
            "--processes",
            str(processes),
            "--metrics-port",
            str(port),
        ],
        lambda _: {"DEID_DIGEST_KEY": bytes(range(32)).hex(), "DEID_KAFKA_CLIENT": client},
        _by_oracle,
        ready=b"partition taken over",
        metrics_processes=processes,
        settle_s=10.0,
    )


OURS = ours()

COPY = System(
    "aiokafka copy",
    lambda bootstrap, _: [sys.executable, "-m", "benchmarks.peers.copy", bootstrap],
    lambda _: {},
    lambda *_: own_time,
    settle_s=1.0,
)
FAUST = System(
    "Faust + Presidio + numpy",
    lambda *_: [sys.executable, "-W", "ignore", "-m", "benchmarks.peers.faust_presidio", "worker", "-l", "warn"],
    lambda bootstrap: {"BOOTSTRAP": bootstrap},
    lambda *_: named_in_header,
    settle_s=8.0,
)


def copy_librdkafka(*, transactions: bool) -> System:
    """``transactions``: to two outputs, one transaction per poll; needs a broker that has them."""
    flags = ["--transactions"] if transactions else []
    return System(
        "librdkafka copy" + (" in transactions" if transactions else ""),
        lambda bootstrap, _: [sys.executable, "-m", "benchmarks.peers.copy_librdkafka", bootstrap, *flags],
        lambda _: {},
        lambda *_: own_time,
        settle_s=1.0,
    )
