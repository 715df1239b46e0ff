# Settings shared by several targets. Nothing here runs a program while make reads it: `make help` needs only make.

# Tools installed for this folder only.
TOOLS ?= $(CURDIR)/.tools
# Our own Node.js takes precedence over the machine's.
export PATH := $(TOOLS)/bin:$(TOOLS)/node/path:$(PATH)

# Features are always resolved for the whole workspace, so that one target folder serves all and nothing is built twice.
CARGO := cargo
PYTHON ?= python3
RUN_FLAGS ?=

# SAM reports usage data unless this is set.
export SAM_CLI_TELEMETRY := 0
SAM := $(TOOLS)/sam/bin/sam
SAM_PYTHON := $(TOOLS)/sam/bin/python
SAM_FLAGS ?=
DEPLOY_FLAGS ?=

# The browser comes from Debian; Playwright downloads none.
export PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD := 1
BROWSER := tests/browser
OPENAPI_FLAGS ?=
BROWSER_FLAGS ?= --project=server --project=functions
# A filter may leave no tests for one of the two runs. In CI there is no filter, and a run without tests is a failure.
BROWSER_EMPTY := $(if $(CI),,--pass-with-no-tests)
WEB := functions/dashboard/web

CLUSTER_SOURCE := infra/helm/cluster
CLUSTER_FLAGS ?=

FUNCTIONS := ingest batch upload chemistry api health metrics dashboard ws-connect ws-disconnect ws-message ws-broadcast settle

CONTAINER ?= docker
IMAGE ?= localhost/openworld-specialty-chemicals
VERSION = $(shell sed -n 's/^version = "\(.*\)"$$/\1/p' Cargo.toml)
BUILD_FLAGS ?=

FUZZ_SECONDS ?= 300
COMPARE_FLAGS ?= --at-least 0.95
