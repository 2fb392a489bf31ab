"""Takes the records of ``privacy.requests``: checks each request, writes where it stands to ``privacy.status``, and
gives it to the register."""

from collections.abc import Callable
from typing import Final

import msgspec

from deid_stream.control.executor import Executor
from deid_stream.control.identity import IdentityCheck
from deid_stream.control.policies import Policies
from deid_stream.control.reading import Message
from deid_stream.control.register import Register
from deid_stream.control.topics import ControlTopics
from deid_stream.errors import DecodeError
from deid_stream.kafka.ports import Sender
from deid_stream.kafka.record import OutRecord
from deid_stream.keys.ids import IdPseudonyms
from deid_stream.model.requests import Kind, Request
from deid_stream.observe.logs import get_log
from deid_stream.policy.rights import LASTING, State, Status
from deid_stream.units import DAY_MS, Ms
from deid_stream.wire.output import DeadLetter, encode_dead_letter
from deid_stream.wire.requests import read_request

log = get_log("control")

SUBJECT_PREFIX: Final = "subject-"
"""A subject that begins with this is taken for a pseudonym, and not made into one."""


class Names(msgspec.Struct, frozen=True):
    """Turns the names in a request into those that stand in the outputs."""

    pseudonyms: IdPseudonyms | None
    """None where this process has no digest key."""
    hidden: bool = False
    """True with ``hash_ids``: outputs name calls and customers by pseudonyms, too."""

    def customers(self, name: str) -> tuple[str, ...]:
        """All names of the customer: the current one first, then those by retired keys. ``calls`` and ``subjects`` give
        the same of calls and people."""
        return self.pseudonyms.customers(name) if self.hidden and self.pseudonyms else (name,)

    def calls(self, name: str) -> tuple[str, ...]:
        return self.pseudonyms.calls(name) if self.hidden and self.pseudonyms and name else (name,)

    def subjects(self, customer_id: str, name: str) -> tuple[str, ...] | None:
        """All names of the person; None where they cannot be computed because there is no key."""
        if not name or name.startswith(SUBJECT_PREFIX):
            return (name,)
        return self.pseudonyms.subjects(customer_id, name) if self.pseudonyms else None


class Desk:
    """Takes one request after the other. After a crash the request is taken again, to the same effect."""

    def __init__(
        self,
        register: Register,
        executor: Executor,
        policies: Policies,
        names: Names,
        identity: IdentityCheck,
        topics: ControlTopics,
        *,
        days: int,
        wall_ms: Callable[[], Ms],
    ) -> None:
        self._register = register
        self._executor = executor
        self._policies = policies
        self._names = names
        self._identity = identity
        self._topics = topics
        self._days = days
        self._wall_ms = wall_ms

    async def take(self, message: Message, sender: Sender) -> None:
        """Take one record of the topic: answer it, or write a dead letter. Raises BrokerError."""
        try:
            request = read_request(message.key, message.value, f"{message.partition}-{message.offset}")
        except DecodeError as error:
            log.warning("privacy request refused", error=error, partition=message.partition, offset=message.offset)
            await sender.send([self._dead_letter(message, error)])
            return
        known = self._register.status(request.request_id)
        status = self._status(request, message.time_ms)
        if known is not None:
            if not _asks_the_same(known, request, status):
                taken = DecodeError("the request_id is another request's", at="$.request_id", mend="choose a new one")
                log.warning("privacy request refused", error=taken, partition=message.partition, offset=message.offset)
                await sender.send([self._dead_letter(message, taken)])
            return
        refused = "no_key" if status is None else await self._identity.refuses(request)
        status = status or self._status(msgspec.structs.replace(request, subject=""), message.time_ms)
        assert status is not None  # noqa: S101 - without a subject there is nothing to be told
        refused = refused or self._impossible(status)
        if not refused and await self._executor.deletions.impossible(status):
            refused = "no_key"
        if refused:
            status = msgspec.structs.replace(status, state=State.REFUSED, reason=refused, finished_ms=self._wall_ms())
        else:
            # looked at first, since a policy may be written now
            status = self._with_unknown(status)
            await self._act(request, status, sender)
            status = await self._executor.deletions.begun(status)
        await self._executor.receipt(sender, status, self._wall_ms())
        self._register.request(status)

    def _with_unknown(self, status: Status) -> Status:
        """The status with what nothing is known of. Such a request is not refused: a hold may come before the first
        call."""
        if status.target:
            return status
        unknown, near = self._register.unknown(status)
        return msgspec.structs.replace(status, unknown=unknown, near=() if self._names.hidden else tuple(near))

    def renamed(self, message: Message) -> None:
        """Read a request again that was taken under an older key, and add its pseudonyms under the current key to its
        status, so that it also counts for calls that come under that key. Only the request holds the names from which
        pseudonyms are made."""
        try:
            request = read_request(message.key, message.value, f"{message.partition}-{message.offset}")
        except DecodeError:
            return
        known, status = self._register.status(request.request_id), self._status(request, message.time_ms)
        if known is None or status is None or not _asks_the_same(known, request, status):
            return
        # what an older key called them, too, where that key is no longer in the ring
        names = {status.customer_id, status.call_id, status.subject, *status.also, *known.also}
        also = tuple(sorted(names - {"", known.customer_id, known.call_id, known.subject}))
        if known.in_force and also != known.also:
            self._register.request(msgspec.structs.replace(known, also=also))

    async def _act(self, request: Request, status: Status, sender: Sender) -> None:
        """Where the kind of request asks for it, end the request that it names, or narrow the customer's policy."""
        if status.kind in (Kind.RELEASE, Kind.FULFILLED):
            target = self._register.status(status.target)
            assert target is not None  # noqa: S101 - looked at before
            if target.ended_by != status.request_id:
                await self._end(target, status, sender)
        whole = not (status.call_id or status.subject)
        if whole and status.kind in (Kind.WITHDRAWAL, Kind.OBJECTION, Kind.RESTRICTION):
            keeps_analytics = status.kind is Kind.WITHDRAWAL
            policy = self._policies.narrowed(status.customer_id, request.customer_id, analytics=keeps_analytics)
            if policy is not None:
                await sender.send([policy])

    async def _end(self, target: Status, by: Status, sender: Sender) -> None:
        """Note that ``target`` was released or fulfilled by the request ``by``."""
        now_ms = self._wall_ms()

        def ended(status: Status) -> Status:
            return msgspec.structs.replace(
                status,
                state=State.RELEASED if by.kind is Kind.RELEASE else State.DONE,
                released_by=by.requested_by,
                ended_by=by.request_id,
                finished_ms=now_ms,
            )

        await self._executor.receipt(sender, ended(target), now_ms)
        # its numbers may have grown while the receipt was sent
        self._register.request(ended(self._register.status(target.request_id) or target))
        # the two stand in different partitions: were only the release kept, it would not be done again after a crash
        await self._executor.flush()

    def _status(self, request: Request, asked_ms: Ms) -> Status | None:
        subjects = self._names.subjects(request.customer_id, request.subject)
        if subjects is None:
            return None
        named = (self._names.customers(request.customer_id), self._names.calls(request.call_id), subjects)
        customer_id, call_id, subject = (names[0] for names in named)
        return Status(
            request_id=request.request_id,
            kind=request.kind,
            customer_id=customer_id,
            state=_FIRST.get(request.kind, State.IN_FORCE if request.kind in LASTING else State.DONE),
            call_id=call_id,
            subject=subject,
            also=tuple(name for names in named for name in names[1:]),
            target=request.target,
            requested_by=request.requested_by,
            verified_by=request.verified_by,
            asked_ms=asked_ms,
            due_ms=asked_ms + self._days * DAY_MS,
            finished_ms=self._wall_ms() if request.kind in (Kind.RELEASE, Kind.FULFILLED) else 0,
        )

    def _impossible(self, status: Status) -> str:
        if status.kind not in (Kind.RELEASE, Kind.FULFILLED):
            return ""
        target = self._register.status(status.target)
        if target is None or not status.names(status.customer_id, target.customer_id):
            return "unknown_target"
        if target.ended_by == status.request_id:
            return ""  # by this very request, before a crash
        wanted = State.IN_FORCE if status.kind is Kind.RELEASE else State.GRANTED
        return "" if target.state is wanted else "target_not_open"

    def _dead_letter(self, message: Message, error: DecodeError) -> OutRecord:
        letter = DeadLetter(
            error=error.code,
            path=error.at,
            mend=error.mend,
            source_topic=self._topics.requests,
            source_partition=message.partition,
            source_offset=message.offset,
            timestamp_ms=message.time_ms,
            key_bytes=len(message.key or b""),
            value_bytes=len(message.value or b""),
        )
        # the key is a customer, and may be a name that cannot be checked
        record = encode_dead_letter(letter, None)
        return OutRecord(self._topics.dead_letters, record.key, record.value, record.headers)


def _asks_the_same(known: Status, request: Request, status: Status | None) -> bool:
    """Whether ``request`` is the request that came before under this id, and not a different one. ``status`` is what it
    would become; None where the names of its subject cannot be computed."""
    if status is None:
        return known.kind is request.kind and known.reason == "no_key"
    names = [(status.customer_id, known.customer_id), (status.call_id, known.call_id)]
    if known.reason != "no_key":
        names.append((status.subject, known.subject))
    return (known.kind, known.target) == (status.kind, status.target) and all(
        status.names(own, there) for own, there in names
    )


_FIRST: Final = {Kind.DELETION: State.RUNNING, Kind.ACCESS: State.GRANTED}
