# Everything runs in .venv, which `make setup` fills from pyproject.toml.
PYTHON ?= python3
VENV := .venv
# Of the Dynamo releases that tests need besides the newest: no two fit into one environment.
RELEASES := 0.6.1 1.2.1
BIN := $(VENV)/bin

.PHONY: help setup releases demo test lint types check soak bench bench-smoke snapshots screenshots clean

help:  ## what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

$(VENV)/.runtime: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/.dev: $(VENV)/.runtime
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

setup: $(VENV)/.dev  ## install everything that development needs

$(VENV)/releases/%/.installed: | $(VENV)/.runtime
	rm -rf $(@D)
	$(BIN)/python -m pip install --quiet --no-deps --target $(@D) ai-dynamo-runtime==$*
	touch $@

releases: $(RELEASES:%=$(VENV)/releases/%/.installed)  ## older Dynamo releases, for tests

demo: $(VENV)/.runtime  ## the dashboard on a living cluster in memory
	$(BIN)/dyntop --demo

test: $(VENV)/.dev releases  ## all tests, with real servers and real Dynamo workers
	$(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder

soak: $(VENV)/.dev  ## churn and faults on a real etcd; SOAK_MINUTES, ten by itself
	$(BIN)/python -m tests.soak

lint: $(VENV)/.dev  ## style and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev  ## strict type check
	$(BIN)/mypy

check: lint types test  ## all of it, as CI does

bench: $(VENV)/.dev  ## how fast and light it is, beside its peers; about an hour
	$(BIN)/python -m bench --output bench/results.json --readme README.md

bench-smoke: $(VENV)/.dev  ## a small and short one; fails for what is out by ten times
	$(BIN)/python -m bench --smoke

snapshots: $(VENV)/.dev  ## draw the snapshots again; look at each before committing it
	$(BIN)/python -m pytest tests/snapshots --snapshot-update

screenshots: $(VENV)/.dev  ## draw the pictures of the README again
	$(BIN)/python -m tests.screenshots screenshots

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache
