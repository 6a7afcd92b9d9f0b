# One entry for people and for CI. Every target sets up what it needs by itself and is safe to repeat.

VENV := .venv
BIN := $(VENV)/bin
# Tests run in a process a CPU, each taking over what another has not begun.
SIDE_BY_SIDE := -n auto --maxprocesses=8 --dist worksteal
PIP := $(BIN)/python -m pip --disable-pip-version-check install -qq
# The newest Python that the system has, from 3.11 on; say PYTHON=... to choose another.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)

.DEFAULT_GOAL := help
.PHONY: help demo test test-all check fix docs bench clean

help:  ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 18

demo: $(VENV)/.demo  ## from raw data to a served prediction, in under three minutes
	@$(BIN)/mlwright demo

test: check examples/clients/node/node_modules/.stamp $(VENV)/servers/.stamp  ## what CI runs: style, types, layers, and every test that takes seconds
	@$(BIN)/pytest $(SIDE_BY_SIDE) -m "not slow"

test-all: check examples/clients/node/node_modules/.stamp $(VENV)/servers/.stamp $(VENV)/servers/.r  ## the same, and the tests that take minutes
	@$(BIN)/pytest $(SIDE_BY_SIDE)

check: $(VENV)/.dev  ## style, formatting, types, and the layers between packages
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

fix: $(VENV)/.dev  ## mend style and formatting where a tool can
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

docs: $(VENV)/.dev  ## write the generated pages again (docs/cli.md, docs/checks.md, docs/metrics.md)
	@$(BIN)/python -m mlwright.cli.pages docs

bench: $(VENV)/.dev  ## fit every data set in MLWRIGHT_DATA; a line each of score, seconds, parity, cost
	@$(BIN)/python benchmarks/every_table.py

clean:  ## remove the virtual environment and all that was built
	@rm -rf $(VENV) dist build .mypy_cache .ruff_cache .hypothesis .import_linter_cache catboost_info \
		mlwright-demo examples/clients/node/node_modules
	@find src tests -name __pycache__ -prune -exec rm -rf {} +

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "error: no Python 3.11 or newer found. What to do: install one, or say make PYTHON=/path/to/python" >&2; exit 3; }
	@echo "making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV) || { echo "error: $(PYTHON) cannot make a virtual environment. What to do: install its venv module (Debian: apt install python3-venv)" >&2; rm -rf $(VENV); exit 3; }

# An environment with the tools of development holds all that the demo needs.
$(VENV)/.demo: pyproject.toml | $(BIN)/python
	@test $(VENV)/.dev -nt pyproject.toml || { echo "installing mlwright[serve,train] into $(VENV) (once, one to two minutes)"; $(PIP) -e '.[serve,train]'; }
	@touch $@

$(VENV)/.dev: pyproject.toml | $(BIN)/python
	@echo "installing mlwright[dev] into $(VENV) (once, one to two minutes)"
	@$(PIP) -e '.[dev]'
	@touch $@

# The Node example is tested where npm is; without it (or without a registry) its test says that it was skipped.
examples/clients/node/node_modules/.stamp: examples/clients/node/package-lock.json
	@mkdir -p $(@D)
	@if command -v npm >/dev/null; then \
		cd examples/clients/node && ONNXRUNTIME_NODE_INSTALL=skip npm ci --no-audit --no-fund --loglevel=error \
		|| echo "npm ci failed: the test of the Node example will be skipped"; fi
	@mkdir -p $(@D) && touch $@

# MariaDB is tested where Debian's packages can be fetched, into the environment alone; elsewhere its tests say that
# they were skipped.
$(VENV)/servers/.stamp: tests/fetch_mariadb.sh | $(BIN)/python
	@mkdir -p $(@D)
	@sh tests/fetch_mariadb.sh $(@D) || echo "no MariaDB could be fetched: the tests with it will be skipped"
	@touch $@

# R comes the same way, but takes a minute: the client for R is tested by test-all.
$(VENV)/servers/.r: tests/fetch_r.sh | $(BIN)/python
	@mkdir -p $(@D)
	@sh tests/fetch_r.sh $(@D) >/dev/null || echo "no R could be fetched: the tests with it will be skipped"
	@touch $@
