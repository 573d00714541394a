"""`ringtrace demo --once --json`: the main job, end to end, as an outsider sees it."""

import json
import math
import struct
import subprocess
import sys
import wave
from pathlib import Path
from typing import Any

import pytest

DEMO_SECONDS = 120
SCRIPT = """
[[number]]
number = "+12025550121"
channel = "TV"
target = "+12025550198"

[pool]
numbers = ["+12025550131", "+12025550132"]
target = "+12025550199"

[[visit]]
id = "one"
url = "https://shop.example/?utm_source=bing&utm_medium=cpc&utm_campaign=spring&utm_term=red+shoes"

[[visit]]
id = "two"
url = "https://shop.example/about"
referrer = "https://www.google.de/"

[[visit]]
id = "three"
url = "https://other.example/?yclid=1"

[[call]]
gateway = "sip"
number = "+12025550121"
caller = "+442079460123"
caller_tone = 500
agent_tone = 1100
agent = "answers"
talk = 1.5

[[call]]
gateway = "sip"
from_visit = "one"
caller = "+12025550171"
caller_tone = 400
agent_tone = 900
agent = "answers"
talk = 1

[[call]]
gateway = "voximplant"
from_visit = "two"
caller = "+12025550172"
agent = "answers"
talk = 12

[[call]]
gateway = "sip"
from_visit = "three"
caller = "+12025550173"
agent = "busy"
"""


def demo(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "ringtrace", "demo", "--once", *arguments],
        capture_output=True,
        text=True,
        timeout=DEMO_SECONDS,
        check=False,
    )


def strength(samples: list[int], hertz: float) -> float:
    """The amplitude of one frequency in 8 kHz samples, 1 = full scale."""
    step = 2 * math.pi * hertz / 8_000
    real = sum(s * math.cos(step * n) for n, s in enumerate(samples))
    imaginary = sum(s * math.sin(step * n) for n, s in enumerate(samples))
    return 2 * math.hypot(real, imaginary) / len(samples) / 32_768


def channels(path: str) -> tuple[list[int], list[int]]:
    with wave.open(path) as file:
        assert file.getframerate() == 8_000
        frames = file.readframes(file.getnframes())
    samples = struct.unpack(f"<{len(frames) // 2}h", frames)
    return list(samples[::2]), list(samples[1::2])


@pytest.mark.phones
def test_the_built_in_day_is_as_expected(tmp_path: Path) -> None:
    ran = demo("--json", "--data", str(tmp_path / "data"))

    assert ran.returncode == 0, ran.stderr
    said: dict[str, Any] = json.loads(ran.stdout)
    calls = said["calls"]
    assert said["console_url"].startswith("http://127.0.0.1:")
    assert sum(call["gateway"] == "sip" for call in calls) >= 6
    assert sum(call["gateway"] == "voximplant" for call in calls) >= 3
    assert {call["outcome"] for call in calls} == {"answered", "busy", "missed"}
    for call in calls:
        want, got = call["expected"], call["attribution"]
        assert (call["outcome"], call["target"]) == (want["outcome"], want["target"])
        assert [got[key] for key in ("channel", "campaign", "keyword")] == [
            want[key] for key in ("channel", "campaign", "keyword")
        ]
        assert 0.9 < got["probability"] <= 1
        if call["outcome"] != "answered":
            assert (call["recording"], call["talk_seconds"]) == (None, 0)
        elif call["gateway"] == "sip":
            assert Path(call["recording"]["path"]).is_absolute()
            assert call["recording"]["channels"] == 2
            assert min(call["recording"]["rms"]) > 0.01
        else:
            assert call["recording"]["url"].startswith("https://")
            assert call["recording"]["rms"] is None


@pytest.mark.phones
def test_a_script_of_ones_own_is_played_and_each_side_is_heard_on_its_channel(
    tmp_path: Path,
) -> None:
    script = tmp_path / "script.toml"
    script.write_text(SCRIPT)

    ran = demo("--json", "--data", str(tmp_path / "data"), "--script", str(script))

    assert ran.returncode == 0, ran.stderr
    static, one, two, three = json.loads(ran.stdout)["calls"]
    assert static["expected"]["channel"] == static["attribution"]["channel"] == "TV"
    assert static["attribution"]["visit"] is None
    assert (static["target"], static["caller"]) == ("+12025550198", "+442079460123")
    assert one["attribution"]["visit"] == "one"
    assert one["attribution"]["keyword"] == "red shoes"
    assert two["attribution"]["channel"] == "Organic Search"
    assert two["recording"]["seconds"] == pytest.approx(12, abs=1.5)
    assert (three["outcome"], three["code"], three["reason"]) == ("busy", 486, "operator_busy")
    for call, caller_tone, agent_tone in ((static, 500, 1100), (one, 400, 900)):
        left, right = channels(call["recording"]["path"])
        assert strength(left, caller_tone) > 20 * strength(left, agent_tone)
        assert strength(right, agent_tone) > 20 * strength(right, caller_tone)
        assert strength(left, caller_tone) > 0.05


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[[call]]", "gateway"),
        ('[[call]]\ngateway = "fax"\ncaller = "1"\nagent = "busy"', "gateway"),
        ('[[call]]\ngateway = "sip"\ncaller = "1"\nagent = "busy"', "call[0]"),
        (
            '[[call]]\ngateway = "sip"\nfrom_visit = "x"\ncaller = "2025550101"\nagent = "busy"',
            "from_visit",
        ),
        ('call = []\n[[visit]]\nid = "a"\nurl = "nowhere"', "visit[0].url"),
        ('[[call]]\ngateway = "sip"\nnumber = "1"\ncaller = "no"\nagent = "busy"', "caller"),
        ("calls = 3", "call"),
        ("call = [", "TOML"),
    ],
)
def test_a_script_that_cannot_be_played_is_bad_input(tmp_path: Path, text: str, named: str) -> None:
    script = tmp_path / "script.toml"
    script.write_text(text)

    ran = demo("--json", "--script", str(script))

    assert (ran.returncode, ran.stdout) == (2, "")
    assert named in ran.stderr
