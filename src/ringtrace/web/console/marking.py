"""Saying on a call's page whether it is spam, and taking that back."""

from dataclasses import dataclass
from urllib.parse import quote

from litestar import post
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect

from ringtrace.domain.blocklist import Treatment
from ringtrace.domain.flow import is_phone
from ringtrace.services.errors import CallUnknownError, FieldInvalidError
from ringtrace.services.mark_spam import Verdict
from ringtrace.web.console.call_key import call_key
from ringtrace.web.console.session import AnyRequest, viewer
from ringtrace.web.uses import Uses


@dataclass(frozen=True, slots=True)
class MarkForm:
    """`said` is the button; `every` means all calls of the caller."""

    said: str = ""
    every: str = ""


@post("/calls/{gateway:str}/{call:str}/spam")
async def mark_call(
    uses: Uses,
    request: AnyRequest,
    gateway: FromPath[str],
    call: FromPath[str],
    data: URLEncodedBody[MarkForm],
) -> Redirect:
    who = viewer(request)
    key = call_key(request, gateway, call)
    record = await uses.store.call(*key)
    if record is None:
        raise CallUnknownError("no such call")
    await uses.mark_spam(*key, _verdict(data, record.caller), who.login)
    return Redirect(f"/calls/{gateway}/{quote(call, safe='')}#spam", status_code=303)


def _verdict(form: MarkForm, caller: str | None) -> Verdict:
    every = bool(form.every)
    # Whose call is no spam is nobody to be asked either, where he can be named.
    trust = Treatment.TRUST if is_phone(caller or "") else None
    verdicts = {
        "spam": Verdict(spam=True, every=every),
        "block": Verdict(spam=True, every=every, treatment=Treatment.BLOCK),
        "not_spam": Verdict(spam=False, every=every, treatment=trust),
        "undo": Verdict(spam=None, every=every),
    }
    if form.said not in verdicts:
        raise FieldInvalidError("spam, block, not_spam or undo", "said")
    return verdicts[form.said]
