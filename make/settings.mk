# What several targets share. Nothing here runs a program while make reads it: `make help` needs make alone.

# Tools that are installed for this folder alone.
TOOLS ?= $(CURDIR)/.tools
# A Node.js of our own goes before the machine's.
export PATH := $(TOOLS)/bin:$(TOOLS)/node/path:$(PATH)

# Features are resolved for the whole workspace everywhere, so that one target folder serves all and nothing is built twice.
CARGO := cargo
PYTHON ?= python3
RUN_FLAGS ?=

# SAM reports its use unless it is told not to.
export SAM_CLI_TELEMETRY := 0
SAM := $(TOOLS)/sam/bin/sam
SAM_PYTHON := $(TOOLS)/sam/bin/python
SAM_FLAGS ?=
DEPLOY_FLAGS ?=

# The browser is Debian's; Playwright brings none.
export PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD := 1
BROWSER := tests/browser
OPENAPI_FLAGS ?=
BROWSER_FLAGS ?= --project=server --project=functions
# A filter may leave nothing for one of the two runs. In CI there is none, and no test at all is a failure.
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
