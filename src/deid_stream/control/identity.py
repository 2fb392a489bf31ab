"""Checks that a request comes from the person whom the data is about. The deployment's setting ``identity_check`` says
how."""

import asyncio
import urllib.error
import urllib.request
from typing import Final

import msgspec

from deid_stream.model.requests import Kind, Request
from deid_stream.observe.logs import get_log

log = get_log("control")

_TIMEOUT_S: Final = 30.0
"""How long a program or an address may take. A check by people takes longer: they check first, and put ``verified_by``
into the request."""
_NAMED: Final = frozenset({Kind.HOLD, Kind.RELEASE, Kind.FULFILLED})
"""Requests that the deployment's own people make. They need no identity check, but must carry ``requested_by``."""


class IdentityCheck:
    """``hook`` is empty, a program's path, or an http(s) address. Empty: the request says who has verified it.

    A program gets the request as JSON on standard input and answers by its exit status; an address gets it as a POST
    and answers by a status below 300. The request may name a person: a hook must not keep it.
    """

    def __init__(self, hook: str) -> None:
        self._hook = hook

    async def refuses(self, request: Request) -> str:
        """Why the request must be refused (a value of ``Status.reason``); empty where it may be worked on."""
        if request.kind in _NAMED:
            return "" if request.requested_by else "not_named"
        if not self._hook:
            return "" if request.verified_by else "not_verified"
        value = msgspec.json.encode(request)
        try:
            if self._hook.startswith(("http://", "https://")):
                passed = await asyncio.to_thread(_posted, self._hook, value)
            else:
                passed = await _ran(self._hook, value)
        except (OSError, TimeoutError) as error:
            log.warning("identity check failed", error=error)
            return "identity_check_failed"
        return "" if passed else "not_verified"


async def _ran(program: str, value: bytes) -> bool:
    process = await asyncio.create_subprocess_exec(
        program, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            await process.communicate(value)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
    return process.returncode == 0


def _posted(address: str, value: bytes) -> bool:
    asked = urllib.request.Request(address, value, {"Content-Type": "application/json"}, method="POST")  # noqa: S310
    try:
        with urllib.request.urlopen(asked, timeout=_TIMEOUT_S) as answer:  # noqa: S310 - the deployment's own address
            return int(answer.status) < 300
    except urllib.error.HTTPError:
        return False
