"""Who an account wants told of its calls, as its set-up says it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

from ringtrace.domain.fault import Fault, Severity
from ringtrace.domain.notice import (
    CALL_EVENTS,
    AddressInvalidError,
    Event,
    Recipient,
    RecipientKind,
    Standing,
    kind_of,
    read_recipient_address,
    recipient_id,
)
from ringtrace.domain.url import read_url
from ringtrace.services.errors import FieldInvalidError
from ringtrace.services.setup_form import RecipientForm

MayAsk: TypeAlias = Callable[[str], bool]
"""Whether the server may send to the host of a URL, as far as can be told without asking for it."""

MOST_RECIPIENTS: Final = 100
_EVENTS: Final = {str(event): event for event in CALL_EVENTS}


def named_recipients(
    account_id: int,
    forms: Sequence[RecipientForm],
    from_flows: Sequence[tuple[str, str]],
    known: Mapping[str, Recipient],
    may_ask: MayAsk,
) -> tuple[Recipient, ...]:
    """Those that a set-up names and those that its flows do, as they will be; `known` are by id.

    `from_flows` are the path of a flow in the set-up and an address that it names.
    Naming one who was stopped, or has unsubscribed, does not start him again.
    Raises FieldInvalidError.
    """
    named: dict[str, Recipient] = {}
    for i, form in enumerate(forms):
        path = f"recipient[{i}]"
        address = _address(f"{path}.to", form.to, may_ask)
        if address in named:
            raise FieldInvalidError("this recipient is named twice", f"{path}.to")
        before = known.get(recipient_id(address))
        named[address] = Recipient(
            account_id=account_id,
            address=address,
            events=tuple(
                dict.fromkeys(
                    _event(f"{path}.events[{j}]", one) for j, one in enumerate(form.events)
                )
            ),
            standing=_standing(form, before),
        )
    for path, text in from_flows:
        address = _address(path, text, may_ask)
        if recipient_id(address) not in known and address not in named:
            named[address] = Recipient(account_id, address)
    if len({*known, *map(recipient_id, named)}) > MOST_RECIPIENTS:
        raise FieldInvalidError(f"{MOST_RECIPIENTS} recipients are the most", "recipient")
    return tuple(named.values())


def recipient_warnings(
    recipients: Sequence[Recipient], *, has_mail: bool, public_url: str | None
) -> Sequence[Fault]:
    """What will keep notices from arriving, or from being of use."""
    found: list[Fault] = []
    if not has_mail and any(one.kind is RecipientKind.MAIL for one in recipients):
        found.append(_warning("this server sends no mail yet: start it with --smtp-host"))
    if any(one.address.startswith("http://") for one in recipients):
        found.append(_warning("http:// shows callers' numbers to everybody on the way"))
    if recipients and public_url is None:
        message = "links in notices lead to this machine alone: start the server with --public-url"
        found.append(_warning(message))
    return found


def _warning(message: str) -> Fault:
    return Fault("recipient", message, Severity.WARNING)


def _address(path: str, text: str, may_ask: MayAsk) -> str:
    try:
        address = read_recipient_address(text)
    except AddressInvalidError as error:
        raise FieldInvalidError(str(error), path) from error
    if kind_of(address) is RecipientKind.WEBHOOK and not may_ask(read_url(address).host):
        message = (
            f"{text} is no public address: this server sends nothing there, unless it is started"
            " with --outbound-allow"
        )
        raise FieldInvalidError(message, path)
    return address


def _event(path: str, text: str) -> Event:
    if text not in _EVENTS:
        raise FieldInvalidError(f"one of {', '.join(_EVENTS)} is needed", path)
    return _EVENTS[text]


def _standing(form: RecipientForm, before: Recipient | None) -> Standing:
    if not form.active:
        return Standing.OFF
    if before is None or before.standing is Standing.OFF:
        return Standing.ACTIVE
    return before.standing
