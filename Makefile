# Every target is a command to copy; `make help` lists them. make/*.mk installs what they need.
include make/settings.mk make/python.mk make/rust.mk make/node.mk make/go.mk make/machine.mk make/docs.mk make/deploy.mk

.DEFAULT_GOAL := help
# Reports everything that is missing on the machine before doing anything else.
.NOTPARALLEL:
.PHONY: help prerequisites run run-lambda test test-dynamodb test-image test-dockerfile test-cluster lint audit lint-template lint-deploy lint-web test-template test-openapi test-browser screenshots stores fmt fmt-deploy doc bench bench-against bench-fanout bench-inbox bench-commands bench-functions fuzz build build-server build-functions deploy docker-build docker-run test-make lock-python docs lint-docs

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

prerequisites: ## Install or list what this machine lacks for building and testing
	@make/prerequisites.sh build test lint $(if $(CI),emulator)

run: for-build $(NODE_READY) ## Build and start the server on http://127.0.0.1:8000 with a database under ./data
	$(CARGO) build --profile local --locked --workspace --bin owsc
	target/local/owsc serve --demo $(RUN_FLAGS)

run-lambda: for-build $(NODE_READY) ## Run the functions and template.yaml behind a local API Gateway on http://127.0.0.1:9000
	$(CARGO) build --locked --workspace --bin local-gateway $(addprefix --bin ,$(FUNCTIONS))
	target/debug/local-gateway --env OW_SC_METRICS_PROTECT=0 --env LOG_FORMAT=text $(RUN_FLAGS)

# Tests wait more than they compute: two run at once for each core.
test: for-test $(NODE_READY) stores ## Run all tests
	RUST_TEST_THREADS=$${RUST_TEST_THREADS:-$$((2 * $$(nproc)))} $(CARGO) test --locked --workspace
	@$(MAKE) --no-print-directory test-make test-template test-openapi test-browser

test-make: ## Test this Makefile: what it needs, and what it reports as missing
	$(PYTHON) -B -m unittest discover --start-directory make

test-template: $(SAM_READY) ## Test the permissions, alarms and storage of template.yaml
	$(SAM_PYTHON) -B -m unittest discover --start-directory infra/aws

# `make test-openapi OPENAPI_FLAGS="--examples 500 --seed 7 server"` takes longer, draws other cases, and tests one
# host.
test-openapi: for-test $(OPENAPI_READY) $(CLIENT_READY) ## Test both hosts against the API's documentation
	$(CARGO) build --locked --workspace --bin owsc --bin local-gateway $(addprefix --bin ,$(FUNCTIONS))
	$(OPENAPI_PYTHON) -B tests/openapi/run.py $(OPENAPI_FLAGS)

# `make test-browser BROWSER_FLAGS="upload --project=server"` runs a part of it. Tests that measure time run separately,
# one at a time.
test-browser: for-test $(BROWSER_READY) ## Test the dashboard in Chromium, on both hosts
	$(CARGO) build --locked --workspace --bin owsc --bin local-gateway $(addprefix --bin ,$(FUNCTIONS))
	cd $(BROWSER) && npx playwright test $(BROWSER_FLAGS) --grep-invert @alone $(BROWSER_EMPTY)
	cd $(BROWSER) && npx playwright test $(BROWSER_FLAGS) --grep @alone --workers=1 $(BROWSER_EMPTY)

# Skips tests of the embedded engine itself and of folders, properties, EPA's rows, races among many, and slow tables:
# the emulator handles a few hundred transactions a second. Large files run alone, and with a million rows, because the
# limit on write units is for large files.
test-dynamodb: for-build for-emulator $(DYNAMODB_READY) $(NODE_READY) ## Run the server's tests, and the functions end to end, on DynamoDB Local (needs Java 17 and Maven)
	infra/dynamodb-local/with.sh $(DYNAMODB) $(CARGO) test --locked --workspace --test suite -- \
	    --test-threads 4 --skip backup:: --skip old_data:: --skip properties:: --skip data_directory --skip second_process \
	    --skip schedules:: --skip faults:: --skip fault_ways:: --skip fault_kinds:: --skip company:: --skip three_hundred_sites \
	    --skip nobody_shares_the_database --skip stops_the_start --skip epa:: --skip patience:: --skip slow_table:: --skip scale:: \
	    --skip inbox:: --skip folder:: --skip buckets:: --skip uploads:: --skip sending:: --skip disk_is_full
	OWSC_TEST_ROWS=1000000 infra/dynamodb-local/with.sh $(DYNAMODB) $(CARGO) test --locked --workspace --test suite \
	    scale:: -- --test-threads 1
	infra/dynamodb-local/with.sh $(DYNAMODB) $(CARGO) test --locked --workspace --test functions elsewhere

screenshots: for-test $(BROWSER_READY) ## Take the pictures in docs/images
	$(CARGO) build --locked --workspace --bin owsc
	cd $(BROWSER) && npx playwright test --project=pictures

lint: for-lint $(CARGO_DENY) lint-template lint-deploy lint-web lint-docs ## Check code, dependencies and deployment files
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --workspace --no-deps --document-private-items --quiet
	@# Also for other platforms, which nothing has fetched yet.
	$(CARGO) fetch --locked --quiet
	cargo-deny --offline check bans licenses sources

# Queries all databases, even if one of them reports something. Fails if one cannot be reached.
audit: $(CARGO_DENY) $(AUDIT_READY) $(NODE_READY) ## Check all dependencies for known vulnerabilities (needs GitHub, npm and PyPI)
	@status=0; \
	cargo-deny check advisories || status=1; \
	for folder in $(BROWSER) $(WEB); do (cd $$folder && npm audit) || status=1; done; \
	for file in $(LOCKED:.in=.txt); do \
	    $(TOOLS)/audit/bin/pip-audit --strict --disable-pip --require-hashes --requirement $$file || status=1; \
	done; \
	exit $$status

# Once as it is written, and once as CloudFormation receives it. Neither needs a network, an account, or a real region.
lint-template: $(SAM_READY) ## Check template.yaml
	AWS_DEFAULT_REGION=us-east-1 $(SAM) validate --lint
	$(SAM_PYTHON) -B infra/aws/render.py | $(TOOLS)/sam/bin/cfn-lint --

# The chart, what it renders and what it refuses; the manifests; alert rules and dashboard; the Dockerfiles and the
# compose file. Needs neither a cluster nor Docker.
lint-deploy: export OLDEST_HELM := $(OLDEST_HELM)
lint-deploy: for-lint $(HELM) $(KUBECONFORM) $(KUBERNETES_READY) $(OLDEST_HELM) $(PODSECURITY) ## Check the Helm chart, the manifests, the alert rules and the Dockerfiles
	$(KUBERNETES_PYTHON) -B -m unittest discover --start-directory infra/helm
	$(KUBERNETES_PYTHON) -B -m unittest discover --start-directory infra/prometheus
	$(KUBERNETES_PYTHON) -B -m unittest discover --start-directory infra/images --pattern test_dockerfiles.py

lint-web: $(BROWSER_READY) $(WEB_READY) ## Check the TypeScript
	$(BROWSER)/node_modules/.bin/biome ci --error-on-warnings
	cd $(BROWSER) && npx tsc
	cd $(WEB) && npx tsc

fmt: $(BROWSER_READY) ## Format the code
	$(CARGO) fmt --all
	$(BROWSER)/node_modules/.bin/biome check --write

fmt-deploy: $(HELM) $(KUBERNETES_READY) ## Regenerate infra/k8s and the Helm chart's table of values
	$(KUBERNETES_PYTHON) -B infra/helm/values_table.py
	$(KUBERNETES_PYTHON) -B infra/helm/manifests.py

docs: $(MDBOOK) $(MDBOOK_MERMAID) ## Build the documentation as a site into target/docs
	rm -rf target/docs $(BOOK) && mkdir -p $(BOOK)
	cp infra/docs/book.toml infra/docs/site.css $(BOOK)
	RUST_LOG=warn $(MDBOOK_MERMAID) install $(BOOK)
	$(MDBOOK) build $(BOOK) --dest-dir $(CURDIR)/target/docs
	$(PYTHON) -B infra/docs/links.py target/docs

lint-docs: ## Check the links of all Markdown files
	$(PYTHON) -B -m unittest discover --start-directory infra/docs
	$(PYTHON) -B infra/docs/links.py

# Upgrades to the newest versions that fit: `make lock-python LOCK_FLAGS=--upgrade`. Without it, the locked versions
# stay.
lock-python: $(UV_READY) ## Write the requirements files with hashes from the .in files beside them
	for file in $(LOCKED); do \
	    $(TOOLS)/uv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	        --custom-compile-command "make lock-python" $(LOCK_FLAGS) --output-file $${file%.in}.txt $$file || exit 1; \
	done

doc: for-build $(NODE_READY) ## Build the documentation of the code
	$(CARGO) doc --locked --workspace --no-deps --open

bench: for-build $(NODE_READY) ## Measure ingest: rows a second, against bare CSV reading in the same run
	$(CARGO) bench --locked --workspace --bench ingest

bench-fanout: for-build for-redis $(NODE_READY) ## Measure live fan-out: deliveries a second, latency of one server and of three, and the cost of following
	$(CARGO) build --profile server --locked --workspace --bin owsc --bin fanout
	target/server/fanout

bench-inbox: for-build $(NODE_READY) ## Measure the inbox: a file of 1 GB from a folder and from a bucket, and 2,000 files at once
	$(CARGO) build --profile server --locked --workspace --bin owsc --bin local-gateway --bin inbox
	target/server/inbox

bench-commands: for-build $(NODE_READY) ## Measure owsc monitor: a million rows against a server, the memory of a long pipe, and how fits slow down publishing
	$(CARGO) build --profile server --locked --workspace --bin owsc --bin local-gateway --bin commands
	target/server/commands

# `make bench-against BEFORE=../before/target/server/owsc COMPARE_FLAGS="--rounds 9 ingest latency"` runs a part of it,
# more often. All of it takes twenty minutes.
bench-against: for-build $(NODE_READY) ## Measure against another owsc in the same run: make bench-against BEFORE=path/to/owsc
	@test -x "$(BEFORE)" || { echo "There is no program to compare with: BEFORE=path/to/owsc says where it is" >&2; exit 1; }
	$(CARGO) build --profile server --locked --workspace --bin owsc --bin compare
	target/server/compare --before "$(BEFORE)" --after target/server/owsc $(COMPARE_FLAGS)

FUZZ_HOST = $(shell rustc --print host-tuple)
# cargo-fuzz's flags, without the sanitizer, which needs nightly. With --target, they do not apply to build scripts.
FUZZ_FLAGS := -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 --cfg fuzzing

# `make fuzz FUZZ_TARGETS="permit route"` runs a part of it. An input that takes longer than 20 s is a finding.
FUZZ_TARGETS ?= $(basename $(notdir $(wildcard fuzz/targets/*.rs)))

fuzz: ## Fuzz the parsers of files, messages, permits, queries, segments and templates, five minutes each (needs a C++ compiler)
	cd fuzz && RUSTFLAGS="$(FUZZ_FLAGS)" $(CARGO) build --release --locked --target $(FUZZ_HOST)
	cd fuzz && for target in $(FUZZ_TARGETS); do \
	    mkdir -p corpus/$$target artifacts/$$target && \
	    target/$(FUZZ_HOST)/release/$$target corpus/$$target seeds/$$target \
	        -artifact_prefix=artifacts/$$target/ -max_total_time=$(FUZZ_SECONDS) -max_len=4096 -timeout=20 || exit 1; done

build: build-server build-functions ## Build the server and the functions as they are released

build-server: for-build $(NODE_READY) ## Build only the server
	$(CARGO) build --profile server --locked --workspace --bin owsc

bench-functions: for-build $(CARGO_LAMBDA) ## Measure the start time and size of functions, against a minimal one
	@$(MAKE) --no-print-directory build-functions FUNCTIONS="hello $(FUNCTIONS)"
	$(CARGO) build --locked --workspace --bin starts
	target/debug/starts

# By default for this machine's processor and C library, which needs no zig. Lambda's library may be older, so zig
# always links what is deployed against an old one.
HOST_ARCHITECTURE = $(subst aarch64,arm64,$(shell uname -m))
ARCHITECTURE ?= $(HOST_ARCHITECTURE)
IS_NATIVE = $(filter $(HOST_ARCHITECTURE),$(ARCHITECTURE))
build-functions: for-build $(CARGO_LAMBDA) $(NODE_READY) ## Build only the functions, into target/lambda: ARCHITECTURE=arm64 or x86_64
	$(if $(IS_NATIVE),,@$(MAKE) --no-print-directory $(ZIG_READY))
	PATH="$(LAMBDA_PATH):$$PATH" $(if $(IS_NATIVE),CARGO_LAMBDA_COMPILER=cargo) $(CARGO) lambda build --release --locked \
	    $(if $(filter arm64,$(ARCHITECTURE)),--arm64,--x86-64) $(addprefix --bin ,$(FUNCTIONS))

deploy: for-build $(SAM_READY) $(CARGO_LAMBDA) $(ZIG_READY) $(NODE_READY) ## Build the functions for Lambda and deploy template.yaml
	PATH="$(LAMBDA_PATH):$$PATH" $(SAM) build $(SAM_FLAGS)
	$(SAM_PYTHON) -B infra/aws/deploy.py $(SAM_FLAGS) $(DEPLOY_FLAGS)

IMAGE_BUILD = $(CONTAINER) build --build-arg VERSION=$(VERSION) --build-arg REVISION=$$(git rev-parse HEAD) $(BUILD_FLAGS)

docker-build: ## Build the images: on Debian slim, and without a shell (tag …-distroless)
	$(IMAGE_BUILD) --file infra/images/Dockerfile --tag $(IMAGE):$(VERSION) $(SLIM_FLAGS) .
	$(IMAGE_BUILD) --file infra/images/Dockerfile.distroless --tag $(IMAGE):$(VERSION)-distroless $(DISTROLESS_FLAGS) .

# With only the capabilities it needs. OW_SC_API_TOKEN is taken from the environment.
docker-run: ## Run the image with a database in the volume owsc-data, on http://127.0.0.1:8000
	$(CONTAINER) run --rm --name owsc --publish 127.0.0.1:8000:8000 --env OW_SC_API_TOKEN --env TMPDIR=/data \
	    --volume owsc-data:/data --read-only --tmpfs /tmp:rw,noexec,nosuid,nodev,size=256m --cap-drop ALL \
	    --security-opt no-new-privileges --pids-limit 256 --memory 512m --stop-timeout 15 $(RUN_FLAGS) $(IMAGE):$(VERSION)-distroless

test-image: build-server ## Make the images from the built server, without an image registry, and run them (Debian, as root)
	infra/images/without-registry.sh target/server/owsc
	$(PYTHON) -B -m unittest discover --start-directory infra/images --pattern test_image.py

# Builds the server a second time, in the image: ten minutes on two cores.
test-dockerfile: ## The same with the whole Dockerfiles
	infra/images/without-registry.sh
	$(PYTHON) -B -m unittest discover --start-directory infra/images --pattern test_image.py

# `make test-cluster CLUSTER_FLAGS="-k restart"` runs a part of it.
test-cluster: for-emulator $(CLUSTER)/bin/cluster $(HELM) $(KUBERNETES_READY) $(DYNAMODB_READY) build-server ## Start a single-node Kubernetes and install the chart (Debian, as root)
	infra/images/without-registry.sh target/server/owsc
	$(CLUSTER_SOURCE)/images.sh $(CLUSTER)/images localhost/openworld-specialty-chemicals:$(VERSION)-distroless
	DYNAMODB_LOCAL_PORT=8000 $(CLUSTER_SOURCE)/with.sh $(CLUSTER) infra/dynamodb-local/with.sh $(DYNAMODB) \
	    $(KUBERNETES_PYTHON) -B -m unittest discover --start-directory $(CLUSTER_SOURCE) --verbose $(CLUSTER_FLAGS)

stores: $(STORES_READY) ## Install a second object store and the AWS CLI for the tests
