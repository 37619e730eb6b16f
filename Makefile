# sudo make demo | test work on a fresh Debian with Go and make: the scripts install the rest with apt.
GO      ?= $(shell command -v go || echo /usr/local/go/bin/go)
VERSION ?= $(shell scripts/version.sh)
LDFLAGS  = -s -w -X dlx/internal/version.Version=$(VERSION)
export PATH := $(PATH):/usr/local/go/bin
export CGO_ENABLED ?= 0

.PHONY: build toolbox reproducible toolbox-net test test-kernels test-runtimes soak attack demo bench bench-agent bench-capture bench-filter lint cross fuzz generate vulncheck clean help
.DEFAULT_GOAL := build

build: toolbox ## bin/dlx, static, with its toolbox inside
	$(GO) build -trimpath -buildvcs=false -tags dlx_toolbox -ldflags '$(LDFLAGS)' -o bin/dlx ./cmd/dlx

toolbox: ## toolbox/embedded/bundle.tar, the toolbox that is put inside
	scripts/toolbox.sh

reproducible: toolbox ## the toolbox made in another folder is the same, byte for byte
	scripts/reproducible.sh

toolbox-net: build ## build/net.tar.zst, a toolbox of Debian's network tools; KEY=FILE signs it
	scripts/toolbox-net.sh

test: build ## all tests, on a real Docker (root)
	DLX_BIN=$(CURDIR)/bin/dlx scripts/test.sh

test-kernels: build ## what confines a session, on Linux 5.10 and 6.1 in emulated machines (root)
	scripts/test-kernels.sh

test-runtimes: build ## every verb on Docker with crun, with a user namespace and 29, containerd 1.6 and 2, and Podman (root)
	scripts/test-runtimes.sh

soak: build ## 1,000 sessions after one another and 50 at once, and kill -9 at every pass of every step (root)
	scripts/soak.sh

attack: build ## the attack suite in its long form, hours; its table goes into docs/attacks.md (root)
	scripts/attack.sh

demo: build ## plays the article through, on a real Docker (root)
	scripts/demo.sh

bench: build ## times against docker and nsenter, as ratios (root)
	scripts/bench.sh

bench-agent: build ## an agent: commands, keystrokes in 50 sessions, captures, idle (root)
	scripts/bench-agent.sh

bench-capture: build ## CPU time, loss and memory of capture against tcpdump and dumpcap (root)
	scripts/bench-capture.sh

bench-filter: ## how long filters take to compile
	$(GO) test -run '^$$' -bench Compile -count 5 ./capture/filter

lint: ## golangci-lint, pinned, and shellcheck
	scripts/lint.sh

cross: ## builds for linux/arm64, darwin/arm64 and windows/amd64
	scripts/cross.sh

fuzz: ## each fuzz target for 20 seconds
	scripts/fuzz.sh

generate: ## the seccomp filters, out of Docker's default profile, and third_party
	scripts/generate.sh

vulncheck: ## known vulnerabilities in the dependencies (asks the Go vulnerability database)
	$(GO) run golang.org/x/vuln/cmd/govulncheck@v1.9.0 ./...

clean: ## removes what the targets made here
	rm -rf bin build toolbox/embedded

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16
