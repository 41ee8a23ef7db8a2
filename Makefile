# Short verbs for people with make; README.md has the same steps as plain pip commands.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: demo test lint types docs bench example audit clean

demo: $(VENV)/.installed
	$(BIN)/townhall demo

test: $(VENV)/.installed-development
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal $(TESTS)

lint: $(VENV)/.installed-development
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(VENV)/.installed-development
	$(BIN)/mypy

docs: $(VENV)/.installed-development
	$(BIN)/python -m townhall_forms.reference
	$(BIN)/python -m townhall.reference

bench: $(VENV)/.installed-development
	$(BIN)/python -m tests.bench

# What Townhall stands on: pins, licences, known holes; and newly published ones where a service can be asked.
audit: $(VENV)/.installed-development
	$(BIN)/python -m tests.audit

# A vendor's repository beside the wheel, in an environment that knows nothing of this checkout.
example: $(VENV)/.installed-development
	$(BIN)/python -m tests.example

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	touch $@

$(VENV)/.installed-development: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[postgresql,test,lint]"
	touch $@

clean:
	rm -rf $(VENV) demo
