"""On a worker's PYTHONPATH: its wall clock is off by the seconds that a shared file holds (``CHAOS_CLOCK``, a double).

What runs is the product as it is: it asks ``time.time`` and ``time.time_ns``, and Python imports this before anything
of it. The monotonic clock is left alone, as a machine's is when its date is set.
"""

import mmap
import os
import struct
import time

_path = os.environ.get("CHAOS_CLOCK")
if _path:
    with open(_path, "r+b") as _file:
        _shared = mmap.mmap(_file.fileno(), 8, access=mmap.ACCESS_READ)
    _real, _real_ns, _read = time.time, time.time_ns, struct.Struct("<d").unpack_from

    def _time() -> float:
        return _real() + float(_read(_shared)[0])

    def _time_ns() -> int:
        return _real_ns() + int(_read(_shared)[0] * 1_000_000_000)

    time.time, time.time_ns = _time, _time_ns
