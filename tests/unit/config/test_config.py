"""Settings: which source wins, and what a wrong one says."""

import msgspec
import pytest

from deid_stream.config import Settings, load_settings
from deid_stream.errors import ConfigError, DigestKeyError
from deid_stream.kafka.clients.aio.options import client_options
from deid_stream.kafka.connection import Connection, transport_risks
from deid_stream.keys import KeyRing
from deid_stream.session.lifecycle import REFERENCES

KEY = "00112233445566778899aabbccddeeff"


def test_defaults():
    settings = load_settings({}, {})
    assert settings == Settings()
    assert (settings.holdback_ms, settings.context_window_ms, settings.max_turn_ms) == (30_000, 1_500, 12_000)
    assert settings.limits.max_audio_bytes == settings.max_audio_bytes


def test_flags_win_over_environment_over_file_over_the_commands_defaults(tmp_path):
    file = tmp_path / "deid.toml"
    file.write_text('group_id = "file"\nregion = "file"\npartitions = 3\n')
    settings = load_settings(
        {"group_id": "flag", "region": None},
        {"DEID_GROUP_ID": "environment", "DEID_REGION": "environment", "UNRELATED": "x"},
        file,
        {"partitions": 2, "metrics_port": 0},
    )
    assert (settings.group_id, settings.region, settings.partitions, settings.metrics_port) == (
        "flag",
        "environment",
        3,
        0,
    )


def test_the_environment_may_name_the_file(tmp_path):
    (tmp_path / "deid.toml").write_text("partitions = 9\n")
    assert load_settings({}, {"DEID_CONFIG": str(tmp_path / "deid.toml")}).partitions == 9


@pytest.mark.parametrize(
    ("variable", "text", "name", "value"),
    [
        ("DEID_PARTITIONS", "12", "partitions", 12),
        ("DEID_INSECURE_EPHEMERAL_KEY", "true", "insecure_ephemeral_key", True),
        ("DEID_INSECURE_EPHEMERAL_KEY", "0", "insecure_ephemeral_key", False),
        ("DEID_PROCESSING", "exactly_once", "processing", "exactly_once"),
        ("DEID_PARTITIONS", "", "partitions", 4),
    ],
)
def test_the_environment_is_text(variable, text, name, value):
    assert getattr(load_settings({}, {variable: text}), name) == value


@pytest.mark.parametrize(
    ("flags", "environ", "toml", "said"),
    [
        ({}, {"DEID_PARTITIONS": "many"}, "", "partitions, from the environment, must be a whole number"),
        ({"partitions": 0}, {}, "", "partitions, from the flags, must be within 1 to"),
        ({}, {}, "holdback_ms = -1", "holdback_ms, from the file .*, must be within"),
        ({}, {}, "holdbck_ms = 1", "sets holdbck_ms, which is no setting; did you mean holdback_ms"),
        ({}, {"DEID_BOGUS": "1"}, "", "the environment sets DEID_BOGUS, which is no setting$"),
        ({}, {"DEID_BOGUS": ""}, "", "the environment sets DEID_BOGUS"),
        ({}, {"DEID_HOLDBCK_MS": "1"}, "", "sets DEID_HOLDBCK_MS, which is no setting; did you mean holdback_ms"),
        ({}, {"DEID_HOLDB\udcff": "1"}, "", r"sets a DEID_\* variable, which is no setting"),
        ({}, {"DEID_GROUP_ID": "\udcff"}, "", "group_id, from the environment, is not UTF-8"),
        ({"group_id": "\udcff"}, {}, "", "group_id, from the flags, is not UTF-8"),
        ({}, {}, "holdback_ms = ", r"is not TOML \(at .*\); write region = "),
        ({}, {}, 'region = "eu"\nbootstrap_servers = kafka:9092', r"is not TOML \(at line 2, column 21\); write"),
        ({}, {}, "holdback_ms = " + "9" * 5_000, "is not TOML"),
        ({}, {}, "queues = " + "[" * 5_000, "is not TOML"),
        ({}, {}, "queues = [" + "1, " * 30_000 + "]", "is larger than 65536 bytes"),
        ({}, {"DEID_PROCESSING": "twice"}, "", "processing, from the environment, must be auto or exactly_once"),
        ({"security_protocol": "SASL_SSL"}, {}, "", "sasl_username"),
        ({"tls_cert_file": "a.pem"}, {}, "", "only one of"),
        ({"digest_key": KEY, "digest_key_file": "k"}, {}, "", "both set"),
        (
            {"free_text": "notes, queue"},
            {},
            "",
            "free_text, from the flags, names queue, which has a meaning of its own",
        ),
        ({}, {"DEID_FREE_TEXT": "subject"}, "", "free_text, from the environment, names subject"),
        ({"free_text": "from_ref"}, {}, "", "names from_ref"),
        ({"free_text": "a,b,c,d,e,f,g,h,i"}, {}, "", "names 9 fields; at most 8"),
        ({"free_text": "n" * 65}, {}, "", "names a field of more than 64 characters$"),
        ({"free_text": "notes", "encrypt_outputs": True}, {}, "", "together with encrypt_outputs"),
    ],
)
def test_what_is_wrong_is_named_with_its_source(flags, environ, toml, said, tmp_path):
    (tmp_path / "deid.toml").write_text(toml)
    with pytest.raises(ConfigError, match=said):
        load_settings(flags, environ, tmp_path / "deid.toml")


@pytest.mark.parametrize(
    "servers",
    [
        "kafka-1:9092",
        "kafka-1:9092, 10.0.0.7:19092",
        "kafka-1:9092,",
        "[::1]:9092",
        "[fe80::1%eth0]:1",
        "b_1.example:65535",
    ],
)
def test_addresses_of_brokers(servers):
    connection = Connection.of(Settings(bootstrap_servers=servers), "test")
    assert list(connection.servers) == [part.strip() for part in servers.split(",") if part.strip()]


@pytest.mark.parametrize(
    "servers",
    [
        "kafka-1",
        "kafka-1:",
        ":9092",
        "kafka-1:port",
        "kafka-1:0",
        "kafka-1:99999",
        "kafka-1:9092;kafka-2:9092",
        "kafka-1:9092 kafka-2:9092",
        "http://kafka-1:9092",
        "PLAINTEXT://kafka-1:9092",
        "::1:9092",
        "kafka-1:٩٠٩٢",
    ],
)
@pytest.mark.parametrize("before", ["", "kafka-0:9092,"])
def test_an_address_that_no_client_can_use_is_named_by_its_number(servers, before):
    said = (
        f"^bootstrap_servers: address {2 if before else 1} of {2 if before else 1} is not HOST:PORT; write kafka-1:9092"
    )
    with pytest.raises(ConfigError, match=said):
        Connection.of(Settings(bootstrap_servers=before + servers), "test")


SECRETS = {
    "digest_key_file": Settings.key_ring,
    "sasl_password_file": Settings.secret_sasl_password,
    "oauth_client_secret_file": Settings.secret_oauth_client,
    "dashboard_token_file": Settings.secret_dashboard_token,
    "vault_token_file": Settings.secret_vault_token,
    "read_key_file": Settings.secret_read_keys,
}


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize(
    ("made", "said"),
    [
        ("nothing", "cannot read {}: No such file or directory; correct the path"),
        ("a folder", "cannot read {}: Is a directory; correct the path"),
        ("an empty file", "the file that {} names is empty; put the secret into it"),
        ("a blank file", "the file that {} names is empty; put the secret into it"),
    ],
)
def test_a_file_without_a_secret_is_named_with_the_mend(name, made, said, tmp_path):
    file = tmp_path / "secret"
    if made == "a folder":
        file.mkdir(mode=0o755)
    elif made != "nothing":
        file.touch(mode=0o600)
        file.write_text("" if made == "an empty file" else " \n")
    with pytest.raises(ConfigError, match=said.format(name)):
        SECRETS[name](Settings(**{name: str(file)}))


@pytest.mark.parametrize(
    "environ",
    [
        {"DEID_CONTROL_SERVICE_HOST": "10.0.0.7", "DEID_CONTROL_SERVICE_PORT": "8080"},
        {"DEID_CONTROL_PORT": "tcp://10.0.0.7:8080", "DEID_CONTROL_PORT_8080_TCP": "tcp://10.0.0.7:8080"},
        {"DEID_CONTROL_PORT_8080_TCP_PROTO": "tcp", "DEID_CONTROL_PORT_8080_TCP_ADDR": "fd00::7"},
        {"DEID_CONTROL_SERVICE_PORT_HTTP": "8080"},
    ],
)
def test_what_kubernetes_says_of_services_is_no_setting_of_ours(environ):
    assert load_settings({}, environ) == Settings()


def test_a_misspelled_port_is_no_service_of_kubernetes():
    with pytest.raises(ConfigError, match="DEID_METRICS_PROT, which is no setting; did you mean metrics_port"):
        load_settings({}, {"DEID_METRICS_PROT": "9000"})
    assert load_settings({}, {"DEID_METRICS_PORT": "9000"}).metrics_port == 9000


@pytest.mark.parametrize(
    ("servers", "protocol", "mechanism", "said"),
    [
        ("kafka:9092", "SASL_PLAINTEXT", "PLAIN", "password is sent in clear"),
        ("kafka:9092", "SASL_PLAINTEXT", "SCRAM-SHA-512", "calls go over the network in clear"),
        ("kafka:9092", "PLAINTEXT", "SCRAM-SHA-512", "calls go over the network in clear"),
        ("localhost:9092,kafka:9092", "PLAINTEXT", "PLAIN", "calls go over the network in clear"),
        ("kafka:9093", "SASL_SSL", "PLAIN", None),
        ("kafka:9093", "SSL", "PLAIN", None),
        ("127.0.0.1:9092, localhost:1,[::1]:2", "SASL_PLAINTEXT", "PLAIN", None),
        ("", "PLAINTEXT", "PLAIN", None),
    ],
)
def test_what_others_on_the_network_could_read(servers, protocol, mechanism, said):
    risks = transport_risks(Settings(bootstrap_servers=servers, security_protocol=protocol, sasl_mechanism=mechanism))
    assert (risks == []) if said is None else (said in risks[0])


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"gone\.toml"):
        load_settings({}, {}, tmp_path / "gone.toml")


def test_nothing_secret_is_shown():
    settings = load_settings({"digest_key": KEY, "sasl_password": "hunter22"}, {})
    assert KEY not in repr(settings)
    assert "hunter22" not in repr(settings)
    with pytest.raises(ConfigError) as caught:
        load_settings({"digest_key": ["hunter22"]}, {})
    assert "hunter22" not in str(caught.value)


def same(ring, key):
    return ring.of_call("acme", "call") == KeyRing(key).of_call("acme", "call")


class TestDigestKey:
    def test_in_hex_or_in_a_file(self, tmp_path):
        (tmp_path / "key").write_text(KEY + "\n")
        (tmp_path / "key").chmod(0o600)
        for flags in ({"digest_key": KEY}, {"digest_key_file": str(tmp_path / "key")}):
            assert same(load_settings(flags, {}).key_ring(), bytes.fromhex(KEY))

    def test_retired_keys_follow_the_current_one(self, tmp_path):
        old = KeyRing(bytes(32)).of_call("acme", "call")
        ring = load_settings({"digest_key": f"{KEY}\n{bytes(32).hex()}"}, {}).key_ring()
        assert same(ring, bytes.fromhex(KEY))
        assert ring.of_call("acme", "call", old.key_id) == msgspec.structs.replace(
            old, pseudonyms=ring.of_call("acme", "call").pseudonyms
        )

    @pytest.mark.parametrize("text", ["letters", KEY[:30], "ab" * 65, KEY + " " + KEY[:30]])
    def test_an_unusable_one_is_refused_and_not_shown(self, text):
        with pytest.raises(DigestKeyError) as caught:
            load_settings({"digest_key": text}, {}).key_ring(b"made up here....")
        assert text not in str(caught.value)

    def test_a_key_of_65_bytes_is_refused_by_the_settings_with_the_mend(self):
        with pytest.raises(DigestKeyError, match="65 bytes; at most 64 can be used"):
            load_settings({"digest_key": "ab" * 65}, {}).key_ring()

    @pytest.mark.parametrize(
        ("mode", "taken"), [(0o600, True), (0o400, True), (0o440, True), (0o644, False), (0o604, False), (0o660, False)]
    )
    def test_a_file_that_others_may_read_is_refused(self, tmp_path, mode, taken):
        file = tmp_path / "key"
        file.write_text(KEY)
        file.chmod(mode)
        settings = load_settings({"digest_key_file": str(file)}, {})
        if taken:
            assert same(settings.key_ring(), bytes.fromhex(KEY))
        else:
            with pytest.raises(DigestKeyError, match="chmod 600"):
                settings.key_ring()

    @pytest.mark.parametrize(
        ("flags", "allowed"),
        [
            ({}, True),
            ({"bootstrap_servers": "kafka:9092"}, False),
            ({"bootstrap_servers": "kafka:9092", "insecure_ephemeral_key": True}, True),
        ],
        ids=["embedded broker", "production", "production, said to be insecure"],
    )
    def test_one_is_made_up_only_where_nothing_lasts_or_it_was_asked_for(self, flags, allowed):
        settings = load_settings(flags, {})
        if allowed:
            assert same(settings.key_ring(b"made up here...."), b"made up here....")
        else:
            with pytest.raises(DigestKeyError, match="DEID_DIGEST_KEY"):
                settings.key_ring(b"made up here....")

    def test_a_missing_file_is_an_error(self, tmp_path):
        with pytest.raises(ConfigError, match="digest_key_file"):
            load_settings({"digest_key_file": str(tmp_path / "gone")}, {}).key_ring()


class TestKafkaOptions:
    def test_plain(self):
        options = client_options(Connection.of(load_settings({"bootstrap_servers": "a:1, b:2"}, {}), "worker"))
        assert options == {
            "bootstrap_servers": ["a:1", "b:2"],
            "client_id": "worker",
            "security_protocol": "PLAINTEXT",
        }

    def test_scram_with_the_password_from_a_file(self, tmp_path):
        (tmp_path / "password").write_text("hunter22\n")
        flags = {
            "bootstrap_servers": "a:1",
            "security_protocol": "SASL_SSL",
            "sasl_mechanism": "SCRAM-SHA-256",
            "sasl_username": "worker",
            "sasl_password_file": str(tmp_path / "password"),
        }
        options = client_options(Connection.of(load_settings(flags, {}), "worker"))
        assert options["sasl_mechanism"] == "SCRAM-SHA-256"
        assert (options["sasl_plain_username"], options["sasl_plain_password"]) == ("worker", "hunter22")
        assert options["ssl_context"].check_hostname

    def test_a_certificate_that_cannot_be_read(self, tmp_path):
        flags = {"bootstrap_servers": "a:1", "security_protocol": "SSL", "tls_ca_file": str(tmp_path / "gone.pem")}
        with pytest.raises(ConfigError, match="tls_ca_file"):
            client_options(Connection.of(load_settings(flags, {}), "worker"))


@pytest.mark.parametrize(
    ("said", "names"),
    [("", set()), ("notes", {"notes"}), (" subject_line , notes,", {"notes", "subject_line"}), ("Notes", {"Notes"})],
)
def test_fields_of_free_text_are_named_as_the_producer_writes_them(said, names):
    assert load_settings({"free_text": said}, {}).limits.free_text == names


def test_nothing_that_a_session_makes_can_be_named_as_free_text():
    for name in REFERENCES:
        with pytest.raises(ConfigError, match=name):
            load_settings({"free_text": name}, {})
