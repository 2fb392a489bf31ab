"""Loops of training jobs: several epochs, loops that are left early, several workers. PyTorch and Hugging Face are
tested where they are installed."""

import asyncio
import functools
import gc
import json
import pickle
import sys
from contextlib import asynccontextmanager
from types import SimpleNamespace

import numpy as np
import pytest

from deid_stream.config import Settings
from deid_stream.datasets import training
from deid_stream.datasets.huggingface import rows, to_huggingface
from deid_stream.datasets.training import TrainingSet
from deid_stream.errors import ConfigError
from deid_stream.kafka.memory import MemoryBroker
from deid_stream.kafka.record import OutRecord, Place
from deid_stream.model import topics
from tests.unit.datasets.test_training_sets import audio_record, text_record, tone

NAMES = SimpleNamespace(
    text=topics.TRAINING_TRANSCRIPTS.name, audio=topics.TRAINING_AUDIO.name, calls=topics.CALLS.name
)
SETTINGS = Settings(bootstrap_servers="memory:9092")
PARTITIONS = 2


class Kafka:
    """Connects to the memory broker. Its readers take a while to close, as over a network."""

    def __init__(self, broker):
        self._broker = broker
        self.open = 0

    @asynccontextmanager
    async def log_reader(self, isolation, **more):
        async with self._broker.connect().log_reader(isolation, **more) as reader:
            self.open += 1
            try:
                yield reader
            finally:
                await asyncio.sleep(0.01)
                self.open -= 1


class Deployment:
    """The topics of a deployment that has closed some calls."""

    def __init__(self):
        self.broker = MemoryBroker()
        self.kafka = Kafka(self.broker)
        self.broker.logs.update({Place(name, n): [] for name in vars(NAMES).values() for n in range(PARTITIONS)})

    def put(self, topic, partition, key, value, headers=()):
        self.broker.append(OutRecord(topic, key, value, headers, timestamp_ms=0, partition=partition))

    def close_call(self, call_id, partition=0):
        for seq in range(2):
            record = audio_record(call_id, seq, tone(seq), 0)
            self.put(NAMES.audio, partition, record.key, record.value, record.headers)
        for seq, text in enumerate(("my name is [PERSON_1] thanks", "hello")):
            record = text_record(call_id, seq, 0, text=text, start_ms=100 * seq)
            self.put(NAMES.text, partition, record.key, record.value)
        summary = {"call_id": call_id, "customer_id": "acme", "time_ms": 5, "duration_ms": 200, "audio_chunks": 2}
        self.put(NAMES.calls, partition, call_id.encode(), json.dumps(summary).encode())

    def withdraw(self, call_id, partition=0):
        for seq in range(2):
            for topic in (NAMES.audio, NAMES.text):
                self.put(topic, partition, f"{call_id}/0/{seq}".encode(), None)


@pytest.fixture
def deployment(monkeypatch):
    made = Deployment()
    for number in range(4):
        made.close_call(f"c-{number}", number % PARTITIONS)
    monkeypatch.setattr(training, "connect", lambda settings, client_id: made.kafka)
    return made


def ids(calls):
    return sorted(call.call_id for call in calls)


ALL = ["c-0", "c-1", "c-2", "c-3"]


class TestEpochs:
    def test_each_reads_again_what_is_there(self, deployment):
        training_set = TrainingSet(settings=SETTINGS)
        assert [ids(training_set) for _ in range(2)] == [ALL, ALL]
        deployment.withdraw("c-2")
        deployment.close_call("c-4")
        assert ids(training_set) == ["c-0", "c-1", "c-3", "c-4"]

    def test_one_that_was_left_begins_again(self, deployment):
        training_set = TrainingSet(settings=SETTINGS)
        for _, _ in zip(training_set, range(2), strict=False):
            pass
        assert ids(training_set) == ALL

    def test_resume_finishes_what_was_interrupted_and_the_next_is_whole(self, deployment):
        first = TrainingSet(settings=SETTINGS)
        loop = iter(first)
        done = next(loop).call_id
        next(loop)
        state = first.state()
        loop.close()
        again = TrainingSet(settings=SETTINGS, resume=state)
        rest = [call_id for call_id in ALL if call_id != done]
        next(iter(again))  # an iteration that is left early does not use up ``resume``
        assert [ids(again) for _ in range(3)] == [rest, ALL, ALL]

    def test_the_state_after_a_whole_one_leaves_only_new_calls(self, deployment):
        training_set = TrainingSet(settings=SETTINGS)
        assert ids(training_set) == ALL
        assert ids(TrainingSet(settings=SETTINGS, resume=training_set.state())) == []
        deployment.close_call("c-4")
        assert ids(TrainingSet(settings=SETTINGS, resume=training_set.state())) == ["c-4"]


class TestWhatIsNoReader:
    @pytest.mark.parametrize("shard", [(0, 1), (1, 2), (3, 4), (6, 7)])
    def test_each_reader_has_its_share(self, deployment, shard):
        parts = [ids(TrainingSet(settings=SETTINGS, shard=(index, shard[1]))) for index in range(shard[1])]
        assert sorted(call_id for part in parts for call_id in part) == ALL
        assert ids(TrainingSet(settings=SETTINGS, shard=shard)) == parts[shard[0]]

    @pytest.mark.parametrize("shard", [(1, 1), (2, 2), (5, 3), (-1, 2), (0, 0), (0, -1)])
    def test_a_shard_that_is_none_is_told_at_once(self, shard):
        with pytest.raises(ConfigError, match="is no reader"):
            TrainingSet(settings=SETTINGS, shard=shard)

    @pytest.mark.parametrize("state", ["{", "[]", "nonsense", '{"done": {"0": "x"}}', b"\xff"])
    def test_a_state_that_is_none_is_told_at_once(self, state):
        with pytest.raises(ConfigError, match="resume is not what"):
            TrainingSet(settings=SETTINGS, resume=state)

    @pytest.mark.parametrize("shards", [0, -1])
    def test_so_are_shards_that_leave_all_calls_out(self, shards):
        with pytest.raises(ConfigError, match="leaves every call out"):
            to_huggingface([], shards=shards)


class TestLeaving:
    @pytest.mark.parametrize("count", [1, 2, 3])
    def test_a_loop_that_is_left_closes_all_it_opened(self, deployment, caplog, count):
        for _, _ in zip(TrainingSet(settings=SETTINGS), range(count), strict=False):
            pass
        gc.collect()
        assert deployment.kafka.open == 0
        assert [record.getMessage() for record in caplog.records] == []

    def test_so_does_one_that_fails(self, deployment, caplog):
        def train():
            for call in TrainingSet(settings=SETTINGS):
                raise ZeroDivisionError(call.call_id)

        with pytest.raises(ZeroDivisionError):
            train()
        gc.collect()
        assert deployment.kafka.open == 0
        assert [record.getMessage() for record in caplog.records] == []


class TestParts:
    @pytest.mark.parametrize("count", [1, 2, 3, 7])
    @pytest.mark.parametrize("shards", [1, 2])
    def test_every_call_comes_to_one_reader(self, deployment, count, shards):
        nodes = [TrainingSet(settings=SETTINGS, shard=(index, shards)) for index in range(shards)]
        assert ids(call for node in nodes for index in range(count) for call in node.part(index, count)) == ALL

    def test_a_set_with_resume_is_one_readers(self, deployment):
        training_set = TrainingSet(settings=SETTINGS)
        assert ids(training_set) == ALL
        with pytest.raises(ConfigError, match="resume cannot be shared out"):
            TrainingSet(settings=SETTINGS, resume=training_set.state()).part(0, 1)

    def test_a_set_can_be_pickled_as_spawned_workers_need_it(self, deployment):
        assert ids(pickle.loads(pickle.dumps(TrainingSet(settings=SETTINGS)))) == ALL


def test_rows_hold_samples_or_a_file(deployment):
    (sound, *_), (file, *_) = (list(rows(TrainingSet(settings=SETTINGS), decode=decode)) for decode in (True, False))
    assert sound["audio"]["sampling_rate"] == 8_000
    assert sound["audio"]["array"].dtype == np.float32
    assert 0 < abs(sound["audio"]["array"]).max() <= 1
    assert file["audio"]["bytes"].startswith(b"RIFF")
    assert {**sound, "audio": 0} == {**file, "audio": 0}


class TestHuggingFace:
    @pytest.fixture(autouse=True)
    def datasets(self):
        return pytest.importorskip("datasets", reason="Hugging Face's datasets is not installed")

    @pytest.mark.parametrize("decode", [True, False])
    @pytest.mark.parametrize("shards", [1, 2, 3])
    def test_each_epoch_gives_every_clip_without_torchcodec(self, deployment, datasets, monkeypatch, decode, shards):
        monkeypatch.setattr(datasets.config, "TORCHCODEC_AVAILABLE", False)
        monkeypatch.setitem(sys.modules, "torchcodec.encoders", None)
        made = to_huggingface(TrainingSet(settings=SETTINGS), decode=decode, shards=shards)
        assert [len(list(made)) for _ in range(2)] == [8, 8]
        assert made.num_shards == shards

    def test_shuffled_epochs_are_whole(self, deployment):
        made = to_huggingface(TrainingSet(settings=SETTINGS)).shuffle(seed=1, buffer_size=10)
        first = [row["id"] for row in made]
        made.set_epoch(1)
        assert sorted(row["id"] for row in made) == sorted(first)
        assert len(first) == 8

    def test_sound_stays_an_array(self, deployment):
        sound = next(iter(to_huggingface(TrainingSet(settings=SETTINGS))))["audio"]["array"]
        assert (type(sound), sound.dtype) == (np.ndarray, np.float32)

    def test_a_list_of_calls_is_shared_out_as_well(self, deployment):
        made = to_huggingface(list(TrainingSet(settings=SETTINGS)), shards=2)
        assert [len(list(made)) for _ in range(2)] == [8, 8]


def reader(settings, index, count):
    return TrainingSet(settings=settings, shard=(index, count))


class TestTorch:
    @pytest.fixture(autouse=True)
    def torch(self):
        return pytest.importorskip("torch", reason="PyTorch is not installed")

    @pytest.mark.parametrize("make", [lambda given: given, lambda given: lambda index, count: given])
    def test_each_epoch_gives_every_clip(self, deployment, torch, make):
        from deid_stream.datasets.torch_adapter import TorchClips

        loader = torch.utils.data.DataLoader(TorchClips(make(TrainingSet(settings=SETTINGS))), batch_size=None)
        assert [len(list(loader)) for _ in range(2)] == [8, 8]

    @pytest.mark.parametrize("given", [TrainingSet(settings=SETTINGS), functools.partial(reader, SETTINGS)])
    def test_what_is_documented_can_be_pickled(self, given):
        from deid_stream.datasets.torch_adapter import TorchClips

        assert isinstance(pickle.loads(pickle.dumps(TorchClips(given))), TorchClips)

    def test_padded_makes_batches_of_clips_of_any_length(self, torch):
        from deid_stream.datasets.torch_adapter import padded

        clip = {"sampling_rate": 8_000, "text": "hello", "partial": False}
        batch = padded([{**clip, "id": "a", "audio": torch.ones(3)}, {**clip, "id": "b", "audio": torch.ones(5)}])
        assert batch["audio"].tolist() == [[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]]
        assert batch["frames"].tolist() == [3, 5]
        assert batch["id"] == ["a", "b"]

    def test_a_set_with_resume_is_refused_at_once(self, deployment):
        from deid_stream.datasets.torch_adapter import TorchClips

        training_set = TrainingSet(settings=SETTINGS)
        assert ids(training_set) == ALL
        with pytest.raises(ConfigError, match="resume cannot be shared out"):
            TorchClips(TrainingSet(settings=SETTINGS, resume=training_set.state()))
