"""What ``doctor`` says of the newest call records."""

import re
import zlib

import pytest

from deid_stream.commands.recent import BEHIND_MS, FEW, LOOKED_AT, Seen, judge, named
from deid_stream.wire.partitions import partition_of

PARTITIONS = 8
NAMES = frozenset({"anna", "ravi"})
IDS = [b"c-%d" % number for number in range(40)]


def rightly(kind, keys=IDS):
    return [Seen(kind, partition_of(key, PARTITIONS), key) for key in keys]


def by_crc(kind, keys=IDS):
    return [Seen(kind, zlib.crc32(key) % PARTITIONS, key) for key in keys]


def busy(until_ms, lasted_ms, key=b"c-0"):
    """As many audio records as are read of each partition, of one call each, that end at ``until_ms``."""
    count = LOOKED_AT["audio"]
    return [
        Seen("audio", partition, next(k for k in [key, *IDS] if partition_of(k, PARTITIONS) == partition), at_ms)
        for partition in range(PARTITIONS)
        for at_ms in range(until_ms - lasted_ms, until_ms, lasted_ms // count)
    ]


def at(time_ms, seen):
    return [one._replace(time_ms=time_ms) for one in seen]


ALL = [*rightly("events"), *rightly("transcripts"), *rightly("audio")]


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (ALL, ["ok: the newest call records lie where their keys belong"]),
        ([], []),
        ([*rightly("audio"), *by_crc("transcripts")], ["error: .*calls.transcripts .*librdkafka's own partitioner"]),
        (
            [
                *rightly("transcripts"),
                *(Seen("audio", (s[1] + 1) % PARTITIONS, s[2]) for s in rightly("audio")),
            ],
            ["error: 40 of the newest 40 calls.audio records lie in another partition than their key's$"],
        ),
        ([*ALL, Seen("audio", 0, None), Seen("audio", 0, b"")], ["error: 2 of the newest calls.audio .* have no key"]),
        (rightly("audio"), ["ok", "warning: 40 of 40 recent calls have audio and no transcripts: all of their speech"]),
        (rightly("transcripts"), ["ok", "warning: 40 of 40 recent calls have transcripts and no audio"]),
        ([*rightly("audio"), *rightly("transcripts", IDS[:30])], ["ok"]),
        ([*busy(100_000, 5_000), *at(90_000, rightly("transcripts"))], ["ok"]),
        ([*busy(100_000, 5_000), *at(95_001, rightly("transcripts"))], ["ok"]),
        (
            [*busy(100_000, 5_000), *at(95_000 + BEHIND_MS, rightly("transcripts"))],
            ["ok", "warning: 32 of 40 recent calls have transcripts and no audio"],
        ),
        (rightly("audio", IDS[: FEW - 1]), ["ok"]),
        (rightly("events", [b"+91 98765 43210"]), ["ok", "warning: 1 of the recent call ids look like telephone"]),
    ],
    ids=[
        "as it should be",
        "nothing yet",
        "crc32",
        "some other partitioner",
        "no key",
        "no transcripts",
        "no audio",
        "a few without",
        "sound from before what was read",
        "sound may be from before what was read",
        "sound that ended while transcripts go on",
        "too few to say",
        "an id that is a number",
    ],
)
def test_remarks(seen, said):
    remarks = [f"{remark.state}: {remark.found}" for remark in judge(seen, PARTITIONS, NAMES)]
    assert len(remarks) == len(said), remarks
    for remark, pattern in zip(remarks, said, strict=True):
        assert re.match(pattern, remark), remark


@pytest.mark.parametrize(
    ("call_id", "kind"),
    [
        ("anna.bell@example.com", "e-mail addresses"),
        ("call-anna.bell@example.com-1", "e-mail addresses"),
        ("+919876543210", "telephone numbers"),
        ("9876543210", "telephone numbers"),
        ("(020) 7946-0958", "telephone numbers"),
        ("anna-bell", "names of people"),
        ("Ravi Kumar", "names of people"),
        ("refund-1795658909052", ""),
        ("1795658909052174", ""),
        ("0b5d1c1e-7c1f-4a52-9d3a-2f2f0c9f1a11", ""),
        ("call-centre", ""),
        ("c-17", ""),
        ("", ""),
    ],
)
def test_what_an_id_gives_away(call_id, kind):
    assert named(call_id, NAMES) == kind


def test_no_remark_repeats_an_id():
    seen = rightly("audio", [b"anna.bell@example.com", b"+919876543210", b"anna-bell"])
    assert not any(
        word in str(remark) for remark in judge(seen, PARTITIONS, NAMES) for word in ("anna", "bell", "98765")
    )
