# What makes a site of the documentation.

MDBOOK_VERSION := 0.5.4
MDBOOK := $(TOOLS)/bin/mdbook
BOOK := infra/docs

$(MDBOOK): make/docs.mk
	$(CARGO) install --quiet --locked --debug --root $(TOOLS) --version $(MDBOOK_VERSION) --no-default-features --features search mdbook
	touch $@
