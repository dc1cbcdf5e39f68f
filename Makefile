# `make study`: from nothing to an answer.  `make test`: the tests that need nothing but the installation.

PYTHON ?= python3
BIN := .venv/bin

.PHONY: install study lint test test-all gpu chaos repeat clean

install: .venv/installed

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

study: install
	$(BIN)/tintune launch study/catalog/quickstart.yaml

lint: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

test: install
	$(BIN)/python -m pytest -m "not full" --numprocesses 2 --dist loadscope

test-all: install
	$(BIN)/python -m pytest -m full --numprocesses 2 --dist loadfile

# Whether training works on this machine's GPU, and how fast: five minutes.
gpu: install
	$(BIN)/python benchmarks/on_a_gpu.py

# The tests that kill things, at their full size: some 20 minutes.
chaos: install
	TINTUNE_CHAOS=full $(BIN)/python -m pytest -m full tests/chaos

# Every layer at every size and width, 100 backward passes each: worth running on a CPU with bfloat16 instructions.
repeat: install
	TINTUNE_SEARCH=full $(BIN)/python -m pytest tests/trainables/network/test_convolution.py

clean:
	rm -rf .venv build *.egg-info .pytest_cache .mypy_cache .ruff_cache
