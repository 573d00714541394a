"""A file's format is what its sender calls it, and what it begins with."""

import pytest

from ringtrace.domain.audio import LONGEST_BEGINNING, AudioFormat, format_of


@pytest.mark.parametrize("kind", AudioFormat)
def test_a_format_is_found_by_its_own_media_type(kind: AudioFormat) -> None:
    assert format_of(kind.media_type) is kind
    assert format_of(f" {kind.media_type.upper()} ; codecs=x") is kind


@pytest.mark.parametrize("other", ["", "audio", "text/html", "audio/wav2", "video/mpeg"])
def test_other_media_types_are_no_format(other: str) -> None:
    assert format_of(other) is None


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"RIFF", AudioFormat.WAV),
        (b"fLaC", AudioFormat.FLAC),
        (b"OggS", AudioFormat.OPUS),
        (b"ID3\x04", AudioFormat.MP3),
        (b"\xff\xe3\x18\xc4", AudioFormat.MP3),
        (b"\xff\xfb\x90\x64", AudioFormat.MP3),
        (b"\xff\xd8\xff\xe0", None),
        (b"\xff", None),
        (b"<htm", None),
        (b"", None),
    ],
)
def test_a_beginning_tells_the_format(head: bytes, kind: AudioFormat | None) -> None:
    assert len(head) <= LONGEST_BEGINNING
    assert [one for one in AudioFormat if one.begins(head)] == ([kind] if kind else [])
