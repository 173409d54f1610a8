"""The parts of the data path benchmark; `loadtests/datapath.py` runs them."""
