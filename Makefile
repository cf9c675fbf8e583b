# The targets need only Go and make; those that need more say so.

GO ?= go
ARCHITECTURE ?= arm64

WALKS ?= 2m
# Which part of the crash matrix to play, N/M by the seed, and how many interleavings of
# each duel.
SHARE ?= 1/1
SEED ?= 1
PLAYS ?= 70
FUZZTIME ?= 30s

# These flags make the Lambda program small: no net/rpc, no symbols, no C library, and no
# inlined functions except in the runtime and in cryptography. Without inlining the archive
# is 11 % smaller, and no rotation is slower, because a rotation waits for the network. The
# operator's command has the same flags, but keeps its symbols, so that what the two share
# is compiled once.
SMALL = -tags=lambda.norpc -gcflags=all=-l -gcflags=runtime= -gcflags=internal/runtime/...= -gcflags=math/...= -gcflags=crypto/internal/...=
COMPILE = CGO_ENABLED=0 $(GO) build -v -trimpath $(SMALL)
STRIP = '-ldflags=-s -w'

# The version that the command shows. Without git, as in an unpacked archive, it is what the
# go command knows.
VERSION ?= $(shell git describe --tags --always --dirty --match 'v*' 2>/dev/null)
STAMP = '-ldflags=-X main.stamp=$(VERSION)'

# The demo and the sandbox run the function's program as a process on this machine: the one
# for Lambda on Linux, a separate build elsewhere.
PLAYED = $(if $(filter linux,$(shell $(GO) env GOOS)),bin/bootstrap,bin/rotator)

# Shows a build's progress, and its errors. The first build takes a minute or two.
define compile
@mkdir -p bin
@{ $(1); echo "exit $$?"; } 2>&1 | { n=0; d=0; while IFS= read -r line; do case $$line in \
  'exit '*) exit "$${line#exit }" ;; \
  'go: downloading '*) d=$$((d + 1)); [ $$((d % 20)) -ne 0 ] || echo "  $$d modules downloaded" ;; \
  *[!A-Za-z0-9._/-]*) printf '%s\n' "$$line" ;; \
  *) n=$$((n + 1)); [ $$((n % 50)) -ne 0 ] || echo "  $$n packages compiled" ;; \
esac; done; }
endef

# For containers on this machine, whatever architecture the function is deployed to.
HOST_ARCHITECTURE = $(if $(filter arm64,$(shell $(GO) env GOARCH)),arm64,x86_64)

.PHONY: help demo sandbox played test check prove prove-write mutants fleet fuzz moto register-peers clients build install module notices release bench sam-build sam-local deploy needs-sam clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

demo: played ## Rotate a secret and survive a crash, on this machine, without any account
	@bin/pingrotate demo --rotator $(PLAYED)

sandbox: played ## Run PingOne, AWS and the function on fixed ports, to play with
	@bin/pingrotate sandbox --rotator $(PLAYED)

played:
	@[ -x bin/pingrotate ] || echo 'Building the function and the command, which takes a minute or two the first time.'
	$(call compile,$(COMPILE) $(STRIP) -o $(PLAYED) ./cmd/rotator && $(COMPILE) $(STAMP) -o bin/pingrotate ./cmd/pingrotate)

# The package that takes longest begins first, and the others are tested beside it. Their
# worlds are small and many: collecting garbage less often saves a tenth of the time.
test: ## Run the tests
	@echo 'The longest package reports first, after three to five minutes; the others follow at once.'
	GOGC=400 $(GO) test -timeout 20m ./rotation ./...

check: ## Run what else CI runs: formatting, vet, staticcheck, tidiness, races (needs a C compiler)
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo 'run gofmt -w on these'; exit 1; }
	$(GO) mod tidy -diff
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
	$(GO) test -race -short -timeout 30m -skip 'TestCrashMatrix|TestInterleavings|TestRandomWalks|TestWhatWalksHaveFound|Scenario' ./...

# The tables of docs/proof.md, in a copy of it. The totals of interleavings differ a
# little from run to run.
prove: ## Try every crash, fault and interleaving; compare with docs/proof.md, and change nothing
	@mkdir -p bin
	@cp docs/proof.md bin/proof.md
	@$(MAKE) --no-print-directory prove-into FILE=../bin/proof.md
	@diff -u docs/proof.md bin/proof.md || echo 'make prove-write writes these into docs/proof.md'

prove-write: ## The same, and write the tables into docs/proof.md
	@$(MAKE) --no-print-directory prove-into FILE=../docs/proof.md

.PHONY: prove-into
prove-into:
	@mkdir -p bin
	$(GO) test -c -o bin/prove ./rotation
	cd rotation && ../bin/prove -test.run 'TestCrashMatrix|TestInterleavings|TestRandomWalks' -test.timeout 6h -prove -share $(SHARE) -seed $(SEED) -plays $(PLAYS) -walks $(WALKS) -readme $(FILE)
	@$(GO) test -run TestKilledAtAnyCall -v ./cmd/rotator -prove >bin/killed.log || { cat bin/killed.log; exit 1; }
	@grep 'cells tried' bin/killed.log

mutants: ## Break the protocol on purpose, and check that the tests notice
	$(GO) test -v -run TestMutants -timeout 5h ./rotation -mutants

fleet: ## Rotate 10 000 secrets by either engine, killed on the way, and 245 on moto (needs Python)
	$(GO) test -v -run TestFleet -timeout 30m ./internal/campaign -fleet 10000
	.ci/statemachine -run MotoKeepsThePace -paced 245

fuzz: ## Fuzz each decoder for FUZZTIME
	@for package in ./pingone ./internal/document ./rotation ./consumer; do \
	  for target in $$($(GO) test -list '^Fuzz' $$package | grep ^Fuzz); do \
	    echo "$$package $$target"; \
	    $(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) $$package || exit 1; \
	  done; \
	done

moto: ## Compare the stand-in of Secrets Manager with moto's (needs Python, installs moto from PyPI)
	.ci/moto

statemachine: ## Run the state machines on moto's interpreter (needs Python, installs moto and cfn-lint from PyPI)
	.ci/statemachine

register-peers: ## Compare the stand-in of DynamoDB with others' (needs what .ci/register-peers says)
	.ci/register-peers

clients: ## Drive the stand-ins with other SDKs and command lines (needs Python; Go modules and PyPI)
	.ci/clients/run

build: ## Build the Lambda program and the operator's command into bin/
	$(call compile,GOOS=linux $(COMPILE) $(STRIP) -o bin/bootstrap ./cmd/rotator && $(COMPILE) $(STAMP) -o bin/pingrotate ./cmd/pingrotate)

install: ## Install the operator's command where go install puts programs
	CGO_ENABLED=0 $(GO) install -trimpath -tags=lambda.norpc $(STAMP) ./cmd/pingrotate
	@dir=$$($(GO) env GOBIN); dir=$${dir:-$$($(GO) env GOPATH)/bin}; echo "installed $$dir/pingrotate"; \
	  case ":$$PATH:" in *:"$$dir":*) ;; *) echo "it is not on your PATH yet: export PATH=\"$$dir:\$$PATH\"" ;; esac

module: ## Give the module an owner's path, as in make module MODULE=example.com/org/pingrotate
	@[ -n "$(MODULE)" ] || { echo 'as in make module MODULE=example.com/org/pingrotate'; exit 1; }
	$(GO) run .ci/module/main.go '$(MODULE)'

notices: ## Write the licences of the modules that are linked into THIRD_PARTY.md
	@mkdir -p bin
	$(GO) run ./internal/notices >bin/THIRD_PARTY.md && mv bin/THIRD_PARTY.md THIRD_PARTY.md

release: ## Build a release into bin/release: function, command, SBOM, checksums
	@[ -n "$(VERSION)" ] || { echo 'no version: give one, as in make release VERSION=v1.2.3'; exit 1; }
	cd .ci/release && $(GO) run . -version '$(VERSION)' -out ../../bin/release $(RELEASE_FLAGS)
	@cd bin/release && ls -l | awk 'NR > 1 {printf "%11d  %s\n", $$5, $$9}'

bench: ## Measure a rotation, the cold start, memory and size, and a rotation in a large fleet
	$(GO) test -run '^$$' -bench . -benchtime 20x ./cmd/rotator
	$(GO) test -run '^$$' -bench . -benchtime 300x ./rotation
	$(GO) test -run '^$$' -bench . -benchtime 300x ./internal/document
	$(GO) test -run '^$$' -bench . -benchtime 300x ./internal/register

sam-build: needs-sam ## Build for deployment by SAM (needs the SAM CLI; ARCHITECTURE=x86_64 instead of arm64)
	CGO_ENABLED=0 GOFLAGS="$(SMALL) $(STRIP)" sam build --parameter-overrides Architecture=$(ARCHITECTURE)

sam-local: needs-sam ## Check the template, and rotate in the container of sam local (needs the SAM CLI and Docker, no account)
	sam validate --lint --region us-east-1
	CGO_ENABLED=0 GOFLAGS="$(SMALL) $(STRIP)" sam build --build-dir bin/sam-local --parameter-overrides Architecture=$(HOST_ARCHITECTURE) >/dev/null
	@$(GO) test -count=1 -v -run TestSamLocal ./cmd/pingrotate -sam-local $(CURDIR)/bin/sam-local/template.yaml -sam-flags '$(SAM_FLAGS)'

deploy: sam-build ## Build and deploy by SAM, which asks for the parameters
	sam deploy --guided --stack-name pingrotate --capabilities CAPABILITY_IAM --parameter-overrides Architecture=$(ARCHITECTURE)

needs-sam:
	@command -v sam >/dev/null || { echo 'this needs the SAM CLI: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/install-sam-cli.html'; exit 1; }

clean: ## Remove what was built
	rm -rf bin .aws-sam
