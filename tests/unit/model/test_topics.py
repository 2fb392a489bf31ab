"""The topics' contract."""

import pytest

from deid_stream.model import topics
from deid_stream.model.topics import TOPICS, TopicNames


def test_kinds_and_names_are_told_apart():
    assert len({topic.kind for topic in TOPICS}) == len({topic.name for topic in TOPICS}) == len(TOPICS)


def test_a_worker_s_names_are_the_contract_s_with_the_prefix():
    names = TopicNames.of("staging.")
    contract = {topic.kind: topic.name for topic in TOPICS}
    assert set(TopicNames.__struct_fields__) <= contract.keys()
    assert {field: getattr(names, field) for field in TopicNames.__struct_fields__} == {
        field: "staging." + contract[field] for field in TopicNames.__struct_fields__
    }
    assert names.all == tuple(getattr(names, field) for field in TopicNames.__struct_fields__)


def test_the_inputs_are_the_three_kinds_of_call_records_in_their_order():
    assert tuple(topic.kind for topic in topics.INPUTS) == topics.INPUT_KINDS
    assert TopicNames.of("x.").inputs == {"x." + topic.name: topic.kind for topic in topics.INPUTS}


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_what_is_deleted_by_time_has_a_limit_and_what_is_compacted_a_lag(topic):
    configs = topic.configs()
    assert ("retention.ms" in configs) == (topic.retention_days is not None) == ("delete" in topic.cleanup)
    assert ("max.compaction.lag.ms" in configs) == ("compact" in topic.cleanup)
