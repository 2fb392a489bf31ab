"""Deployment files and the published interface say what the code says."""

import json
import re
from pathlib import Path

import pytest
import yaml

from deid_stream.config import ENV_PREFIX, Settings
from deid_stream.model import topics
from deid_stream.model.entities import EntityType
from deid_stream.model.events import CallEnded, CallStarted
from deid_stream.model.outputs import AuditAction, AuditEntry, CallSummary
from deid_stream.observe.metrics import Metrics
from deid_stream.policy import Policy, compile_policy
from deid_stream.policy.policy import TEXT_OPERATORS
from deid_stream.spotcheck.run import GROUP_SUFFIX
from deid_stream.wire.events import decode_event
from deid_stream.wire.limits import Limits
from deid_stream.wire.output import DeadLetter, encode_audit, encode_summary
from deid_stream.wire.transcript import decode_transcript

ROOT = Path(__file__).parents[2]
FILES = sorted([*(ROOT / "k8s").rglob("*.yaml"), *(ROOT / "docker").glob("*.yaml"), ROOT / "docs" / "asyncapi.yaml"])


def documents(path):
    return [document for document in yaml.safe_load_all((ROOT / path).read_text(encoding="utf-8")) if document]


def of_kind(kind, *paths):
    return {d["metadata"]["name"]: d for path in paths for d in documents(path) if d.get("kind") == kind}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_is_yaml_without_a_key_given_twice(path):
    class Strict(yaml.SafeLoader):
        def construct_mapping(self, node, deep=False):
            keys = [self.construct_object(key, deep=True) for key, _ in node.value]
            assert len(keys) == len(set(keys)), f"a key is given twice at {node.start_mark}"
            return super().construct_mapping(node, deep)

    assert list(yaml.load_all(path.read_text(encoding="utf-8"), Strict))


@pytest.mark.parametrize("folder", ["k8s/base", "k8s/spotcheck", "k8s/strimzi"])
def test_every_manifest_is_part_of_its_kustomization(folder):
    (kustomization,) = documents(f"{folder}/kustomization.yaml")
    assert set(kustomization["resources"]) == {
        path.name for path in (ROOT / folder).glob("*.yaml") if path.name != "kustomization.yaml"
    }


class TestKubernetes:
    def test_topics_are_the_contracts_with_one_partition_count(self):
        made = of_kind("KafkaTopic", "k8s/strimzi/topics.yaml")
        assert made.keys() == {topic.name for topic in topics.TOPICS}
        for topic in topics.TOPICS:
            config = {name: str(value) for name, value in made[topic.name]["spec"]["config"].items()}
            assert config == topic.configs() | {"min.insync.replicas": "2"}
        (partitions,) = {topic["spec"]["partitions"] for topic in made.values()}
        (scaled,) = of_kind("ScaledObject", "k8s/base/scaling.yaml").values()
        assert scaled["spec"]["maxReplicaCount"] <= partitions

    def test_scaling_follows_the_group_that_workers_join(self):
        (scaled,) = of_kind("ScaledObject", "k8s/base/scaling.yaml").values()
        (trigger,) = scaled["spec"]["triggers"]
        assert trigger["metadata"]["consumerGroup"] == Settings().group_id
        assert trigger["metadata"]["topic"] == topics.AUDIO.name

    def test_every_setting_in_the_configuration_exists(self):
        (kustomization,) = documents("k8s/base/kustomization.yaml")
        literals = kustomization["configMapGenerator"][0]["literals"]
        compose = documents("docker/compose.yaml")[0]["services"]
        names = [literal.partition("=")[0] for literal in literals]
        names += [name for service in ("topics", "worker") for name in compose[service]["environment"]]
        names += re.findall(r"\bDEID_[A-Z_]+", (ROOT / "docker" / "Dockerfile").read_text(encoding="utf-8"))
        assert {name.removeprefix(ENV_PREFIX).lower() for name in names} <= set(Settings.__struct_fields__)

    def test_only_workers_read_raw_topics_and_a_training_reader_reads_training_only(self):
        readable = {}
        for name, user in of_kind("KafkaUser", "k8s/strimzi/users.yaml").items():
            acls = [acl for acl in user["spec"]["authorization"]["acls"] if acl["resource"]["type"] == "topic"]
            readable[name] = {
                topic.name
                for topic in topics.TOPICS
                for acl in acls
                if "Read" in acl["operations"]
                and (
                    topic.name == acl["resource"]["name"]
                    if acl["resource"]["patternType"] == "literal"
                    else topic.name.startswith(acl["resource"]["name"])
                )
            }
        raw = {"calls.events", "calls.transcripts", "calls.audio"}
        assert [name for name, read in readable.items() if read & raw] == ["deid-worker"]
        assert readable["training-reader"] == {"deid.training.transcripts", "deid.training.audio"}
        assert not any(name.startswith("deid.training") for name in readable["analytics-reader"])

    def test_the_worker_runs_without_rights_it_does_not_need(self):
        (deployment,) = of_kind("Deployment", "k8s/base/worker.yaml").values()
        pod = deployment["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        assert pod["securityContext"]["runAsNonRoot"]
        assert not pod["automountServiceAccountToken"]
        assert container["securityContext"]["readOnlyRootFilesystem"]
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        mounted = {mount["mountPath"] for mount in container["volumeMounts"]}
        (kustomization,) = documents("k8s/base/kustomization.yaml")
        files = [v for v in kustomization["configMapGenerator"][0]["literals"] if "_FILE=" in v]
        assert {str(Path(literal.partition("=")[2]).parent) for literal in files} <= mounted

    def test_the_spot_check_runs_like_a_worker_as_a_user_of_its_own(self):
        (deployment,) = of_kind("Deployment", "k8s/spotcheck/spotcheck.yaml").values()
        pod = deployment["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        assert pod["securityContext"]["runAsNonRoot"]
        assert container["securityContext"]["readOnlyRootFilesystem"]
        environment = {variable["name"]: variable["value"] for variable in container["env"]}
        assert {name.removeprefix(ENV_PREFIX).lower() for name in environment} <= set(Settings.__struct_fields__)
        user = of_kind("KafkaUser", "k8s/strimzi/users.yaml")[environment["DEID_SASL_USERNAME"]]
        groups = [
            a["resource"]["name"] for a in user["spec"]["authorization"]["acls"] if a["resource"]["type"] == "group"
        ]
        assert groups == [Settings().group_id + GROUP_SUFFIX]

    def test_alerts_ask_for_metrics_that_exist_and_are_explained(self):
        (rules,) = of_kind("PrometheusRule", "k8s/base/alerts.yaml").values()
        exposed = {sample for metric in Metrics().collect() for sample in exposed_names(metric)}
        explained = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
        for rule in rules["spec"]["groups"][0]["rules"]:
            assert set(re.findall(r"\bdeid_[a-z_]+", rule["expr"])) <= exposed
            assert f"| {rule['alert']} |" in explained


def exposed_names(metric):
    if metric.type == "counter":
        return {metric.name + "_total"}
    return (
        {metric.name + suffix for suffix in ("_bucket", "_sum", "_count")}
        if metric.type == "histogram"
        else {metric.name}
    )


class TestAsyncApi:
    (API,) = documents("docs/asyncapi.yaml")
    MESSAGES = API["components"]["messages"]
    SCHEMAS = API["components"]["schemas"]

    def test_channels_are_the_contracts_topics(self):
        assert [channel["address"] for channel in self.API["channels"].values()] == [t.name for t in topics.TOPICS]

    def test_every_reference_leads_somewhere(self):
        for reference in re.findall(r"'#/([A-Za-z/]+)'", (ROOT / "docs" / "asyncapi.yaml").read_text(encoding="utf-8")):
            node = self.API
            for part in reference.split("/"):
                node = node[part]

    def test_examples_are_read_by_the_code(self):
        started, ended = self.MESSAGES["callEvent"]["examples"]
        assert isinstance(self.decoded(decode_event, started), CallStarted)
        assert isinstance(self.decoded(decode_event, ended), CallEnded)
        (final,) = self.MESSAGES["transcript"]["examples"]
        assert self.decoded(decode_transcript, final).segments[0].words
        (policy,) = self.MESSAGES["policy"]["examples"]
        assert compile_policy(json.dumps(policy["payload"]).encode()).training

    @staticmethod
    def decoded(decode, example):
        headers = [(name, value.encode()) for name, value in example["headers"].items()]
        return decode(b"c-17", json.dumps(example["payload"]).encode(), headers, 0, 0, Limits())

    def test_examples_hold_no_field_their_schema_does_not_name(self):
        for name in ("callEvent", "transcript", "policy"):
            for example in self.MESSAGES[name]["examples"]:
                assert example["payload"].keys() <= self.SCHEMAS[name]["properties"].keys()

    def test_schemas_name_the_fields_that_are_written(self):
        summary = CallSummary(
            call_id="c",
            customer_id="n",
            time_ms=0,
            duration_ms=0,
            channels=1,
            segments=0,
            audio_chunks=0,
            redactions={},
            redacted_audio_ms={},
        )
        audit = AuditEntry(
            call_id="c",
            customer_id="n",
            action=AuditAction.SILENCED,
            reason="r",
            time_ms=0,
            channel=0,
            seq=1,
            start_ms=1,
            end_ms=2,
            counts={"PERSON": 1},
        )
        written = {
            "callSummary": json.loads(encode_summary(summary, policy_version="1", pipeline_version="p").value),
            "auditEntry": json.loads(encode_audit(audit, policy_version="1").value),
        }
        for name, value in written.items():
            assert value.keys() == self.SCHEMAS[name]["properties"].keys(), name
        assert set(DeadLetter.__struct_fields__) == self.SCHEMAS["deadLetter"]["properties"].keys()
        assert set(Policy.__struct_fields__) == self.SCHEMAS["policy"]["properties"].keys()

    def test_closed_lists_are_the_codes(self):
        assert self.SCHEMAS["entityType"]["enum"] == [str(entity_type) for entity_type in EntityType]
        assert self.SCHEMAS["auditEntry"]["properties"]["action"]["enum"] == [str(action) for action in AuditAction]
        operators = self.SCHEMAS["policy"]["properties"]["entities"]["oneOf"][1]["additionalProperties"]["enum"]
        assert set(operators) == TEXT_OPERATORS


def test_the_example_in_the_policy_document_compiles():
    text = (ROOT / "docs" / "policies.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    assert set(json.loads(example)) == set(Policy.__struct_fields__)
    assert compile_policy(example.encode()).region == "in"
    assert all(entity_type in text for entity_type in EntityType)
    assert all(f"| `{operator}` |" in text for operator in TEXT_OPERATORS)
