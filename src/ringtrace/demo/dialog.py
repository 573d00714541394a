"""A SIP dialogue of the telephone: who the two ends are, and requests within it."""

import secrets
from dataclasses import dataclass, field

from ringtrace.demo.sipmessage import Message, new_branch, new_tag, socket_address, uri_of
from ringtrace.demo.transaction import Address


@dataclass
class Dialog:
    """`near` and `far` are the From and To of our requests; `target` is where the far end is."""

    near: str
    far: str
    target: str
    contact: str
    via: Address
    call_id: str = field(default_factory=lambda: secrets.token_hex(12))
    sequence: int = 1

    @property
    def far_address(self) -> Address:
        return socket_address(self.target)

    def request(
        self, method: str, *, body: str = "", content_type: str = "application/sdp"
    ) -> Message:
        """A new request; INVITE, BYE and the like count up."""
        message = self._message(
            method, new_branch(), self.sequence, body=body, content_type=content_type
        )
        self.sequence += 1
        return message

    def follow(self, method: str, invite: Message) -> Message:
        """CANCEL, or the ACK of a refusal: they belong to the INVITE's own transaction."""
        return self._message(method, invite.branch, invite.sequence, uri=invite.uri)

    def ack(self, invite: Message) -> Message:
        """The ACK of a 200, a transaction of its own."""
        return self._message("ACK", new_branch(), invite.sequence)

    def confirm(self, answer: Message) -> None:
        """Take the far end's tag and address from its answer."""
        self.far = answer.header("to")
        if answer.has("contact"):
            self.target = uri_of(answer.header("contact"))

    def _message(
        self,
        method: str,
        branch: str,
        sequence: int,
        *,
        body: str = "",
        content_type: str = "application/sdp",
        uri: str = "",
    ) -> Message:
        ip, port = self.via
        headers = [
            ("via", f"SIP/2.0/UDP {ip}:{port};branch={branch};rport"),
            ("max-forwards", "70"),
            ("from", self.near),
            ("to", self.far),
            ("call-id", self.call_id),
            ("cseq", f"{sequence} {method}"),
            ("contact", self.contact),
        ]
        if body:
            headers.append(("content-type", content_type))
        return Message(f"{method} {uri or self.target} SIP/2.0", tuple(headers), body)


def outgoing(uri: str, caller: str, via: Address) -> Dialog:
    """A dialogue to `uri` in which we show `caller` ("anonymous" for none)."""
    ip, port = via
    user = caller or "anonymous"
    host = ip if caller else "anonymous.invalid"
    return Dialog(
        near=f"<sip:{user}@{host}>;tag={new_tag()}",
        far=f"<{uri}>",
        target=uri,
        contact=f"<sip:{user}@{ip}:{port}>",
        via=via,
    )


def incoming(invite: Message, tag: str, via: Address) -> Dialog:
    """The dialogue that answering `invite` under `tag` makes."""
    ip, port = via
    far = invite.header("from")
    return Dialog(
        near=f"{invite.header('to')};tag={tag}",
        far=far,
        target=uri_of(invite.header("contact")),
        contact=f"<sip:phone@{ip}:{port}>",
        via=via,
        call_id=invite.header("call-id"),
    )
