"""Runs one command that must not outlive the process that started this one, however that ends (SIGKILL too).

A script, run with the bare interpreter: ``python -S -E guard.py PARENT_PID exec|pipe COMMAND...``

``exec`` (Linux): asks the kernel for SIGKILL at the parent's death and becomes the command, so there is no process
more. ``pipe`` (elsewhere): holds standard input, whose other end only the parent has; end of file means it is gone.
"""

import ctypes
import os
import signal
import subprocess
import sys
import threading

PR_SET_PDEATHSIG = 1


def become(parent_pid: int, command: list[str]) -> None:
    """Replace this process by ``command``, killed with the parent. See prctl(2)."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:
        # it died before the request: nobody would ever send the signal
        sys.exit(1)
    os.execv(command[0], command)  # noqa: S606 - the caller's own absolute path


def watch(command: list[str]) -> int:
    """Run ``command`` until it ends, or standard input does, or SIGTERM comes."""
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)  # noqa: S603 - as above

    def until_end_of_file() -> None:
        while os.read(0, 1024):
            pass
        child.kill()

    signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    threading.Thread(target=until_end_of_file, daemon=True).start()
    return child.wait()


if __name__ == "__main__":
    if sys.argv[2] == "exec":
        become(int(sys.argv[1]), sys.argv[3:])
    sys.exit(watch(sys.argv[3:]))
