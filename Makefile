# Everything runs in .venv, which `make setup` fills from pyproject.toml. That of a Python that is
# named, as in `make test PYTHON=python3.12`, is apart from it, in .venv-3.12.
PYTHON ?= python3
ifeq ($(origin PYTHON),file)
VENV := .venv
else
FOUND := $(shell ./.ci/find-python $(PYTHON))
ifeq ($(FOUND),)
$(error PYTHON=$(PYTHON) is no Python 3.11 or later that is installed here)
endif
override PYTHON := $(word 1,$(FOUND))
VENV := .venv-$(word 2,$(FOUND))
endif
# Folders whose tests start no server and no process of Dynamo, and take a minute in all.
UNIT := $(addprefix tests/,aio backends discovery dynamo liveness removal store tui/config tui/runtime \
	tui/state tui/text packaging/test_imports.py packaging/test_stopwatches.py)
# Of the Dynamo releases that tests need besides the newest: no two fit into one environment.
RELEASES := 0.6.1 1.0.2 1.2.1 1.4.2
# The release of frontends and mock engines, of which tests make whole clusters.
CLUSTER := 1.6.1
# What its Python parts import, in the versions that the clusters of the tests were measured with.
CLUSTER_NEEDS := msgspec==0.23.0 packaging==26.4 pydantic==2.14.4 PyYAML==6.0.4 uvloop==0.23.0 \
	nats-py==2.16.0 msgpack==1.2.4 annotated-types==0.8.0 typing_extensions==4.16.0 \
	typing-inspection==0.4.5
# The release that generates code from .proto files. Generated code needs at least the protobuf that
# it was generated for: 5.28.1 with this one, and the newest with the newest.
PROTOC := 1.68.1
BIN := $(VENV)/bin

# Processes of the tests. Of their time they wait for two thirds: on two cores, four of them leave a
# third of the machine idle, and six an eighth.
WORKERS ?= 6

# Where nothing is kept of what Python compiles, each of the tests' processes compiles it all anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup system-packages releases cluster apiserver truth demo test unit lint types check soak fuzz bench bench-smoke stubs snapshots screenshots schema man wheel clean

help:  ## what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

$(VENV)/.runtime: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/.dev: $(VENV)/.runtime
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

system-packages:  ## what some tests need of the system; without root or apt they are skipped
	./.ci/system-packages

setup: $(VENV)/.dev  ## install everything that development needs

$(VENV)/releases/%/.with-frontend: | $(VENV)/.runtime
	rm -rf $(@D)
	$(BIN)/python -m pip install --quiet --no-deps --target $(@D) ai-dynamo==$* ai-dynamo-runtime==$*
	touch $@

releases: $(RELEASES:%=$(VENV)/releases/%/.with-frontend)  ## older Dynamo releases, for tests

# With its dependencies the package does not install, and beside the tests it does not run.
$(VENV)/cluster/.installed: | $(VENV)/.runtime
	rm -rf $(@D)
	$(BIN)/python -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet $(CLUSTER_NEEDS)
	$(@D)/bin/python -m pip install --quiet --no-deps ai-dynamo==$(CLUSTER) ai-dynamo-runtime==$(CLUSTER)
	touch $@

cluster: $(VENV)/cluster/.installed  ## whole Dynamo clusters, for tests

apiserver: $(VENV)/.dev  ## a Kubernetes API server, for tests; without Go 1.26 they are skipped
	@$(BIN)/python -m tests.support.kubernetes.program

demo: $(VENV)/.runtime  ## the dashboard on a living cluster in memory
	$(BIN)/dyntop --demo

test: $(VENV)/.dev releases cluster apiserver  ## all tests, with real servers and real Dynamo workers
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

unit: $(VENV)/.dev  ## the tests that need no server
	$(BIN)/python -m pytest -n 2 $(UNIT)

truth: $(VENV)/.dev cluster  ## what dyntop says of real clusters beside what requests get; TRUTH: only some
	$(BIN)/python -m tests.truth

soak: $(VENV)/.dev  ## churn and faults on a real etcd; SOAK_MINUTES, ten by itself
	$(BIN)/python -m tests.soak

fuzz: $(VENV)/.dev  ## keys, clicks and bytes at random; FUZZ_MINUTES, ten by itself, FUZZ_SEED
	$(BIN)/python -m tests.fuzz.fuzzing

lint: $(VENV)/.dev  ## style and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache

types: $(VENV)/.dev  ## strict type check
	$(BIN)/mypy

check: lint types test  ## all of it, as CI does

bench: $(VENV)/.dev  ## how fast and light it is, beside its peers; about an hour and a half
	$(BIN)/python -m bench --output bench/results.json --table docs/benchmarks.md

bench-smoke: $(VENV)/.dev  ## a small and short one; fails for what is out by ten times
	$(BIN)/python -m bench --smoke

$(VENV)/protoc-%/.installed: | $(VENV)/.runtime
	rm -rf $(@D)
	$(BIN)/python -m pip install --quiet --no-deps --target $(@D) grpcio-tools==$*
	touch $@

stubs: $(VENV)/protoc-$(PROTOC)/.installed  ## generate the messages of etcd from their .proto
	PYTHONPATH=$(VENV)/protoc-$(PROTOC) $(BIN)/python -m grpc_tools.protoc \
		--proto_path=. --python_out=. --pyi_out=. backends/etcd/proto/etcd.proto

snapshots: $(VENV)/.dev  ## draw the snapshots again; look at each before committing it
	$(BIN)/python -m pytest tests/snapshots --snapshot-update

screenshots: $(VENV)/.dev  ## draw the pictures of the documents again
	$(BIN)/python -m tests.screenshots screenshots

schema: $(VENV)/.dev  ## write the JSON schema of the settings file again
	$(BIN)/python -m tests.support.settings_schema

man: $(VENV)/.dev  ## write the manual page again
	$(BIN)/python -m tests.support.man_page docs/dyntop.1

# What an earlier build left behind would be packed, too.
wheel: $(VENV)/.dev  ## build the wheel, in dist/; ADDRESS: where the repository is to be found
	rm -rf build dist
	PROJECT_ADDRESS='$(ADDRESS)' $(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .

clean:
	rm -rf .venv .venv-3.* build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache
