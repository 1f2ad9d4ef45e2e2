# `make run` explains the bundled captures, `make test` runs every test: both install what is missing first.

SAMPLES = $(sort $(wildcard samples/*.pcap samples/*.pcapng))

.DEFAULT_GOAL := run
.PHONY: run test build setup ci clean

run: build
	target/release/rstscan $(addprefix -r ,$(SAMPLES))

test: setup
	cargo test --locked --no-fail-fast

build: setup
	cargo build --release --locked

setup:
	@.ci/setup

ci:
	.ci/run

clean:
	cargo clean
