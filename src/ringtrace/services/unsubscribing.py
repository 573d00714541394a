"""Links with which a person who gets notices by mail can have no more of them."""

import hashlib
import hmac

from ringtrace.domain.notice import Recipient
from ringtrace.services.errors import NotFoundError


class UnsubscribeLinks:
    """They never expire: a mail may lie for years."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def path(self, recipient: Recipient) -> str:
        """Path and query under the server's root."""
        account_id, recipient_id = recipient.account_id, recipient.recipient_id
        signature = self._sign(account_id, recipient_id)
        return f"/unsubscribe/{account_id}/{recipient_id}?signature={signature}"

    def open(self, account_id: int, recipient_id: str, signature: str) -> None:
        """Raises NotFoundError when the link was not made here."""
        genuine = self._sign(account_id, recipient_id)
        if not hmac.compare_digest(genuine.encode(), signature.encode()):
            raise NotFoundError("no such link")

    def _sign(self, account_id: int, recipient_id: str) -> str:
        text = f"unsubscribe/{account_id}/{recipient_id}"
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()
