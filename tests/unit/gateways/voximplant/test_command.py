"""Scenarios run at a shell: what is printed and with which status it ends."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ringtrace.cli import main

SCENARIO = """
VoxEngine.addEventListener(AppEvents.CallAlerting, (alerting) => {
  const leg = VoxEngine.callPSTN("12025550191", "12025550103");
  leg.addEventListener(CallEvents.Connected, () => { alerting.call.answer(); });
  leg.addEventListener(CallEvents.Disconnected, VoxEngine.terminate);
  leg.addEventListener(CallEvents.Failed, (failed) => {
    Logger.write("failed with " + failed.code);
    VoxEngine.terminate();
  });
});
"""
CASE = """
destination = "12025550103"
caller = "12025550177"

[[answers]]
to = "12025550191"
{answer}

[expect]
outcome_log = ["failed with 486"]
finish_reason = "Normal termination"
legs = [{{ to = "12025550191", result = "busy", code = 486 }}]
http_count = 0
"""


def invoke(folder: Path, *options: str, answer: str = "fail = 486", case: str = CASE) -> Result:
    script, path = folder / "scenario.js", folder / "case.toml"
    script.write_text(SCENARIO)
    path.write_text(case.format(answer=answer))
    words = ["voximplant", "run", str(script), "--case", str(path), *options]
    return CliRunner().invoke(main, words)


def test_a_call_that_goes_as_expected_is_told_and_ends_with_0(tmp_path: Path) -> None:
    done = invoke(tmp_path)

    assert (done.exit_code, done.stderr) == (0, "")
    assert "failed with 486" in done.stdout
    assert "leg 12025550191: busy 486" in done.stdout


def test_machines_read_one_object(tmp_path: Path) -> None:
    done = invoke(tmp_path, "--json")

    result = json.loads(done.stdout)
    assert set(result) == {
        "finish_reason",
        "duration",
        "log",
        "timeline",
        "requests",
        "legs",
        "recordings",
    }
    assert [(leg["result"], leg["code"]) for leg in result["legs"]] == [("busy", 486)]
    assert {moment["kind"] for moment in result["timeline"]} == {"event", "command"}


def test_an_expectation_that_is_not_met_is_named_and_ends_with_1(tmp_path: Path) -> None:
    done = invoke(tmp_path, answer="answer = 2\ntalk = 5")

    assert done.exit_code == 1
    assert "no log line matches 'failed with 486'" in done.stderr
    assert "legs[0] is 12025550191 answered 200" in done.stderr


@pytest.mark.parametrize(
    ("case", "named"),
    [("zz = 1", "destination"), ('destination = "1"\nzz = 1', "zz"), ("[", "TOML")],
)
def test_a_case_that_is_wrong_is_named_and_ends_with_2(
    tmp_path: Path, case: str, named: str
) -> None:
    done = invoke(tmp_path, case=case)

    assert (done.exit_code, done.stdout) == (2, "")
    assert named in done.stderr


def test_a_scenario_that_is_no_text_ends_with_2(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_bytes(b"\xff\xfe")
    (tmp_path / "case.toml").write_text('destination = "1"')
    words = [str(tmp_path / "a.js"), "--case", str(tmp_path / "case.toml")]

    assert CliRunner().invoke(main, ["voximplant", "run", *words]).exit_code == 2
