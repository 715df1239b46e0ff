# What makes a site of the documentation.

MDBOOK_VERSION := 0.5.4
MDBOOK_MERMAID_VERSION := 0.17.1
MDBOOK := $(TOOLS)/bin/mdbook
MDBOOK_MERMAID := $(TOOLS)/bin/mdbook-mermaid
BOOK := target/book

# Tools alone: nothing of them is in what is shipped. Built without optimisation, as they run for a second.
$(MDBOOK): make/docs.mk
	$(CARGO) install --quiet --locked --debug --root $(TOOLS) --version $(MDBOOK_VERSION) --no-default-features --features search mdbook
	touch $@

$(MDBOOK_MERMAID): make/docs.mk
	$(CARGO) install --quiet --locked --debug --root $(TOOLS) --version $(MDBOOK_MERMAID_VERSION) mdbook-mermaid
	touch $@
