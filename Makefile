# make demo, make test: each does all the set-up a fresh machine needs (Python 3.11+, pip, make).

PYTHON ?= python3
VENV   ?= .venv
# test files at a time in `make test`, twice a small machine's two cores: some tests wait. On one slow machine four took
# 6 min 48 s where three took 7 min 38 s; each imports and collects everything once more (6 s of a processor)
JOBS   ?= 4
# in `make test-live`: tests of brokers mostly wait, but six at a time wait for each other until time limits pass
LIVE_JOBS ?= 4
# in `make test-kafka`: each has a broker of its own
KAFKA_JOBS ?= 3
BIN    := $(VENV)/bin
export PYTHONWARNINGS =
# tests start the package hundreds of times: compiled once, not at each start
export PYTHONDONTWRITEBYTECODE =
# as in `deid-stream` itself (cli.py); tests and benchmarks call the parts without it
export OPENBLAS_NUM_THREADS = 1

.PHONY: help demo test test-live test-kafka bench bench-quick train lock sbom audit manifests pin-images clean

help:            ## what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(VENV)/.run: pyproject.toml | $(BIN)/python
	@echo "installing into $(VENV): about 500 MB, some minutes without a word"
	$(BIN)/python -m pip install --quiet --editable '.[demo]'
	@touch $@

$(VENV)/.dev: pyproject.toml | $(BIN)/python
	@echo "installing into $(VENV): about 1.1 GB, some minutes without a word"
	$(BIN)/python -m pip install --quiet --editable '.[demo,dev]'
	@touch $@ $(VENV)/.run

$(VENV)/.bench: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[demo,dev,bench,voices,spotcheck]'
	@touch $@

demo: $(VENV)/.run    ## play the sample calls through the real thing and check what comes out
	$(BIN)/deid-stream demo

# the folders that tests/conftest.py allows tests of brokers in: the others are not collected for them
BROKER_TESTS := tests/chaos tests/conformance tests/hostile tests/integration

# under six minutes on two idle cores; the ten slowest files are named at the end of the run. In the order of the folders,
# which begins with the long files; xdist's own begins with those of the most tests. mypy takes a core for a minute
test: $(VENV)/.dev    ## lint, types, every law, unit and whole-call test, one pass through real processes (< 6 min on 2 cores)
	$(BIN)/ruff check src tests benchmarks models
	$(BIN)/ruff format --check src tests benchmarks models
	$(BIN)/mypy >$(VENV)/types.txt & types=$$!; \
	$(BIN)/python -m pytest -m "not live and not kafka and not chaos" -n $(JOBS) --dist loadfile --no-loadscope-reorder; failed=$$?; \
	wait $$types || failed=1; cat $(VENV)/types.txt; exit $$failed

test-live: $(VENV)/.dev    ## the suites of real workers and control planes, killed too, on the embedded broker; after `make test`
	$(BIN)/python -m pytest -m "live and not kafka and not chaos" -n $(LIVE_JOBS) --dist loadfile --no-loadscope-reorder $(BROKER_TESTS)

test-kafka: $(VENV)/.dev    ## the broker tests against a real Apache Kafka (KAFKA_HOME, Java 17+)
	@test -d "$(KAFKA_HOME)/libs" || { echo "KAFKA_HOME must name an unpacked Apache Kafka (a folder with libs/)" >&2; exit 2; }
	KAFKA_HOME="$(abspath $(KAFKA_HOME))" $(BIN)/python -m pytest -m "kafka" -n $(KAFKA_JOBS) --dist loadfile --no-loadscope-reorder $(BROKER_TESTS)

bench: $(VENV)/.bench    ## all benchmarks; writes benchmarks/results/*.json and tables
	$(BIN)/python -m benchmarks

bench-quick: $(VENV)/.bench    ## under a minute, one JSON line
	$(BIN)/python -m benchmarks --quick

train: $(BIN)/python    ## the shipped model again; DATA names a folder of carrier sentences, DEV one to measure on
	$(BIN)/python -m pip install --quiet --editable '.[train]'
	$(BIN)/python -m models.train $(DATA) $(if $(DEV),--dev $(DEV))

# The tools have an environment of their own. Locked for Python 3.12 on Linux, which the image has; hashes of every architecture's files.
SUPPLY := .venv-supply/bin
LOCK   := $(SUPPLY)/uv pip compile pyproject.toml --python-platform linux --python-version 3.12 --generate-hashes --no-header --no-annotate --quiet

.venv-supply/.done: pyproject.toml
	$(PYTHON) -m venv .venv-supply
	$(SUPPLY)/python -m pip install --quiet $$($(PYTHON) -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['optional-dependencies']['supply'])")
	@touch $@

lock: .venv-supply/.done    ## requirements/*.txt again, exact versions with hashes (UPGRADE=--upgrade: the newest allowed)
	$(LOCK) $(UPGRADE) --extra align --extra broker --extra control --extra dashboard --extra demo --extra opus -o requirements/trial.txt
	$(LOCK) $(UPGRADE) -c requirements/trial.txt -o requirements/run.txt
	$(LOCK) $(UPGRADE) -c requirements/trial.txt --extra align --extra control --extra dashboard --extra opus -o requirements/image.txt
	$(LOCK) $(UPGRADE) -c requirements/trial.txt --extra opus --extra spotcheck -o requirements/spotcheck.txt
	$(PYTHON) -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['build-system']['requires'], sep='\n')" > requirements/build.in
	$(subst pyproject.toml,requirements/build.in,$(LOCK)) $(UPGRADE) -o requirements/build.txt
	rm requirements/build.in

sbom: .venv-supply/.done $(VENV)-locked/.done    ## sbom.json: CycloneDX of what requirements/image.txt installs
	$(SUPPLY)/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible --short-PURLs -o sbom.json $(VENV)-locked/bin/python

$(VENV)-locked/.done: requirements/image.txt
	$(PYTHON) -m venv --clear $(VENV)-locked
	$(VENV)-locked/bin/python -m pip install --quiet --require-hashes -r requirements/image.txt
	@touch $@

audit: .venv-supply/.done    ## known vulnerabilities of the locked versions; says so where no database can be reached
	$(SUPPLY)/python requirements/audit.py

manifests: .venv-supply/.done    ## Dockerfile, manifests, Compose, chart and alerts by hadolint, Kubernetes' schemas and, where they are on the path, kubectl, docker-compose, helm and promtool
	$(SUPPLY)/hadolint docker/Dockerfile
	@$(PYTHON) docker/images.py
	@$(SUPPLY)/python k8s/check.py $(SUPPLY)/kubernetes-validate

pin-images:      ## the images that others make, by the digests that their tags have now; needs crane, skopeo or docker, and the registry
	$(PYTHON) docker/images.py pin

clean:           ## remove what the targets above made
	rm -rf $(VENV) $(VENV)-locked .venv-supply sbom.json demo-out build dist .mypy_cache .ruff_cache .pytest_cache
