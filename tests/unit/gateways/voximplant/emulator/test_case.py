"""A case file is read as the contract describes, and errors name the field."""

from pathlib import Path

import pytest

from ringtrace.gateways.voximplant.emulator import (
    Answer,
    CallerDoes,
    CaseError,
    Expect,
    ExpectedLeg,
    Stub,
    load,
)

FULL = """
destination = "15550100101"
caller = "15550177001"
display_name = "Ann"
custom_data = "x"
headers = { "X-Trunk" = "a" }

[[answers]]
to = "15550199001"
ring = 1
answer = 3.5
talk = 30
keys = [[2, "1"]]

[[answers]]
to = "*"
fail = 486
after = 2

[caller_does]
hang_up = 40
keys = [[1, "1"], [1.5, "#"]]

[[http]]
url = "https://backend.example/*"
method = "POST"
status = 503
text = "{}"
delay = 0.2

[secrets]
RINGTRACE_URL = "https://backend.example"

[storage]
key = "value"

[expect]
outcome_log = ["Length: [0-9]+"]
finish_reason = "Normal termination"
legs = [{ to = "15550199001", result = "answered", code = 200 }]
http_count = 2
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "case.toml"
    path.write_text(text, "utf-8")
    return path


def test_every_field_of_the_contract_is_read(tmp_path: Path) -> None:
    case = load(write(tmp_path, FULL))
    assert (case.destination, case.caller, case.display_name) == (
        "15550100101",
        "15550177001",
        "Ann",
    )
    assert dict(case.headers) == {"X-Trunk": "a"}
    assert case.answers == (
        Answer("15550199001", ring=1, answer=3.5, talk=30, keys=((2, "1"),)),
        Answer("*", fail=486, after=2),
    )
    assert case.caller_does == CallerDoes(40, ((1, "1"), (1.5, "#")))
    assert case.http == (Stub("https://backend.example/*", "POST", 503, "{}", 0.2),)
    assert dict(case.secrets) == {"RINGTRACE_URL": "https://backend.example"}
    assert dict(case.storage) == {"key": "value"}
    assert case.expect == Expect(
        ("Length: [0-9]+",),
        "Normal termination",
        (ExpectedLeg("15550199001", "answered", 200),),
        2,
    )


def test_the_web_can_be_real(tmp_path: Path) -> None:
    text = 'destination = "1"\nhttp = "real"\nhttp_hosts = ["127.0.0.1:8000"]'
    case = load(write(tmp_path, text))
    assert (case.http, case.http_hosts) == ("real", ("127.0.0.1:8000",))


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ("caller = 7", "caller"),
        ("destinaton = '1'", "destinaton"),
        ("http = 'real'", "http_hosts"),
        ("http = 'unreal'", "http"),
        ("http_hosts = 'a'", "http_hosts"),
        ("answers = 'a'", "answers"),
        ("[[answers]]\nring = 1", "answers[0].to"),
        ("[[answers]]\nto = '*'\nring = -1", "answers[0].ring"),
        ("[[answers]]\nto = '*'\nring = nan", "answers[0].ring"),
        ("[[answers]]\nto = '*'\nfail = 200", "answers[0].fail"),
        ("[[answers]]\nto = '*'\nfail = 486\nanswer = 1", "answers[0].fail"),
        ("[[answers]]\nto = '*'\nrings = 1", "answers[0].rings"),
        ("[caller_does]\nhang_up = true", "caller_does.hang_up"),
        ("[caller_does]\nkeys = [[1, 'x']]", "caller_does.keys[0]"),
        ("[[http]]\nstatus = 200", "http[0].url"),
        ("[secrets]\nA = 1", "secrets.A"),
        ("[expect]\noutcome_log = ['(']", "expect.outcome_log[0]"),
        ("[expect]\nlegs = [{to = '1'}]", "expect.legs[0].result"),
    ],
)
def test_bad_input_names_its_field(tmp_path: Path, line: str, field: str) -> None:
    with pytest.raises(CaseError) as error:
        load(write(tmp_path, f"destination = '1'\n{line}"))
    assert error.value.field == field
    assert str(error.value).startswith(f"{field}: ")


def test_a_case_needs_a_destination(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match=r"^destination: "):
        load(write(tmp_path, "caller = '1'"))


def test_what_is_no_toml_or_no_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match="is not TOML"):
        load(write(tmp_path, "a ="))
    with pytest.raises(CaseError, match="cannot be read"):
        load(tmp_path / "absent.toml")
