"""What goes wrong beside workers that die: the network, the clock, brokers and their disks."""

import os
import random
import resource
import struct
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tests.chaos.three.proxy import Network
from tests.support.kafka import KafkaCluster

CLOCK: Final = Path(__file__).parent / "clock"
JUMP_S: Final = (60.0, 300.0)
FULL_S: Final = 15.0
"""A disk is full for so long, or until its broker has ended."""


class Clock:
    """The wall clock of the workers, off by what ``jump`` says."""

    def __init__(self) -> None:
        handle, name = tempfile.mkstemp(prefix="deid-chaos-clock-")
        os.close(handle)
        self._path = Path(name)
        self.jump(0)

    def environment(self) -> dict[str, str]:
        """For processes whose clock this is."""
        path = os.pathsep.join(filter(None, (str(CLOCK), os.environ.get("PYTHONPATH"))))
        return {"CHAOS_CLOCK": str(self._path), "PYTHONPATH": path}

    def jump(self, seconds: float) -> None:
        """By so much from the true time; 0: right again. In place, since processes have the file in their memory."""
        with self._path.open("r+b") as file:
            file.write(struct.pack("<d", seconds))

    def close(self) -> None:
        self._path.unlink(missing_ok=True)


class Deck:
    """Troubles in an order that ``rng`` decides, each once before any comes again."""

    def __init__(self, *kinds: Callable[[random.Random], None]) -> None:
        self._kinds = kinds
        self._left: list[Callable[[random.Random], None]] = []

    def next(self, rng: random.Random) -> str:
        """Do one, in this thread; its name."""
        if not self._left:
            self._left = rng.sample(self._kinds, len(self._kinds))
        kind = self._left.pop()
        kind(rng)
        return kind.__name__


class Troubles:
    """What may go wrong at one time, in two decks: with the brokers, one of which is away at most, and with the way to
    them and the clock. Each trouble ends by itself; ``rng`` decides for how long it lasts."""

    def __init__(self, cluster: KafkaCluster, network: Network, clock: Clock) -> None:
        self._cluster = cluster
        self._network = network
        self._clock = clock
        self.decks = (
            Deck(self.broker, self.full_disk, self.leaders),
            Deck(self.cut, self.slow, self.half_open, self.unreachable, self.clock_jump),
        )

    def cut(self, rng: random.Random) -> None:
        """Every connection to one broker breaks, or to all of them."""
        self._network.cut(rng.choice((*range(len(self._cluster.members)), None)))

    def slow(self, rng: random.Random) -> None:
        """Each piece of data comes late for a while."""
        self._network.delay(rng.uniform(0.02, 0.3))
        time.sleep(rng.uniform(1, 4))
        self._network.delay(0)

    def half_open(self, rng: random.Random) -> None:
        """Connections to one broker stay open, and nothing comes through them ever again."""
        self._network.abandon(rng.randrange(len(self._cluster.members)))

    def unreachable(self, rng: random.Random) -> None:
        """One broker can be reached by the others, and not by the workers."""
        number = rng.randrange(len(self._cluster.members))
        self._network.refuse(number, True)
        self._network.cut(number)
        time.sleep(rng.uniform(1, 6))
        self._network.refuse(number, False)

    def clock_jump(self, rng: random.Random) -> None:
        """The workers' date is minutes off, one way or the other, and is put right after a while."""
        self._clock.jump(rng.choice((-1, 1)) * rng.uniform(*JUMP_S))
        time.sleep(rng.uniform(1, 5))
        self._clock.jump(0)

    def broker(self, rng: random.Random) -> None:
        """One broker dies or is stopped, and comes again; its partitions have other leaders then."""
        node = rng.choice(self._cluster.members)
        (self._cluster.kill if rng.random() < 0.5 else self._cluster.terminate)(node)
        time.sleep(rng.uniform(0, 3))
        self._cluster.restart(node)

    def full_disk(self, rng: random.Random) -> None:
        """One broker cannot write what is longer than its longest file is by half: appends fail half-way, and it ends.
        Then there is room, and it is started again."""
        node = rng.choice(self._cluster.members)
        process = node.process
        if process is None:
            return
        sizes = [path.stat().st_size for path in (node.directory / "data").glob("*/*.log")]
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (max(sizes, default=0) // 2, resource.RLIM_INFINITY))
        try:
            process.wait(FULL_S)
        except subprocess.TimeoutExpired:
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            return
        self._cluster.restart(node)

    def leaders(self, _: random.Random) -> None:
        """Every partition goes back to its preferred leader."""
        command = "org.apache.kafka.tools.LeaderElectionCommand"
        try:
            self._cluster.tool(command, "--election-type", "PREFERRED", "--all-topic-partitions", timeout=120)
        except (RuntimeError, subprocess.TimeoutExpired):
            # some broker is not in step yet, or the machine is too busy: nothing moves
            return
