"""The parts of the scheduling benchmark; `loadtests/scheduling.py` runs them."""
