"""`ringtrace seal`, `ringtrace export`, `ringtrace import` and `ringtrace forget`."""
