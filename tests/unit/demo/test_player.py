"""The demo's calls are sent as they would be live."""

import msgspec

from deid_stream.demo.player import STAGGER_MS, script
from deid_stream.demo.stage import load_samples


def test_the_script_holds_every_call_in_the_order_of_time():
    calls = load_samples()
    cues = script(calls)
    assert [cue.due_ms for cue in cues] == sorted(cue.due_ms for cue in cues)
    for number, call in enumerate(calls):
        own = [cue for cue in cues if cue.record.key == call.header.call_id.encode()]
        assert own[0].due_ms == number * STAGGER_MS
        assert own[0].record.kind == "events"
        kinds = {cue.record.kind for cue in own}
        assert kinds == {"events", "transcripts", "audio"}
        assert sum(cue.record.kind == "events" for cue in own) == 1 + call.header.complete


def test_a_final_transcript_comes_after_the_audio_it_is_of():
    (call, *_) = load_samples()
    heard_ms = 0
    for cue in script([call]):
        if cue.record.kind == "audio":
            heard_ms = int(dict(cue.record.headers)["ce_offsetms"]) + 100
        elif cue.record.kind == "transcripts":
            segment = msgspec.json.decode(cue.record.value)
            assert segment["is_final"] is False or segment["end_ms"] <= heard_ms
