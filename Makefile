# Each target makes or reuses a virtual environment and installs from pyproject.toml, at the versions that were tested.
PYTHON ?= python3
VENV ?= .venv
RUN := $(VENV)/bin/python
INSTALL := $(RUN) -m pip install --quiet --constraint tests/constraints.txt --editable
WORLD ?= data/synthetic
WORKDIR ?= runs/synthetic
FLAGS := --config=configs/synthetic.py:demo --workdir=$(WORKDIR) --config.data.release=$(WORLD)/release

.PHONY: demo test test-all lint bench

# Draw a small synthetic world, audit its answers, train on it, print the table.
demo: $(VENV)/installed
	$(RUN) -m perface_jax.datasets.synthetic --out $(WORLD) --targets 20 --sources 20 --people 40 --size 112 --seed 0
	$(RUN) -m perface_jax.annotations $(WORLD)/release/triplet_answers.csv
	$(RUN) train.py $(FLAGS)
	$(RUN) evaluate.py $(FLAGS)

test: lint
	$(RUN) -m pytest -n 2 --dist loadfile -m "not slow"

test-all: lint
	$(RUN) -m pytest -n 2 --dist loadfile

lint: $(VENV)/installed-test
	$(RUN) -m ruff check .

bench: $(VENV)/installed-test
	$(RUN) benchmarks/input.py
	$(RUN) benchmarks/embed_folder.py
	$(RUN) benchmarks/renderer.py

$(VENV)/installed: pyproject.toml tests/constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) .
	touch $@

$(VENV)/installed-test: $(VENV)/installed
	$(INSTALL) ".[test]"
	touch $@
