"""Signatures under the links that anybody may open."""

import hashlib
import hmac


class Signer:
    """HMAC-SHA256 (RFC 2104) under the server's key, as hex digits."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def sign(self, text: str) -> str:
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()

    def has_signed(self, text: str, signature: str) -> bool:
        """Takes as long whatever the signature is."""
        return hmac.compare_digest(self.sign(text).encode(), signature.encode())
