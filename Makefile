# Every target is a line that a person can copy; `make help` lists them.

CARGO_DENY_VERSION := 0.20.2
TOOLS := $(CURDIR)/.tools
export PATH := $(TOOLS)/bin:$(PATH)

# Features are resolved for the whole workspace everywhere, so that one target folder serves all and nothing is built twice.
CARGO := cargo
RUN_FLAGS ?=

.DEFAULT_GOAL := help
.PHONY: help run test lint fmt doc bench bench-fanout fuzz build

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

run: build ## Build and start the server on http://127.0.0.1:8000 with a database under ./data
	target/server/owsc serve $(RUN_FLAGS)

test: ## Run all tests
	$(CARGO) test --locked --workspace

lint: $(TOOLS)/bin/cargo-deny ## Check formatting, lints, documentation and dependencies
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --workspace --no-deps --document-private-items --quiet
	cargo-deny --offline check bans licenses sources

fmt: ## Format the code
	$(CARGO) fmt --all

doc: ## Build the documentation of the code
	$(CARGO) doc --locked --workspace --no-deps --open

bench: ## Measure ingest: rows a second, against bare CSV reading in the same run
	$(CARGO) bench --locked --workspace --bench ingest

bench-fanout: ## Measure live fan-out: deliveries a second and latency at 100 and 1,000 subscribers
	$(CARGO) build --profile server --locked --workspace --bin owsc --bin fanout
	target/server/fanout

FUZZ_SECONDS ?= 300
FUZZ_HOST := $(shell rustc --print host-tuple)
# What cargo-fuzz sets, without the sanitizer that only nightly has. With --target they keep off build scripts.
FUZZ_FLAGS := -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 --cfg fuzzing

fuzz: ## Fuzz the CSV reader and the message parser, five minutes each (needs a C++ compiler)
	cd fuzz && RUSTFLAGS="$(FUZZ_FLAGS)" $(CARGO) build --release --locked --target $(FUZZ_HOST)
	cd fuzz && for target in csv message; do \
	    mkdir -p corpus/$$target artifacts/$$target && \
	    target/$(FUZZ_HOST)/release/$$target corpus/$$target seeds/$$target \
	        -artifact_prefix=artifacts/$$target/ -max_total_time=$(FUZZ_SECONDS) -max_len=4096 || exit 1; done

build: ## Build the server as it is released
	$(CARGO) build --profile server --locked --workspace --bin owsc

# Built once without optimisation: it runs for a second.
$(TOOLS)/bin/cargo-deny:
	$(CARGO) install --quiet --locked --debug --root $(TOOLS) --version $(CARGO_DENY_VERSION) cargo-deny
