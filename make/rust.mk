# Cargo's tools, and what links functions for Lambda.

CARGO_DENY_VERSION := 0.20.2
CARGO_DENY := $(TOOLS)/bin/cargo-deny

# Built once, without optimisation: it runs for a second. Cargo looks whether this version is there already.
$(CARGO_DENY): make/rust.mk
	$(CARGO) install --quiet --locked --debug --root $(TOOLS) --version $(CARGO_DENY_VERSION) cargo-deny
	touch $@

# From PyPI, as a released binary. Zig, which is large, is needed for other processors and for Lambda's C library alone.
CARGO_LAMBDA := $(TOOLS)/cargo-lambda/bin/cargo-lambda
$(CARGO_LAMBDA): $(REQUIREMENTS)/lambda.txt
	$(call venv,$(TOOLS)/cargo-lambda,$<)
	touch $@

ZIG_READY := $(TOOLS)/zig/ready
$(ZIG_READY): $(REQUIREMENTS)/zig.txt
	$(call venv,$(@D),$<)
	touch $@

# What cargo-lambda is started with: it finds zig, whose package has no command, by the Python beside it.
LAMBDA_PATH := $(TOOLS)/zig/bin:$(TOOLS)/cargo-lambda/bin
