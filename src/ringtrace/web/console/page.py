"""A page of the console: a template with what all of them need."""

from typing import Any

from litestar.response import Template

from ringtrace.web.console.entry import NO_ENTRY, Entry
from ringtrace.web.console.session import AnyRequest, Viewer


def page(
    name: str,
    viewer: Viewer | None,
    *,
    entry: Entry = NO_ENTRY,
    status: int | None = None,
    **context: Any,
) -> Template:
    """`viewer` is None where nobody is signed in; then the page has no navigation.

    `entry` is what was refused of its forms; the status is that of the refusal unless given.
    """
    return Template(
        template_name=f"{name}.html",
        context={"viewer": viewer, "section": None, "entry": entry, **context},
        status_code=entry.status if status is None else status,
        media_type="text/html; charset=utf-8",
    )


def base_url(request: AnyRequest) -> str:
    """The address people and pages reach this server by, without a slash at its end."""
    return str(request.base_url).rstrip("/")
