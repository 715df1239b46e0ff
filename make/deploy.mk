# What the chart is checked with beside today's Helm: the oldest one that it is for, and what Kubernetes judges pods by.

# infra/helm/test_oldest.py compares it with what the chart says.
OLDEST_HELM_VERSION := 3.10.3
OLDEST_HELM := $(TOOLS)/helm-$(OLDEST_HELM_VERSION)/helm
PODSECURITY := $(TOOLS)/bin/podsecurity

$(OLDEST_HELM): | $(GO_READY)
	PATH="$(TOOLS)/go/path:$$PATH" GOBIN=$(@D) CGO_ENABLED=0 \
	    go install -ldflags "-s -w" helm.sh/helm/v3/cmd/helm@v$(OLDEST_HELM_VERSION)
	touch $@

$(PODSECURITY): infra/helm/podsecurity/main.go infra/helm/podsecurity/go.mod | $(GO_READY)
	cd infra/helm/podsecurity && PATH="$(TOOLS)/go/path:$$PATH" CGO_ENABLED=0 \
	    go build -buildvcs=false -trimpath -ldflags "-s -w" -o $@ .
	touch $@
