"""The console: server-rendered pages for the people of one account."""
