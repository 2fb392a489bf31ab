"""The doors into Faust and aiokafka that only this project opens: a version that moves them fails here."""

import pytest

pytest.importorskip("faust")

import faust

from deid_stream.control.app import patient_transport


async def test_the_broker_waits_no_longer_than_the_control_plane_says() -> None:
    app = faust.App("test", broker="kafka://127.0.0.1:1")
    transport = patient_transport(20)(app.conf.broker_consumer, app, app.loop)
    app.transport = transport
    thread = app.consumer._new_consumer_thread()
    consumer = thread._create_worker_consumer(transport)
    try:
        assert consumer._fetch_max_wait_ms == 20
    finally:
        await consumer.stop()
        for opened in (thread, app.consumer._thread):
            opened.thread_loop.close()
