# `make help` lists the targets. What is built or fetched lands in bin/, .dev/ and the user's cache directory.

.DEFAULT_GOAL := help
SHELL := /bin/sh
FUZZTIME ?= 20s
DEV := bin/dev

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build all programs into bin/
	@mkdir -p bin
	@echo "Building bin/ (the first time takes a minute or two: dependencies are downloaded and compiled)"
	go build -o bin/orgsync ./starter
	go build -o bin/orgsync-worker ./worker
	go build -o bin/orgsync-server ./server
	go build -o bin/simulator ./devkit/cmd/simulator
	go build -o bin/dev ./devkit/cmd/dev

# What needs only the stack's own program does not wait for the others.
.PHONY: $(DEV)
$(DEV):
	@mkdir -p bin
	@go build -o $(DEV) ./devkit/cmd/dev

.PHONY: up
up: build ## Start the development stack in the background; settings land in .dev/env
	@$(DEV) up

.PHONY: down
down: $(DEV) ## Stop the development stack; its data is kept
	@$(DEV) down

.PHONY: clean
clean: $(DEV) ## Stop the development stack and remove its data
	@$(DEV) clean

.PHONY: demo
demo: build ## Sync three simulated companies on a stack of its own, then remove it
	@$(DEV) demo

.PHONY: bench
bench: build ## Measure first loads and re-runs of simulated companies (see bin/bench --help)
	@go build -o bin/bench ./devkit/cmd/bench
	@bin/bench

.PHONY: soak
soak: build ## Run sync after sync with random changes and faults and look for growth (see bin/soak --help)
	@go build -o bin/soak ./devkit/cmd/soak
	@bin/soak

# `make lint` vets, and no debugger looks at the tests' programs.
TEST := go test -vet=off -ldflags=-w

.PHONY: test
# The end-to-end tests wait more than they work, so they run beside all others. The race detector would make them
# the longest by far, the command line's tests seven times and the providers' faults ten times as long: `make race`
# runs the former two with it. Tests have memory to spare: collecting garbage less often takes a fifth off their
# processor time.
test: build ## Run all tests, on a Postgres and a Temporal of their own
	@echo "Running all tests, with the race detector where it pays (some minutes; its first build takes longer)"
	@GOGC=400 $(DEV) exec -- sh -c '$(TEST) -timeout 30m -parallel 10 ./test/e2e & end_to_end=$$!; failed=0; \
		$(TEST) -race -timeout 20m -p 2 -parallel 6 $$(go list ./... | grep -v "/test/e2e$$\|/starter$$") || failed=1; \
		$(TEST) -parallel 6 ./starter || failed=1; \
		$(TEST) -run TestUnderEveryFault ./internal/provider/providertest || failed=1; \
		wait $$end_to_end && exit $$failed'

.PHONY: race
race: build ## Run the end-to-end tests and the command line's with the race detector
	@$(DEV) exec -- go test -race -timeout 40m -parallel 6 ./test/e2e ./starter

.PHONY: replay
replay: ## Replay all recorded histories against the workflow code
	go test -count=1 -run Replay ./workflows/...

.PHONY: record
record: $(DEV) ## Record anew the histories that replay keeps (see CONTRIBUTING.md)
	@$(DEV) exec -- go test -count=1 -tags record -run '^TestRecord$$' -timeout 15m ./test/e2e

# One after the other, since go test takes one fuzz test at a time.
.PHONY: fuzz
fuzz: $(DEV) ## Run every fuzz test for FUZZTIME (20s)
	@$(DEV) exec -- sh -ec 'for file in $$(git ls-files "*_test.go"); do \
		for fuzz in $$(sed -n "s/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p" "$$file"); do \
			go test -run "^$$" -fuzz "^$$fuzz\$$" -fuzztime $(FUZZTIME) "./$$(dirname "$$file")"; \
		done; done'

.PHONY: lint
lint: vet staticcheck workflowcheck ## Run all code checkers

.PHONY: vet
vet: ## Run go vet and check the formatting
	go vet ./...
	go vet -tags record ./test/e2e
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); [ -z "$$unformatted" ] || \
		{ echo "not formatted by gofmt:"; echo "$$unformatted"; exit 1; }

.PHONY: staticcheck
staticcheck: $(DEV) ## Run staticcheck
	$(DEV) tool staticcheck -- ./...

.PHONY: workflowcheck
workflowcheck: $(DEV) ## Look for workflow code that is not deterministic
	$(DEV) tool workflowcheck -- ./workflows/...

.PHONY: sqlc
sqlc: $(DEV) ## Generate the query code from db/queries
	$(DEV) tool sqlc -- generate

.PHONY: sqlc-diff
sqlc-diff: $(DEV) ## Check that the query code is what sqlc generates
	$(DEV) tool sqlc -- diff

.PHONY: templ
templ: $(DEV) ## Generate the console's pages from server/console/*.templ
	$(DEV) tool templ -- generate -path server/console

.PHONY: templ-diff
templ-diff: templ ## Check that the console's pages are what templ generates
	git diff --exit-code -- 'server/console/*_templ.go'

.PHONY: tidy-check
tidy-check: ## Check that go.mod and go.sum are tidy
	go mod tidy -diff

.PHONY: imports
imports: ## Check which package imports which
	go test -count=1 ./test/arch

.PHONY: deploy-check
deploy-check: ## Check the files in deploy/ and build the image's programs
	go test -C tools/deploy -count=1 ./...

.PHONY: vendors
vendors: ## Let another library read our simulator's callbacks, and our receiver what that has encrypted
	go test -C tools/vendors -count=1 ./...

# Apart from the others, since not every module proxy has these clients.
.PHONY: vendors-streams
vendors-streams: ## Let Lark's and DingTalk's own clients read our simulators' streams
	@go mod download -C tools/vendors/streams || { echo "This needs larksuite/oapi-sdk-go and" \
		"open-dingtalk/dingtalk-stream-sdk-go: set GOPROXY to one that has them, or to direct." >&2; exit 1; }
	go test -C tools/vendors/streams -count=1 ./...

# On a stack of its own, without data.
.PHONY: api-client
api-client: build ## Call every operation with a client that another generator makes, and fuzz the API
	@mkdir -p tools/client/generated
	cd tools/client && go tool oapi-codegen -config generate.yaml ../../server/api/openapi.json
	@$(DEV) clean --dir .dev/client && $(DEV) up --dir .dev/client
	. .dev/client/env && ORGSYNC_COMPANY="$(CURDIR)/.dev/client/feishu.json" \
		go test -C tools/client -tags generated -count=1 ./...; \
		status=$$?; $(DEV) clean --dir .dev/client; exit $$status

# On a stack of its own, without data.
.PHONY: screenshots
screenshots: build ## Take the handbook's pictures of the Web UI anew; needs Chromium
	@$(DEV) clean --dir .dev/screenshots && $(DEV) up --dir .dev/screenshots
	. .dev/screenshots/env && go run -C tools/screenshots . "$(CURDIR)"; \
		status=$$?; $(DEV) clean --dir .dev/screenshots; exit $$status
	@$(MAKE) --no-print-directory browser BROWSER='-pictures "$(CURDIR)/docs/images"'

# On a stack of its own, without data.
.PHONY: browser
browser: build ## Test the console in Chromium
	@$(DEV) clean --dir .dev/browser && $(DEV) up --dir .dev/browser
	. .dev/browser/env && ORGSYNC_COMPANY="$(CURDIR)/.dev/browser/feishu.json" \
		go test -C test/browser -count=1 . $(BROWSER); \
		status=$$?; $(DEV) clean --dir .dev/browser; exit $$status

.PHONY: verify
verify: ## Everything CI checks besides the tests
verify: tidy-check vet imports sqlc-diff templ-diff staticcheck workflowcheck replay deploy-check
