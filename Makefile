PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: install run demo test torture lint bench calibrate eval lock clean

install: $(STAMP)  ## a venv in .venv with the locked dependencies

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed; name one with: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
		|| { echo "Python's venv module is missing; on Debian: apt-get install python3-venv" >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

run: install  ## the daemon, in the foreground, with ./config.yaml
	@exec $(BIN)/signal-monitor run

demo: install  ## the offline minute: a recorded case through the whole pipeline
	@exec $(BIN)/signal-monitor demo

test: install  ## every test; those that need recordings run when RECORDINGS_DIR is set
	$(BIN)/python -m pytest

torture: install  ## a daemon under load killed 500 times: nothing lost, every repeat marked; 12 minutes
	$(BIN)/python -m tests.torture --kills 500

lint: install  ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: install  ## speed as ratios against a reference in the same run
	$(BIN)/python -m benchmarks

calibrate: install  ## are p, q and verdicts honest? measured on simulated fair prices, a minute or two
	$(BIN)/python -m benchmarks.calibrate

eval: install  ## the tagger on our labelled texts and, where there are any, on your own marks
	@exec $(BIN)/signal-monitor eval --own tests/labels.jsonl

lock: install  ## refresh requirements.lock from pyproject.toml
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade \
		--extra dev --extra parquet --extra hints --extra plot --no-header --no-annotate --no-emit-index-url pyproject.toml -o requirements.lock

clean:
	rm -rf .venv build *.egg-info demo-out
