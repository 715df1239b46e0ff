# The documentation: a site of it, and its links.

.PHONY: docs lint-docs

MDBOOK_VERSION := 0.5.4
MDBOOK := $(TOOLS)/bin/mdbook
BOOK := infra/docs

docs: $(MDBOOK) ## Build the documentation as a site into target/docs
	$(MDBOOK) build $(BOOK) --dest-dir $(CURDIR)/target/docs
	$(PYTHON) -B $(BOOK)/links.py target/docs

lint-docs: ## Check the links of all Markdown files
	$(PYTHON) -B -m unittest discover --start-directory $(BOOK)
	$(PYTHON) -B $(BOOK)/links.py

$(MDBOOK):
	$(CARGO) install --quiet --locked --debug --root $(TOOLS) --version $(MDBOOK_VERSION) --no-default-features --features search mdbook
