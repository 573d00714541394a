"""How a notice reads: as JSON for programs, as a letter for people."""
