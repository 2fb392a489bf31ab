"""OAUTHBEARER: where a bearer token comes from. It is asked for once and kept until most of its life is over.

A token comes from an endpoint that gives one for client credentials (RFC 6749, 4.4), or from a Python callable that the
settings name. Nothing of a token or a secret gets into errors or ``repr``.
"""

import base64
import importlib
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from functools import lru_cache
from http.client import HTTPException
from typing import Final, NamedTuple

import msgspec

from deid_stream.errors import BrokerError, ConfigError
from deid_stream.kafka.errors import Cause, broker_error
from deid_stream.model.json import UNDECODABLE

TIMEOUT_S: Final = 10.0
_LIFE_SHARE: Final = 0.8
"""A token is replaced when so much of its life is over. Larger: fewer requests; smaller: more time for an endpoint that
is away for a moment."""
_LIFE_S: Final = 300
"""Assumed life of a token whose endpoint does not say how long it is valid."""
_MAX_ANSWER_BYTES: Final = 1 << 20
_MS_FROM: Final = 1e11
"""A hook's expiry time above this counts as milliseconds since the epoch, else as seconds."""
_DOING: Final = "asking for a token"


class Token(NamedTuple):
    """A bearer token. ``expires_s``: seconds since the epoch."""

    value: str
    expires_s: float

    def __repr__(self) -> str:
        return "<Token>"


class OAuth(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of a login by token. Raises ConfigError where too little is set, and for an endpoint to which a
    secret would go in clear."""

    token_url: str = ""
    client_id: str = ""
    client_secret: str = ""
    scope: str = ""
    hook: str = ""
    """``module:name`` of a function that returns a token; where it is set, no endpoint is asked."""

    def __post_init__(self) -> None:
        if self.hook:
            return
        if not (self.token_url and self.client_id):
            raise ConfigError("OAUTHBEARER needs oauth_token_url and oauth_client_id, or oauth_token_hook")
        url = urllib.parse.urlsplit(self.token_url)
        if url.scheme != "https" and not (url.scheme == "http" and url.hostname in ("localhost", "127.0.0.1", "::1")):
            raise ConfigError("oauth_token_url must begin with https://, or name this machine")

    def __repr__(self) -> str:
        return f"<OAuth {'hook' if self.hook else 'endpoint'}>"


class _Answer(msgspec.Struct):
    access_token: str
    expires_in: float = _LIFE_S


class TokenSource:
    """Gives the current token of a login, and asks for a new one in time. May be used from any thread. ``clock``:
    seconds since the epoch."""

    def __init__(self, oauth: OAuth, clock: Callable[[], float] = time.time) -> None:
        self._oauth = oauth
        self._clock = clock
        self._lock = threading.Lock()
        self._token: Token | None = None
        self._until_s = 0.0

    def token(self) -> Token:
        """A token that is still valid; blocks while a new one is asked for. Raises LoginError where none is given,
        ConfigError where ``hook`` names no function."""
        with self._lock:
            now_s = self._clock()
            if self._token is None or now_s >= self._until_s:
                token = self._called() if self._oauth.hook else self._asked(now_s)
                self._token, self._until_s = token, now_s + (token.expires_s - now_s) * _LIFE_SHARE
            return self._token

    def _called(self) -> Token:
        module, _, name = self._oauth.hook.partition(":")
        try:
            hook = getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError, ValueError):
            raise ConfigError("oauth_token_hook names no callable: write it as module:name") from None
        try:
            value, expires = hook()
            return Token(str(value), float(expires) / (1_000 if expires > _MS_FROM else 1))
        except Exception as error:  # noqa: BLE001 - somebody else's code; its message may hold a secret
            raise _refused(type(error).__name__) from None

    def _asked(self, now_s: float) -> Token:
        oauth = self._oauth
        form = {"grant_type": "client_credentials"} | ({"scope": oauth.scope} if oauth.scope else {})
        quoted = ":".join(urllib.parse.quote(part, safe="") for part in (oauth.client_id, oauth.client_secret))
        request = urllib.request.Request(  # noqa: S310 - OAuth lets no other scheme in
            oauth.token_url,
            urllib.parse.urlencode(form).encode(),
            {"Authorization": "Basic " + base64.b64encode(quoted.encode()).decode(), "Accept": "application/json"},
        )
        try:
            with _opener().open(request, timeout=TIMEOUT_S) as response:
                answer = msgspec.json.decode(response.read(_MAX_ANSWER_BYTES), type=_Answer, strict=False)
        except urllib.error.HTTPError as error:
            error.close()
            raise _refused(f"HTTP status {error.code}") from None
        except (OSError, HTTPException, *UNDECODABLE) as error:
            raise _refused(type(error).__name__) from None
        return Token(answer.access_token, now_s + answer.expires_in)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A secret goes to the endpoint that was named, and nowhere else."""

    def redirect_request(self, *_: object) -> None:
        return None


def _opener() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(_NoRedirects())


def _refused(detail: str) -> BrokerError:
    return broker_error(Cause.TOKEN, _DOING, detail=detail)


@lru_cache(maxsize=16)
def source_of(oauth: OAuth) -> TokenSource:
    """The one source of a login: all clients of a program share its token."""
    return TokenSource(oauth)
