"""A page of the console: a template with what all of them need."""

from typing import Any

from litestar.response import Template

from ringtrace.web.console.session import AnyRequest, Viewer


def page(name: str, viewer: Viewer | None, *, status: int = 200, **context: Any) -> Template:
    """`viewer` is None where nobody is signed in; then the page has no navigation."""
    return Template(
        template_name=f"{name}.html",
        context={"viewer": viewer, "section": None, **context},
        status_code=status,
        media_type="text/html; charset=utf-8",
    )


def base_url(request: AnyRequest) -> str:
    """The address people and pages reach this server by, without a slash at its end."""
    return str(request.base_url).rstrip("/")
