# Each target makes or reuses a virtual environment and installs what it needs of pyproject.toml, at the versions that
# were tested with that Python, where there are any.
PYTHON ?= python3
VENV ?= .venv
RUN := $(VENV)/bin/python
VERSION := $(shell $(firstword $(wildcard $(RUN)) $(PYTHON)) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
CONSTRAINTS := $(wildcard tests/constraints-$(VERSION).txt)
INSTALL := $(RUN) -m pip install --quiet --disable-pip-version-check $(addprefix --constraint ,$(CONSTRAINTS)) --editable
RUNS ?= runs/demo

CORE := tests/network tests/metrics tests/statistics tests/training/test_step.py tests/training/test_state.py tests/test_parallel.py
PARTS ?= embedding exported training_step layers epoch sweep devices input selection startup embed_folder renderer replicas million_triplets

.PHONY: demo collect-demo test test-all test-core test-traced lint docs notebooks bench

# Everything end to end on drawn faces; the same command continues it where it was stopped.
demo: $(VENV)/installed-demo
	$(RUN) -m perface_jax demo --out $(RUNS)

# A study from its plan to a model that is trained on its votes, with simulated annotators: benchmarks/collect_demo.py
collect-demo: $(VENV)/installed-collect
	$(RUN) -m benchmarks.collect_demo

test: lint
	$(RUN) -m pytest -n 2 --dist worksteal -m "not slow"

# The core by itself, without PyTorch and data sets: make test-core PYTHON=python3.13 VENV=.venv-3.13
test-core: $(VENV)/installed-core
	$(RUN) -m pytest -n 2 --dist worksteal -m "not slow" $(CORE)

# The core as accelerators trace it, on the CPU.
test-traced: $(VENV)/installed-core
	$(RUN) -m pytest -n 2 --dist worksteal -m "not slow" --platform=tpu $(CORE)

test-all: lint
	$(RUN) -m pytest -n 2 --dist worksteal

lint: $(VENV)/installed-test
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check --quiet .
	$(RUN) -m pyright --pythonpath $(RUN)

# The site of docs/, README and reference: open site/index.html. A link to nothing and a public name without a docstring
# fail. Its search needs a server: python -m http.server --directory site
docs: $(VENV)/installed-docs
	NO_MKDOCS_2_WARNING=1 $(RUN) -m mkdocs build --strict

# Runs the notebooks and stores what they print and draw in them.
notebooks: $(VENV)/installed-test
	$(RUN) docs/site/run_notebooks.py

# docs/performance.md says how long each part takes; one at a time: make bench PARTS=sweep
bench: $(VENV)/installed-test
	$(INSTALL) ".[bench]"
	failed=; for part in $(PARTS); do echo "== $$part"; $(RUN) -m benchmarks.$$part --write || failed="$$failed $$part"; done; \
	$(RUN) -m benchmarks.page; test -z "$$failed" || (echo "failed:$$failed"; exit 1)

$(VENV)/installed: pyproject.toml $(CONSTRAINTS)
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/installed-demo: $(VENV)/installed
	$(INSTALL) ".[train,report]"
	touch $@

$(VENV)/installed-collect: $(VENV)/installed
	$(INSTALL) ".[train,report,collect]"
	touch $@

$(VENV)/installed-docs: $(VENV)/installed
	$(INSTALL) ".[docs]"
	touch $@

$(VENV)/installed-core: $(VENV)/installed
	$(INSTALL) ".[test-core]"
	touch $@

$(VENV)/installed-test: $(VENV)/installed
	$(INSTALL) ".[test]"
	touch $@
