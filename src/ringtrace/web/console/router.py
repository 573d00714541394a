"""The console's routes: all but the sign-in need somebody who is signed in."""

from litestar import Router

from ringtrace.web.console import (
    blocklist_page,
    calibration_page,
    call_log,
    call_page,
    correction,
    marking,
    notices_page,
    overview,
    refusals,
    setup_page,
    signing,
    sounds,
    tagging,
    unsubscribing,
)
from ringtrace.web.console.session import SignInNeededError, sign_in_required


def console_router() -> Router:
    pages = Router(
        "/",
        route_handlers=[
            overview.router,
            calibration_page.show_calibration,
            call_log.show_calls,
            call_page.show_call,
            correction.correct_call,
            notices_page.router,
            marking.mark_call,
            blocklist_page.router,
            tagging.tag_call,
            setup_page.show_setup,
            setup_page.issue_token,
            sounds.upload_sound,
            sounds.delete_sound,
        ],
        guards=[sign_in_required],
        exception_handlers={SignInNeededError: refusals.sign_in_first},
    )
    return Router(
        "/", route_handlers=[signing.router, unsubscribing.router, pages], include_in_schema=False
    )
