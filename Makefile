# `make help` lists the targets. PYTHON names the interpreter: make PYTHON=/path/to/python3.11
PYTHON ?= python3.11
BIN := .venv/bin
UV ?= uv

.DEFAULT_GOAL := help
.PHONY: help setup demo test unit integration lint bench lock calendar artifact-lock clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

setup: ## virtual environment, broker and registry; quick when done already
	@command -v $(PYTHON) >/dev/null || { echo "missing: Python 3.11: apt-get install python3.11 python3.11-venv"; exit 1; }
	@$(PYTHON) -P infra/setup.py

demo: setup ## publish, decide and receive real data on a real broker
	@$(BIN)/sharebus demo

test: lint ## lint and all tests
	@$(BIN)/pytest --numprocesses 2

unit: setup ## tests without a broker
	@$(BIN)/pytest tests/unit

integration: setup ## tests on a real broker
	@$(BIN)/pytest --numprocesses 2 tests/integration

lint: setup ## ruff, mypy and the layers between the rooms
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --quiet --check
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-logo >.sharebus/lint-imports.log || { cat .sharebus/lint-imports.log; exit 1; }

bench: setup ## how fast the gate is on this machine
	@$(BIN)/python bench/gate.py

# The packages that ship are those that were tested: the second file begins as a copy of the first.
lock: ## choose newer packages and write the lock files (needs uv)
	@command -v $(UV) >/dev/null || { echo "missing: uv: pip install uv (outside .venv), or make UV=/path/to/uv lock"; exit 1; }
	$(UV) pip compile pyproject.toml -o requirements-dev.lock --extra dev --upgrade --quiet \
	  --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-emit-find-links
	@cp requirements-dev.lock requirements.lock
	$(UV) pip compile pyproject.toml -o requirements.lock --quiet \
	  --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-emit-find-links

calendar: setup ## write the table of working days; review the difference against the notice
	@$(BIN)/python tools/working_days.py
	@git diff --stat governance/tables/working_days.json

artifact-lock: ## write the digests of what infra/embedded/pom.xml names; review the difference
	@$(BIN)/python -m sharebus.infra.embedded.artifacts --print-digests >.sharebus/artifacts.sha256
	@mv .sharebus/artifacts.sha256 infra/embedded/artifacts.sha256
	@git diff --stat infra/embedded/artifacts.sha256

clean: ## remove everything that set-up and tests have made, but no data directory
	rm -rf .venv .sharebus/artifacts .sharebus/foreign .sharebus/*.lock build dist *.egg-info src/*.egg-info
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
