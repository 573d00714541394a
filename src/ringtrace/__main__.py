"""The `ringtrace` program."""

import sys


def main() -> None:
    """Loading takes most of a second, and a Ctrl-C meanwhile is to be no traceback either."""
    try:
        from ringtrace.cli import main as command  # noqa: PLC0415 - see above

        command()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
