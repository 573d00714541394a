"""No more notices: the page behind the link in a mail, and the one click of a mail program.

Looking at the page changes nothing: mail servers open links to see what they are. The form, and
the POST that mail programs make by themselves (RFC 8058), do.
"""

from litestar import Router, get, post
from litestar.params import FromPath
from litestar.response import Template

from ringtrace.domain.notice import Recipient, Standing
from ringtrace.web.console.page import page
from ringtrace.web.console.session import AnyRequest
from ringtrace.web.uses import Uses

_PATH = "/unsubscribe/{account:int}/{recipient:str}"


@get(_PATH)
async def show_unsubscribing(
    uses: Uses, request: AnyRequest, account: FromPath[int], recipient: FromPath[str]
) -> Template:
    return _page(_opened(uses, request, account, recipient))


@post(_PATH, status_code=200)
async def unsubscribe(
    uses: Uses, request: AnyRequest, account: FromPath[int], recipient: FromPath[str]
) -> Template:
    known = _opened(uses, request, account, recipient)
    return _page(await uses.change_recipients.unsubscribe(known.account_id, known.recipient_id))


def _opened(uses: Uses, request: AnyRequest, account: int, recipient: str) -> Recipient:
    """Raises NotFoundError."""
    uses.unsubscribe_links.open(account, recipient, request.query_params.get("signature", ""))
    return uses.change_recipients.own(account, recipient)


def _page(recipient: Recipient) -> Template:
    return page(
        "unsubscribe",
        None,
        address=recipient.mailbox,
        is_over=recipient.standing is Standing.UNSUBSCRIBED,
    )


router = Router("/", route_handlers=[show_unsubscribing, unsubscribe])
