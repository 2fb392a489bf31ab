"""Settings as flags: every setting has one, but for the secrets; flags beat the environment, that beats the file."""

import click
import pytest
from click.testing import CliRunner

from deid_stream.commands.options import (
    CONNECTION,
    CONTROL,
    CUSTODY,
    DASHBOARD,
    READER,
    SPOTCHECK,
    TOPICS,
    WORKER,
    settings_options,
)
from deid_stream.config import Settings

SECRETS = {"dashboard_token", "digest_key", "oauth_client_secret", "read_key", "sasl_password", "vault_token"}


def settings_of(*arguments, env=None):
    seen = []

    @click.command()
    @settings_options(CONNECTION, TOPICS, WORKER)
    def command(settings):
        seen.append(settings)

    result = CliRunner().invoke(command, arguments, env={"DEID_CONFIG": "", **(env or {})}, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return seen[0]


def test_every_setting_has_a_flag_but_the_secrets():
    groups = (CONNECTION, TOPICS, WORKER, SPOTCHECK, DASHBOARD, CUSTODY, READER, CONTROL)
    assert {name for group in groups for name in group} == set(Settings.__struct_fields__) - SECRETS


def test_flags_then_environment_then_file_then_defaults(tmp_path):
    file = tmp_path / "deid.toml"
    file.write_text('group_id = "file"\nregion = "file"\ntopic_prefix = "file"\n')
    got = settings_of("--config", str(file), "--group-id", "flag", env={"DEID_REGION": "env", "DEID_GROUP_ID": "env"})
    assert (got.group_id, got.region, got.topic_prefix) == ("flag", "env", "file")
    assert got.partitions == Settings().partitions


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [([], False), (["--insecure-ephemeral-key"], True), (["--no-insecure-ephemeral-key"], False)],
)
def test_a_switch_can_be_said_both_ways(arguments, expected):
    assert settings_of(*arguments).insecure_ephemeral_key is expected
    assert settings_of(*arguments, env={"DEID_INSECURE_EPHEMERAL_KEY": "true"}).insecure_ephemeral_key is (
        expected if arguments else True
    )
