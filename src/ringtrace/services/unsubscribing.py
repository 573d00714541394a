"""Links with which a person who gets notices by mail can have no more of them."""

from ringtrace.domain.notice import Recipient
from ringtrace.services.errors import NotFoundError
from ringtrace.services.signature import Signer


class UnsubscribeLinks:
    """They never expire: a mail may lie for years."""

    def __init__(self, key: bytes) -> None:
        self._signer = Signer(key)

    def path(self, recipient: Recipient) -> str:
        """Path and query under the server's root."""
        account_id, recipient_id = recipient.account_id, recipient.recipient_id
        signature = self._signer.sign(_text(account_id, recipient_id))
        return f"/unsubscribe/{account_id}/{recipient_id}?signature={signature}"

    def open(self, account_id: int, recipient_id: str, signature: str) -> None:
        """Raises NotFoundError when the link was not made here."""
        if not self._signer.has_signed(_text(account_id, recipient_id), signature):
            raise NotFoundError("no such link")


def _text(account_id: int, recipient_id: str) -> str:
    return f"unsubscribe/{account_id}/{recipient_id}"
