"""Real processes of the service."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import msgspec

from deid_stream.config import Settings


class Workers:
    """Real worker processes."""

    def __init__(self, settings: Settings, logs: Path | None, **environment: str) -> None:
        others = {name: value for name, value in os.environ.items() if not name.startswith("DEID_")}
        self.environment = others | environment | {"OMP_NUM_THREADS": "1"}
        for name, value in msgspec.structs.asdict(settings).items():
            if value != getattr(Settings(), name):
                self.environment[f"DEID_{name.upper()}"] = str(value)
        self._log = (logs / "workers.log").open("ab") if logs else subprocess.DEVNULL
        self.alive: list[subprocess.Popen[bytes]] = []

    def start(self, *arguments: str) -> None:
        """A worker, or another command."""
        command = [sys.executable, "-m", "deid_stream", *(arguments or ("worker",))]
        self.alive.append(subprocess.Popen(command, env=self.environment, stdout=self._log, stderr=self._log))

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        self.alive.remove(process)
        process.kill()
        process.wait()

    def stop(self, process: subprocess.Popen[bytes]) -> None:
        """A clean stop."""
        self.alive.remove(process)
        process.terminate()
        process.wait()

    def reap(self) -> int:
        """Forget those that ended by themselves; how many did."""
        ended = [process for process in self.alive if process.poll() is not None]
        for process in ended:
            self.alive.remove(process)
        return len(ended)

    def close(self) -> None:
        for process in list(self.alive):
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGCONT)
            self.kill(process)
        if not isinstance(self._log, int):
            self._log.close()
