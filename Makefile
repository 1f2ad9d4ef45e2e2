# `make run` explains the bundled captures, `make test` runs every test: both install what is missing first.
# `make install` installs program, manual and completions below PREFIX, for packages below DESTDIR;
# with SETCAP=1 the program may capture without root.

PREFIX ?= /usr/local
DESTDIR ?=
SETCAP ?= 0

BIN = $(DESTDIR)$(PREFIX)/bin
SHARE = $(DESTDIR)$(PREFIX)/share
INSTALLED = $(BIN)/rstscan $(SHARE)/man/man8/rstscan.8 $(SHARE)/bash-completion/completions/rstscan \
	$(SHARE)/zsh/site-functions/_rstscan $(SHARE)/fish/vendor_completions.d/rstscan.fish

SAMPLES = $(sort $(wildcard samples/*.pcap samples/*.pcapng))

.DEFAULT_GOAL := run
# Seconds of a flood at full speed.
FLOOD_SECONDS ?= 60
# Minutes of churn.
SOAK_MINUTES ?= 30

# Where environments for the parts in contrib/ go.
CONTRIB_DIR ?= target/contrib
PYTHON ?= python3

.PHONY: run test test-spark test-fleet build bench bench-live soak install install-files uninstall setup ci clean

# Where captures for measurements go, and how much of the full amount of frames.
BENCH_DIR ?= target/bench
BENCH_SCALE ?= 1

run: build
	target/release/rstscan $(addprefix -r ,$(SAMPLES))

test: setup
	cargo test --locked --no-fail-fast

# Tests contrib/spark on two workers; downloads Spark and what it needs (500 MB), takes Java 17.
test-spark: build $(CONTRIB_DIR)/spark/installed
	cargo build --release --locked --example generate
	cd contrib/spark && $(abspath $(CONTRIB_DIR))/spark/venv/bin/python -m ruff check . && \
		$(abspath $(CONTRIB_DIR))/spark/venv/bin/python -m ruff format --check . && \
		$(abspath $(CONTRIB_DIR))/spark/venv/bin/python -m mypy rstscan_spark submit.py && cd tests && MYPYPATH=.. \
		$(abspath $(CONTRIB_DIR))/spark/venv/bin/python -m mypy --config-file ../pyproject.toml .
	RSTSCAN=$(abspath target/release/rstscan) GENERATE=$(abspath target/release/examples/generate) \
		$(CONTRIB_DIR)/spark/venv/bin/python contrib/spark/tests

# Tests contrib/fleet with two live agents (root) and the engine of ClickHouse; downloads that (900 MB on disk).
test-fleet: build $(CONTRIB_DIR)/fleet/installed
	cd contrib/fleet && $(abspath $(CONTRIB_DIR))/fleet/venv/bin/python -m ruff check . && \
		$(abspath $(CONTRIB_DIR))/fleet/venv/bin/python -m ruff format --check . && cd tests && \
		$(abspath $(CONTRIB_DIR))/fleet/venv/bin/python -m mypy --config-file ../pyproject.toml .
	RSTSCAN=$(abspath target/release/rstscan) $(CONTRIB_DIR)/fleet/venv/bin/python contrib/fleet/tests

$(CONTRIB_DIR)/%/installed: contrib/%/requirements-test.txt
	$(PYTHON) -m venv $(@D)/venv
	$(@D)/venv/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

build: setup
	cargo build --release --locked

# Measures against tcpdump and others, and writes docs/benchmarks.md; a short run writes $(BENCH_DIR)/benchmarks.md.
bench: build
	cargo build --release --locked --example generate --example bench
	target/release/examples/bench --dir $(BENCH_DIR) --scale $(BENCH_SCALE)

# Floods a live capture, beside it tcpdump, in network namespaces of its own; takes root and two processors without other work.
bench-live:
	RSTSCAN_FLOOD_SECONDS=$(FLOOD_SECONDS) cargo test --release --locked --test flood -- --nocapture

# Leaves the program under churn, in a network namespace of its own, and prints its memory by the minute; takes root.
soak:
	RSTSCAN_SOAK_MINUTES=$(SOAK_MINUTES) cargo test --release --locked --test soak -- --nocapture

install: build
	@$(MAKE) --no-print-directory install-files PROGRAM=target/release/rstscan

# What `install` does with a program that is already built.
install-files:
	install -d $(dir $(INSTALLED))
	install -m 755 $(PROGRAM) $(BIN)/rstscan
	$(PROGRAM) --generate man > $(SHARE)/man/man8/rstscan.8
	$(PROGRAM) --generate bash > $(SHARE)/bash-completion/completions/rstscan
	$(PROGRAM) --generate zsh > $(SHARE)/zsh/site-functions/_rstscan
	$(PROGRAM) --generate fish > $(SHARE)/fish/vendor_completions.d/rstscan.fish
ifeq ($(SETCAP),1)
	setcap cap_net_raw=ep $(BIN)/rstscan
else
	@echo "Live capture takes root, or once: setcap cap_net_raw=ep $(PREFIX)/bin/rstscan (make install SETCAP=1)"
endif

uninstall:
	rm -f $(INSTALLED)

setup:
	@.ci/setup

ci:
	.ci/run

clean:
	cargo clean
