"""Makes the call sessions of a worker."""

from collections.abc import Callable

import msgspec

from deid_stream.config import Settings
from deid_stream.policy.policy import CompiledPolicy
from deid_stream.session.call import CallSession
from deid_stream.session.ports import ConversationFactory, Positions
from deid_stream.session.settings import SessionSettings
from deid_stream.wire.providers import timing_of


class _Customer(msgspec.Struct):
    customer_id: str


_customer = msgspec.json.Decoder(_Customer)


def session_settings(settings: Settings) -> SessionSettings:
    """The session's part of a deployment's settings."""
    chosen = SessionSettings(
        context_window_ms=settings.context_window_ms,
        max_turn_ms=settings.max_turn_ms,
        holdback_ms=settings.holdback_ms,
        idle_ms=settings.idle_ms,
    )
    if not settings.timing_profile:
        return chosen
    return msgspec.structs.replace(chosen, default_profile=timing_of(settings.timing_profile))


class SessionFactory:
    """One detector and one key for all calls of this process."""

    def __init__(self, detector: ConversationFactory, key: bytes, settings: SessionSettings) -> None:
        self._detector = detector
        self._key = key
        self._settings = settings

    def open(self, call_id: str, customer_id: str, policy: CompiledPolicy) -> CallSession:
        return CallSession(
            call_id, customer_id, detector=self._detector, key=self._key, settings=self._settings, policy=policy
        )

    def restore(self, snapshot: bytes, positions: Positions, policy_of: Callable[[str], CompiledPolicy]) -> CallSession:
        return CallSession.restore(
            snapshot,
            positions,
            detector=self._detector,
            key=self._key,
            settings=self._settings,
            policy=policy_of(_customer.decode(snapshot).customer_id),
        )
