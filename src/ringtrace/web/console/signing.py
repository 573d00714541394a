"""Signing in and out."""

from dataclasses import dataclass

from litestar import Router, get, post
from litestar.datastructures import State
from litestar.params import URLEncodedBody
from litestar.response import Redirect, Template

from ringtrace.services.errors import SignInFailedError
from ringtrace.web.console.page import page
from ringtrace.web.console.session import AnyRequest, SignInNeededError, sign_in, viewer
from ringtrace.web.console.throttle import SignInTries
from ringtrace.web.uses import Uses

_MOST_TEXT = 256


@dataclass(frozen=True, slots=True)
class SignInForm:
    login: str = ""
    password: str = ""
    next: str = "/"


@get("/login")
async def show_sign_in(request: AnyRequest) -> Template | Redirect:
    wanted = _local(request.query_params.get("next", "/"))
    try:
        viewer(request)
    except SignInNeededError:
        return _form(wanted)
    return Redirect(wanted, status_code=303)


@post("/login")
async def send_sign_in(
    uses: Uses,
    state: State,
    request: AnyRequest,
    data: URLEncodedBody[SignInForm],
) -> Template | Redirect:
    throttle: SignInTries = state.throttle
    login, wanted = data.login.strip()[:_MOST_TEXT], _local(data.next)
    address = request.client.host if request.client else ""
    wait = await throttle.attempt(address, login, uses.clock())
    if wait > 0:
        return _throttled(wanted, login, wait)
    try:
        user = await uses.sign_in(login, data.password[:_MOST_TEXT])
    except SignInFailedError:
        return _form(wanted, login, "Login or password is wrong.", status=401)
    throttle.succeeded(address, login)
    sign_in(request, user)
    return Redirect(wanted, status_code=303)


@post("/logout")
async def sign_out(request: AnyRequest) -> Redirect:
    request.clear_session()
    return Redirect("/login", status_code=303)


def _throttled(wanted: str, login: str, wait: int) -> Template:
    seconds = -(-wait // 1_000)
    text = f"Too many attempts. Try again in {seconds} s."
    answer = _form(wanted, login, text, status=429)
    answer.headers["Retry-After"] = str(seconds)
    return answer


def _form(wanted: str, login: str = "", problem: str | None = None, status: int = 200) -> Template:
    return page("login", None, status=status, wanted=wanted, login=login, problem=problem)


def _local(path: str) -> str:
    """Only a path of this server: a link to the sign-in page leads nowhere else."""
    one_slash = path.startswith("/") and not path.startswith(("//", "/\\"))
    return path if one_slash and path.isprintable() else "/"


router = Router("/", route_handlers=[show_sign_in, send_sign_in, sign_out])
