"""`ringtrace flow test`, as somebody at a shell meets it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ringtrace.flowtest.command import flow

EXAMPLES = sorted((Path(__file__).parents[3] / "docs/examples/flows").glob("*.toml"))
DIAL = '[[flow.step]]\ndo = "dial"\ntargets = ["+12025550191"]\n'
CASE = """
[[case]]
name = "busy"
target = [{ to = "+12025550191", code = 486 }]
expect = { outcome = "busy" }
"""
WRONG = """
[[case]]
name = "wrong"
expect = { outcome = "answered", ends_after = 9 }
target = [{ to = "+12025550191" }]
"""


def run(*arguments: object) -> Result:
    return CliRunner().invoke(flow, ["test", *map(str, arguments)])


def written(folder: Path, text: str) -> Path:
    path = folder / "cases.toml"
    path.write_text(text, "utf-8")
    return path


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_examples_pass(path: Path) -> None:
    result = run(path, "--json")

    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["passed"] >= 2


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 12


def test_cases_that_pass_are_a_line_each(tmp_path: Path) -> None:
    result = run(written(tmp_path, DIAL + CASE))

    assert result.exit_code == 0
    assert result.stdout == "ok   busy\n1 passed, 0 failed\n"


def test_a_case_that_fails_shows_the_difference_and_the_timeline(tmp_path: Path) -> None:
    result = run(written(tmp_path, DIAL + CASE + WRONG))

    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "ok   busy",
        "FAIL wrong",
        "     outcome: expected answered",
        "              happened missed",
        "     ends_after: expected 9.0 s",
        "                 happened 25.0 s",
        "         0.00 s  +12025550191 is dialled",
        "         0.10 s  +12025550191 rings",
        "        25.00 s  time is up: ringing 1",
        "        25.00 s  +12025550191 is dropped",
        "        25.00 s  the call ends (487)",
        "1 passed, 1 failed",
    ]


def test_the_json_report_tells_everything(tmp_path: Path) -> None:
    result = run(written(tmp_path, DIAL + WRONG), "--json")

    assert result.exit_code == 1
    assert json.loads(result.stdout) == {
        "passed": 0,
        "failed": 1,
        "warnings": [],
        "cases": [
            {
                "name": "wrong",
                "passed": False,
                "differences": [
                    {"field": "outcome", "expected": "answered", "actual": "missed"},
                    {"field": "ends_after", "expected": "9.0 s", "actual": "25.0 s"},
                ],
                "outcome": "missed",
                "reason": "operator_not_responsive",
                "code": 487,
                "target": "+12025550191",
                "digits": None,
                "ring_seconds": 25.0,
                "talk_seconds": 0.0,
                "recorded": 0.0,
                "ends_after": 25.0,
                "legs": [
                    {
                        "to": "+12025550191",
                        "started_after": 0.0,
                        "ring_seconds": 25.0,
                        "talk_seconds": 0.0,
                        "code": 487,
                        "reason": "operator_not_responsive",
                    }
                ],
                "heard": [],
                "timeline": [
                    {"at": 0.0, "what": "+12025550191 is dialled"},
                    {"at": 0.1, "what": "+12025550191 rings"},
                    {"at": 25.0, "what": "time is up: ringing 1"},
                    {"at": 25.0, "what": "+12025550191 is dropped"},
                    {"at": 25.0, "what": "the call ends (487)"},
                ],
            }
        ],
    }


def test_the_flow_may_stand_in_a_file_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "flow.toml").write_text(DIAL.replace("flow.step", "step"), "utf-8")

    assert run(written(tmp_path, 'flow = "flow.toml"\n' + CASE)).exit_code == 0
    assert run(written(tmp_path, 'flow = "other.toml"\n' + CASE)).exit_code == 2


def test_a_flow_with_errors_is_refused_with_their_places(tmp_path: Path) -> None:
    result = run(written(tmp_path, DIAL.replace("+12025550191", "nobody") + CASE))

    assert result.exit_code == 2
    assert result.stdout == ""
    assert "error: flow.step[0].targets[0]: a number like" in result.stderr


def test_a_flow_that_dials_the_number_that_was_called_is_refused(tmp_path: Path) -> None:
    result = run(written(tmp_path, DIAL.replace("0191", "0100") + CASE))

    assert result.exit_code == 2
    assert "tracking number" in result.stderr


def test_warnings_do_not_keep_cases_from_running(tmp_path: Path) -> None:
    path = written(tmp_path, DIAL + 'accept = "1"\n' + CASE)

    result = run(path, "--json")

    assert result.exit_code == 0
    assert "warning: flow.step[0].accept" in result.stderr
    assert [one["path"] for one in json.loads(result.stdout)["warnings"]] == ["step[0].accept"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"[[case", "cases.toml: "),
        (b"\xff", "cases.toml: "),
        ((DIAL + "[[case]]").encode(), "case[0].expect: "),
        (b'flow = { step = [{ do = "x" }] }\n[[case]]\nexpect = { code = 1 }', "flow.step[0].do: "),
    ],
)
def test_a_file_that_cannot_be_read_is_bad_input(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "cases.toml"
    path.write_bytes(content)

    result = run(path)

    assert result.exit_code == 2
    assert result.stdout == ""
    assert said in result.stderr
