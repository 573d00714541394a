"""How many numbers a site needs: its own hits and calls, replayed under other pools."""
