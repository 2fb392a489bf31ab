"""What ``rights`` prints about a request: its state, what the user must do, and whether anything is known of the
customer, call or person that it names."""

from collections.abc import Collection
from typing import Final

import click
import msgspec

from deid_stream.commands.names import is_meant
from deid_stream.commands.options import print_json
from deid_stream.errors import ConfigError, counted
from deid_stream.model.near import near_names
from deid_stream.model.requests import Kind, Request
from deid_stream.policy.permit import rfc3339
from deid_stream.policy.rights import OPEN, State, Status

PSEUDONYM: Final = "customer-"
"""What customers' names begin with where ids are hidden."""
_MENDS: Final = {
    "not_verified": "say who has checked the person's identity: --verified-by (with identity_check: the check said no)",
    "not_named": "say who asks: --requested-by",
    "identity_check_failed": "identity_check did not answer; the control plane's log says why: mend it and ask again",
    "no_key": "give `deid-stream control` the workers' digest key, or name the person as subject-... (the pseudonym)",
    "unknown_target": "`deid-stream rights status --customer ID` names the requests of a customer",
    "target_not_open": "only a hold, restriction, objection or withdrawal that is in force can be released; "
    "`deid-stream rights status REQUEST_ID` says what that one is, and when it ended",
    "legal_hold": "it is done once the hold ends: by `deid-stream rights release`, or by legal_hold of the policy",
}
"""By reason of a request that is refused or waits."""
_UNKNOWN: Final = {
    "customer": "none of its calls has been published, and it has no policy",
    "call": "no record of the call has been published",
    "subject": "no published call names the person",
}
_NAME_THE_PERSON: Final = (
    "give the id or the telephone number as producers do: with the country's code (+44 7700 900123) where they write it"
)
_POLICY_STAYS: Final = {
    Kind.WITHDRAWAL: "no training",
    Kind.RESTRICTION: "no training and no analytics",
    Kind.OBJECTION: "no training and no analytics",
}
"""By kind of request: what the policy says that the request writes where it is about a whole customer."""


def answer(request: Request, status: Status | None, timeout_s: float, as_json: bool) -> int:
    """Print what has become of a request; the command's exit status. Raises ConfigError where nobody has answered."""
    if status is None:
        if not timeout_s:
            click.echo(f"{request.request_id}: sent; see `deid-stream rights status {request.request_id}`")
            return 0
        raise ConfigError(
            f"{request.request_id} was sent and is not answered yet; look whether `deid-stream control` runs, and ask "
            f"`deid-stream rights status {request.request_id}` later"
        )
    if as_json:
        print_json(msgspec.to_builtins(status))
    else:
        click.echo(line(status))
        if mend := _MENDS.get(status.reason):
            click.echo(f"    -> {mend}", err=True)
    warn(status, request)
    return 1 if status.state is State.REFUSED else 0


def policy_stays(released: Status) -> None:
    """After a release, print that the policy stays which the released request wrote for a whole customer."""
    if released.kind in _POLICY_STAYS and not (released.call_id or released.subject):
        click.echo(
            f"    -> the policy that {released.request_id} wrote still stands: {_POLICY_STAYS[released.kind]}; if the "
            "customer opts in again: `deid-stream policy set`",
            err=True,
        )


def warn(status: Status, request: Request) -> None:
    """Print a warning where nothing is known of what the request names. The names shown are those that the user gave: a
    status may hold pseudonyms instead."""
    if not status.unknown:
        return
    name = {"customer": f"customer {request.customer_id}", "call": f"call {request.call_id}"}.get(status.unknown, "")
    click.echo(
        f"    -> nothing is known of {name or 'this person'} ({_UNKNOWN[status.unknown]}): "
        f"{is_meant(status.near) or (_NAME_THE_PERSON if status.unknown == 'subject' else 'check the name')}",
        err=True,
    )
    if status.state is not State.HELD:  # that it waits has been said
        click.echo(f"    -> {_stands(status)}", err=True)


def _stands(status: Status) -> str:
    """What a request about an unknown customer, call or person does, and how to take it back if the name was wrong."""
    if status.kind is Kind.ACCESS:
        return "so the export holds no call"
    if status.kind is Kind.DELETION:
        later = (
            "if that call still comes, its records are deleted"
            if status.call_id
            else "calls that begin later are not deleted"
        )
        return f"so nothing was there to delete; {later}"
    undone = f"`deid-stream rights release {status.request_id} --customer ...`"
    if status.kind is not Kind.HOLD and not (status.call_id or status.subject):
        undone += " and `deid-stream policy set --customer ... --remove`, since a policy was written"
    return f"it is in force all the same, for calls that come later; if the name was wrong: {undone}"


def line(one: Status) -> str:
    """One request in one line, as `rights status` shows it."""
    scope = f"call {one.call_id}" if one.call_id else f"subject {one.subject}" if one.subject else "all calls"
    parts = [f"{one.request_id}: {one.kind} {one.state}" + (f" ({one.reason})" if one.reason else "")]
    parts.append(f"{one.customer_id}, {scope}" if not one.target else f"{one.customer_id}, {one.target}")
    parts.append(f"asked {rfc3339(one.asked_ms)}" + (f" by {one.requested_by}" if one.requested_by else ""))
    if one.state in OPEN:
        parts.append(f"due {rfc3339(one.due_ms)}")
    if one.finished_ms:
        parts.append(f"ended {rfc3339(one.finished_ms)}" + (f" by {one.released_by}" if one.released_by else ""))
    if one.records or (one.kind is Kind.DELETION and one.state is State.DONE):
        parts.append(f"{counted(one.records, 'record')} of {counted(one.calls, 'call')}")
    if one.unknown:
        parts.append(f"{one.unknown} unknown when asked")
    if one.keys and one.state is State.DONE:
        parts.append(f"{counted(len(one.keys), 'key')} destroyed")
    return "  ".join(parts)


def nothing_to_show(found: Collection[Status], customer: str | None, names: Collection[str], *, hidden: bool) -> str:
    """Why no request is shown."""
    known = {name for one in found for name in one.customer_ids}
    if not found:
        return "nobody has asked for anything yet"
    if customer is None or any(name in names for name in known):
        return "no request is open or in force"
    said = f"no request of customer {customer} is known"
    if hidden:
        return said
    if any(name.startswith(PSEUDONYM) for name in known) and not customer.startswith(PSEUDONYM):
        return f"{said}; where the deployment hides ids, give --hash-ids and the workers' --digest-key-file"
    meant = is_meant(near_names(customer, known))
    return f"{said}; {meant}" if meant else said
