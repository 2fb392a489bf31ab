"""Which call is looked at next."""

from deid_stream.control.queue import LookQueue


def test_customers_take_turns():
    queue = LookQueue()
    for number in range(100):
        queue.look("large", f"l{number}")
    queue.look("small", "s0")
    assert queue.take(4, 0) == ["l0", "s0", "l1", "l2"]
    assert (queue.waiting("large"), queue.waiting("small")) == (97, 0)


def test_a_call_is_looked_at_once_however_often_it_is_asked_for():
    queue = LookQueue()
    queue.look("a", "c")
    queue.look("a", "c")
    assert (queue.take(9, 0), queue.take(9, 0)) == (["c"], [])


def test_a_call_that_waits_for_its_time_is_looked_at_then_and_a_later_word_replaces_an_earlier():
    queue = LookQueue()
    queue.look_at("a", "c", 100)
    queue.look_at("a", "d", 100)
    queue.look_at("a", "c", 200)
    queue.look_at("a", "e", 100)
    queue.look_at("a", "e", None)
    assert queue.take(9, 99) == []
    assert queue.take(9, 100) == ["d"]
    assert queue.take(9, 200) == ["c"]


def test_words_that_were_replaced_do_not_pile_up():
    queue = LookQueue()
    for time_ms in range(20_000):
        queue.look_at("a", "c", 1_000_000 + time_ms)
    assert queue.take(9, 1_000_000 + 19_998) == []
    assert queue.take(9, 1_000_000 + 19_999) == ["c"]
    assert len(queue) == 0
