# What a developer does with this project. `make` alone explains itself.

SHELL       := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

FUZZTIME  ?= 10s
BENCHTIME ?= 1s
AREAS     ?=
PERFORMANCE ?=
SPECFLAGS ?=
SOAK      ?= 5m

# The version goes into the binary from git, when there is a commit to tell it.
BUILDVCS := $(shell git rev-parse --quiet --verify HEAD >/dev/null 2>&1 && echo auto || echo false)
BINARY   := bin/sbc-registrar

LINT   := go tool -modfile=tools/golangci-lint/go.mod golangci-lint
GINKGO := go run github.com/onsi/ginkgo/v2/ginkgo

# Everything but the specs: those have targets of their own.
UNIT_PACKAGES = $(shell go list ./... | grep -v '/specs')

NODE_LOCKS   := $(wildcard specs/*/package-lock.json)
NODE_MODULES := $(NODE_LOCKS:package-lock.json=node_modules/.package-lock.json)

.PHONY: help
help: ## show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: build ## build and start the demo: registrar, SIP front end, Redis and callback in one program (needs Go only)
	./$(BINARY) demo

.PHONY: build
build: ## build bin/sbc-registrar
	go build -trimpath -buildvcs=$(BUILDVCS) -o $(BINARY) ./cmd/sbc-registrar

.PHONY: test
test: needs unit spec ## all tests: unit tests and specs, installing (as root) or naming what they need

.PHONY: unit
unit: ## unit tests beside the code, with the race detector
	go test -race $(UNIT_PACKAGES)

.PHONY: spec
spec: $(NODE_MODULES) ## specs: the built binary with a real redis-server, SIPp, JsSIP in Chromium and other clients
	$(GINKGO) run -r -p --race --randomize-all --fail-on-pending --fail-on-empty --keep-going --timeout=15m \
	  --label-filter='!soak' $(SPECFLAGS) ./specs

.PHONY: soak
soak: needs ## the specs that take long: seeds, avalanche, floods, overload, and steady load for SOAK (5m)
	SOAK=$(SOAK) $(GINKGO) run -r --race --fail-on-pending --fail-on-empty --keep-going --timeout=3h --label-filter=soak $(SPECFLAGS) ./specs/faults ./specs/cluster

.PHONY: lint
lint: ## check style, import arrows, likely mistakes, and that go.mod is tidy
	$(LINT) run
	go mod tidy -diff

.PHONY: fuzz
fuzz: ## run every fuzz target for FUZZTIME (10s)
	@grep -rlE '^func Fuzz' --include='*_test.go' . | xargs -n1 dirname | sort -u | while read -r package; do \
	  for target in $$(go test -list '^Fuzz' "$$package" | grep '^Fuzz'); do \
	    echo "$$package $$target"; \
	    go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) "$$package"; \
	  done; \
	done

.PHONY: mutate
mutate: ## change the code for nonces, expiry, frames and scripts in small ways and see that tests notice (AREAS="frame …", none = all)
	tools/mutate $(AREAS)

.PHONY: bench
bench: build ## measure under load with a real redis-server, in a quarter of an hour, and write docs/performance.md
	@tools/needs redis-server:redis-server
	go run ./tools/performance $(PERFORMANCE)

.PHONY: profile
profile: build ## find out under load where time goes, for the compiler: write cmd/sbc-registrar/default.pgo
	@tools/needs redis-server:redis-server
	go run ./tools/profile

.PHONY: microbench
microbench: ## run every benchmark of the packages for BENCHTIME (1s)
	go test -run '^$$' -bench . -benchmem -benchtime $(BENCHTIME) $(UNIT_PACKAGES)

.PHONY: fmt
fmt: ## format the code
	$(LINT) fmt

.PHONY: settings
settings: ## write the settings table of the README from the code
	UPDATE=1 go test -count=1 -run TestREADMESettings ./config

.PHONY: metrics
metrics: ## write the table of docs/metrics.md from the code
	UPDATE=1 go test -count=1 -run TestMetricsTable ./metrics

.PHONY: proto
proto: ## write messages/wire/wire.pb.go from wire.proto (needs protoc)
	go build -o bin/protoc-gen-go google.golang.org/protobuf/cmd/protoc-gen-go
	protoc --plugin=bin/protoc-gen-go --go_out=. --go_opt=module=sbc-registrar messages/wire/wire.proto

.PHONY: rules
rules: ## write docs/rules.md from the rule numbers in code and specs
	UPDATE=1 go test -count=1 -run TestRulesTable ./docs

.PHONY: tidy
tidy: ## tidy every module file
	go mod tidy
	cd tools/golangci-lint && go mod tidy
	cd tools/gremlins && go mod tidy

.PHONY: clean
clean: ## remove what was built or installed here
	rm -rf bin specs/*/node_modules

.PHONY: needs
needs: ## install (as root) or name what the tests need: a C compiler, redis-server, etcd, node, npm, Chromium, SIP clients and nftables
	@tools/needs gcc:gcc,libc6-dev redis-server:redis-server sipp:sip-tester node:nodejs npm:npm chromium:chromium \
	  baresip:baresip-core linphonec:linphone-cli sipsak:sipsak svcrack:sipvicious etcd:etcd-server unshare:util-linux ip:iproute2 nft:nftables

%/node_modules/.package-lock.json: %/package-lock.json
	cd $* && npm ci --no-audit --no-fund
	touch $@
