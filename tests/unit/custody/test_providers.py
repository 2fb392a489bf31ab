"""Vault and a cloud KMS behind real HTTP: what they give, and one clear error for whatever goes wrong."""

import http.server
import json
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator

import pytest

from deid_stream.config import load_settings
from deid_stream.custody.aws import Credentials, SigV4
from deid_stream.custody.http import JsonService
from deid_stream.custody.ring import key_ring, provider, read_keys
from deid_stream.errors import ConfigError, DigestKeyError, KeyProviderError
from deid_stream.keys import KeyRing
from deid_stream.keys.customers import reader_keys

SECRET = bytes(range(32))
PLAIN = b64encode(SECRET).decode()
WRAPPED = "vault:v1:" + b64encode(b"wrapped").decode()
BLOB = "aws-kms:" + b64encode(b"wrapped").decode()
AWS_ENV = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "a-made-up-secret-key"}

Answer = tuple[int, bytes]


class StandIn:
    """A key service: ``answer`` is asked with path, headers and body."""

    def __init__(self, answer: Callable[[str, dict[str, str], dict[str, object]], Answer]) -> None:
        self.asked: list[tuple[str, dict[str, str], dict[str, object]]] = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                request = (self.path, dict(self.headers), body)
                outer.asked.append(request)
                status, raw = answer(*request)
                if status:
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(raw)))
                    self.end_headers()
                    self.wfile.write(raw)

            def log_message(self, *_: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def serve() -> Iterator[Callable[..., StandIn]]:
    made: list[StandIn] = []

    def start(answer: Callable[..., Answer] | Answer) -> StandIn:
        made.append(StandIn(answer if callable(answer) else lambda *_: answer))
        return made[-1]

    yield start
    for server in made:
        server.close()


def js(status: int, **fields: object) -> Answer:
    return status, json.dumps(fields).encode()


def vault_settings(url: str, **more: object):
    flags = {"vault_addr": url, "vault_token": "s.a-made-up-token", "vault_key": "deid", "key_timeout_ms": 500}
    return load_settings(flags | more, {})


def kms_settings(url: str, **more: object):
    flags = {"kms_endpoint": url, "kms_region": "eu-west-1", "kms_key": "alias/deid", "key_timeout_ms": 500}
    return load_settings(flags | more, {})


def vault(path: str, headers: dict[str, str], body: dict[str, object]) -> Answer:
    if headers.get("X-Vault-Token") != "s.a-made-up-token":
        return js(403, errors=["permission denied"])
    if path == "/v1/transit/datakey/plaintext/deid" and body == {"bits": 256}:
        return js(200, data={"plaintext": PLAIN, "ciphertext": WRAPPED})
    if path == "/v1/transit/decrypt/deid" and body == {"ciphertext": WRAPPED}:
        return js(200, data={"plaintext": PLAIN})
    return js(404, errors=[])


def kms(path: str, headers: dict[str, str], body: dict[str, object]) -> Answer:
    context = {"purpose": "deid-stream master key"}
    if body.get("EncryptionContext") != context or not headers["Authorization"].startswith("AWS4-HMAC-SHA256 "):
        return js(400, __type="AccessDeniedException")
    if headers["X-Amz-Target"] == "TrentService.GenerateDataKey" and body["KeyId"] == "alias/deid":
        return js(200, Plaintext=PLAIN, CiphertextBlob=BLOB.removeprefix("aws-kms:"), KeyId="arn")
    if headers["X-Amz-Target"] == "TrentService.Decrypt" and body["CiphertextBlob"] == BLOB.removeprefix("aws-kms:"):
        return js(200, Plaintext=PLAIN, KeyId="arn")
    return js(400, __type="InvalidCiphertextException")


class TestVault:
    def test_a_new_key_is_wrapped_and_opens_again(self, serve):
        settings = vault_settings(serve(vault).url)
        made = provider(settings, "vault").generate()
        assert made == (WRAPPED, SECRET)
        assert SECRET.hex() not in repr(made)
        assert provider(settings, "vault").unwrap(made.token) == SECRET

    def test_the_ring_opens_wrapped_and_plain_keys_side_by_side(self, serve):
        settings = vault_settings(serve(vault).url, digest_key=f"{WRAPPED} {'ab' * 32}")
        assert key_ring(settings).ids == KeyRing(SECRET, [bytes.fromhex("ab" * 32)]).ids

    @pytest.mark.parametrize(
        ("answer", "says"),
        [
            (js(403, errors=["permission denied"]), "Vault answered 403: the token has expired or may not use the key"),
            (js(503, errors=["Vault is sealed"]), "Vault answered 503: it is sealed: unseal it"),
            (js(500, errors=["Vault is sealed"]), "Vault answered 500: it is sealed: unseal it"),
            (js(404, errors=[]), "there is no transit engine at transit, or no key deid"),
            (js(400, errors=["invalid ciphertext"]), "is vault_key right"),
            (js(418), "Vault answered 418: look at Vault's own log"),
            ((200, b"<html>hello</html>"), "an answer that is no key: is vault_addr a Vault at all"),
            ((200, b"[]"), "an answer that is no key"),
            (js(200, data={"plaintext": "?"}), "an answer that is no key"),
            (js(200, data=[]), "an answer that is no key"),
            ((200, b"{" + b" " * 100_000 + b"}"), "an answer that is no key"),
            ((503, b"<html>gateway</html>"), "Vault answered 503"),
            ((302, b""), "Vault answered 302"),
            ((0, b""), "cannot be reached"),
        ],
    )
    def test_each_failure_is_one_error_with_what_to_do(self, serve, answer, says):
        settings = vault_settings(serve(answer).url, digest_key=WRAPPED)
        with pytest.raises(KeyProviderError, match=says) as raised:
            key_ring(settings)
        assert "made-up-token" not in str(raised.value)
        assert PLAIN not in str(raised.value)

    def test_a_vault_that_hangs_is_given_up(self, serve):
        held = threading.Event()

        def hang(*_: object) -> Answer:
            held.wait(10)
            return (0, b"")

        settings = vault_settings(serve(hang).url, digest_key=WRAPPED)
        began_s = time.monotonic()
        with pytest.raises(KeyProviderError, match=r"did not answer within 0\.5 s"):
            key_ring(settings)
        held.set()
        assert time.monotonic() - began_s < 5

    def test_a_vault_that_is_away(self):
        with pytest.raises(KeyProviderError, match="cannot be reached: is it running"):
            key_ring(vault_settings("http://127.0.0.1:1", digest_key=WRAPPED))

    @pytest.mark.parametrize(
        ("change", "says"),
        [
            ({"vault_key": ""}, "vault_key is not set"),
            ({"vault_token": ""}, "no Vault token"),
            ({"vault_addr": ""}, "vault_addr is not set"),
            ({"vault_addr": "http://vault.example:8200"}, "in clear: use https"),
            ({"vault_addr": "vault:8200"}, "vault_addr is no address"),
            ({"vault_key": "../../sys/seal?"}, "may hold letters"),
        ],
    )
    def test_settings_that_cannot_work_are_named(self, change, says):
        with pytest.raises(ConfigError, match=says):
            key_ring(vault_settings("http://127.0.0.1:1", digest_key=WRAPPED, **change))

    def test_a_damaged_token_asks_nobody(self, serve):
        server = serve(vault)
        with pytest.raises(KeyProviderError, match="restore the digest key file"):
            key_ring(vault_settings(server.url, digest_key="vault:v1:???"))
        assert server.asked == []


class TestKms:
    @pytest.fixture(autouse=True)
    def environment(self, monkeypatch):
        for name, value in AWS_ENV.items():
            monkeypatch.setenv(name, value)

    def test_a_new_key_is_wrapped_and_opens_again(self, serve):
        settings = kms_settings(serve(kms).url)
        made = provider(settings, "aws-kms", AWS_ENV).generate()
        assert made == (BLOB, SECRET)
        assert key_ring(kms_settings(serve(kms).url, digest_key=made.token)).ids == KeyRing(SECRET).ids

    @pytest.mark.parametrize(
        ("answer", "says"),
        [
            (js(400, __type="com.amazonaws.kms#AccessDeniedException"), "allow kms:Decrypt on it"),
            (js(400, __type="DisabledException"), "the key is disabled: enable it"),
            (js(400, __type="KMSInvalidStateException"), "cancel its deletion"),
            (js(400, __type="InvalidSignatureException"), "this machine's clock"),
            (js(500), "it gave no reason: look at the KMS's own log"),
            ((200, b"garbage"), "an answer that is no key"),
            (js(200, Plaintext=7), "an answer that is no key"),
        ],
    )
    def test_each_failure_is_one_error_with_what_to_do(self, serve, answer, says):
        with pytest.raises(KeyProviderError, match=says) as raised:
            key_ring(kms_settings(serve(answer).url, digest_key=BLOB))
        assert "made-up-secret" not in str(raised.value)

    def test_missing_credentials_are_named(self, monkeypatch):
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        with pytest.raises(ConfigError, match="set AWS_ACCESS_KEY_ID"):
            key_ring(kms_settings("http://127.0.0.1:1", digest_key=BLOB))

    def test_another_signer_may_be_given(self, serve):
        from deid_stream.custody.aws import AwsKms

        server = serve(js(200, Plaintext=PLAIN))
        service = JsonService("the KMS", server.url, 1.0, "kms_endpoint")
        assert AwsKms(service, key="", sign=lambda body, headers: {**headers, "X-Signed": "yes"}).unwrap(BLOB) == SECRET
        assert server.asked[0][1]["X-Signed"] == "yes"

    def test_a_signature_is_as_the_specification_has_it(self):
        credentials = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
        sign = SigV4(credentials, "us-east-1", "service", lambda: 1440938160)
        headers = sign(b"", {"Host": "example.amazonaws.com"})
        # the suite's "post-vanilla" case
        assert headers["Authorization"].endswith(
            "SignedHeaders=host;x-amz-date, Signature=5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"
        )


def test_a_reader_has_its_own_keys_or_those_of_the_ring():
    master = bytes(range(32))
    (key,) = reader_keys(KeyRing(master))
    assert read_keys(load_settings({}, {})) is None
    for flags in ({"read_key": key.hex()}, {"digest_key": master.hex()}):
        found = read_keys(load_settings(flags, {}))
        assert found is not None
        assert repr(found) == "<ReadKeys>"
    with pytest.raises(DigestKeyError, match="the read key is not hex"):
        read_keys(load_settings({"read_key": "xyz"}, {}))
