"""Real Apache Kafka (KRaft) for tests: one node or three, with SASL, TLS and ACLs where asked.

``KAFKA_HOME`` names an unpacked distribution (a folder with ``libs/``); Java 17 or later is on the PATH. Everything
that is written goes to a temporary folder; every process started here is ended here.
"""

import contextlib
import itertools
import os
import random
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from deid_stream.kafka.connection import Connection
from tests.support.certificates import Certificates

ADMIN = ("admin", "admin-password")
_JAVA_OPTIONS = ("-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto")
_MARKERS = "kafka.coordinator.transaction.TransactionMarkerChannelManager"
_LOGGING = (
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dlog4j2.level=WARN",
    # tells of markers that it drops, which loses records of transactions that it has acknowledged
    f"-Dorg.slf4j.simpleLogger.log.{_MARKERS}=info",
)
_START_SECONDS = 300


def kafka_home() -> Path | None:
    """The distribution to run, if there is one."""
    home = os.environ.get("KAFKA_HOME")
    return Path(home) if home and (Path(home) / "libs").is_dir() and shutil.which("java") else None


def free_port() -> int:
    """A port nobody listens on right now."""
    return free_ports(1)


def free_ports(count: int) -> int:
    """The first of so many neighbouring ports that nobody listens on right now. They lie below those that the system
    gives to connections (32768 on), so none of them is taken before it is used. Each process of a test run gives out
    ports of a range of its own, in turn, so no other test gets one while the process that is to use it still starts."""
    for _ in range(_SHARE):
        first = next(_ports)
        if first % _SHARE + count > _SHARE:
            continue
        for _ in range(count - 1):
            next(_ports)
        with contextlib.ExitStack() as probes:
            try:
                for port in range(first, first + count):
                    probes.enter_context(socket.socket()).bind(("127.0.0.1", port))
            except OSError:
                continue
            return first
    raise RuntimeError("no neighbouring ports are free")


def _own_ports() -> Iterator[int]:
    """The ports of this process's range, again and again. The first one is random, since another test run on this
    machine may use the same range."""
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first = 15_000 + number % 16 * _SHARE
    start = random.randrange(_SHARE)
    return itertools.cycle(first + (start + place) % _SHARE for place in range(_SHARE))


_SHARE: Final = 1_000
_ports: Final = _own_ports()


@dataclass
class Node:
    node_id: int
    port: int
    controller_port: int
    directory: Path
    door_port: int = 0
    """Of a second listener, which sends its clients to ``proxy_port``; 0: there is none."""
    proxy_port: int = 0
    process: subprocess.Popen[bytes] | None = None

    @property
    def properties(self) -> Path:
        return self.directory / "server.properties"


@dataclass
class KafkaCluster:
    """``nodes`` brokers that are controllers too. ``users`` are SCRAM-SHA-256 logins (``ADMIN`` is a super user)."""

    nodes: int = 1
    sasl: bool = False
    logins: bool = False
    """With ``sasl``: beside SCRAM also PLAIN (the administrator's password) and OAUTHBEARER (any unsigned token)."""
    tls: bool = False
    acls: bool = False
    proxied: bool = False
    """Each broker has a second listener (PLAINTEXT) for clients that come by a proxy, which somebody else runs."""
    users: dict[str, str] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    members: list[Node] = field(default_factory=list)

    def start(self) -> "KafkaCluster":
        self.root = Path(tempfile.mkdtemp(prefix="deid-kafka-"))
        self.certificates = Certificates.create(self.root) if self.tls else None
        self.members = [Node(i + 1, free_port(), free_port(), self.root / f"node-{i + 1}") for i in range(self.nodes)]
        for node in self.members if self.proxied else ():
            node.door_port, node.proxy_port = free_port(), free_port()
        cluster_id = "deidStreamTestsAAAAAAA"
        formats = []
        for node in self.members:
            node.directory.mkdir()
            node.properties.write_text(self._properties(node))
            command = ["kafka.tools.StorageTool", "format", "-t", cluster_id, "-c", str(node.properties)]
            for user, password in ({ADMIN[0]: ADMIN[1]} | self.users if self.sasl else {}).items():
                command += ["--add-scram", f"SCRAM-SHA-256=[name={user},password={password}]"]
            formats.append(self._java(node, *command))
        for process in formats:
            if process.wait(_START_SECONDS):
                raise RuntimeError(f"formatting failed, see {self.root}")
        for node in self.members:
            self.launch(node)
        for node in self.members:
            self.wait_ready(node)
        return self

    def launch(self, node: Node) -> None:
        node.process = self._java(node, "kafka.Kafka", str(node.properties))

    def wait_ready(self, node: Node) -> None:
        """Until the port answers: the broker is registered and unfenced soon after."""
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if node.process is None or node.process.poll() is not None:
                raise RuntimeError(f"broker {node.node_id} ended: {self.log_tail(node)}")
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", node.port), 0.5):
                return
            time.sleep(0.05)
        raise RuntimeError(f"broker {node.node_id} did not come up: {self.log_tail(node)}")

    def kill(self, node: Node) -> None:
        """SIGKILL, as a machine that loses its power."""
        if node.process is not None:
            node.process.kill()
            node.process.wait()
            node.process = None

    def terminate(self, node: Node) -> None:
        """A controlled shutdown."""
        if node.process is not None:
            node.process.terminate()
            try:
                node.process.wait(20)
            except subprocess.TimeoutExpired:
                node.process.kill()
                node.process.wait()
            node.process = None

    def restart(self, node: Node) -> None:
        self.launch(node)
        self.wait_ready(node)

    def stop(self) -> None:
        for node in self.members:
            self.kill(node)
        shutil.rmtree(self.root, ignore_errors=True)

    def __enter__(self) -> "KafkaCluster":
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def bootstrap(self) -> str:
        return ",".join(f"127.0.0.1:{node.port}" for node in self.members)

    @property
    def security_protocol(self) -> str:
        return ("SASL_" if self.sasl else "") + ("SSL" if self.tls else "PLAINTEXT" if self.sasl else "") or "PLAINTEXT"

    def client(self, user: tuple[str, str] | None = None) -> dict[str, Any]:
        """Arguments of any aiokafka client; ``user`` is (name, password), the administrator unless said."""
        options: dict[str, Any] = {"bootstrap_servers": self.bootstrap, "security_protocol": self.security_protocol}
        if self.sasl:
            name, password = user or ADMIN
            options |= {
                "sasl_mechanism": "SCRAM-SHA-256",
                "sasl_plain_username": name,
                "sasl_plain_password": password,
            }
        if self.certificates is not None:
            options["ssl_context"] = ssl.create_default_context(cafile=str(self.certificates.ca))
        return options

    def connection(self, user: tuple[str, str] | None = None, **fields: Any) -> Connection:
        """The same as ``client``, for what goes through the product's ports; ``fields`` replace some of it."""
        name, password = (user or ADMIN) if self.sasl else ("", "")
        made: dict[str, Any] = {
            "servers": tuple(self.bootstrap.split(",")),
            "client_id": "tests",
            "security_protocol": self.security_protocol,
            "sasl_mechanism": "SCRAM-SHA-256" if self.sasl else "",
            "username": name,
            "password": password,
            "ca_file": str(self.certificates.ca) if self.certificates else "",
        }
        return Connection(**made | fields)

    def tool(self, main_class: str, *arguments: str, timeout: float = 60) -> str:
        """Run one of Kafka's own tools as the administrator; what it printed."""
        config = self.root / "admin.properties"
        config.write_text("\n".join(self._client_properties()))
        result = subprocess.run(
            [
                *self._command(main_class),
                "--bootstrap-server",
                self.bootstrap,
                "--command-config",
                str(config),
                *arguments,
            ],
            capture_output=True,
            timeout=timeout,
            check=False,
        )
        output = result.stdout.decode() + result.stderr.decode()
        if result.returncode:
            raise RuntimeError(f"{main_class} failed: {output[-2000:]}")
        return output

    def log_tail(self, node: Node) -> str:
        path = node.directory / "output.log"
        return path.read_text()[-3000:] if path.exists() else ""

    def _command(self, *arguments: str) -> list[str]:
        home = kafka_home()
        if home is None:
            raise RuntimeError(
                "KAFKA_HOME must name an unpacked Apache Kafka (a folder with libs/); Java 17+ is needed"
            )
        return ["java", *_JAVA_OPTIONS, *_LOGGING, "-cp", f"{home}/libs/*", *arguments]

    def _java(self, node: Node, *arguments: str) -> subprocess.Popen[bytes]:
        with (node.directory / "output.log").open("ab") as log:
            return subprocess.Popen(self._command(*arguments), stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def _client_properties(self) -> list[str]:
        lines = [f"security.protocol={self.security_protocol}"]
        if self.sasl:
            lines += ["sasl.mechanism=SCRAM-SHA-256", f"sasl.jaas.config={_jaas(*ADMIN)}"]
        if self.certificates is not None:
            lines += ["ssl.truststore.type=PEM", f"ssl.truststore.location={self.certificates.ca}"]
        return lines

    def _properties(self, node: Node) -> str:
        replicas = str(min(3, self.nodes))
        minimum = str(max(1, min(2, self.nodes - 1)))
        protocol = self.security_protocol
        values = {
            "process.roles": "broker,controller",
            "node.id": str(node.node_id),
            "controller.quorum.voters": ",".join(f"{n.node_id}@127.0.0.1:{n.controller_port}" for n in self.members),
            "listeners": f"CLIENT://127.0.0.1:{node.port},CONTROLLER://127.0.0.1:{node.controller_port}"
            + (f",DOOR://127.0.0.1:{node.door_port}" if self.proxied else ""),
            "advertised.listeners": f"CLIENT://127.0.0.1:{node.port}"
            + (f",DOOR://127.0.0.1:{node.proxy_port}" if self.proxied else ""),
            "listener.security.protocol.map": f"CLIENT:{protocol},CONTROLLER:PLAINTEXT,DOOR:PLAINTEXT",
            "inter.broker.listener.name": "CLIENT",
            "controller.listener.names": "CONTROLLER",
            "log.dirs": str(node.directory / "data"),
            "auto.create.topics.enable": "false",
            "group.initial.rebalance.delay.ms": "0",
            "group.min.session.timeout.ms": "1000",
            "offsets.topic.replication.factor": replicas,
            "offsets.topic.num.partitions": "4",
            "transaction.state.log.replication.factor": replicas,
            "transaction.state.log.num.partitions": "4",
            "transaction.state.log.min.isr": minimum,
            "default.replication.factor": replicas,
            "min.insync.replicas": minimum,
            "share.coordinator.state.topic.replication.factor": replicas,
            "share.coordinator.state.topic.min.isr": minimum,
            "broker.session.timeout.ms": "4000",
            "broker.heartbeat.interval.ms": "500",
            "controlled.shutdown.enable": "true",
            "log.retention.check.interval.ms": "300000",
        }
        if self.sasl:
            values |= {
                "sasl.enabled.mechanisms": "SCRAM-SHA-256",
                "sasl.mechanism.inter.broker.protocol": "SCRAM-SHA-256",
                "listener.name.client.scram-sha-256.sasl.jaas.config": _jaas(*ADMIN),
            }
        if self.logins:
            plain = "org.apache.kafka.common.security.plain.PlainLoginModule"
            bearer = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule"
            values |= {
                "sasl.enabled.mechanisms": "SCRAM-SHA-256,PLAIN,OAUTHBEARER",
                "listener.name.client.plain.sasl.jaas.config": f'{plain} required user_{ADMIN[0]}="{ADMIN[1]}";',
                "listener.name.client.oauthbearer.sasl.jaas.config": f"{bearer} required;",
            }
        if self.certificates is not None:
            values |= {
                "ssl.keystore.type": "PEM",
                "ssl.keystore.location": str(self.certificates.server),
                "ssl.truststore.type": "PEM",
                "ssl.truststore.location": str(self.certificates.ca),
            }
        if self.acls:
            values |= {
                "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
                "super.users": f"User:{ADMIN[0]};User:ANONYMOUS",
                "allow.everyone.if.no.acl.found": "false",
            }
        return "".join(f"{name}={value}\n" for name, value in (values | self.settings).items())


def _jaas(user: str, password: str) -> str:
    login = "org.apache.kafka.common.security.scram.ScramLoginModule"
    return f'{login} required username="{user}" password="{password}";'
