# `make run` explains the bundled captures, `make test` runs every test: both install what is missing first.

SAMPLES = $(sort $(wildcard samples/*.pcap samples/*.pcapng))

.DEFAULT_GOAL := run
.PHONY: run test build bench setup ci clean

# Where captures for measurements go, and how much of the full amount of frames.
BENCH_DIR ?= target/bench
BENCH_SCALE ?= 1

run: build
	target/release/rstscan $(addprefix -r ,$(SAMPLES))

test: setup
	cargo test --locked --no-fail-fast

build: setup
	cargo build --release --locked

# Measures against tcpdump and others, and writes docs/benchmarks.md; a short run writes $(BENCH_DIR)/benchmarks.md.
bench: build
	cargo build --release --locked --example generate --example bench
	target/release/examples/bench --dir $(BENCH_DIR) --scale $(BENCH_SCALE)

setup:
	@.ci/setup

ci:
	.ci/run

clean:
	cargo clean
