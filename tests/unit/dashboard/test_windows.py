"""Aggregates on the page: what was published, hidden numbers as hidden."""

import msgspec
import pytest

from deid_stream.dashboard import windows as windows_module
from deid_stream.dashboard.windows import Windows
from deid_stream.policy.aggregates import CallFacts, publish
from tests.support.aggregates import tally_all

HOUR_MS = 3_600_000


def value(customer_id, start_ms, **fields):
    row = {"calls": 12, "minutes": 30, "values": {"PERSON": 4}, "withheld": 0, "opt_out_share": None} | fields
    fixed = {"customer_id": customer_id, "window_start_ms": start_ms, "window_ms": HOUR_MS, "threshold": 10}
    return msgspec.json.encode(fixed | {"epsilon": None} | row)


@pytest.fixture
def windows():
    found = Windows()
    for customer_id in (None, "acme", "globex"):
        for hour in (2, 0, 1):
            found.take(f"{customer_id or '*'}/{hour}", value(customer_id, hour * HOUR_MS, calls=hour + 20))
    return found


@pytest.mark.parametrize(
    ("customer_id", "calls"), [("", [20, 21, 22]), ("acme", [20, 21, 22]), ("nobody", []), ("*", [])]
)
def test_the_rows_of_one_customer_or_of_all_in_order_of_time(windows, customer_id, calls):
    shown = windows.shown(customer_id)
    assert [row["calls"] for row in shown["windows"]] == calls
    assert {row["customer_id"] for row in shown["windows"]} <= {customer_id or None}
    assert shown["customers"] == ["acme", "globex"]


def test_what_is_hidden_stays_hidden_and_nought_stays_nought():
    calls = [CallFacts("acme", 60_000, {"PERSON": 1})] * 12 + [CallFacts("globex", 60_000, {"PERSON": 1})] * 3
    made = publish(tally_all(calls), 0)
    windows = Windows()
    for name, row in made.customers.items():
        windows.take(f"{name}/0", value(name, 0, **msgspec.structs.asdict(row)))
    (small,) = windows.shown("globex")["windows"]
    assert (small["calls"], small["minutes"], small["values"]) == (None, None, {"PERSON": None})
    windows.take("acme/0", value("acme", 0, calls=0))
    assert [row["calls"] for row in windows.shown("acme")["windows"]] == [0]


def test_a_tombstone_takes_a_row_back_and_a_row_comes_once(windows):
    windows.take("acme/1", None)
    windows.take("acme/2", value("acme", 2 * HOUR_MS, calls=50))
    assert [row["calls"] for row in windows.shown("acme")["windows"]] == [20, 50]


def test_the_newest_are_kept_and_shown(windows, monkeypatch):
    monkeypatch.setattr(windows_module, "MAX_SHOWN", 2)
    assert [row["calls"] for row in windows.shown("acme")["windows"]] == [21, 22]
    monkeypatch.setattr(windows_module, "MAX_ROWS", 1)
    windows.take("acme/9", value("acme", 9 * HOUR_MS))
    assert windows.shown("")["windows"] == []
