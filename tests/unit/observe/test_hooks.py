"""What Python prints when nobody catches: the type and the place, never the message."""

import asyncio
import json
import subprocess
import sys
import textwrap

import pytest

from deid_stream.observe import hooks

SAID = "my card is 4111 1111 1111 1111"

BEGIN = f"""
import asyncio, gc, logging, multiprocessing, threading, warnings
from deid_stream.observe import hooks, logs
SAID = {SAID!r}
logs.configure()
hooks.install()
"""

CASES = {
    "a task nobody awaits": """
        async def fails():
            raise ValueError(SAID)
        async def main():
            asyncio.get_running_loop().set_exception_handler(hooks.loop_handler())
            task = asyncio.create_task(fails(), name="partition-3")
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            del task
            gc.collect()
        asyncio.run(main())
    """,
    "a task nobody awaits, in a loop that was not told": """
        async def fails():
            raise ValueError(SAID)
        async def main():
            task = asyncio.create_task(fails(), name=SAID)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            del task
            gc.collect()
        asyncio.run(main())
    """,
    "a callback": """
        def fails():
            raise ValueError(SAID)
        async def main():
            loop = asyncio.get_running_loop()
            loop.set_exception_handler(hooks.loop_handler())
            loop.call_soon(fails)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        asyncio.run(main())
    """,
    "another thread": """
        def fails():
            raise ValueError(SAID)
        thread = threading.Thread(target=fails)
        thread.start()
        thread.join()
    """,
    "a destructor": """
        class Fails:
            def __del__(self):
                raise ValueError(SAID)
        Fails()
        gc.collect()
    """,
    "a warning": """
        warnings.warn(SAID, type("ValueError", (UserWarning,), {}))
    """,
    "the main thread": "raise ValueError(SAID)",
    "a cause and a context": """
        try:
            raise KeyError(SAID)
        except KeyError as error:
            raise ValueError(SAID) from error
    """,
    "a spawned process": """
        hooks.contained(lambda: int(SAID))
    """,
}


@pytest.mark.parametrize("code", CASES.values(), ids=CASES.keys())
def test_the_type_is_logged_and_the_message_is_not(code):
    script = BEGIN + textwrap.dedent(code)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert any("ValueError" in (line.get("error", ""), line.get("kind")) for line in lines)
    assert "4111" not in done.stderr + done.stdout


def test_the_task_is_named_where_its_name_is_one_of_code(caplog):
    async def main(name):
        loop = asyncio.get_running_loop()
        counted = []
        handle = hooks.loop_handler(lambda: counted.append(1))
        task = asyncio.create_task(asyncio.sleep(0), name=name)
        handle(loop, {"message": SAID, "exception": ValueError(SAID), "task": task})
        await task
        return counted

    for name, shown in (("partition-3", "partition-3"), (SAID, "unnamed"), ("call-4111111111111111", "unnamed")):
        caplog.clear()
        assert asyncio.run(main(name)) == [1]
        assert caplog.records[0].deid_fields["task"] == shown
        assert caplog.records[0].deid_fields["error"] == "ValueError"


def test_a_processs_work_that_fails_ends_in_a_status_of_its_own():
    assert hooks.contained(lambda: 3) == 3
    assert hooks.contained(lambda: int(SAID)) == hooks.EXIT_UNFORESEEN
