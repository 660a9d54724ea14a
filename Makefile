# `make help` lists the targets. `make check` is what CI runs first.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

BIN      := bin/auditsidecar
CACHE    := $(CURDIR)/.cache
LINTER   := $(CACHE)/bin/golangci-lint
VALE     := $(CACHE)/bin/vale
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS  := -s -w -X main.version=$(VERSION)
FUZZTIME ?= 10s
IMAGE    ?= ghcr.io/auditsidecar/auditsidecar
REVISION ?= $(shell git rev-parse HEAD 2>/dev/null)
# Every time stamp in the image, so that it can be built again and compared.
SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 0)

.PHONY: help
help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z0-9-]+:.*## / {printf "  %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# With the settings of build, its profile included, so that nothing is compiled twice.
LIKE_BUILD := CGO_ENABLED=0 go run -trimpath -pgo=cmd/auditsidecar/default.pgo

.PHONY: build
build: ## Build the static binary bin/auditsidecar
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN) ./cmd/auditsidecar

# Neither Docker nor a registry is needed; see hack/image/doc.go for the files.
.PHONY: image
image: ## Build the container image for amd64 and arm64 into dist/, with SBOMs
	cd hack/image && go run . -source ../.. -out ../../dist -name $(IMAGE) -version $(VERSION) -revision '$(REVISION)' -epoch $(SOURCE_DATE_EPOCH)
	ls -l dist

# RELEASE_FLAGS=-sign-key=KEY signs the checksums; -builder=URI says who builds.
# Nothing that a release has not is to be in dist/ before.
.PHONY: release-snapshot
release-snapshot: man ## Everything that a release has into dist/: archives, images, SBOMs, provenance, checksums
	rm -f dist/auditsidecar* dist/SHA256SUMS*
	cd hack/image && go run . -release -source ../.. -out ../../dist -man ../../dist/man -name $(IMAGE) -version $(VERSION) -revision '$(REVISION)' -epoch $(SOURCE_DATE_EPOCH) $(RELEASE_FLAGS)
	ls -l dist

# nfpm is in a module of its own.
.PHONY: package
package: ## Build the deb and the rpm for amd64 and arm64 into dist/
	cd hack/package && go run . -source ../.. -out ../../dist -version $(VERSION) -epoch $(SOURCE_DATE_EPOCH)
	ls -l dist/*.deb dist/*.rpm

# As root, with debootstrap and systemd-analyze.
.PHONY: package-test
package-test: ## The deb in a clean Debian: it runs, its unit is hardened, the same bytes twice
	cd hack/package && go vet ./... && go test -count=1 -timeout 15m -v ./...

.PHONY: notes
notes: ## Print what CHANGELOG.md says about VERSION
	@awk -v v='[$(VERSION:v%=%)]' '/^## /{on = $$2 == v} on && !/^## /{print; found = 1} END{exit !found}' CHANGELOG.md

.PHONY: image-test
image-test: ## Build image and release twice: the same bytes, small enough, and it runs
	cd hack/image && go vet ./... && go test -count=1 -timeout 15m ./...

# -short tries some of the crash points and lines, test-all tries all of them.
# With -trimpath the build cache serves every clone, not only the directory that filled it.
# parquet takes longest, so it is started first.
.PHONY: test
test: ## Run the unit tests with the race detector
	go test -trimpath -race -short -timeout 30m ./parquet ./...

.PHONY: test-all
test-all: ## Run the unit tests in full length, without the race detector
	go test -timeout 30m ./...

# The packages whose tests wait for real time or measure CPU time; those that use
# testing/synctest have a clock of their own.
TIMED := ./rotate ./internal/admin ./internal/archive ./internal/audittest ./e2e/run/sidecar ./e2e/faults/badnet
BUSY  := hack/busy.sh 2 go test -exec 'env GOMAXPROCS=1' -timeout 120m

.PHONY: test-busy
test-busy: ## Run the unit tests on a busy machine; those that measure time ten times
	$(BUSY) -count=1 ./...
	$(BUSY) -count=10 $(TIMED)
	$(BUSY) -count=10 -run 'TestCraftedLines|TestDepthCostsNothing|TestSalvageIsBounded' ./internal/redact ./internal/auditline

.PHONY: fuzz-short
fuzz-short: ## Run every fuzz test for FUZZTIME (default 10s) each
	hack/fuzz.sh $(FUZZTIME)

.PHONY: mutate
mutate: ## Damage small objects 100,000 times: the same lines or an error, in 256 MB
	MUTATIONS=100000 go test -count=1 -v -timeout 60m -run '^TestMutations$$' ./parquet

.PHONY: lint
lint: $(LINTER) ## Check format, style and import directions
	$(LINTER) run --allow-parallel-runners ./...

.PHONY: fmt
fmt: $(LINTER) ## Format the code
	$(LINTER) fmt ./...

# Built once for each content of go.sum; the modules come from the Go proxy.
$(LINTER): hack/tools/go.mod hack/tools/go.sum
	mkdir -p $(@D)
	cd hack/tools && GOFLAGS=-mod=mod go build -o $@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint
	touch $@

# Built once for each content of go.sum; the modules come from the Go proxy. Some minutes.
$(VALE): hack/vale/go.mod hack/vale/go.sum
	mkdir -p $(@D)
	cd hack/vale && GOFLAGS=-mod=mod go build -trimpath -o $@ github.com/vale-cli/vale/v3/cmd/vale
	touch $@

.PHONY: words
words: $(VALE) ## Check the words of docs, comments, help, errors, logs and commit subjects
	go run -trimpath ./hack/words -vale $(VALE)

.PHONY: site
site: ## Build the site of the documentation into site/, strictly (fetches from PyPI once)
	NO_MKDOCS_2_WARNING=1 PYTHONPATH=$$(hack/pip hack/site/requirements.txt) python3 -m mkdocs build --strict --site-dir site

.PHONY: verify
verify: ## Check what the linter cannot (file lengths, links, the reference, ...)
	go run ./hack/verify
	$(LIKE_BUILD) ./hack/reference -check

.PHONY: reference
reference: ## Write docs/configuration.md and docs/metrics.md from the program
	$(LIKE_BUILD) ./hack/reference

.PHONY: man
man: ## Write the manual pages into dist/man
	SOURCE_DATE_EPOCH=$(SOURCE_DATE_EPOCH) $(LIKE_BUILD) ./hack/reference -man dist/man -version '$(VERSION)'
	ls dist/man

.PHONY: test-later
test-later: ## Run the unit tests as if it were 400 days later
	go run ./hack/later -days 400 -- test -count=1 -timeout 30m ./...

# go.mod and go.sum say exactly what is used, and the modules here are those.
.PHONY: modules
modules: ## Check go.mod and go.sum, and the modules that were downloaded
	go mod tidy -diff
	go mod verify
	for dir in $$(grep -l 'auditsidecar/auditsidecar => ' */*/go.mod */*/*/go.mod | xargs -n1 dirname); do \
		(cd $$dir && go list -mod=readonly -deps -test -tags e2e ./... >/dev/null) || exit 1; done

.PHONY: licenses
licenses: ## Check the licenses of all dependencies; writes bin/THIRD_PARTY_NOTICES.txt
	mkdir -p bin
	cd hack/image && go run . -source ../.. -notices ../../bin/THIRD_PARTY_NOTICES.txt

# Asks vuln.go.dev, so it is no part of the gate: CI runs it beside.
.PHONY: vulns
vulns: ## Look for known vulnerabilities in what is called (needs vuln.go.dev)
	go run golang.org/x/vuln/cmd/govulncheck@v1.9.0 ./...

.PHONY: check
check: lint verify modules licenses test ## Everything that needs no server

.PHONY: demo
demo: build ## Replay a real audit log into Parquet and Loki, restore it, compare
	$(LIKE_BUILD) ./hack/demo -binary $(BIN) -page README.md

.PHONY: lab
lab: build ## A control plane, Loki, an S3 server and auditsidecar on loopback, until Ctrl-C (KEEP=dir continues one)
	cd e2e/controlplane && go build -o $(CURDIR)/bin/lab ./lab
	bin/lab -binary $(BIN) $(if $(KEEP),-keep -dir $(KEEP)) $(if $(GRAFANA),-grafana $(GRAFANA))

.PHONY: logs
logs: ## Unpack a few real audit logs into logs/, to try things on
	$(LIKE_BUILD) ./hack/corpus logs

# One suite a line: adding one is not a change of the others.
E2E := e2e-run
E2E += e2e-s3
E2E += e2e-loki
E2E += e2e-controlplane
E2E += e2e-duckdb
E2E += e2e-readers
E2E += e2e-manifests
E2E += e2e-chart
E2E += e2e-rules
E2E += e2e-sql
E2E += e2e-page
E2E += e2e-python

.PHONY: e2e
e2e: $(E2E) ## All end-to-end suites

.PHONY: e2e-run
e2e-run: build ## The binary as a process: rates, rotation, kill -9, bad input
	E2E_BINARY=$(CURDIR)/$(BIN) go test -tags e2e -count=1 -timeout 20m -v ./e2e/run/...

.PHONY: e2e-page
e2e-page: build ## The status page in Chromium: phone, dark, no script; start-up; no secrets
	E2E_BINARY=$(CURDIR)/$(BIN) go test -tags e2e -count=1 -timeout 10m -v ./e2e/page/...

.PHONY: e2e-s3
e2e-s3: ## The archive against a real S3 server (versitygw)
	go test -tags e2e -count=1 -timeout 15m -v ./e2e/s3/...

.PHONY: e2e-manifests
e2e-manifests: ## The shipped manifests and policy against Kubernetes' own code
	cd e2e/manifests && go vet ./... && go test -count=1 -timeout 10m -v ./...

# A module of its own, for Helm 3 and 4 and kustomize.
.PHONY: e2e-chart
e2e-chart: ## The chart and the kustomize base, rendered and checked
	cd e2e/chart && go vet ./... && go test -count=1 -timeout 10m -v ./...

# The first run builds promtool into .cache (some minutes).
.PHONY: e2e-rules
e2e-rules: ## The alerts on the sidecar, each fired and kept quiet by Prometheus' promtool
	go test -tags e2e -count=1 -timeout 20m -v ./e2e/rules/

# A module of its own. The first run builds Loki into .cache (some minutes).
# mod=mod: what the root module requires counts there, too, and need not be said
# twice.
.PHONY: e2e-loki
e2e-loki: build $(LINTER) ## A real Loki: every line once, statuses, alerts, dashboards
	cd e2e/loki && export GOFLAGS=-mod=mod && $(LINTER) run --allow-parallel-runners ./... && \
		E2E_BINARY=$(CURDIR)/$(BIN) go test -count=1 -timeout 35m -v . # one package: it prints as it goes

# Builds etcd, kube-apiserver and kubeadm from their modules at first; a module
# of its own, for client-go.
.PHONY: e2e-controlplane
e2e-controlplane: build $(LINTER) ## A real kube-apiserver: the account of its audit events; kubeadm
	cd e2e/controlplane && $(LINTER) run --allow-parallel-runners -c ../../.golangci.yml ./... && \
		E2E_BINARY=$(CURDIR)/$(BIN) go test -tags e2e -count=1 -timeout 40m -v ./...

# Builds an older kube-apiserver for each module of versions/ at first: minutes each. -update
# makes the logs that the unit tests read: VERSIONS_FLAGS='-update -run TestVersions/v1.36'.
.PHONY: e2e-versions
e2e-versions: build ## Each supported kube-apiserver writes a log: known form, every byte, same fields
	cd e2e/controlplane && E2E_BINARY=$(CURDIR)/$(BIN) go test -tags e2e,versions -count=1 -timeout 120m -run TestVersions -v . $(VERSIONS_FLAGS)

.PHONY: e2e-kind
e2e-kind: ## A kind cluster with the shipped patches (needs Docker; not in e2e)
	go test -tags e2e -count=1 -timeout 30m -v ./e2e/kind/

.PHONY: e2e-duckdb
e2e-duckdb: build e2e/duckdb/node_modules/.package-lock.json ## DuckDB reads the objects, cell by cell (needs node and npm)
	node --test --test-reporter=spec e2e/duckdb/*.test.mjs

e2e/duckdb/node_modules/.package-lock.json: e2e/duckdb/package.json e2e/duckdb/package-lock.json
	cd e2e/duckdb && npm ci --no-audit --no-fund --loglevel=error
	touch $@

.PHONY: e2e-readers
e2e-readers: build ## Other Parquet readers agree, cell by cell
	e2e/readers/run

.PHONY: e2e-sql
e2e-sql: build ## Every query of manifests/queries in DuckDB, compared with the JSON
	cd e2e/sql && E2E_BINARY=$(CURDIR)/$(BIN) go test -count=1 -timeout 15m -v -run DuckDB . # the Sigma rules need python3 and pip

.PHONY: e2e-python
e2e-python: ## The dashboards by Grafana's own types (needs python3 and pip)
	PYTHONPATH=$$(hack/pip e2e/python/requirements.txt) python3 e2e/python/dashboards.py

.PHONY: e2e-trino
e2e-trino: build ## The same in a real Trino over S3 (fetches 0.5 GB once; needs mvn, and a JDK of 24 or pip)
	cd e2e/sql && TRINO=1 E2E_BINARY=$(CURDIR)/$(BIN) go test -count=1 -timeout 30m -v -run Trino .

# As root: one scenario mounts a small tmpfs to fill it.
FAULTS_TEST = E2E_BINARY=$(CURDIR)/$(BIN) go test -count=1 -v -parallel 10

.PHONY: crashes
crashes: ## Crash after every effect on the disk, recover, and count the crash points
	go test -count=1 -v -timeout 10m -run 'Crash|PowerLoss|SurviveCrashes' ./internal/ledger ./internal/manifest ./internal/hold ./internal/shipper | grep -E '^(--- |ok|FAIL)|crash points|effects'

.PHONY: faults
faults: build ## Every fault on the real binary, in full length; prints a table (needs root)
	FAULTS=full $(FAULTS_TEST) -tags e2e -timeout 30m ./e2e/faults

.PHONY: faults-short
faults-short: build ## The same faults, each for some seconds
	$(FAULTS_TEST) -tags e2e -timeout 10m ./e2e/faults

.PHONY: soak
soak: build ## Random faults for SOAK (default 10m), every line accounted for (needs root)
	$(FAULTS_TEST) -tags e2e,soak -timeout 60m -run TestSoak ./e2e/faults

.PHONY: bench-queries
bench-queries: build ## Ask the archive and JSON.gz the same, in DuckDB: CPU time and bytes
	go run ./hack/corpus $(CACHE)/corpus >/dev/null
	cd e2e/sql && go run ./bench -binary $(CURDIR)/$(BIN) -log $(CACHE)/corpus/rotated.log

.PHONY: bench
bench: build ## Compare speed, memory and size with other converters
	go run -pgo=cmd/auditsidecar/default.pgo ./hack/bench

.PHONY: bench-pipeline
bench-pipeline: build ## CPU per GB, CPU at 2,000 lines/s and memory of the whole binary
	go run ./hack/benchpipeline -binary $(BIN)

.PHONY: bench-writer
bench-writer: build ## What a write of kube-apiserver's logger costs without and with a sidecar, and with inotify alone
	go run ./hack/benchwriter -binary $(BIN)
	go run ./hack/benchwriter -watch

# The build takes this profile by its name. The converter's hot functions change
# seldom: it is made again by hand, after they did.
.PHONY: pgo
pgo: ## Measure the converter and write the profile that the compiler optimizes for
	go run -pgo=off -trimpath ./hack/bench -pgo cmd/auditsidecar/default.pgo -rounds 20

.PHONY: clean
clean: ## Remove what was built
	rm -rf bin dist coverage.out $(CACHE) e2e/duckdb/node_modules
