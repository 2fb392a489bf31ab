"""Whether the broker answers, as metrics say it."""

from deid_stream.observe.contact import CONNECTED_S, BrokerContact
from deid_stream.observe.metrics import Metrics

NOW_MS = 1_764_000_000_000


def test_a_broker_that_does_not_answer_is_gone_after_a_while():
    metrics = Metrics()
    contact = BrokerContact(metrics)
    late_ms = int(CONNECTED_S * 1000)
    for heard_ms, wall_ms, connected in (
        (0, NOW_MS, False),
        (NOW_MS, NOW_MS, True),
        (NOW_MS, NOW_MS + late_ms - 1, True),
        (NOW_MS, NOW_MS + late_ms, False),
        (NOW_MS + late_ms, NOW_MS + late_ms, True),
    ):
        contact.note(heard_ms, wall_ms)
        assert contact.connected(wall_ms) is connected
        assert metrics.broker_connected.values[""] == connected
    assert metrics.last_poll.values[""] == (NOW_MS + late_ms) / 1000
