# make check is what a change has to pass; the rest is short for the commands below.

.PHONY: check build bench generate

check:
	scripts/test.sh

build:
	CGO_ENABLED=0 go build -trimpath -o bin/parley ./cmd/parley

bench:
	go test -run '^$$' -bench . -benchmem ./...

generate:
	scripts/generate.sh
