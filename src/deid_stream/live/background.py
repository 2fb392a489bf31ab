"""A live call beside an event loop that must not wait: detection and alignment run on another thread.

async with BackgroundCall(live.call("c-17", "acme"), sink) as call:
    call.audio(frame)                       # returns at once
    call.segment({...})
# the call is over, and the sink has had everything
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Final

from deid_stream.errors import DecodeError
from deid_stream.live.call import LiveCall, Sound, pcm16
from deid_stream.live.cleaned import Clean
from deid_stream.observe.logs import get_log
from deid_stream.units import Ms

Sink = Callable[[Clean], Awaitable[None] | None]
Step = Callable[[LiveCall], None]

PACE_S: Final = 0.2
"""How often the thread works on what has come, in seconds. A larger value adds as much delay, a smaller one costs more
CPU."""
MAX_WAITING: Final = 10_000
"""Frames and segments that may wait for the thread: over three minutes of both sides. What comes beyond is refused and
counted; the gap that a refused frame leaves is silence."""
_log: Final = get_log("live")


class BackgroundCall:
    """``sink`` is called on the event loop with what leaves, in order. No error reaches the code that feeds the call:
    the error's type is logged, ``failed`` becomes True, and nothing more of the call leaves."""

    def __init__(self, call: LiveCall, sink: Sink) -> None:
        self._call = call
        self._sink = sink
        self._waiting: list[Step] = []
        self._over = False
        self._task: asyncio.Task[None] | None = None
        self._fed: dict[int, int] = {}
        self.failed = False
        self.refused = 0
        """Frames and segments that could not be read, or came when too many were waiting."""

    @property
    def call_id(self) -> str:
        """The id that ``Live.call`` was given."""
        return self._call.call_id

    @property
    def rate_hz(self) -> int:
        return self._call.rate_hz

    @property
    def channels(self) -> int:
        return self._call.channels

    def media_ms(self, channel: int) -> Ms:
        """How many ms of a channel's sound have been given."""
        return self._fed.get(channel, 0) * 1000 // self.rate_hz

    def start(self) -> None:
        """Start the thread; needs a running event loop."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """End the call and wait until everything that may still leave has reached the sink. Cancelling it ends the call
        at once."""
        self._over = True
        if self._task is not None:
            await self._task

    async def __aenter__(self) -> "BackgroundCall":
        self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def audio(self, sound: Sound, *, channel: int = 0, offset_ms: Ms | None = None) -> None:
        """See ``LiveCall.audio``."""
        try:
            data = pcm16(sound)
        except DecodeError as error:
            self._refuse(error)
            return
        if offset_ms is not None:
            self._fed[channel] = offset_ms * self.rate_hz // 1000
        first = self._fed.get(channel, 0)
        self._fed[channel] = first + len(data) // 2
        # where it stands is fixed now: a frame that is refused leaves a gap
        self._give(lambda call: call.audio(data, channel=channel, first_sample=first))

    def segment(self, segment: Mapping[str, object], *, channel: int = 0) -> None:
        """See ``LiveCall.segment``."""
        self._give(lambda call: call.segment(segment, channel=channel))

    def document(self, provider: str, document: object, *, channel: int | None = None, clock_began_ms: Ms = 0) -> None:
        """See ``LiveCall.document``."""
        self._give(lambda call: call.document(provider, document, channel=channel, clock_began_ms=clock_began_ms))

    def fail(self, error: Exception) -> None:
        """End what leaves of the call: ``failed`` becomes True, and the type of ``error`` is logged. An adapter calls
        this where it cannot read a frame, since all sound after that frame would have wrong times; it does not raise
        into the conversation."""
        if not self.failed:
            self.failed = True
            self._waiting = []
            _log.error("the call failed, so nothing more of it leaves", call_id=self.call_id, error=error)

    def _give(self, step: Step) -> None:
        if self._over or self.failed or len(self._waiting) >= MAX_WAITING:
            self.refused += 1
            return
        self._waiting.append(step)

    def _refuse(self, error: DecodeError) -> None:
        self.refused += 1
        _log.warning("a frame or segment was refused", call_id=self.call_id, error=error)

    async def _run(self) -> None:
        try:
            over = False
            while not over:
                await asyncio.sleep(0 if self._over else PACE_S)
                over = self._over
                steps, self._waiting = self._waiting, []
                for clean in await asyncio.to_thread(self._work, steps, over):
                    if self.failed:
                        return
                    given = self._sink(clean)
                    if given is not None:
                        await given
        except Exception as error:  # noqa: BLE001 - an agent's call goes on; nothing more of it leaves here
            self.fail(error)

    def _work(self, steps: list[Step], over: bool) -> list[Clean]:
        for step in steps:
            try:
                step(self._call)
            except DecodeError as error:
                self._refuse(error)
        if over:
            self._call.end(now=True)
        return self._call.take()
