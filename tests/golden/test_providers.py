"""Every provider's forms, one file a provider: a document with made-up words in the documented form, and what is read
from it. To add a form, add its document with empty lists, run the test, and check what it says it found by hand."""

import json
from pathlib import Path

import pytest

from deid_stream.model.topics import TRANSCRIPTS_KIND
from deid_stream.wire.decode import decode
from deid_stream.wire.limits import Limits
from deid_stream.wire.providers import NAMES, PROVIDERS, detect, named
from deid_stream.wire.providers.base import ITEMS
from deid_stream.wire.transcript import read_any

FOLDER = Path(__file__).parent / "providers"
CASES = [
    pytest.param(path.stem, case, id=f"{path.stem}: {case['name']}")
    for path in sorted(FOLDER.glob("*.json"))
    for case in json.loads(path.read_text(encoding="utf-8"))
]


def read(provider, document, *more):
    headers = (
        ("ce_specversion", b"1.0"),
        ("ce_id", b"t"),
        ("ce_source", b"/asr"),
        ("ce_type", b"call.transcript.v1"),
        ("ce_customerid", b"acme"),
        ("ce_dataschema", provider.encode()),
        *more,
    )
    value = json.dumps(document).encode()
    return decode(TRANSCRIPTS_KIND, b"c-1", value, headers, 1_000, 0, Limits())


def shown(segment):
    """A segment as the golden files hold it: what is as usual is left out."""
    found = {"id": segment.segment_id, "channel": segment.channel, "text": segment.text}
    if segment.timed:
        found["at"] = [segment.start_ms, segment.end_ms]
    else:
        found["timed"] = False
    if segment.speaker:
        found["speaker"] = segment.speaker
    if not segment.is_final:
        found["final"] = False
    if segment.revision:
        found["revision"] = segment.revision
    if segment.language != "en":
        found["language"] = segment.language
    if segment.transcribed_until_ms is not None:
        found["until"] = segment.transcribed_until_ms
    if segment.words:
        found["words"] = [[w.text, w.start_ms, w.end_ms, w.confidence] for w in segment.words]
    return found


@pytest.mark.parametrize(("provider", "case"), CASES)
def test_a_document_is_read_as_it_was_written_down(provider, case):
    decoded = read(provider, case["document"])
    assert [shown(segment) for segment in decoded.events] == case["segments"]
    assert [{"code": fault.code, "path": fault.at} for fault in decoded.faults] == case["faults"]
    assert all(segment.provider == provider for segment in decoded.events)


@pytest.mark.parametrize(("provider", "case"), CASES)
def test_nothing_vanishes(provider, case):
    """Segments, a fault, or a message that is known to hold no words."""
    decoded = read(provider, case["document"])
    if decoded.events or decoded.faults:
        return
    document = read_any(json.dumps(case["document"]).encode())
    form = named(provider).form_of(document)
    assert form is not None
    assert list(form.read(document)) == []
    assert "Ann" not in json.dumps(case["document"])


@pytest.mark.parametrize(("provider", "case"), CASES)
def test_of_a_recogniser_that_hears_one_channel_the_record_says_which(provider, case):
    """Where a document names no party, nor a second channel."""
    usual = read(provider, case["document"]).events
    placed = read(provider, case["document"], ("ce_channel", b"3")).events
    parties = {segment.speaker for segment in usual} & {"agent", "customer"}
    assert [segment.channel for segment in placed] == [
        segment.channel if parties else segment.channel or 3 for segment in usual
    ]


def test_every_form_of_every_provider_has_its_document():
    assert {path.stem for path in FOLDER.glob("*.json")} == set(NAMES)
    seen = {
        (provider, form.name)
        for provider, case in (param.values for param in CASES)
        if (form := named(provider).form_of(read_any(json.dumps(case["document"]).encode())))
    }
    # forms of errors and events without any words of their own
    silent = {"speech events", "errors"}
    forms = {(p.name, f.name) for p in PROVIDERS for f in p.forms if f.name not in silent}
    assert {(p, f) for p, f in forms - seen if not f.startswith("messages without words")} == set()


@pytest.mark.parametrize(("provider", "case"), CASES)
def test_a_provider_is_told_from_its_document_where_its_form_tells(provider, case):
    document = read_any(json.dumps(case["document"]).encode())
    found = [candidate.name for candidate in detect(document)]
    form = named(provider).form_of(document)
    if form is not None and form.telling and case["segments"]:
        assert found == [provider]


def test_a_list_is_a_document_too():
    assert read_any(b' [{"a": 1}]') == {ITEMS: [{"a": 1}]}


SHAPES = [None, "text", "nan", "9" * 400, 5, 10**400, -1, 1e300, [], ["x"], [None], {}, True, "\ud800"]


def places(value, path=()):
    yield path
    if isinstance(value, dict):
        for name in value:
            yield from places(value[name], (*path, name))
    elif isinstance(value, list):
        for index in range(len(value)):
            yield from places(value[index], (*path, index))


def changed(value, path, shape):
    if not path:
        return shape
    head, *rest = path
    if isinstance(value, dict):
        return {**value, head: changed(value[head], rest, shape)}
    return [changed(item, rest, shape) if index == head else item for index, item in enumerate(value)]


@pytest.mark.parametrize(("provider", "case"), CASES)
def test_any_shape_in_any_place_is_read_or_refused_by_name(provider, case):
    for path in places(case["document"]):
        for shape in SHAPES:
            decoded = read(provider, changed(case["document"], path, shape))
            assert all(fault.code != "internal" for fault in decoded.faults), (path, shape, decoded.faults[0].exception)
            assert all(segment.start_ms >= 0 and 0 <= segment.channel <= 63 for segment in decoded.events)
            assert not any("Ann" in str(fault) for fault in decoded.faults)
