# The words that people and CI share. `make` alone lists them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python
# What an installation may choose: its database, the bell between its processes, a faster loop.
EXTRAS := --extra postgres --extra redis --extra nats --extra rabbitmq --extra uvloop
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"

# What is already in the environment; a stamp older than what it was made from is made again.
UV := $(VENV)/.has-uv
RUNTIME := $(VENV)/.has-runtime
DEV := $(VENV)/.has-dev

# uv reads none of pip's settings: an index that the environment gives to pip counts for both.
ifdef PIP_INDEX_URL
export UV_DEFAULT_INDEX ?= $(PIP_INDEX_URL)
endif

.DEFAULT_GOAL := help
.PHONY: help install demo run migrate check test test-postgres faults mutants bench lock clean

help: ## list these words
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(RUNTIME) ## make .venv with the locked packages and Prilavok in it
	@echo "Ready: $(BIN)/prilavok"

demo: $(RUNTIME) ## start the demo shop: no token, no network, no database server
	@$(BIN)/prilavok demo

run: $(RUNTIME) ## start Prilavok with config.toml
	@$(BIN)/prilavok run

migrate: $(RUNTIME) ## bring the database of config.toml to this version's tables
	@$(BIN)/prilavok migrate

check: $(DEV) ## format, lint, types, layers, and whether the environment fits pyproject.toml
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/uv pip check --quiet --python $(BIN)/python

test: $(DEV) ## run the tests this machine can run, and say what it left out (ARGS go to pytest)
	@scripts/test $(ARGS)

test-postgres: $(DEV) ## run only the tests that talk to PostgreSQL; an error without a server
	@scripts/test --only-postgres $(ARGS)

faults: $(DEV) ## let everything go wrong and count what was lost; hours (ARGS="f1 --kills 30", ARGS=--quick)
	@$(BIN)/python -m tests.faults $(ARGS)

mutants: $(DEV) ## plant every known kind of bug in a copy of the tree and see its check find it (ARGS="--only stock")
	@$(BIN)/python -m tests.faults.mutants.hunt $(ARGS)

bench: $(DEV) ## measure all for a quarter of an hour, or one thing alone (ARGS="pipeline --variants floor,sqlite")
	@$(BIN)/python -m benchmarks $(ARGS)

lock: $(UV) ## write the locked requirements anew from pyproject.toml (UPGRADE=1: newest versions)
	$(COMPILE) $(if $(UPGRADE),--upgrade) --group pyproject.toml:build --output-file requirements-build.lock
	$(COMPILE) $(if $(UPGRADE),--upgrade) pyproject.toml $(EXTRAS) \
		--output-file requirements.lock
	$(COMPILE) $(if $(UPGRADE),--upgrade) pyproject.toml $(EXTRAS) --group dev \
		--constraints requirements.lock --constraints requirements-build.lock --output-file requirements-dev.lock

clean: ## remove caches and build leftovers; keeps .venv and your data
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Prilavok needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "This Python cannot make environments; on Debian or Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# pip only brings uv, of the locked version and hash; uv brings the rest in a tenth of the time.
$(UV): requirements-build.lock | $(BIN)/python
	@sed -n '/^uv==/,/[^\\]$$/p' requirements-build.lock > $@.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $@.txt
	@mv $@.txt $@

$(RUNTIME): $(UV) requirements.lock pyproject.toml hatch_build.py frontend/package.json frontend/package-lock.json
	$(INSTALL) --require-hashes -r requirements.lock
	$(INSTALL) --no-deps --build-constraints requirements-build.lock --editable .
	@touch $@

$(DEV): $(RUNTIME) requirements-dev.lock
	$(INSTALL) --require-hashes -r requirements-dev.lock
	@touch $@
