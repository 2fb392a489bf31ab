"""Commits the group's offsets, on a broker without transactions, some time after the checkpoint."""

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Final

from deid_stream.errors import BrokerError
from deid_stream.kafka.ports import GroupReader
from deid_stream.kafka.record import Place

COMMIT_EVERY_S: Final = 1.0
"""Between two commits of one partition. Smaller: more requests to the broker; larger: the group's lag, which operators
see, is older."""


class LateOffsets:
    """Recovery goes by the checkpoint; the group's offsets only tell the lag. So no batch waits for them: the newest
    are committed every ``COMMIT_EVERY_S`` seconds, and what fails is left to the next time."""

    def __init__(self, group: GroupReader, timeout_s: float) -> None:
        self._group = group
        self._timeout_s = timeout_s
        self._uncommitted: Mapping[Place, int] | None = None
        self._committing: asyncio.Task[None] | None = None

    def note(self, offsets: Mapping[Place, int]) -> None:
        """Remember the offsets that a batch has reached; they are committed within ``COMMIT_EVERY_S``."""
        self._uncommitted = offsets
        if self._committing is None or self._committing.done():
            self._committing = asyncio.create_task(self._commit_in(COMMIT_EVERY_S))

    async def stop(self) -> None:
        """Commit the offsets that are left. Gives up after ``timeout_s``; does not raise."""
        if self._committing is not None and not self._committing.done():
            self._committing.cancel()
            await asyncio.gather(self._committing, return_exceptions=True)
        await self._commit_in(0)

    async def _commit_in(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        if not self._uncommitted:
            return
        offsets, self._uncommitted = self._uncommitted, None
        with contextlib.suppress(BrokerError, TimeoutError):
            async with asyncio.timeout(self._timeout_s):
                await self._group.commit(offsets)
