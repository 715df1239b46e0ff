# Tools from PyPI, each set in its own environment. The files list all packages with their hashes: `make lock-python`
# writes them.

# $(call venv,FOLDER,REQUIREMENTS)
venv = $(PYTHON) -m venv --clear $(1) && \
    $(1)/bin/pip install --quiet --disable-pip-version-check --require-hashes --no-deps --requirement $(2)
REQUIREMENTS := make/requirements
LOCKED := $(wildcard $(REQUIREMENTS)/*.in) infra/aws/requirements.in infra/helm/requirements.in tests/s3/requirements.in \
    tests/openapi/requirements.in

SAM_READY := $(TOOLS)/sam/ready
$(SAM_READY): infra/aws/requirements.txt
	$(call venv,$(@D),$<)
	touch $@

STORES_READY := $(TOOLS)/s3/ready
$(STORES_READY): tests/s3/requirements.txt
	$(call venv,$(@D),$<)
	touch $@

KUBERNETES_READY := $(TOOLS)/kubernetes/ready
KUBERNETES_PYTHON := $(TOOLS)/kubernetes/bin/python
$(KUBERNETES_READY): infra/helm/requirements.txt
	$(call venv,$(@D),$<)
	touch $@

OPENAPI_READY := $(TOOLS)/schemathesis/ready
OPENAPI_PYTHON := $(TOOLS)/schemathesis/bin/python
$(OPENAPI_READY): tests/openapi/requirements.txt
	$(call venv,$(@D),$<)
	touch $@

AUDIT_READY := $(TOOLS)/audit/ready
$(AUDIT_READY): $(REQUIREMENTS)/audit.txt
	$(call venv,$(@D),$<)
	touch $@

UV_READY := $(TOOLS)/uv/ready
$(UV_READY): $(REQUIREMENTS)/uv.txt
	$(call venv,$(@D),$<)
	touch $@
