"""What holds for all tests."""

from hypothesis import settings

# How long an example takes is the machine's affair: speed is measured by benchmarks.
settings.register_profile("ringtrace", deadline=None)
settings.load_profile("ringtrace")
