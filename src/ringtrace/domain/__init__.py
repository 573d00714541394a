"""What call tracking is, without any I/O, clock or randomness of its own."""
