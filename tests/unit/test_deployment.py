"""Deployment files and the published interface say what the code says."""

import json
import re
import runpy
import shutil
import subprocess
from pathlib import Path
from typing import ClassVar

import click
import pytest
import yaml
from benchmarks import scaling

from deid_stream.cli import cli
from deid_stream.config import ENV_PREFIX, Settings
from deid_stream.dashboard import board as dashboard
from deid_stream.dashboard.windows import WindowRow
from deid_stream.model import topics
from deid_stream.model.entities import EntityType
from deid_stream.model.events import CallEnded, CallStarted
from deid_stream.model.outputs import AuditAction, AuditEntry, CallSummary
from deid_stream.model.requests import Kind, Request
from deid_stream.observe.metrics import Metrics
from deid_stream.observe.status import Heartbeat
from deid_stream.policy import Policy, compile_policy
from deid_stream.policy.policy import TEXT_OPERATORS
from deid_stream.policy.rights import State, Status
from deid_stream.spotcheck.run import GROUP_SUFFIX
from deid_stream.wire.events import decode_event
from deid_stream.wire.limits import Limits
from deid_stream.wire.output import DeadLetter, encode_audit, encode_summary
from deid_stream.wire.requests import read_request
from deid_stream.wire.transcript import decode_transcript

ROOT = Path(__file__).parents[2]
FILES = sorted(
    path
    for path in [*(ROOT / "k8s").rglob("*.yaml"), *(ROOT / "docker").rglob("*.yaml"), ROOT / "docs" / "asyncapi.yaml"]
    if path.parent.name != "templates"
)
DEPLOYMENTS = (
    "k8s/base/worker.yaml",
    "k8s/base/control.yaml",
    "k8s/dashboard/dashboard.yaml",
    "k8s/spotcheck/spotcheck.yaml",
)
ALERT_TESTS = ("tests/alerts/rules_test.yaml", "tests/alerts/day_test.yaml")


def documents(path):
    """The file's documents; by the parser in C where PyYAML has it, since each process of a run collects this file."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return [document for document in yaml.load_all((ROOT / path).read_text(encoding="utf-8"), loader) if document]


def of_kind(kind, *paths):
    return {d["metadata"]["name"]: d for path in paths for d in documents(path) if d.get("kind") == kind}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_is_yaml_without_a_key_given_twice(path):
    class Strict(yaml.SafeLoader):
        def construct_mapping(self, node, deep=False):
            merge = "tag:yaml.org,2002:merge"
            keys = [self.construct_object(key, deep=True) for key, _ in node.value if key.tag != merge]
            assert len(keys) == len(set(keys)), f"a key is given twice at {node.start_mark}"
            return super().construct_mapping(node, deep)

    assert list(yaml.load_all(path.read_text(encoding="utf-8"), Strict))


@pytest.mark.parametrize("folder", ["k8s/base", "k8s/dashboard", "k8s/spotcheck", "k8s/strimzi"])
def test_every_manifest_is_part_of_its_kustomization(folder):
    (kustomization,) = documents(f"{folder}/kustomization.yaml")
    assert set(kustomization["resources"]) == {
        path.name for path in (ROOT / folder).glob("*.yaml") if path.name != "kustomization.yaml"
    }


def settings_of(kustomization):
    return next(generator["literals"] for generator in kustomization["configMapGenerator"] if "literals" in generator)


class TestKubernetes:
    def test_topics_are_the_contracts_with_one_partition_count(self):
        made = of_kind("KafkaTopic", "k8s/strimzi/topics.yaml")
        assert made.keys() == {topic.name for topic in topics.TOPICS}
        for topic in topics.TOPICS:
            config = {name: str(value) for name, value in made[topic.name]["spec"]["config"].items()}
            assert config == topic.configs() | {"min.insync.replicas": "2"}
        (partitions,) = {topic["spec"]["partitions"] for topic in made.values()}
        (scaled,) = of_kind("ScaledObject", "k8s/base/scaling.yaml").values()
        assert scaled["spec"]["maxReplicaCount"] * scaling.PARTITIONS_PER_WORKER == partitions
        assert scaled["spec"]["fallback"]["replicas"] == scaled["spec"]["maxReplicaCount"]

    def test_scaling_asks_for_what_comes_in_and_what_is_not_worked_on_yet(self):
        (scaled,) = of_kind("ScaledObject", "k8s/base/scaling.yaml").values()
        queries = [trigger["metadata"]["query"] for trigger in scaled["spec"]["triggers"]]
        assert [sorted(metrics_in(query)) for query in queries] == [["deid_records_in_total"], ["deid_lag_records"]]

    def test_every_setting_in_the_configuration_exists(self):
        (kustomization,) = documents("k8s/base/kustomization.yaml")
        literals = settings_of(kustomization)
        compose = documents("docker/compose.yaml")[0]["services"]
        names = [literal.partition("=")[0] for literal in literals]
        names += [name for service in ("topics", "worker", "samples") for name in compose[service]["environment"]]
        names += re.findall(r"\bDEID_[A-Z_]+", (ROOT / "docker" / "Dockerfile").read_text(encoding="utf-8"))
        assert {name.removeprefix(ENV_PREFIX).lower() for name in names} <= set(Settings.__struct_fields__)

    def test_only_workers_and_investigators_read_raw_topics(self):
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
        assert [name for name, read in readable.items() if read & raw] == ["deid-worker", "call-investigator"]
        assert readable["training-reader"] == {
            "deid.training.transcripts",
            "deid.training.audio",
            "deid.calls",
            "deid.keys",
        }
        assert not any(name.startswith("deid.training") for name in readable["analytics-reader"])
        followed = {topic.name for topic in topics.TOPICS if topic.kind in dashboard.KINDS}
        assert readable["deid-dashboard"] == followed | {
            "deid.analytics.audio",
            "deid.analytics.transcripts",
            "deid.keys",
        }

    @pytest.mark.parametrize("path", DEPLOYMENTS)
    def test_a_pod_runs_without_rights_it_does_not_need_and_has_the_files_that_it_reads(self, path):
        (deployment,) = of_kind("Deployment", path).values()
        pod = deployment["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        assert pod["securityContext"]["runAsNonRoot"]
        assert not pod["automountServiceAccountToken"]
        assert container["securityContext"]["readOnlyRootFilesystem"]
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        mounted = {mount["mountPath"] for mount in container["volumeMounts"]}
        (kustomization,) = documents("k8s/base/kustomization.yaml")
        environment = dict(literal.split("=", 1) for literal in settings_of(kustomization))
        environment |= {variable["name"]: variable["value"] for variable in container.get("env", ())}
        assert {name.removeprefix(ENV_PREFIX).lower() for name in environment} <= set(Settings.__struct_fields__)
        files = {name: value for name, value in environment.items() if name.endswith("_FILE") and value}
        assert {str(Path(value).parent) for value in files.values()} <= mounted, files
        assert environment["DEID_SASL_USERNAME"] in of_kind("KafkaUser", "k8s/strimzi/users.yaml")
        secrets = {volume["secret"]["secretName"] for volume in pod["volumes"] if "secret" in volume}
        assert environment["DEID_SASL_USERNAME"] in secrets, "its own password"

    def test_the_spot_checks_user_has_its_group_alone(self):
        user = of_kind("KafkaUser", "k8s/strimzi/users.yaml")["deid-spotcheck"]
        groups = [
            a["resource"]["name"] for a in user["spec"]["authorization"]["acls"] if a["resource"]["type"] == "group"
        ]
        assert groups == [Settings().group_id + GROUP_SUFFIX]

    def test_a_pod_with_several_processes_has_all_of_them_scraped(self):
        (component,) = documents("k8s/processes/kustomization.yaml")
        patches = {
            (patch["target"]["kind"], change["path"]): change["value"]
            for patch in component["patches"]
            for change in yaml.safe_load(patch["patch"])
        }
        ports = patches["Deployment", "/spec/template/spec/containers/0/ports"]
        (processes,) = patches["Deployment", "/spec/template/spec/containers/0/env"]
        assert [port["containerPort"] for port in ports] == [9464 + n for n in range(int(processes["value"]))]
        names = [{"port": port["name"]} for port in ports]
        assert patches["PodMonitor", "/spec/podMetricsEndpoints"] == names
        assert patches["NetworkPolicy", "/spec/ingress/0/ports"] == names


class TestAlerts:
    RULES: ClassVar = [
        rule for group in documents("docker/prometheus/rules.yaml")[0]["groups"] for rule in group["rules"]
    ]

    def test_they_ask_for_metrics_that_exist(self):
        exposed = {sample for metric in Metrics().collect() for sample in exposed_names(metric)}
        for rule in self.RULES:
            assert metrics_in(rule["expr"])
            assert metrics_in(rule["expr"]) <= exposed, rule["alert"]

    def test_each_has_a_severity_and_a_section_in_the_runbook(self):
        runbook = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
        assert re.findall(r"^## (\w+)$", runbook, re.MULTILINE) == [rule["alert"] for rule in self.RULES]
        for rule in self.RULES:
            assert rule["labels"]["severity"] in {"critical", "warning"}
            assert rule["annotations"]["runbook_url"] == f"docs/runbook.md#{rule['alert'].lower()}"

    def test_each_is_shown_to_fire_and_not_to_fire(self):
        files = [documents(path)[0] for path in ALERT_TESTS]
        shown = {
            (re.search(r'alertname="(\w+)"', test["expr"]).group(1), test["exp_samples"][0]["value"])
            for cases in files
            for case in cases["tests"]
            for test in case["promql_expr_test"]
        }
        assert shown == {(rule["alert"], fires) for rule in self.RULES for fires in (0, 1)}

    def test_make_manifests_runs_all_of_their_tests(self):
        run = next(check for check in runpy.run_path(str(ROOT / "k8s/check.py"))["CHECKS"] if check[0] == "promtool")
        assert {Path(path).relative_to(ROOT) for path in run[3:]} == set(map(Path, ALERT_TESTS))

    @pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed (Debian: prometheus)")
    @pytest.mark.parametrize(
        "arguments",
        [
            ("test", "rules", *ALERT_TESTS),
            ("check", "config", "docker/prometheus/prometheus.yml"),
        ],
        ids=" ".join,
    )
    def test_promtool_agrees(self, arguments):
        done = subprocess.run(["promtool", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


class TestDashboards:
    @pytest.mark.parametrize("path", sorted((ROOT / "k8s/base/dashboards").glob("*.json")), ids=lambda path: path.stem)
    def test_panels_ask_for_metrics_that_exist_and_do_not_overlap(self, path):
        exposed = {sample for metric in Metrics().collect() for sample in exposed_names(metric)}
        dashboard = json.loads(path.read_text(encoding="utf-8"))
        cells = set()
        for panel in dashboard["panels"]:
            asked = {name for target in panel.get("targets", ()) for name in metrics_in(target["expr"])}
            assert asked <= exposed, panel["title"]
            assert asked or panel["type"] == "row"
            place = panel["gridPos"]
            own = {
                (x, y)
                for x in range(place["x"], place["x"] + place["w"])
                for y in range(place["y"], place["y"] + place["h"])
            }
            assert not own & cells, panel["title"]
            assert place["x"] + place["w"] <= 24
            cells |= own
        (kustomization,) = documents("k8s/base/kustomization.yaml")
        assert f"dashboards/{path.name}" in kustomization["configMapGenerator"][0]["files"]

    def test_privacy_shows_what_people_ask_for_and_what_is_taken_back(self):
        asked = metrics_in((ROOT / "k8s/base/dashboards/deid-privacy.json").read_text(encoding="utf-8"))
        assert {
            "deid_requests_open",
            "deid_requests_overdue",
            "deid_retractions_waiting",
            "deid_taken_back_total",
        } <= asked


class TestCompose:
    SERVICES: ClassVar = documents("docker/compose.yaml")[0]["services"]

    def test_programs_of_this_machine_reach_the_broker_and_nobody_else_does(self):
        published = [port for service in self.SERVICES.values() for port in service.get("ports", ())]
        assert all(port.startswith("127.0.0.1:") for port in published)
        advertised = self.SERVICES["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]
        assert "HOST://localhost:29092" in advertised
        assert "127.0.0.1:29092:29092" in self.SERVICES["kafka"]["ports"]

    def test_every_worker_process_and_the_control_plane_are_scraped(self):
        (config,) = documents("docker/prometheus/prometheus.yml")
        (targets,) = [job["static_configs"][0]["targets"] for job in config["scrape_configs"]]
        processes = int(self.SERVICES["worker"]["environment"]["DEID_PROCESSES"])
        assert targets == [f"worker:{9464 + number}" for number in range(processes)] + ["control:9464"]

    def test_what_is_mounted_exists(self):
        for service in self.SERVICES.values():
            for volume in service.get("volumes", ()):
                assert (ROOT / "docker" / volume.partition(":")[0]).is_dir()

    def test_commands_exist(self):
        for service in self.SERVICES.values():
            if service.get("image") == "deid-stream":
                assert service["command"][0] in cli.list_commands(click.Context(cli))


class TestChart:
    """Helm itself is not needed: names and values that templates use are there, and blocks are closed."""

    FILES: ClassVar = sorted((ROOT / "k8s/helm/templates").iterdir())
    TEXT: ClassVar = {path.name: path.read_text(encoding="utf-8") for path in FILES}

    def test_every_value_that_is_used_is_in_the_values_file_and_the_other_way_round(self):
        (values,) = documents("k8s/helm/values.yaml")
        used = {
            tuple(path.split(".")) for text in self.TEXT.values() for path in re.findall(r"\.Values\.([\w.]+)", text)
        }
        for path in used:
            node = values
            for part in path:
                assert part in node, ".".join(path)
                node = node[part]
        unused = [
            f"{name}.{key}" if isinstance(section, dict) else name
            for name, section in values.items()
            for key in (section if isinstance(section, dict) and section else [None])
            if not any(path[: 1 + (key is not None)] in ((name,), (name, key)) or path == (name,) for path in used)
        ]
        assert unused == []

    @pytest.mark.parametrize("name", [path.name for path in FILES])
    def test_blocks_are_closed_and_includes_are_defined(self, name):
        depth = 0
        for action in re.findall(r"{{-?\s*(.*?)\s*-?}}", self.TEXT[name], re.DOTALL):
            word = action.split()[0]
            depth += (word in {"if", "with", "range", "define"}) - (word == "end")
            assert depth >= 0
        assert depth == 0
        defined = re.findall(r'define "([\w.]+)"', self.TEXT["_helpers.tpl"])
        assert set(re.findall(r'include "([\w.]+)"', self.TEXT[name])) <= set(defined)

    @pytest.mark.parametrize("component", ["worker", "control"])
    def test_what_runs_is_what_the_manifests_run(self, component):
        (deployment,) = of_kind("Deployment", f"k8s/base/{component}.yaml").values()
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        template = self.TEXT[f"{component}.yaml"]
        assert f"args: [{container['args'][0]}]" in template
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            get = container[probe]["httpGet"]
            assert f"{probe}:\n            httpGet: {{path: {get['path']}, port: {get['port']}}}" in template
        for mount in container["volumeMounts"]:
            assert f"mountPath: {mount['mountPath']}" in template
        (kustomization,) = documents("k8s/base/kustomization.yaml")
        for literal in settings_of(kustomization):
            assert literal.partition("=")[0] in self.TEXT["worker.yaml"] + (ROOT / "k8s/helm/values.yaml").read_text(
                encoding="utf-8"
            )

    def test_one_control_plane_at_a_time_is_scraped_and_kept_to_kafka(self):
        (deployment,) = of_kind("Deployment", "k8s/base/control.yaml").values()
        assert (deployment["spec"]["replicas"], deployment["spec"]["strategy"]) == (1, {"type": "Recreate"})
        assert "  replicas: 1\n" in self.TEXT["control.yaml"]
        assert "  strategy: {type: Recreate}\n" in self.TEXT["control.yaml"]
        for template in ("monitoring.yaml", "network.yaml"):
            assert self.TEXT[template].count('matchLabels: {{- include "deid.control.selector" . | nindent 6 }}') == 1


def test_the_sizing_table_is_the_simulations():
    text = (ROOT / "docs" / "scaling.md").read_text(encoding="utf-8")
    for calls in (100, 1_000, 5_000):
        assert scaling.row(scaling.size(calls, scaling.Measured())) in text


def exposed_names(metric):
    if metric.type == "counter":
        return {metric.name + "_total"}
    return (
        {metric.name + suffix for suffix in ("_bucket", "_sum", "_count")}
        if metric.type == "histogram"
        else {metric.name}
    )


def metrics_in(expression):
    return set(re.findall(r"\bdeid_[a-z_]+", expression))


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
        (asked,) = self.MESSAGES["request"]["examples"]
        assert read_request(b"acme", json.dumps(asked["payload"]).encode(), "0-0").call_id

    @staticmethod
    def decoded(decode, example):
        headers = [(name, value.encode()) for name, value in example["headers"].items()]
        return decode(b"c-17", json.dumps(example["payload"]).encode(), headers, 0, 0, Limits())

    def test_examples_hold_no_field_their_schema_does_not_name(self):
        for name in ("callEvent", "transcript", "policy", "request"):
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
            rules={"names/titled": 1},
        )
        written = {
            "callSummary": json.loads(encode_summary(summary, policy_version="1", pipeline_version="p").value),
            "auditEntry": json.loads(encode_audit(audit, policy_version="1").value),
        }
        for name, value in written.items():
            assert value.keys() == self.SCHEMAS[name]["properties"].keys(), name
        assert set(Heartbeat.__struct_fields__) == self.SCHEMAS["heartbeat"]["properties"].keys()
        assert set(DeadLetter.__struct_fields__) == self.SCHEMAS["deadLetter"]["properties"].keys()
        assert set(Policy.__struct_fields__) == self.SCHEMAS["policy"]["properties"].keys()
        assert set(Request.__struct_fields__) == self.SCHEMAS["request"]["properties"].keys()
        assert set(Status.__struct_fields__) == self.SCHEMAS["requestStatus"]["properties"].keys()
        assert set(WindowRow.__struct_fields__) == self.SCHEMAS["aggregate"]["properties"].keys()

    def test_closed_lists_are_the_codes(self):
        assert self.SCHEMAS["entityType"]["enum"] == [str(entity_type) for entity_type in EntityType]
        assert self.SCHEMAS["auditEntry"]["properties"]["action"]["enum"] == [str(action) for action in AuditAction]
        operators = self.SCHEMAS["policy"]["properties"]["entities"]["oneOf"][1]["additionalProperties"]["anyOf"][0][
            "enum"
        ]
        assert set(operators) == TEXT_OPERATORS
        assert self.SCHEMAS["request"]["properties"]["kind"]["enum"] == [str(kind) for kind in Kind]
        assert self.SCHEMAS["requestStatus"]["properties"]["state"]["enum"] == [str(state) for state in State]


def test_the_example_in_the_policy_document_compiles():
    text = (ROOT / "docs" / "policies.md").read_text(encoding="utf-8")
    example, _ = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    assert set(json.loads(example)) == set(Policy.__struct_fields__)
    assert compile_policy(example.encode()).region == "in"
    assert all(entity_type in text for entity_type in EntityType)
    assert all(f"| `{operator}` |" in text for operator in TEXT_OPERATORS)
