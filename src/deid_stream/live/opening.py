"""Opens live calls: one detector and one key ring for all calls of a process."""

import os
from collections.abc import Callable

from deid_stream.detect.detector import Detector
from deid_stream.keys import KeyRing
from deid_stream.live.call import LiveCall
from deid_stream.policy import UNKNOWN
from deid_stream.policy.policy import CompiledPolicy
from deid_stream.runtime.clock import wall_clock_ms
from deid_stream.session.call import CallSession
from deid_stream.session.ports import ConversationFactory
from deid_stream.session.settings import SessionSettings
from deid_stream.units import Ms
from deid_stream.wire import cloudevents as ce


class Live:
    """``policy_of`` returns a customer's compiled policy (``compile_policy``); without it every customer is redacted by
    the defaults. Give ``keys`` where pseudonyms must be the same as in another process."""

    def __init__(
        self,
        detector: ConversationFactory | None = None,
        *,
        policy_of: Callable[[str], CompiledPolicy] = lambda _customer: UNKNOWN,
        keys: KeyRing | None = None,
        settings: SessionSettings | None = None,
        now_ms: Callable[[], Ms] = wall_clock_ms,
    ) -> None:
        """Loads the shipped detector where none is given, which takes half a second. Raises ModelError where it is
        missing."""
        self._detector = detector or Detector.load()
        self._policy_of = policy_of
        self._keys = keys or KeyRing(os.urandom(32))
        self._settings = settings or SessionSettings()
        self._now_ms = now_ms

    def call(
        self, call_id: str, customer_id: str, *, channels: int = 1, rate_hz: int = 16_000, minor: bool = False
    ) -> LiveCall:
        """A call that begins now; every channel's sound has ``rate_hz``. Raises DecodeError for an id that no record
        may have, AudioFormatError for a rate that is not supported."""
        for name, value in (("call_id", call_id), ("customer_id", customer_id)):
            ce.identifier_at(value.encode("utf-8", "replace"), name)
        policy = self._policy_of(customer_id)
        own = self._keys.of_call(customer_id, call_id)
        session = CallSession(
            call_id,
            customer_id,
            detector=self._detector,
            key=own.digests,
            settings=self._settings,
            policy=policy,
            pseudonym_key=own.pseudonyms,
            key_id=own.key_id,
        )
        return LiveCall(
            session,
            rate_hz=rate_hz,
            channels=channels,
            now_ms=self._now_ms,
            minor=minor,
            analytics=policy.analytics,
        )
