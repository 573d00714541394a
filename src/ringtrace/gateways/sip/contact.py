"""Where the other side of a dialogue finds us."""

from typing import Any

from sippy.SipContact import SipContact


def our_contact(user: str | None = None) -> Any:
    """Sippy's own has the display name "Anonymous", which some trunks take for a wish of privacy.

    The address is filled in when the message leaves.
    """
    contact = SipContact()
    contact.address.name = None
    contact.getUrl().username = user
    return contact
