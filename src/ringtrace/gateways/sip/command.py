"""`ringtrace sip-node`: options and a settings file become a node that runs, or a check of it."""

import os
import shlex
import sys
from pathlib import Path
from typing import Any, Final

import click

from ringtrace.domain.audio import AudioFormat
from ringtrace.gateways.sip.settingsfile import NOBODY, read_settings
from ringtrace.shell import EXIT_FAILED

_DEFAULTS: Final[dict[str, object]] = {"spool_dir": "ringtrace-spool"}
_TOKEN: Final = "RINGTRACE_TOKEN"  # noqa: S105 - a name
_PASSWORD: Final = "RINGTRACE_TRUNK_PASSWORD"  # noqa: S105 - a name


@click.command("sip-node")
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Settings file (TOML); the options below take the place of what it says.",
)
@click.option("--check", is_flag=True, help="Say what works, and take no calls.")
@click.option("--listen", help="IP:PORT for SIP.  [default: 127.0.0.1:5060]")
@click.option("--advertise", help="IP that trunks are told to send to, if it is another.")
@click.option("--trunk", multiple=True, help="Network that may call, in CIDR.")
@click.option("--proxy", help="HOST[:PORT] that takes calls to phone numbers.")
@click.option("--username", help="Account at the proxy.")
@click.option("--password", envvar=_PASSWORD, show_envvar=True, help="Its password.")
@click.option("--domain", help="Right side of our addresses there.")
@click.option("--register", is_flag=True, help="Register the account at the proxy.")
@click.option("--channels", type=click.IntRange(1), help="Calls at once that the proxy takes.")
@click.option("--max-calls", type=click.IntRange(1), help="Calls at once that the node takes.")
@click.option("--backend", envvar="RINGTRACE_URL", show_envvar=True, help="URL of the server.")
@click.option("--token", envvar=_TOKEN, show_envvar=True, help="A token of kind sip.")
@click.option(
    "--fallback",
    envvar="RINGTRACE_FALLBACK",
    show_envvar=True,
    help="Rings when the backend is away.",
)
@click.option(
    "--spool",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of unsent reports and recordings.  [default: ringtrace-spool]",
)
@click.option(
    "--prompts",
    type=click.Path(exists=True, path_type=Path, file_okay=False),
    help="Folder of the sound files that prompts name.",
)
@click.option("--tts", help="Command that speaks texts, with {text}, {language} and {file}.")
@click.option("--rtp", help="UDP ports for audio.  [default: 20000-29999]")
@click.option("--health", help="IP:PORT for health and metrics, or off.  [default: 127.0.0.1:9516]")
@click.option("--drain", type=float, help="Seconds that live calls have after SIGTERM.")
@click.option("--ready-file", type=click.Path(path_type=Path), help="Written once it listens.")
@click.option(
    "--recording-format",
    type=click.Choice([one.value for one in AudioFormat]),
    help="Other than wav, its encoder must be installed.  [default: wav]",
)
@click.option("--supervised", is_flag=True, help="Drain when the parent process is gone.")
def sip_node(config: Path | None, check: bool, supervised: bool, **options: Any) -> None:
    """Run a SIP node: takes calls from trunks, dials, records, reports."""
    # What the node starts (a TTS command) has no business with either.
    for secret in (_TOKEN, _PASSWORD):
        os.environ.pop(secret, None)
    try:
        settings = read_settings(
            config, _fields(options), _DEFAULTS | (dict(NOBODY) if check else {})
        )
    except (ValueError, OSError) as error:
        raise click.UsageError(str(error)) from error
    if check:
        from ringtrace.gateways.sip.check import examine  # noqa: PLC0415 - as below

        sys.exit(0 if examine(settings, config) else EXIT_FAILED)
    # The SIP stack is the node's alone: the other commands do not load it.
    from ringtrace.gateways.sip.node import run  # noqa: PLC0415
    from ringtrace.gateways.sip.spool import SpoolError  # noqa: PLC0415

    try:
        run(settings, parent=os.getppid() if supervised else None)
    except (OSError, SpoolError, ValueError) as error:
        raise click.ClickException(str(error)) from error


def _fields(options: dict[str, Any]) -> dict[str, object]:
    """The settings that the options speak of. Raises `UsageError`."""
    said = {name: value for name, value in options.items() if value not in {None, (), False}}
    fields: dict[str, object] = {}
    for option, field in _SAME.items():
        if option in said:
            value = said[option]
            fields[field] = str(value) if isinstance(value, Path) else value
    if "listen" in said:
        ip, port = _pair("--listen", said["listen"], ":")
        fields |= {"listen_ip": ip, "listen_port": int(port)}
    if "rtp" in said:
        low, high = _pair("--rtp", said["rtp"], "-")
        fields |= {"rtp_port_min": int(low), "rtp_port_max": int(high)}
    if "tts" in said:
        fields["tts_command"] = shlex.split(said["tts"])
    return fields | _trunks(said)


_SAME: Final = {
    "advertise": "advertised_ip",
    "trunk": "trusted_networks",
    "max_calls": "max_calls",
    "backend": "backend_url",
    "token": "token",
    "fallback": "fallback_target",
    "spool": "spool_dir",
    "prompts": "prompt_dir",
    "health": "health_listen",
    "drain": "drain_seconds",
    "ready_file": "ready_file",
    "recording_format": "recording_format",
}
"""Options and the settings that are the same by another name."""

_OF_PROXY: Final = ("username", "password", "domain", "register", "channels")


def _trunks(said: dict[str, Any]) -> dict[str, object]:
    """The trunk that `--proxy` and its account stand for, in place of the file's."""
    account = {name: said[name] for name in _OF_PROXY if name in said}
    if "proxy" in said:
        return {"trunks": [{"host": said["proxy"], **account}]}
    named = [f"--{name}" for name in account if name != "password"]
    if named:
        raise click.UsageError(f"{named[0]}: --proxy is needed, whose account this is")
    return {}


def _pair(option: str, text: str, separator: str) -> tuple[str, str]:
    """Two parts of an option, the second a whole number."""
    first, found, second = text.rpartition(separator)
    if not found or not second.isdigit():
        raise click.UsageError(f"{option}: {text!r} is not of the form A{separator}B")
    return first, second
