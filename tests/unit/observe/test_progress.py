"""Which partitions stand still with something to do."""

import pytest

from deid_stream.observe.progress import Progress


@pytest.mark.parametrize(
    ("looks", "stuck"),
    [
        ([(0, 10, 5), (60, 10, 5)], 1),
        ([(0, 10, 5), (59, 10, 5)], 0),
        ([(0, 10, 5), (30, 11, 4), (60, 11, 9)], 0),
        ([(0, 10, 0), (600, 10, 0)], 0),
        ([(0, 10, 0), (100, 10, 3), (159, 10, 3)], 0),
        ([(0, 10, 0), (100, 10, 3), (160, 10, 3)], 1),
    ],
    ids=["a backlog that stands", "not yet", "one that moves", "nothing to do", "work that came late", "and stands"],
)
def test_what_stands_still_is_counted(looks, stuck):
    progress = Progress(stuck_s=60)
    for now_s, place, unread in looks:
        progress.look(3, place, unread, now_s)
    assert progress.stuck(looks[-1][0]) == stuck


def test_a_partition_that_was_taken_away_is_not_counted():
    progress = Progress(stuck_s=60)
    progress.look(3, 10, 5, 0)
    progress.look(4, 10, 5, 0)
    progress.forget(3)
    progress.forget(3)
    assert progress.stuck(60) == 1
