"""Makes the call sessions of a worker."""

from collections.abc import Callable

import msgspec

from deid_stream.config import Settings
from deid_stream.errors import DigestKeyError
from deid_stream.keys import CallKeys, KeyRing
from deid_stream.keys.customers import pseudonym_key
from deid_stream.policy.policy import CompiledPolicy
from deid_stream.session.call import CallSession
from deid_stream.session.ports import ConversationFactory, Positions
from deid_stream.session.settings import SETTLED_MS, SessionSettings
from deid_stream.wire.providers import timing_of


class _Named(msgspec.Struct):
    call_id: str
    customer_id: str
    key_id: str = ""


_named = msgspec.json.Decoder(_Named)


def session_settings(settings: Settings) -> SessionSettings:
    """The session's part of a deployment's settings."""
    chosen = SessionSettings(
        context_window_ms=settings.context_window_ms,
        max_turn_ms=settings.max_turn_ms,
        settled_ms=SETTLED_MS[settings.delay],
        holdback_ms=settings.holdback_ms,
        idle_ms=settings.idle_ms,
    )
    if not settings.timing_profile:
        return chosen
    return msgspec.structs.replace(chosen, default_profile=timing_of(settings.timing_profile))


class SessionFactory:
    """One detector and one key ring for all calls of this process; each call has keys of its own. ``secret_of`` gives a
    customer's own secret, where customers have them: pseudonyms are then keyed with it, and not from the key ring."""

    def __init__(
        self,
        detector: ConversationFactory,
        keys: KeyRing,
        settings: SessionSettings,
        secret_of: Callable[[str], bytes | None] | None = None,
    ) -> None:
        self._secret_of = secret_of
        self._detector = detector
        self._keys = keys
        self._settings = settings

    def open(self, call_id: str, customer_id: str, policy: CompiledPolicy) -> CallSession:
        keys = self._keys_of(customer_id, call_id)
        return CallSession(
            call_id,
            customer_id,
            detector=self._detector,
            key=keys.digests,
            settings=self._settings,
            policy=policy,
            pseudonym_key=keys.pseudonyms,
            key_id=keys.key_id,
        )

    def _keys_of(self, customer_id: str, call_id: str, known: str | None = None) -> CallKeys:
        """Raises DigestKeyError where the customer's key has been destroyed: then nothing more of the call leaves."""
        keys = self._keys.of_call(customer_id, call_id, known)
        if self._secret_of is None:
            return keys
        secret = self._secret_of(customer_id)
        if secret is None:
            raise DigestKeyError("a customer's key is gone, so its calls cannot go on")
        return msgspec.structs.replace(keys, pseudonyms=pseudonym_key(secret))

    def restore(self, snapshot: bytes, positions: Positions, policy_of: Callable[[str], CompiledPolicy]) -> CallSession:
        named = _named.decode(snapshot)
        keys = self._keys_of(named.customer_id, named.call_id, named.key_id)
        return CallSession.restore(
            snapshot,
            positions,
            detector=self._detector,
            key=keys.digests,
            settings=self._settings,
            policy=policy_of(named.customer_id),
            pseudonym_key=keys.pseudonyms,
        )
