# What the machine itself has to have. Debian's packages are installed where that is allowed, else what is missing is
# named, all of it at once and before anything is built.
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
