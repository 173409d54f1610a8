# Two commands do all the set-up: `make run` and `make test`.
VENV := .venv
COMPILED := build/compiled
SOURCES := $(shell find proxy runtime -name '*.py')
# Those that go through the request path as a whole. Doubles that inherit from a compiled class cannot be: not test_link,
# test_listener and the unit tests of net.
COMPILED_TESTS := tests/core tests/wire $(addprefix tests/e2e/test_, http_cases.py request_path.py silent_close.py \
	websocket.py limits.py balancer_plugin.py up.py up_drain.py tunnel.py untaken.py)
BIN := $(VENV)/bin
PYTHON ?= python3
INSTALLED := $(VENV)/.installed
# Request traces for `make bench-scaling`: CSV files of arrival_seconds,service_seconds.
TRACES ?= ../shared/traces

.PHONY: run test test-compiled lint bench bench-scheduling bench-runtime bench-scaling report load chaos soak clean

run: $(INSTALLED)
	@PYTHON=$(BIN)/python sh examples/file-type/run.sh

test: $(INSTALLED)
	$(BIN)/python -m pytest

# The same tests against what `pip install .` gives where there is a C compiler.
test-compiled: $(COMPILED)/.built
	cp -r tests examples pyproject.toml $(COMPILED)/
	ln -sfn ../../shared build/shared
	cd $(COMPILED) && PYTHONPATH=$(CURDIR)/$(COMPILED) $(CURDIR)/$(BIN)/python -m pytest $(COMPILED_TESTS)

lint: $(INSTALLED)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(COMPILED)/.built
	$(BIN)/python loadtests/balancers.py
	$(BIN)/python loadtests/datapath.py

bench-scheduling: $(COMPILED)/.built
	$(BIN)/python loadtests/scheduling.py

# Every benchmark, then docs/benchmarks.md: under 30 minutes. ONLY=scheduling,chaos makes some anew; SHORT=1 is for CI.
report: $(COMPILED)/.built
	$(BIN)/python loadtests/report.py --traces $(TRACES) $(if $(ONLY),--only $(ONLY)) $(if $(SHORT),--short)

bench-runtime: $(COMPILED)/.built
	PYTHONPATH=$(CURDIR)/$(COMPILED) $(BIN)/python loadtests/functions.py

bench-scaling: $(INSTALLED)
	$(BIN)/python loadtests/scaling.py $(TRACES)

# HTML=folder keeps locust's reports; LOAD=--short is the form of a minute.
load: $(INSTALLED)
	$(BIN)/python loadtests/load.py $(if $(HTML),--html $(HTML)) $(LOAD)

# Faults on purpose, under ten minutes: make chaos SEED=7 CHAOS="--only replica-killed"; --short is under 90 seconds.
SEED ?= 1
chaos: $(INSTALLED)
	PYTHONPATH=loadtests $(BIN)/python -m chaos --seed $(SEED) $(CHAOS)

soak: $(INSTALLED)
	$(BIN)/python loadtests/soak.py --minutes 30 --seed $(SEED)

$(INSTALLED): pyproject.toml requirements-dev.txt
	$(PYTHON) -c 'import sys; sys.exit("Tidegate needs Python 3.11 or newer: make PYTHON=python3.11") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	$(BIN)/python -m compileall -q proxy runtime  # where PYTHONDONTWRITEBYTECODE is set, each start would compile them
	@touch $@

$(COMPILED)/.built: $(INSTALLED) setup.py $(SOURCES)
	rm -rf $(COMPILED)
	TIDEGATE_COMPILE=always $(BIN)/python setup.py --quiet build --build-base build/objects --build-lib $(COMPILED)
	$(BIN)/python -m compileall -q $(COMPILED)
	@touch $@

clean:
	rm -rf $(VENV) build *.egg-info
