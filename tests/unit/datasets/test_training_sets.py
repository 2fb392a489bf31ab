"""From published records to sanitized calls, to clips, to an exported dataset and back out of it."""

import json
from types import SimpleNamespace

import msgspec
import numpy as np
import pytest

from deid_stream.audio.codec import pcm
from deid_stream.datasets.calls import Assembler, clips
from deid_stream.datasets.export import dataset, manifest
from deid_stream.datasets.export.dataset import Dataset
from deid_stream.datasets.export.formats import FORMATS
from deid_stream.datasets.export.manifest import Filter
from deid_stream.datasets.export.storage import Storage
from deid_stream.datasets.held import Held, Source
from deid_stream.datasets.normalise import Normalisation, Placeholders, Silences, normalise
from deid_stream.errors import ConfigError, DecodeError
from deid_stream.model.events import AudioFormat, Encoding
from deid_stream.wire.published import PublishedSummary

MULAW = AudioFormat(Encoding.MULAW, 8_000)
PERMIT = {"customer_id": "acme", "policy_version": "3", "time_ms": 5, "retain_until_ms": 9_000}
NOW_MS = 1_000


def audio_record(call_id, seq, samples, offset, channel=0):
    headers = {
        "ce_specversion": b"1.0",
        "ce_id": b"a",
        "ce_source": b"test",
        "ce_type": b"call.audio.v1",
        "ce_subject": call_id.encode(),
        "ce_customerid": b"acme",
        "ce_channel": b"%d" % channel,
        "ce_seq": b"%d" % seq,
        "ce_offsetms": b"%d" % (seq * 100),
        "content-type": b"audio/basic",
        "ce_permit": json.dumps(PERMIT).encode(),
    }
    key = f"{call_id}/{channel}/{seq}".encode()
    return SimpleNamespace(
        key=key, value=pcm.encode(samples, MULAW), headers=tuple(headers.items()), timestamp=0, offset=offset
    )


def text_record(call_id, seq, offset, text="my name is [PERSON_1] thanks", start_ms=0, customer="acme", permit=PERMIT):
    value = {
        "call_id": call_id, "customer_id": customer, "segment_id": f"s{seq}", "channel": 0, "seq": seq, "text": text,
        "start_ms": start_ms, "end_ms": start_ms + 200, "policy_version": "3", "permit": permit, "language": "en",
        "entities": [{"entity_type": "PERSON", "start": 11, "end": 21, "channel": 0}] if "[" in text else [],
    }  # fmt: skip
    key = f"{call_id}/0/{seq}".encode()
    return SimpleNamespace(key=key, value=json.dumps(value).encode(), headers=(), timestamp=0, offset=offset)


def tone(seed, frames=800):
    return np.random.default_rng(seed).integers(-9_000, 9_000, frames).astype(np.int16)


class Topics:
    """The records of both training topics, and what is held of them."""

    def __init__(self):
        self.records = []
        self.held = Held()
        self.offset = 0

    def put(self, source, make, *arguments, **more):
        record = make(*arguments, offset=self.offset, **more)
        self.offset += 1
        self.records.append((source, record))
        self.held.add(source, 0, record.offset, record.key, live=True)

    def remove(self, source, key):
        self.held.add(source, 0, self.offset, key, live=False)
        self.offset += 1

    def call(self, call_id, chunks=4):
        for seq in range(chunks):
            self.put(Source.AUDIO, audio_record, call_id, seq, tone(seq))
        self.put(Source.TRANSCRIPTS, text_record, call_id, 0)
        self.put(Source.TRANSCRIPTS, text_record, call_id, 1, text="it is late", start_ms=200)
        summary = PublishedSummary(
            call_id=call_id, customer_id="acme", time_ms=5, duration_ms=100 * chunks, audio_chunks=chunks
        )
        self.held.close(0, self.offset, summary)

    def calls(self):
        assembler = Assembler(dict(self.held.items()))
        found = [call for source, record in self.records if (call := assembler.add(source, record)) is not None]
        assert not assembler.waiting
        return found


@pytest.fixture
def topics():
    made = Topics()
    made.call("c-1")
    made.call("c-2")
    return made


class TestHeld:
    def test_a_tombstone_removes_its_key_however_late_it_comes(self, topics):
        topics.remove(Source.TRANSCRIPTS, b"c-1/0/1")
        assert topics.held.get("c-1").transcripts.keys() == {b"c-1/0/0"}

    def test_a_call_of_which_everything_was_taken_back_is_gone(self, topics):
        for key in [*topics.held.get("c-1").transcripts]:
            topics.remove(Source.TRANSCRIPTS, key)
        for key in [*topics.held.get("c-1").audio]:
            topics.remove(Source.AUDIO, key)
        assert topics.held.get("c-1") is None
        assert [call_id for call_id, _ in topics.held.items()] == ["c-2"]

    def test_a_revision_changes_the_digest(self, topics):
        before = topics.held.get("c-1").digest()
        topics.put(Source.TRANSCRIPTS, text_record, "c-1", 1, text="it is very late", start_ms=200)
        assert topics.held.get("c-1").digest() != before
        assert topics.held.get("c-2").digest() != before

    @pytest.mark.parametrize(
        ("source", "key"), [(Source.TRANSCRIPTS, b"c-1/0/0"), (Source.AUDIO, b"c-1/0/2"), (Source.AUDIO, b"c-1/0/3")]
    )
    def test_a_call_with_a_missing_record_has_gaps(self, topics, source, key):
        assert not topics.held.get("c-1").gaps
        topics.remove(source, key)
        assert topics.held.get("c-1").gaps

    def test_keys_that_are_no_record_ids_are_passed_over(self):
        held = Held()
        for key in (b"", b"c-1", b"c-1/0", b"c-1/0/x", b"\xff\xfe"):
            held.add(Source.AUDIO, 0, 0, key, live=True)
        assert list(held.items()) == []

    def test_a_call_id_may_hold_slashes(self):
        held = Held()
        held.add(Source.AUDIO, 0, 0, b"site/7/call/x/12", live=True)
        assert [call_id for call_id, _ in held.items()] == ["site/7/call"]


class TestAssembler:
    def test_a_call_comes_once_with_its_sound_in_place(self, topics):
        first, second = topics.calls()
        assert (first.call_id, second.call_id) == ("c-1", "c-2")
        assert first.audio.shape == (3_200, 1)
        for seq in range(4):
            expected = pcm.decode(pcm.encode(tone(seq), MULAW), MULAW)
            assert (first.audio[seq * 800 : (seq + 1) * 800] == expected).all()
        assert [segment.text for segment in first.segments] == ["my name is [PERSON_1] thanks", "it is late"]
        assert first.retain_until_ms == 9_000
        assert not first.partial

    def test_of_a_record_that_came_twice_the_live_one_counts(self, topics):
        topics.put(Source.TRANSCRIPTS, text_record, "c-1", 1, text="it is very late", start_ms=200)
        calls = {call.call_id: call for call in topics.calls()}
        assert [segment.text for segment in calls["c-1"].segments][1] == "it is very late"

    def test_a_retracted_call_is_never_handed_out(self, topics):
        held = topics.held.get("c-1")
        for source, keys in ((Source.TRANSCRIPTS, [*held.transcripts]), (Source.AUDIO, [*held.audio])):
            for key in keys:
                topics.remove(source, key)
        assert [call.call_id for call in topics.calls()] == ["c-2"]

    def test_a_permit_may_say_that_the_call_is_a_part(self):
        topics = Topics()
        topics.put(Source.TRANSCRIPTS, text_record, "c-1", 0, permit={**PERMIT, "partial": True})
        (call,) = topics.calls()
        assert call.partial
        assert call.audio.shape == (0, 0)
        assert [len(clip.audio) for clip in clips(call)] == [0]

    def test_records_of_two_customers_under_one_call_are_refused(self):
        topics = Topics()
        topics.put(Source.TRANSCRIPTS, text_record, "c-1", 0)
        topics.put(Source.TRANSCRIPTS, text_record, "c-1", 1, customer="other")
        with pytest.raises(DecodeError, match="more than one customer"):
            topics.calls()

    def test_a_value_that_is_no_transcript_is_refused_without_its_content(self):
        topics = Topics()
        record = text_record("c-1", 0, 0)
        record.value = b'{"text": 4111111111111111}'
        topics.put(Source.TRANSCRIPTS, lambda offset: record)
        with pytest.raises(DecodeError) as error:
            topics.calls()
        assert "4111" not in str(error.value)


def first_clip(topics):
    return next(clips(topics.calls()[0]))


class TestNormalisation:
    @pytest.mark.parametrize(
        ("style", "text"),
        [
            (Placeholders.KEEP, "my name is [PERSON_1] thanks"),
            (Placeholders.TYPE, "my name is <person> thanks"),
            (Placeholders.COMMON, "my name is <redacted> thanks"),
            (Placeholders.REMOVE, "my name is thanks"),
        ],
    )
    def test_placeholders(self, topics, style, text):
        clip = normalise(first_clip(topics), Normalisation(style))
        assert clip.text == text
        for kind, start, end in clip.entities:
            assert kind == "PERSON"
            assert clip.text[start:end] in {"[PERSON_1]", "<person>", "<redacted>"}

    def test_skip_leaves_out_what_was_redacted_and_nothing_else(self, topics):
        call = topics.calls()[0]
        kept = [clip.text for clip in clips(call) if normalise(clip, Normalisation(Placeholders.SKIP))]
        assert kept == ["it is late"]

    def test_noise_fills_silences_alone_and_is_the_same_each_time(self, topics):
        clip = first_clip(topics)
        samples = np.clip(clip.audio, 1, None)
        samples[400:900] = 0
        samples[1_000:1_040] = 0  # 5 ms: shorter than any silenced span
        clip = msgspec.structs.replace(clip, audio=samples)
        noisy = normalise(clip, Normalisation(silences=Silences.NOISE)).audio
        changed = np.flatnonzero(noisy != samples)
        assert len(changed) > 400
        assert changed.min() >= 400
        assert changed.max() < 900
        assert (noisy == normalise(clip, Normalisation(silences=Silences.NOISE)).audio).all()


@pytest.mark.parametrize("name", FORMATS)
class TestFormats:
    def test_a_shard_reads_back_as_it_was_written(self, topics, name):
        if name == "parquet":
            pytest.importorskip("pyarrow")
        found = [clip for call in topics.calls() for clip in clips(call)]
        files = FORMATS[name].encode("00000", found)
        again = list(FORMATS[name].decode("00000", files.__getitem__))
        assert len(again) == 4
        for before, after in zip(found, again, strict=True):
            assert (before.audio == after.audio).all()
            assert msgspec.structs.replace(before, audio=None) == msgspec.structs.replace(after, audio=None)

    def test_the_same_clips_give_the_same_bytes(self, topics, name):
        if name == "parquet":
            pytest.importorskip("pyarrow")
        found = [clip for call in topics.calls() for clip in clips(call)]
        assert FORMATS[name].encode("00000", found) == FORMATS[name].encode("00000", found)


def opened(folder, name="jsonl", filter_=None, now_ms=NOW_MS, shard_bytes=1 << 20):
    return Dataset(
        Storage(str(folder)), format_name=name, filter_=filter_ or Filter(), normalisation=Normalisation(),
        now_ms=now_ms, shard_bytes=shard_bytes,
    )  # fmt: skip


def exported(topics, folder, **how):
    made = opened(folder, **how)
    for call in topics.calls():
        if not made.holds(call.call_id, call.digest):
            made.add(call)
    return made.close({"deid.training.audio/0": topics.offset})


class TestDataset:
    def test_the_manifest_tells_what_is_there(self, topics, tmp_path):
        made = exported(topics, tmp_path)
        assert made.counts["calls"] == 2
        assert made.counts["clips"] == 4
        assert made.policy_versions == {"acme": ["3"]}
        assert made.retain_until_ms == 9_000
        assert manifest.problems(Storage(str(tmp_path)), made) == []
        assert manifest.read(Storage(str(tmp_path))) == made

    def test_a_changed_file_and_a_stray_one_are_named(self, topics, tmp_path):
        made = exported(topics, tmp_path)
        (tmp_path / "data/00000.jsonl").write_text("{}")
        (tmp_path / "extra.bin").write_bytes(b"x")
        assert manifest.problems(Storage(str(tmp_path)), made) == [
            "data/00000.jsonl differs from its checksum",
            "extra.bin is in no shard",
        ]

    def test_a_second_export_adds_only_what_is_new(self, topics, tmp_path):
        before = exported(topics, tmp_path)
        topics.call("c-3")
        after = exported(topics, tmp_path)
        assert [call.call_id for call in after.calls] == ["c-1", "c-2", "c-3"]
        assert after.shards[0] == before.shards[0]
        assert len(after.shards) == 2
        assert after.dataset_id != before.dataset_id

    def test_another_filter_is_refused(self, topics, tmp_path):
        exported(topics, tmp_path)
        with pytest.raises(ConfigError, match="another format, filter or normalisation"):
            opened(tmp_path, filter_=Filter(customers=("acme",)))

    def test_a_folder_of_something_else_is_refused(self, tmp_path):
        (tmp_path / "data").mkdir()
        with pytest.raises(ConfigError, match="no manifest"):
            opened(tmp_path)

    @pytest.mark.parametrize("name", FORMATS)
    def test_what_was_withdrawn_is_taken_out_and_shown_to_be_out(self, topics, tmp_path, name):
        if name == "parquet":
            pytest.importorskip("pyarrow")
        made = exported(topics, tmp_path, name=name, shard_bytes=1)
        storage = Storage(str(tmp_path))
        for key in [*topics.held.get("c-1").transcripts]:
            topics.remove(Source.TRANSCRIPTS, key)
        for key in [*topics.held.get("c-1").audio]:
            topics.remove(Source.AUDIO, key)
        why = dataset.reasons(made, topics.held, NOW_MS)
        assert why == {"c-1": "withdrawn"}
        removal = dataset.remove(storage, made, why, NOW_MS)
        assert removal.calls == why
        after = manifest.read(storage)
        assert [call.call_id for call in after.calls] == ["c-2"]
        assert dataset.proof(storage, after, why) == []
        assert not any(b"c-1" in path.read_bytes() for path in (tmp_path / "data").iterdir())

    def test_the_proof_fails_while_a_removed_call_is_still_there(self, topics, tmp_path):
        made = exported(topics, tmp_path)
        assert dataset.proof(Storage(str(tmp_path)), made, ["c-1"]) == [
            "shard 00000 still holds clips of 1 removed call(s)"
        ]

    @pytest.mark.parametrize(("now_ms", "reason"), [(8_999, {}), (9_000, {"c-1": "expired", "c-2": "expired"})])
    def test_retention(self, topics, tmp_path, now_ms, reason):
        assert dataset.reasons(exported(topics, tmp_path), topics.held, now_ms) == reason

    def test_a_revised_call_is_to_be_exported_again(self, topics, tmp_path):
        made = exported(topics, tmp_path)
        topics.put(Source.TRANSCRIPTS, text_record, "c-1", 1, text="it is [PERSON_1] late", start_ms=200)
        assert dataset.reasons(made, topics.held, NOW_MS) == {"c-1": "changed"}

    def test_what_a_crash_left_behind_is_swept(self, topics, tmp_path):
        made = exported(topics, tmp_path)
        (tmp_path / "audio/00009").mkdir()
        (tmp_path / "audio/00009/left.wav").write_bytes(b"RIFF")
        (tmp_path / "notes.txt").write_text("mine")
        storage = Storage(str(tmp_path))
        assert dataset.sweep(storage, made) == 1
        assert (tmp_path / "notes.txt").exists()
        assert manifest.problems(storage, made) == ["notes.txt is in no shard"]
