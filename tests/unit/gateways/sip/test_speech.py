"""Prompts are found in time, or tones must do."""

import queue
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from ringtrace.domain.prompt import Prompt
from ringtrace.gateways.sip.backend import BackendAwayError
from ringtrace.gateways.sip.speech import PATIENCE, Speech
from ringtrace.gateways.sip.tones import Sound
from ringtrace.gateways.sip.wav import read_wav, write_wav
from tests.sounds import wav

TEXT = Prompt("Welcome.", "en-US")
FILE = Prompt("Welcome.", "en-US", "welcome.wav")


@dataclass
class Alarm:
    seconds: float
    action: Callable[[], None]
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True


@dataclass
class Clock:
    """A loop that runs what is posted when told, and timers when they are fired."""

    posted: "queue.Queue[Callable[[], None]]" = field(default_factory=queue.Queue)
    timers: list[Alarm] = field(default_factory=list)

    def post(self, action: Callable[[], None]) -> None:
        self.posted.put(action)

    def after(self, seconds: float, action: Callable[[], None]) -> Alarm:
        self.timers.append(Alarm(seconds, action))
        return self.timers[-1]

    def run_next(self) -> None:
        self.posted.get(timeout=5)()


@pytest.fixture
def clock() -> Clock:
    return Clock()


Make = Callable[..., Speech]


def away(_link: str) -> bytes:
    raise BackendAwayError("gone")


@pytest.fixture
def speech(clock: Clock, tmp_path: Path) -> Iterator[Make]:
    made: list[Speech] = []

    def make(
        *command: str, folder: Path | None = None, fetch: Callable[[str], bytes] = away
    ) -> Speech:
        cache = tmp_path / "cache"
        made.append(Speech(clock, cache, command=command, folder=folder, fetch=fetch))
        return made[-1]

    yield make
    for each in made:
        each.close()


def copies(tmp_path: Path) -> tuple[str, ...]:
    """A command that speaks nothing but a hundred samples, and says how often it was asked."""
    write_wav(tmp_path / "voice.wav", np.full(100, 1000.0))
    program = (
        "import shutil, sys; shutil.copy(sys.argv[1], sys.argv[3]);"
        "open(sys.argv[1] + '.log', 'a').write(sys.argv[2] + '\\n')"
    )
    return (sys.executable, "-c", program, str(tmp_path / "voice.wav"), "{text}", "{file}")


def found(speech: Speech, clock: Clock, prompt: Prompt) -> Sound | None:
    answers: list[Sound | None] = []
    speech.find(prompt, answers.append)
    if not answers:
        clock.run_next()
    (answer,) = answers
    return answer


def test_without_a_command_a_text_is_no_sound_at_once(speech: Make, clock: Clock) -> None:
    assert found(speech(), clock, TEXT) is None
    assert clock.timers == []


def test_a_file_is_read_once_and_then_at_hand(speech: Make, clock: Clock, tmp_path: Path) -> None:
    write_wav(tmp_path / "welcome.wav", np.full(800, 500.0))
    made = speech(folder=tmp_path)
    first = found(made, clock, FILE)
    assert first is not None
    assert 500.0 in first.samples
    (tmp_path / "welcome.wav").unlink()
    answers: list[Sound | None] = []
    made.find(FILE, answers.append)
    assert answers == [first]


def test_a_missing_file_is_spoken_where_there_is_a_text(
    speech: Make, clock: Clock, tmp_path: Path
) -> None:
    made = speech(*copies(tmp_path), folder=tmp_path)
    assert found(made, clock, FILE) is not None


def test_what_is_not_spoken_in_time_is_answered_once_and_kept(
    speech: Make, clock: Clock, tmp_path: Path
) -> None:
    made = speech(*copies(tmp_path))
    answers: list[Sound | None] = []
    made.find(TEXT, answers.append)
    (timer,) = clock.timers
    assert timer.seconds == PATIENCE
    timer.action()
    assert answers == [None]
    clock.run_next()
    assert answers == [None]
    made.find(TEXT, answers.append)
    assert answers[1] is not None


def test_a_text_is_spoken_once_for_all_that_ask(speech: Make, clock: Clock, tmp_path: Path) -> None:
    made = speech(*copies(tmp_path))
    made.prepare(TEXT)
    assert found(made, clock, TEXT) is not None
    assert found(speech(*copies(tmp_path)), clock, TEXT) is not None, "from the folder"
    assert (tmp_path / "voice.wav.log").read_text() == "Welcome.\n"


def test_no_text_is_an_option_or_a_pattern_of_the_command(
    speech: Make, clock: Clock, tmp_path: Path
) -> None:
    text = "-o /etc/passwd\n {file} {language}"
    assert found(speech(*copies(tmp_path)), clock, Prompt(text, "en-US")) is not None
    assert (tmp_path / "voice.wav.log").read_text() == "o /etc/passwd {file} {language}\n"


def test_each_language_is_spoken_for_itself(speech: Make, clock: Clock, tmp_path: Path) -> None:
    made = speech(*copies(tmp_path))
    found(made, clock, TEXT)
    found(made, clock, Prompt(TEXT.text, "de-DE"))
    kept = list((tmp_path / "cache").glob("*.wav"))
    assert len(kept) == 2
    assert set(read_wav(kept[0])) == {1000.0}


@pytest.mark.parametrize("program", ["sys.exit(3)", "open(sys.argv[1], 'w').write('no wav')"])
def test_a_command_that_fails_is_not_asked_again_at_once(
    speech: Make, clock: Clock, program: str
) -> None:
    made = speech(sys.executable, "-c", f"import sys; {program}", "{file}", "{text}")
    assert found(made, clock, TEXT) is None
    assert len(clock.timers) == 1
    assert found(made, clock, TEXT) is None
    assert len(clock.timers) == 1


def test_a_command_that_is_not_there_costs_nothing(speech: Make, clock: Clock) -> None:
    assert found(speech("/does/not/exist", "{text}", "{file}"), clock, TEXT) is None


LINK = f"/sounds/1/{'a' * 64}.wav"
UPLOADED = Prompt("Welcome.", "en-US", "welcome.wav", f"{LINK}?expires=1&signature=a")
NEXT_WEEK = Prompt("Welcome.", "en-US", "welcome.wav", f"{LINK}?expires=2&signature=b")


class Backend:
    """Has one sound."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.asked: list[str] = []

    def __call__(self, link: str) -> bytes:
        self.asked.append(link)
        return self.content


def test_an_uploaded_file_is_fetched_once_for_all_its_links(
    speech: Make, clock: Clock, tmp_path: Path
) -> None:
    backend = Backend(wav(0.5, 16_000))
    assert found(speech(fetch=backend), clock, UPLOADED) is not None
    again = speech(fetch=backend)
    sound = found(again, clock, NEXT_WEEK)
    assert sound is not None
    assert len(sound.samples) >= 4_000, "half a second at 8 kHz"
    assert backend.asked == [UPLOADED.link]
    (kept,) = (tmp_path / "cache").iterdir()
    assert kept.stat().st_mode & 0o777 == 0o600


def test_what_was_fetched_is_there_while_the_backend_is_away(speech: Make, clock: Clock) -> None:
    assert found(speech(fetch=Backend(wav(0.5))), clock, UPLOADED) is not None
    assert found(speech(fetch=away), clock, UPLOADED) is not None


def test_the_nodes_own_file_comes_first(speech: Make, clock: Clock, tmp_path: Path) -> None:
    write_wav(tmp_path / "welcome.wav", np.full(800, 500.0))
    backend = Backend(wav(0.5))
    sound = found(speech(folder=tmp_path, fetch=backend), clock, UPLOADED)
    assert sound is not None
    assert 500.0 in sound.samples
    assert backend.asked == []


def test_what_a_power_loss_left_of_a_kept_sound_is_made_anew(
    speech: Make, clock: Clock, tmp_path: Path
) -> None:
    made = speech(*copies(tmp_path), fetch=Backend(wav(0.5)))
    for prompt in (TEXT, UPLOADED):
        assert found(made, clock, prompt) is not None
    for kept in (tmp_path / "cache").glob("*.wav"):
        kept.write_bytes(b"")

    again = speech(*copies(tmp_path), fetch=Backend(wav(0.5)))

    for prompt in (TEXT, UPLOADED):
        assert found(again, clock, prompt) is not None
    assert all(kept.stat().st_size for kept in (tmp_path / "cache").glob("*.wav"))


@pytest.mark.parametrize("own", [None, b"", b"not a sound"])
def test_a_file_the_node_has_not_or_cannot_play_is_fetched(
    speech: Make, clock: Clock, tmp_path: Path, own: bytes | None
) -> None:
    if own is not None:
        (tmp_path / "welcome.wav").write_bytes(own)
    backend = Backend(wav(0.5))
    assert found(speech(folder=tmp_path, fetch=backend), clock, UPLOADED) is not None
    assert len(backend.asked) == 1


def test_a_file_that_cannot_be_had_is_spoken(speech: Make, clock: Clock, tmp_path: Path) -> None:
    made = speech(*copies(tmp_path), fetch=away)
    assert found(made, clock, UPLOADED) is not None
    assert (tmp_path / "voice.wav.log").read_text() == "Welcome.\n"


def test_a_fetched_file_that_is_no_sound_is_spoken(
    speech: Make, clock: Clock, tmp_path: Path
) -> None:
    made = speech(*copies(tmp_path), fetch=Backend(b"<html>"))
    assert found(made, clock, UPLOADED) is not None
