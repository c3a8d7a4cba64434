# Two first-class targets: `make demo` and `make test`. Each sets up .venv by itself.
SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# the newest Python that is here and new enough; override with `make PYTHON=/path/to/python3 ...`
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
JOBS ?= auto

.PHONY: help demo test dev lint typecheck format bench docs wheel-check clean
help:
	@echo "make demo | test | dev | lint | typecheck | format | bench | docs | wheel-check | clean"

$(STAMP): pyproject.toml
	@test -n "$(PYTHON)" || { echo "eksauth: error: no Python 3.11 or newer found" >&2; \
		echo "eksauth: hint: install one, or run make PYTHON=/path/to/python3.11" >&2; exit 3; }
	@echo "setting up $(VENV), once; this takes a minute or so" >&2
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		$(PYTHON) -m pip install --quiet --user virtualenv && $(PYTHON) -m virtualenv --quiet $(VENV); } || { rm -rf $(VENV); \
		echo "eksauth: error: this Python can make no virtual environment" >&2; \
		echo "eksauth: hint: on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 3; }
	@$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.2'
	@$(BIN)/python -m pip install --quiet --editable '.[all]' --group dev
	@touch $@

dev: $(STAMP)

demo: $(STAMP)
	@$(BIN)/eksauth sandbox demo
	@$(BIN)/eksauth sandbox demo --story login

test: $(STAMP)
	@$(BIN)/python -m pytest -n $(JOBS) --dist worksteal $(ARGS)

lint: $(STAMP)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports

typecheck: $(STAMP)
	@$(BIN)/mypy

format: $(STAMP)
	@$(BIN)/ruff check --fix-only --quiet . || true
	@$(BIN)/ruff format --quiet .

bench: $(STAMP)
	@$(BIN)/python -m benchmarks $(ARGS)

docs: $(STAMP)
	@# not --quiet: it hides the warnings from strict mode as well
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

wheel-check: $(STAMP)
	@sh tests/wheel_check.sh $(BIN)/python

clean:
	rm -rf $(VENV) .venv-* dist build site .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
