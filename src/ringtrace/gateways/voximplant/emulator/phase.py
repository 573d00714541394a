"""How far a session has come."""

from enum import Enum


class Phase(Enum):
    RUNNING = "running"
    TERMINATING = "terminating"
    """Only HTTP answers still reach the script."""
    TERMINATED = "terminated"
