# make demo    see painted pictures within minutes of a fresh clone
# make test    run all tests; with IMPASTO_GIMP_REQUIRED=1 those in the real GIMP, too
# make test-gimp   run the filter's tests in the real GIMP 3, in a Debian root made for them (needs root)
# make test-gimp-3.2, test-gimp-2.10   the same in other GIMPs, which the other targets do without
# make translations   rewrite the filter's catalogues from plugin/translations/*.po
# make lint    style and types
# make models  make anew what is bundled and out of date; PHOTOS, PAINTINGS, CONTENT (folders) and TEACHER (file) are needed
# make bench   measure, and write benchmarks/results.md

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Nothing is fetched while painting; TensorFlow's start-up lines would bury ours.
export TF_CPP_MIN_LOG_LEVEL ?= 3

.PHONY: demo models test test-gimp test-gimp-3.2 test-gimp-2.10 translations lint bench clean

$(VENV)/installed: pyproject.toml setup.py
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet --editable .
	touch $@

$(VENV)/installed-dev: $(VENV)/installed
	$(BIN)/pip install --quiet --editable ".[dev]"
	touch $@

$(VENV)/installed-bench: $(VENV)/installed
	$(BIN)/pip install --quiet --editable ".[bench]"
	touch $@

demo: $(VENV)/installed
	$(BIN)/impasto demo

test: $(VENV)/installed-dev
	$(BIN)/python -m pytest --numprocesses 2 --dist worksteal --durations=15 \
		$(if $(IMPASTO_GIMP_REQUIRED),-m "gimp or not gimp")

test-gimp: $(VENV)/installed-dev
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile -m gimp tests/plugin

test-gimp-3.2: $(VENV)/installed-dev
	IMPASTO_GIMP_SUITE=forky $(BIN)/python -m pytest -m gimp tests/plugin

test-gimp-2.10: $(VENV)/installed-dev
	IMPASTO_GIMP2=1 $(BIN)/python -m pytest -m gimp tests/plugin/test_gimp2.py tests/plugin/test_gimp_install.py

translations: $(VENV)/installed
	$(BIN)/python -m impasto.plugin.translating

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy core models bot plugin/*.py

models: $(VENV)/installed-bench
	$(BIN)/python -m impasto.models.chain --photos $(PHOTOS) --paintings $(PAINTINGS) \
		--content $(CONTENT) --teacher $(TEACHER) $(if $(LIST),--list)

bench: $(VENV)/installed-bench
	$(BIN)/python benchmarks/run.py

clean:
	rm -rf $(VENV) build *.egg-info
