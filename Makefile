# make demo: build the sample catalogue into shards/v1.  make test: run everything that this machine can run.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
CHECKS := pvtt_data curation eval training tests benchmarks samples

.PHONY: demo test install install-dev lint clean

demo: install
	$(BIN)/pvtt-data build recipes/ecommerce.yaml

# A test process for each processor: more threads than one would wait for those of the others.
test: install-dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist worksteal

lint: install-dev
	$(BIN)/ruff check $(CHECKS)
	$(BIN)/ruff format --check $(CHECKS)
	$(BIN)/mypy

install: $(VENV)/core.stamp
install-dev: $(VENV)/dev.stamp

$(VENV)/core.stamp: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	touch $@

$(VENV)/dev.stamp: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[dev,render,matting,gpu,app,publish]"
	touch $(VENV)/core.stamp $@

clean:
	rm -rf $(VENV) work build
