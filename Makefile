.DEFAULT_GOAL := help
.PHONY: help setup venv check test lint format types imports unit integration e2e \
        up down demo bench bench-quick lock lock-jars
PYTHON ?=
VENV := $(if $(PYTHON),.venv-$(notdir $(PYTHON)),.venv)
RUN := $(VENV)/bin/

help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z0-9-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: venv ## Install everything into .venv (PYTHON=python3.13: .venv-python3.13); say what is lacking
	@$(RUN)python -m infra.local_cluster
	@echo "Ready. Next: make demo"

venv:
	@.ci/venv $(VENV) $(PYTHON)

demo: setup ## See the whole platform work, on this machine
	$(RUN)python -m cli demo
up: setup ## Start Kafka, Cassandra and every service
	$(RUN)python -m cli up
down: venv ## Stop all of that; the data stays
	$(RUN)python -m cli down

check: lint types imports unit ## Everything that needs no server: two to three minutes on two cores
test: check ## Everything
	$(RUN)pytest --durations=30 tests/integration tests/e2e

lint: venv ## Style
	$(RUN)ruff format --check .
	$(RUN)ruff check .
format: venv ## Put the style right
	$(RUN)ruff check --fix-only .
	$(RUN)ruff format .
types: venv ## Types
	$(RUN)mypy
imports: venv ## Who may import whom
	$(RUN)lint-imports
unit: venv ## Tests that touch no server
	$(RUN)pytest -n auto --dist worksteal tests/unit tests/property tests/contract tests/architecture
integration: venv ## One adapter at a time, against real servers
	$(RUN)pytest tests/integration
e2e: venv ## The whole platform, from POST to public URL and rebuild
	$(RUN)pytest tests/e2e

bench-quick: setup ## Measure in about four minutes
	$(RUN)python -m bench --quick
bench: setup ## Measure thoroughly
	$(RUN)python -m bench

PIN := $(RUN)uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header
lock: venv ## Pin every dependency, with hashes: for developing, for running, for HEIC
	$(PIN) --group dev --extra heic pyproject.toml -o requirements-dev.lock
	$(PIN) --constraint requirements-dev.lock pyproject.toml -o requirements.lock
	sed -n 's/^ *"\(pillow-heif==[0-9.]*\)".*/\1/p' pyproject.toml | \
		$(PIN) --no-deps --no-annotate - -o requirements-heic.lock
lock-jars: venv ## Pin the servers' jars, after a change of infra/local_cluster/poms
	$(RUN)python -m infra.local_cluster --pin-jars
