# Go and make are all it takes; the targets that need more say so.

GO ?= go
ARCHITECTURE ?= arm64

WALKS ?= 2m
FUZZTIME ?= 30s

# What makes the Lambda program small: no net/rpc, no symbols, no C library.
FLAGS = -tags=lambda.norpc '-ldflags=-s -w'

# The demo and the sandbox run the Lambda program as a process of this machine.
# Where that is not Linux, they build it anew for it.
ROTATOR = $(if $(filter linux,$(shell $(GO) env GOOS)),--rotator bin/bootstrap)

# For containers on this machine, whatever the function is deployed to.
HOST_ARCHITECTURE = $(if $(filter arm64,$(shell $(GO) env GOARCH)),arm64,x86_64)

.PHONY: help demo sandbox test check prove mutants fleet fuzz moto build bench sam-build sam-local deploy clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

demo: build ## Rotate a secret and survive a crash, on this machine, without any account
	@bin/pingrotate demo $(ROTATOR)

sandbox: build ## Run PingOne, AWS and the function on fixed ports, to play with
	@bin/pingrotate sandbox $(ROTATOR)

test: ## Run the tests
	$(GO) test ./...

check: ## Run what CI runs besides: formatting, vet, staticcheck, tidiness, races (needs a C compiler)
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo 'run gofmt -w on these'; exit 1; }
	$(GO) mod tidy -diff
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
	$(GO) test -race -short ./...

prove: ## Try every crash, fault and interleaving; write the tables into README.md
	@mkdir -p bin
	$(GO) test -c -o bin/prove ./rotation
	cd rotation && ../bin/prove -test.run 'TestCrashMatrix|TestInterleavings|TestRandomWalks' -test.timeout 30m -prove -walks $(WALKS) -readme ../README.md
	@$(GO) test -run TestKilledAtAnyCall -v ./cmd/rotator -prove >bin/killed.log || { cat bin/killed.log; exit 1; }
	@grep 'cells tried' bin/killed.log

mutants: ## Break the protocol on purpose, and see that the tests notice
	$(GO) test -v -run TestMutants -timeout 30m ./rotation -mutants

fleet: ## Rotate 10 000 secrets as fast as PingOne allows, interrupted and killed on the way, in 2 minutes
	$(GO) test -v -run TestFleet -timeout 30m ./internal/campaign -fleet 10000

fuzz: ## Fuzz each decoder for FUZZTIME
	@for package in ./pingone ./rotation ./consumer; do \
	  for target in $$($(GO) test -list '^Fuzz' $$package | grep ^Fuzz); do \
	    echo "$$package $$target"; \
	    $(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) $$package || exit 1; \
	  done; \
	done

moto: ## Compare the stand-in of Secrets Manager with moto's (needs Python, installs moto from PyPI)
	.ci/moto

build: ## Build the Lambda program and the operator's command into bin/
	@mkdir -p bin
	CGO_ENABLED=0 GOOS=linux $(GO) build -trimpath $(FLAGS) -o bin/bootstrap ./cmd/rotator
	$(GO) build -trimpath -o bin/pingrotate ./cmd/pingrotate

bench: ## Measure a rotation, the cold start, memory and size, and a rotation in a large fleet
	$(GO) test -run '^$$' -bench . -benchtime 20x ./cmd/rotator
	$(GO) test -run '^$$' -bench . -benchtime 300x ./rotation

sam-build: ## Build for deployment by SAM (needs the SAM CLI; ARCHITECTURE=x86_64 for another than arm64)
	CGO_ENABLED=0 GOFLAGS="$(FLAGS)" sam build --parameter-overrides Architecture=$(ARCHITECTURE)

sam-local: ## Check the template, and rotate in the container of sam local (needs the SAM CLI and Docker, no account)
	sam validate --lint --region us-east-1
	CGO_ENABLED=0 GOFLAGS="$(FLAGS)" sam build --build-dir bin/sam-local --parameter-overrides Architecture=$(HOST_ARCHITECTURE) >/dev/null
	@$(GO) test -count=1 -v -run TestSamLocal ./cmd/pingrotate -sam-local $(CURDIR)/bin/sam-local/template.yaml -sam-flags '$(SAM_FLAGS)'

deploy: sam-build ## Build and deploy by SAM, which asks for the parameters
	sam deploy --guided --stack-name pingrotate --capabilities CAPABILITY_IAM --parameter-overrides Architecture=$(ARCHITECTURE)

clean: ## Remove what was built
	rm -rf bin .aws-sam
