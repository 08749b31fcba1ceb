# One command each to start, check and test. `make help` lists them.

.DEFAULT_GOAL := help
SHELL := /bin/sh
VENV := .venv
LOAD_VENV := .venv-load
BIN := $(VENV)/bin
JOBS ?= 3
# Of `make chaos`. JOBS is the tests' number of processes, unless it is said on the command line of `make chaos`.
CHAOS_JOBS ?= $(if $(filter command,$(origin JOBS)),$(JOBS),6000)
MINUTES ?= 2
SEED ?= 1
KILLS ?= 0
PIP := -m pip --disable-pip-version-check --no-input
# The first of these that is new enough makes the environment; PYTHON=/path/to/python takes another.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)

# Images of containers often set it. Without its cache each of the some hundred processes that the tests start would
# compile the gateway again, and each process of pytest every test: half a second and twelve seconds of a core.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(VENV)/.ready ## Make .venv with the pinned dependencies and .venv/bin/gateway; start nothing

.PHONY: run
run: $(VENV)/.ready ## Start everything on this machine; Ctrl-C stops it
	@exec $(BIN)/gateway up

.PHONY: dev
dev: $(VENV)/.ready ## The same, and start the processes again when a file changes
	@exec $(BIN)/gateway up --reload

.PHONY: test
test: $(VENV)/.ready-dev ## Run every test
	$(BIN)/python -m pytest -n $(JOBS) --dist loadscope

.PHONY: check
check: $(VENV)/.ready-dev ## Formatting, lint, types and import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/python -m mypy --num-workers 2
	$(BIN)/lint-imports --no-logo

.PHONY: format
format: $(VENV)/.ready-dev ## Rewrite the files as `make check` wants them
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

.PHONY: coverage
coverage: $(VENV)/.ready-dev ## Run every test and show the lines that none of them reached
	$(BIN)/python -m pytest -n $(JOBS) --cov --cov-report=term --cov-report=html

.PHONY: openapi
openapi: $(VENV)/.ready-dev ## Rewrite from the code tests/api/openapi.json, docs/access.md and the table of docs/earlier-clients.md
	$(BIN)/python -m tests.api.openapi
	$(BIN)/python -m tests.api.access_page
	$(BIN)/python -m tests.api.aliases_page

.PHONY: load
load: $(VENV)/.ready $(LOAD_VENV)/.ready ## 200 users for 60 s that post and poll; every accepted job must end once
	$(BIN)/python -m loadtest.run_load --locust $(LOAD_VENV)/bin/locust

.PHONY: bench
bench: $(VENV)/.ready ## Measure and rewrite docs/benchmarks.md
	$(BIN)/python -m loadtest.bench --write

.PHONY: bench-accounts
bench-accounts: $(VENV)/.ready ## Measure sign-ins, guessing and stuffing, for their section of that page
	$(BIN)/python -m loadtest.bench_accounts --write

.PHONY: chaos
chaos: $(VENV)/.ready ## Everything under fire: CHAOS_JOBS, MINUTES, SEED, KILLS; fails unless the books balance
	$(BIN)/gateway chaos --jobs $(CHAOS_JOBS) --minutes $(MINUTES) --seed $(SEED) --kills $(KILLS)

.PHONY: test-faults
test-faults: $(VENV)/.ready-dev ## Two minutes under fire, as continuous integration runs it
	$(BIN)/python -m pytest -m faults
	$(BIN)/gateway chaos --jobs 4000 --minutes 2 --seed $(SEED)

.PHONY: mutants
mutants: $(VENV)/.ready-dev ## Take away one guard at a time, in a copy; a named test must notice (minutes; not in CI)
	$(BIN)/python -m tests.mutants

.PHONY: lock
lock: $(VENV)/.ready-dev ## Pin the dependencies again, with hashes
	@for source in pyproject.toml:requirements requirements-dev.in:requirements-dev requirements-load.in:requirements-load; do \
		CUSTOM_COMPILE_COMMAND='make lock' $(BIN)/pip-compile --quiet --generate-hashes --strip-extras --allow-unsafe \
			--no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options \
			--output-file $${source##*:}.txt $${source%%:*} || exit 1; done

.PHONY: clean
clean: ## Forget the embedded servers' data, the environments and every cache
	@! { [ -f .gateway/up.pid ] && kill -0 "$$(cat .gateway/up.pid)" 2>/dev/null; } || { \
		echo "A gateway runs here (process $$(cat .gateway/up.pid)): stop it first." >&2; exit 1; }
	rm -rf .gateway $(VENV) $(LOAD_VENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis htmlcov .coverage* \
		build *.egg-info

$(VENV)/bin/python $(LOAD_VENV)/bin/python:
	@[ -n "$(PYTHON)" ] && "$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "The gateway needs Python 3.11 or later, and '$(or $(PYTHON),python3)' is not that." >&2; \
		echo "Install one, or name it: make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@"$(PYTHON)" -m venv $(@:/bin/python=) || { rm -rf $(@:/bin/python=); \
		echo "Python's venv module is missing or broken: on Debian and Ubuntu, apt install python3-venv" >&2; exit 1; }

# The stamps say what is installed; nothing is asked of pip while they are newer than what they came from.
$(VENV)/.ready: requirements.txt pyproject.toml | $(VENV)/bin/python
	$(BIN)/python $(PIP) install --quiet --require-hashes --requirement requirements.txt
	$(BIN)/python $(PIP) install --quiet --no-deps --no-build-isolation --no-index --editable .
	@touch $@

$(VENV)/.ready-dev: requirements-dev.txt $(VENV)/.ready
	$(BIN)/python $(PIP) install --quiet --require-hashes --requirement requirements-dev.txt
	@touch $@

$(LOAD_VENV)/.ready: requirements-load.txt | $(LOAD_VENV)/bin/python
	$(LOAD_VENV)/bin/python $(PIP) install --quiet --require-hashes --requirement requirements-load.txt
	@touch $@
