"""`serve --workers`: processes that answer for one server, and the one that keeps them."""
