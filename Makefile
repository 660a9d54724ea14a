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

# As root, with debootstrap, rpm and systemd-analyze.
.PHONY: package-test
package-test: $(LINTER) ## deb and rpm in a clean Debian: installed, upgraded, rolled back, removed; the unit is hardened
	cd hack/package && $(LINTER) run --allow-parallel-runners -c ../../.golangci.yml ./... && go test -count=1 -timeout 15m -v ./...

.PHONY: notes
notes: ## Print what CHANGELOG.md says about VERSION
	@awk -v v='[$(VERSION:v%=%)]' '/^## /{on = $$2 == v} on && !/^## /{print; found = 1} END{exit !found}' CHANGELOG.md

.PHONY: image-test
image-test: ## Build image and release twice: the same bytes, small enough, and it runs
	cd hack/image && go vet ./... && go test -count=1 -timeout 15m ./...

# -short tries some of the crash points and lines, test-all tries all of them.
# With -trimpath the build cache serves every clone, not only the directory that filled it.
# The packages that take longest are started first. -w: stack traces need no DWARF, and linking it takes
# a third of the time. The race detector waits a second at the end of each process, unless told less.
LONGEST := ./internal/archive ./internal/cli ./parquet ./internal/verify ./internal/shipper ./rotate ./internal/evidence ./internal/redact ./internal/live
.PHONY: test
test: ## Run the unit tests with the race detector
	GORACE=atexit_sleep_ms=100 go test -trimpath -race -short -ldflags=-w -p $$((2 * $$(nproc))) -timeout 30m $(LONGEST) ./...

# With binfmt_misc (Debian's qemu-user-static registers it under systemd) every test runs. Without it
# those that start their own binary again, or a program that they built, cannot: they are left out.
ARM64      := GOARCH=arm64 CGO_ENABLED=0 go
ARM64_EXEC := '^(TestScripts|TestConvertInterrupted|TestRestoreIntoABrokenPipe|TestLock|TestMutations)$$'
.PHONY: test-arm64
test-arm64: ## Run the unit tests and the demo as arm64 (needs qemu-user-static)
	$(ARM64) test -short -timeout 60m -exec qemu-aarch64-static $(if $(wildcard /proc/sys/fs/binfmt_misc/qemu-aarch64),,-skip $(ARM64_EXEC)) \
		./cmd/... ./internal/... ./lokipush ./manifests ./parquet/... ./rotate
	$(ARM64) build -trimpath -o bin/arm64/auditsidecar ./cmd/auditsidecar
	printf '#!/bin/sh\nexec qemu-aarch64-static %s/bin/arm64/auditsidecar "$$@"\n' '$(CURDIR)' > bin/arm64/run
	chmod +x bin/arm64/run
	$(LIKE_BUILD) ./hack/demo -binary bin/arm64/run

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

# The suites of e2e/loki and e2e/controlplane check their modules themselves.
.PHONY: lint-modules
lint-modules: $(LINTER) ## Check the nested modules as lint checks the root (some minutes)
	for m in cmd/auditsidecar-iceberg e2e/chart e2e/manifests e2e/sql hack/benchpipeline/otelcol hack/image hack/package; do \
		(cd $$m && $(LINTER) run --allow-parallel-runners -c $(CURDIR)/.golangci.yml ./...) || exit; done

# Without shellcheck, so that the answer does not depend on the machine.
.PHONY: workflows
workflows: ## Check the workflows of .github by actionlint
	go run github.com/rhysd/actionlint/cmd/actionlint@v1.7.12 -shellcheck= -pyflakes= .github/workflows/*.yaml

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
	cd hack/image && go run . -source ../.. -command cmd/auditsidecar-iceberg -targets '' -notices ../../bin/THIRD_PARTY_NOTICES-iceberg.txt

# Asks vuln.go.dev, so it is no part of the gate: CI runs it beside.
.PHONY: vulns
vulns: ## Look for known vulnerabilities in what is called (needs vuln.go.dev)
	go run golang.org/x/vuln/cmd/govulncheck@v1.9.0 ./...

.PHONY: check
check: lint verify modules licenses test ## Everything that needs no server

.PHONY: demo
demo: build ## Replay a real audit log into Parquet and Loki, restore it, compare (KEEP=dir keeps the files)
	$(LIKE_BUILD) ./hack/demo -binary $(BIN) -page README.md $(if $(KEEP),-keep $(KEEP)) $(if $(UPDATE),-update)

.PHONY: lab
lab: build ## A control plane, Loki, an S3 server and auditsidecar on loopback, until Ctrl-C (KEEP=dir continues one)
	cd e2e/controlplane && go build -o $(CURDIR)/bin/lab ./lab
	bin/lab -binary $(BIN) $(if $(KEEP),-keep -dir $(KEEP)) $(if $(GRAFANA),-grafana $(GRAFANA))

.PHONY: lab-trino
lab-trino: ## A Trino over the lab's archive, until Ctrl-C (after ". DIR/env"; fetches 0.5 GB once)
	cd e2e/sql && go build -o $(CURDIR)/bin/lab-trino ./trino/lab
	bin/lab-trino

# In docs/pictures, from a lab (see above) and Chromium; some minutes.
.PHONY: pictures
pictures: ## Make the pictures of the documentation (needs chromium)
	cd e2e/controlplane && go build -o $(CURDIR)/bin/lab ./lab
	go run -trimpath ./hack/pictures -lab bin/lab

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
E2E += e2e-iceberg

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
	go test -tags e2e -count=1 -timeout 60m -v ./e2e/kind/

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
	cd e2e/sql && E2E_BINARY=$(CURDIR)/$(BIN) go test -count=1 -timeout 15m -v -run DuckDB . # the Sigma rules and DuckDB's program need python3 and pip

.PHONY: e2e-python
e2e-python: build ## The dashboards by Grafana's types; DuckDB, pyarrow, polars, DataFusion, ClickHouse read every cell (python3, pip)
	PYTHONPATH=$$(hack/pip e2e/python/requirements.txt) python3 e2e/python/dashboards.py
	e2e/python/engines pyarrow polars DataFusion ClickHouse

.PHONY: e2e-spark
e2e-spark: build ## PySpark 3.5.6, 3.5.8 and parquet-mr 1.10.1 read every cell (fetches 1.2 GB once; needs mvn and a JDK up to 17)
	e2e/python/engines Spark-3.5.6 Spark-3.5.8 parquet-mr

.PHONY: bench-engines
bench-engines: build ## Each engine over S3: rows, equal cells, tables as printed, queries, bytes for three needles (fetches 2 GB once)
	cd e2e/sql && go build -o $(CURDIR)/bin/lab-trino ./trino/lab
	cd e2e/readers && npm ci --no-audit --no-fund --loglevel=error
	e2e/python/engines

# A module of its own, for iceberg-go.
.PHONY: e2e-iceberg
e2e-iceberg: $(LINTER) ## auditsidecar-iceberg: races, kills, expiry; pyiceberg reads every cell (needs python3 and pip)
	cd cmd/auditsidecar-iceberg && $(LINTER) run --allow-parallel-runners -c ../../.golangci.yml ./... && \
		PYICEBERG=$$(../../hack/pip ../../e2e/python/iceberg.txt) go test -count=1 -timeout 15m ./...

# Need mvn and java; Apache's REST fixture is 144 MB, fetched once.
REST_FIXTURE := $(CACHE)/iceberg-rest-$(shell sha256sum cmd/auditsidecar-iceberg/rest/pom.xml | cut -c1-16)
ICEBERG_SPARK := $(CACHE)/iceberg-spark-runtime-3.5_2.12-1.10.0
LAKE = cd e2e/sql && ICEBERG_BINARY=$(CURDIR)/bin/auditsidecar-iceberg REST_FIXTURE=$(REST_FIXTURE) E2E_BINARY=$(CURDIR)/$(BIN)

$(REST_FIXTURE):
	rm -rf $@.part && mvn -q -B -f cmd/auditsidecar-iceberg/rest/pom.xml dependency:copy-dependencies -DoutputDirectory=$@.part && mv $@.part $@

$(ICEBERG_SPARK):
	rm -rf $@.part && mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy -Dartifact=org.apache.iceberg:$(subst -1.10,:1.10,$(notdir $@)) -DoutputDirectory=$@.part && mv $@.part $@

.PHONY: build-iceberg
build-iceberg: ## Build bin/auditsidecar-iceberg
	cd cmd/auditsidecar-iceberg && CGO_ENABLED=0 go build -trimpath -o $(CURDIR)/bin/auditsidecar-iceberg .

.PHONY: e2e-iceberg-rest
e2e-iceberg-rest: $(REST_FIXTURE) ## auditsidecar-iceberg with Apache's REST catalog: the same races
	cd cmd/auditsidecar-iceberg && REST_FIXTURE=$(REST_FIXTURE) go test -count=1 -timeout 15m -v -run TestREST .

.PHONY: e2e-iceberg-trino
e2e-iceberg-trino: build build-iceberg $(REST_FIXTURE) ## Trino reads a table over S3; DROP and others leave the archive intact (0.3 GB once)
	$(LAKE) go test -count=1 -timeout 15m -v -run IcebergInTrino .

.PHONY: e2e-iceberg-spark
e2e-iceberg-spark: build build-iceberg $(REST_FIXTURE) $(ICEBERG_SPARK) ## The same with PySpark 3.5.6 (needs a JDK up to 17)
	PYTHONPATH=$$(hack/pip e2e/python/spark.txt) && export PYTHONPATH && \
		$(LAKE) SPARK_JARS=$(ICEBERG_SPARK)/$(notdir $(ICEBERG_SPARK)).jar,$(REST_FIXTURE)/iceberg-aws-bundle-1.10.0.jar go test -count=1 -timeout 15m -v -run IcebergInSpark .

.PHONY: bench-iceberg
bench-iceberg: ## Time and memory of auditsidecar-iceberg for 30,000 objects
	cd cmd/auditsidecar-iceberg && go test -run '^$$' -bench ThirtyThousand -benchtime 1x .

.PHONY: e2e-trino
e2e-trino: build ## The same in a real Trino over S3 (fetches 0.5 GB once; needs mvn, and a JDK of 24 or pip)
	cd e2e/sql && TRINO=1 E2E_BINARY=$(CURDIR)/$(BIN) go test -count=1 -timeout 30m -v -run Trino -skip Iceberg .

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

.PHONY: bench-search
bench-search: build ## Ask a month of log the same with search, zgrep and DuckDB: bytes, time, CPU time
	go run ./hack/benchsearch -binary $(BIN) -duckdb $$(hack/pip e2e/python/requirements.txt)/duckdb_cli/duckdb

.PHONY: bench-archive
bench-archive: build ## convert of several files, restore and verify on one core and two, from disk and at 40 ms a request (ARCHIVE_FLAGS=-rounds=5)
	go run ./hack/bencharchive -binary $(BIN) $(ARCHIVE_FLAGS)

.PHONY: bench
bench: build ## Compare CPU, memory and size of convert, as a process, with others (BENCH_FLAGS=-rounds=9)
	go run -pgo=cmd/auditsidecar/default.pgo ./hack/bench -binary $(BIN) $(BENCH_FLAGS)

.PHONY: bench-pipeline
bench-pipeline: build ## CPU per GB and per day, CPU at 2,000 lines/s and memory of run, beside others (PIPELINE_FLAGS=-vector=PATH)
	go run ./hack/benchpipeline -binary $(BIN) $(PIPELINE_FLAGS)

.PHONY: bench-peers
bench-peers: ## Build the OpenTelemetry Collector and the Loki of bench-pipeline's comparison (minutes)
	go run ./hack/benchpipeline -build

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
