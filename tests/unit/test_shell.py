"""What all commands have in common at a shell."""

import pytest
from click.testing import CliRunner

from ringtrace import cli


@pytest.mark.parametrize(
    ("words", "option"),
    [
        (["calls", "--data", ""], "--data"),
        (["export", "--to", ""], "--to"),
        (["import", ""], "DIR"),
        (["calls", "--database-url", ""], "--database-url"),
        (["serve", "--database-url", "mysql://shop/calls"], "--database-url"),
        (["db", "distribute", "--database-url", "calls"], "--database-url"),
    ],
)
def test_an_empty_name_and_a_url_of_another_kind_are_refused_by_their_option(
    words: list[str], option: str
) -> None:
    """A variable of the shell that is not set must not mean the folder one happens to be in."""
    refused = CliRunner().invoke(cli.main, words)

    assert refused.exit_code == 2
    assert f"Invalid value for '{option}'" in refused.stderr
