PYTHON ?= python3
BIN := .venv/bin
# The page's browser tests need a Chromium or Chrome; without one they are left out, visibly.
CHROMIUM := $(or $(SEGGROUP_CHROMIUM),$(shell command -v chromium || command -v chromium-browser || command -v google-chrome))

.PHONY: setup demo test test-python test-web test-browser check web protocol clean

# Everything that the other targets need, in .venv and web/node_modules inside this folder.
setup: .venv/ready web/node_modules/.package-lock.json

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[synth,parquet,dev]'
	touch $@

web/node_modules/.package-lock.json: web/package.json web/package-lock.json
	cd web && npm ci --no-fund --no-audit --loglevel=error
	touch $@

# The main job on synthetic scanned rooms: labels, figures and a report.
demo: .venv/ready
	$(BIN)/seggroup demo -o runs/demo

test: test-python test-web test-browser

test-python: setup
	$(BIN)/python -m pytest

# The page: its own tests, and whether what is committed is what its source builds.
test-web: setup
	cd web && npm test --silent
	cd web && npm run build --silent -- --outDir ../build/static --emptyOutDir --logLevel error
	diff -r build/static src/seggroup/server/static || \
	  { echo "The built page is not that of its source: run 'make web' and commit it." >&2; exit 1; }

# The page in a real browser against a real server.
test-browser: setup
ifeq ($(CHROMIUM),)
	@echo "LEFT OUT: the tests in a browser, since no Chromium was found (apt-get install chromium, or set SEGGROUP_CHROMIUM)"
else
	cd web && SEGGROUP_CHROMIUM="$(CHROMIUM)" npm run e2e --silent
endif

# What a change must pass besides the tests.
check: setup
	$(BIN)/ruff format --check src tests benchmarks
	$(BIN)/ruff check src tests benchmarks
	$(BIN)/mypy
	cd web && npm run check --silent

# After a change of the page: build it into the package.
web: protocol
	cd web && npm run build --silent

# After a change of the messages: the page's types.
protocol: setup
	$(BIN)/python -m seggroup.server.typescript web/src/protocol.ts

clean:
	rm -rf .venv runs build web/node_modules
