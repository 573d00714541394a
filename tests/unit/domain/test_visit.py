"""What a browser says of itself."""

import pytest

from ringtrace.domain.visit import Device, device, is_robot

IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148"
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/142.0.0.0 Safari/537.36"


def test_a_phone_is_mobile_and_a_computer_is_not() -> None:
    assert device(IPHONE) is Device.MOBILE
    assert device(CHROME) is Device.DESKTOP


@pytest.mark.parametrize(
    "agent",
    ["", "Mozilla/5.0 (compatible; Googlebot/2.1)", "curl/8.5", "python-requests/2",
     CHROME.replace("Chrome", "HeadlessChrome"), "facebookexternalhit/1.1", "AhrefsBot; x"],
)  # fmt: skip
def test_robots_are_known_by_what_they_say(agent: str) -> None:
    assert is_robot(agent)


@pytest.mark.parametrize("agent", [IPHONE, CHROME, "Mozilla/5.0 (Linux; Android 15; CUBOT X)"])
def test_people_are_no_robots(agent: str) -> None:
    assert not is_robot(agent)
