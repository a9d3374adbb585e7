# Two commands do everything on a machine that has Python >= 3.11 and make:
#   make demo    sets up and runs the main job
#   make test    sets up and runs every check and every test
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# PIP_CONFIG_FILE is left alone: a machine's own package settings are used as they are.
PIP := $(BIN)/python -m pip --disable-pip-version-check
DEMO := examples/china-cloud-2024.yaml

.PHONY: help demo test check unit format lock readme bench clean

help:
	@sed -n '2,4p' Makefile | cut -c3-
	@echo 'make check   style, types, import order and size budget only'
	@echo 'make unit    the tests only'
	@echo 'make readme  measure accuracy again and refresh the outputs that README.md shows'
	@echo 'make bench   speed and accuracy, printed as ratios'
	@echo 'make lock    resolve the pinned requirements again (needs uv)'

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo 'Tonnage needs Python 3.11 or newer; say which with: make PYTHON=python3.12'; exit 2; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  echo 'the venv module is missing; trying the system package'; \
	  apt-get update -qq && apt-get install -y -qq python3-venv && $(PYTHON) -m venv $(VENV); }

$(VENV)/run.stamp: requirements/run.txt requirements/build.txt pyproject.toml | $(VENV)/bin/python
	@echo 'installing what Tonnage runs on'
	@$(PIP) install -q --require-hashes -r requirements/build.txt -r requirements/run.txt
	@$(PIP) install -q --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/dev.stamp: requirements/dev.txt $(VENV)/run.stamp
	@echo 'installing what its tests need'
	@$(PIP) install -q --require-hashes -r requirements/dev.txt
	@touch $@

demo: $(VENV)/run.stamp
	@$(BIN)/tonnage plan $(DEMO)

test: check unit

check: $(VENV)/dev.stamp
	@$(BIN)/ruff check . && $(BIN)/ruff format --check -q .
	@$(BIN)/mypy
	@$(BIN)/python tools/size.py

unit: $(VENV)/dev.stamp
	@$(BIN)/python -m pytest -n 2 --dist worksteal -q

format: $(VENV)/dev.stamp
	@$(BIN)/ruff check --fix -q . ; $(BIN)/ruff format -q .

lock:
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	  pyproject.toml -o requirements/run.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	  pyproject.toml --extra dev -c requirements/run.txt -o requirements/dev.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	  requirements/build.in -c requirements/dev.txt -o requirements/build.txt

readme: $(VENV)/dev.stamp
	@$(BIN)/python tools/accuracy_table.py && $(BIN)/python tools/readme.py

bench: $(VENV)/dev.stamp
	@for f in benchmarks/*.py; do echo "== $$f"; $(BIN)/python $$f || exit 1; done

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
