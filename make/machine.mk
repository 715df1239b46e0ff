# What the machine itself must have. Installs Debian packages if allowed; otherwise lists everything that is missing, at
# once and before anything is built.
.PHONY: for-build for-test for-lint for-redis for-emulator

for-build:
	@make/prerequisites.sh build

for-test:
	@make/prerequisites.sh test

for-lint:
	@make/prerequisites.sh lint

for-redis:
	@make/prerequisites.sh redis

for-emulator:
	@make/prerequisites.sh emulator

DYNAMODB := $(TOOLS)/dynamodb-local
DYNAMODB_READY := $(DYNAMODB)/ready
$(DYNAMODB_READY): infra/dynamodb-local/pom.xml
	rm -rf $(@D)
	mvn --quiet --batch-mode --file $< dependency:copy-dependencies -DoutputDirectory=$(@D)
	touch $@
