# make demo, make test: each does all the set-up a fresh machine needs (Python 3.11+, pip, make).

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
export PYTHONWARNINGS =

.PHONY: help demo test lint test-kafka chaos bench bench-quick train clean

help:            ## what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(VENV)/.run: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[demo]'
	@touch $@

$(VENV)/.dev: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[demo,dev]'
	@touch $@ $(VENV)/.run

$(VENV)/.bench: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[demo,dev,bench,voices,spotcheck]'
	@touch $@

demo: $(VENV)/.run    ## play the sample calls through the real thing and check what comes out
	$(BIN)/deid-stream demo

test: $(VENV)/.dev    ## lint, types, every test that needs no Apache Kafka
	$(BIN)/ruff check src tests benchmarks models
	$(BIN)/ruff format --check src tests benchmarks models
	$(BIN)/mypy
	$(BIN)/python -m pytest -m "not kafka and not chaos"

test-kafka: $(VENV)/.dev    ## the broker tests against a real Apache Kafka (KAFKA_HOME, Java 17+)
	@test -d "$(KAFKA_HOME)/libs" || { echo "KAFKA_HOME must name an unpacked Apache Kafka (a folder with libs/)" >&2; exit 2; }
	KAFKA_HOME="$(abspath $(KAFKA_HOME))" $(BIN)/python -m pytest -m "kafka"

bench: $(VENV)/.bench    ## all benchmarks; writes benchmarks/results/*.json and tables
	$(BIN)/python -m benchmarks

bench-quick: $(VENV)/.bench    ## under a minute, one JSON line
	$(BIN)/python -m benchmarks --quick

train: $(BIN)/python    ## the shipped model again; DATA names a folder of carrier sentences, DEV one to measure on
	$(BIN)/python -m pip install --quiet --editable '.[train]'
	$(BIN)/python -m models.train $(DATA) $(if $(DEV),--dev $(DEV))

clean:           ## remove what the targets above made
	rm -rf $(VENV) demo-out build dist .mypy_cache .ruff_cache .pytest_cache
