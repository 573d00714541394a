"""What the terminal shows."""

from rich.console import Console

from ringtrace.listing import channel_table
from ringtrace.services.call_records import ChannelRow


def test_channels_are_shown_with_how_sure_the_calls_are() -> None:
    row = ChannelRow("Paid Search", 12.4, 9.04, 16.21, 10.0, 600.0, 200, 12.4)
    console = Console(width=100)

    with console.capture() as shown:
        console.print(channel_table([row]))

    assert "12.4" in shown.get()
    assert "9.0-16.2" in shown.get()
