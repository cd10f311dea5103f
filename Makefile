PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup demo test check clean

# Everything that the other targets need, in .venv inside this folder.
setup: .venv/ready

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[synth,dev]'
	touch $@

# The main job on synthetic scanned rooms: labels, figures and a report.
demo: setup
	$(BIN)/seggroup demo -o runs/demo

test: setup
	$(BIN)/python -m pytest

# What a change must pass besides the tests.
check: setup
	$(BIN)/ruff format --check src tests benchmarks
	$(BIN)/ruff check src tests benchmarks
	$(BIN)/mypy

clean:
	rm -rf .venv runs
