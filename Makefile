# Two commands do all the set-up: `make run` and `make test`.
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3
INSTALLED := $(VENV)/.installed
# Request traces for `make bench-scaling`: CSV files of arrival_seconds,service_seconds.
TRACES ?= ../shared/traces

.PHONY: run test lint bench bench-scaling clean

run: $(INSTALLED)
	@PYTHON=$(BIN)/python sh examples/file-type/run.sh

test: $(INSTALLED)
	$(BIN)/python -m pytest

lint: $(INSTALLED)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(INSTALLED)
	$(BIN)/python loadtests/balancers.py
	$(BIN)/python loadtests/datapath.py

bench-scaling: $(INSTALLED)
	$(BIN)/python loadtests/scaling.py $(TRACES)

$(INSTALLED): pyproject.toml requirements-dev.txt
	$(PYTHON) -c 'import sys; sys.exit("Tidegate needs Python 3.11 or newer: make PYTHON=python3.11") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

clean:
	rm -rf $(VENV) build *.egg-info
