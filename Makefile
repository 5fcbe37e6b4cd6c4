# The commands of the project, for people and machines alike. `make help` lists them. All paths are
# relative, so the clone may lie in a folder with blanks or umlauts in its name.

SHELL := /bin/sh
.DEFAULT_GOAL := help
BIN := .venv/bin
READY := .venv/.ready
COMPOSE := docker compose -f deploy/compose.yaml
COVERAGE_FLOOR := 88

# The first Python that really runs and fits; another one: make install-dev PYTHON=/path/to/python3
FITS := import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 python; do \
	"$$p" -c '$(FITS)' >/dev/null 2>&1 && { echo "$$p"; break; }; done)

.PHONY: help quick-start dev docs schema-docs test check lint format type-check install-dev db-setup \
	db-migrate db-upgrade docker-up docker-down docker-logs bench clean

help: ## Explain each command in a line
	@echo "soleflip: begin with  make quick-start"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' Makefile

quick-start: $(READY) ## From a fresh clone to the first numbers: install, database, sandbox, main job
	@$(BIN)/soleflip run refresh_all

dev: $(READY) ## Dagster UI on 127.0.0.1:3000 with schedules, sensors and the sandbox
	@$(BIN)/soleflip ui

docs: $(READY) ## Build the documentation of tables and columns, serve it on 127.0.0.1:8081
	@$(BIN)/soleflip docs

schema-docs: $(READY) ## Write docs/schema.md from the database, after a run
	@$(BIN)/soleflip docs schema

test: $(READY) ## Run all tests, with coverage and its floor (ARGS="-k name" selects)
	@$(BIN)/pytest --cov --cov-report=term --cov-report=html \
		$(if $(ARGS),$(ARGS),-n auto --maxprocesses 4 --dist loadscope --no-loadscope-reorder --cov-fail-under=$(COVERAGE_FLOOR))

check: lint type-check ## Lint, format and types of Python, lint of SQL

lint: $(READY) ## Lint Python and SQL
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/sqlfluff lint --processes 2 --disable-progress-bar sql dbt_project/models

type-check: $(READY) ## Check the types with mypy
	@$(BIN)/mypy

format: $(READY) ## Format Python and repair what can be repaired
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

install-dev: $(READY) ## Install everything into .venv

db-setup: $(READY) ## Start the database and bring it up to date
	@$(BIN)/soleflip db start

db-migrate: ## Begin a new migration: make db-migrate name=add_something
	@echo '$(name)' | grep -Eq '^[a-z][a-z0-9_]*$$' \
		|| { echo "say what it does: make db-migrate name=add_something"; exit 1; }
	@last=$$(ls sql | sed -n 's/^\([0-9]\{4\}\)_.*\.sql$$/\1/p' | sort | tail -n 1); \
	file=$$(printf 'sql/%04d_%s.sql' "$$(expr "$$last" + 1)" '$(name)'); \
	printf '%s\n' '-- What this changes, and why.' 'set local role soleflip_owner;' > "$$file"; \
	echo "write it: $$file   apply it: make db-upgrade"

db-upgrade: $(READY) ## Apply the migrations that the database does not have yet
	@$(BIN)/soleflip db upgrade

docker-up: .docker ## Start everything in containers, Metabase included
	@$(COMPOSE) up --detach --build

docker-down: .docker ## Stop the containers; their data stays
	@$(COMPOSE) down

docker-logs: .docker ## Follow the containers' logs
	@$(COMPOSE) logs --follow --tail 100

.PHONY: .docker
.docker:
	@docker compose version >/dev/null 2>&1 || { \
		echo "docker with its compose plugin is needed for this; without it use: make quick-start"; exit 1; }

bench: $(READY) ## Measure how right and fast catalog, loader and marts are; takes some hours
	@$(BIN)/python -m bench.catalog
	@$(BIN)/python -m bench.identity
	@$(BIN)/python -m bench.load
	@$(BIN)/python -m bench.publish
	@$(BIN)/python -m bench.marts
	@$(BIN)/python -m bench.verify
	@$(BIN)/python -m bench.chaos

clean: ## Remove caches and build products; data (.soleflip) and .venv stay
	@rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis htmlcov .coverage .coverage.* \
		dbt_project/target dbt_project/logs
	@find . -name .venv -prune -o -name .soleflip -prune -o -name __pycache__ -type d -print \
		-exec rm -rf {} + >/dev/null
	@echo "clean; .soleflip (your data) and .venv were left alone"

# The environment. uv takes seconds where pip takes minutes; plain pip works on the same file.
$(READY): constraints.txt pyproject.toml
	@test -n "$(PYTHON)" || { \
		echo "no Python 3.11, 3.12 or 3.13 with venv was found: install one (on Debian also its"; \
		echo "package python3-venv), or name it: make install-dev PYTHON=/path/to/python3"; exit 1; }
	@echo "[1/4] virtual environment .venv ($$("$(PYTHON)" -V))"
	@$(BIN)/python -c 'import pip' 2>/dev/null || "$(PYTHON)" -m venv --clear .venv
	@echo "[2/4] installer"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv 2>/dev/null \
		|| echo "      uv is not to be had, pip does it (some minutes)"
	@echo "[3/4] $$(grep -c '==' constraints.txt) packages, pinned by hash"
	@index=$$($(BIN)/python -m pip config get global.index-url 2>/dev/null); \
	UV_DEFAULT_INDEX="$${UV_DEFAULT_INDEX:-$${PIP_INDEX_URL:-$${index:-https://pypi.org/simple}}}" \
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --require-hashes \
		--compile-bytecode -r constraints.txt 2>.venv/uv.log \
	|| { echo "      with pip, since uv could not (.venv/uv.log); this takes some minutes"; \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps \
			--require-hashes -r constraints.txt; }
	@echo "[4/4] soleflip"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $(READY)
