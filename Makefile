BIN := .venv/bin

demo: .venv/installed
	$(BIN)/cdp demo

test: .venv/installed postgres
	$(BIN)/python -m pytest

ui: .venv/installed
	$(BIN)/cdp ui

check: .venv/installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/vulture

bench: .venv/installed
	$(BIN)/python -m bench $(filter --%,$(MAKECMDGOALS))

# `make bench -- --quick`: make takes what follows the two dashes for a goal of its own.
--quick:
	@:

# The Postgres destination's tests start a server of their own. Where neither it nor root's apt-get is
# at hand they say so and skip.
postgres:
	@command -v initdb || ls /usr/lib/postgresql/*/bin/initdb 2>/dev/null \
	|| ! command -v apt-get || test "$$(id -u)" != 0 || { apt-get update -qq && \
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql; }

# The stamp, not the folder: an install that was cut off must not pass for a finished one.
.venv/installed: pyproject.toml constraints.txt
	python3 -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

.PHONY: demo test ui check bench postgres --quick
