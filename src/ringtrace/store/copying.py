"""What can go wrong with a copy of a database."""


class DatabaseDamagedError(RuntimeError):
    """A database, or a copy of it, is not sound; the message is what was found first."""


class ProgramMissingError(RuntimeError):
    """A program of the database's is not installed; the message says which is needed."""


class DatabaseNotEmptyError(RuntimeError):
    """There is something where a copy is to be put back."""
