# The front door: one obvious command for each habit. CMakeLists.txt holds the build itself.

JOBS ?= $(shell nproc)
PREFIX ?= /usr/local
FUZZ_SECONDS ?= 60

# Vector tests say SKIPPED where this folder is absent.
ifneq ($(wildcard ../shared/vectors),)
export QNPC_VECTORS ?= $(abspath ../shared/vectors)
endif

.PHONY: help deps build demo test check tidy sanitize bench fuzz format format-check install clean \
        check-debian13

help:
	@echo 'make demo            build, then three people talk through a real server'
	@echo 'make test            build and run all tests'
	@echo 'make deps            install what building needs (root only for apt)'
	@echo 'make build           programs in build/release/bin'
	@echo 'make check           tidy, formatting, and all tests under ASan and UBSan'
	@echo 'make bench           the numbers, each with its ratio'
	@echo 'make fuzz            every fuzzer for FUZZ_SECONDS=$(FUZZ_SECONDS), two at a time'
	@echo 'make format          clang-format over all sources'
	@echo 'make install         programs, man pages, docs and the unit below DESTDIR, PREFIX=$(PREFIX)'
	@echo 'make check-debian13  build and test in a Debian 13 folder (needs root)'
	@echo 'make clean           remove build/'

deps:
	@scripts/deps.sh

# Configured once; after that ninja itself runs cmake again where a CMakeLists.txt changed.
build/%/build.ninja: CMakePresets.json | deps
	cmake --preset $*
	@touch $@

build: build/release/build.ninja
	cmake --build --preset release --parallel $(JOBS)

demo: build/release/build.ninja
	cmake --build --preset release --parallel $(JOBS) \
	    --target quicnprotochat-server quicnprotochat-client
	tests/demo/demo.sh

test: build
	ctest --preset release --parallel $(JOBS)

check: tidy format-check sanitize

tidy:
	python3 scripts/tidy.py

sanitize: build/asan/build.ninja
	cmake --build --preset asan --parallel $(JOBS)
	ctest --preset asan --parallel $(JOBS)

bench: build
	@set -e; for program in build/release/benchmarks/*; do echo; "$$program"; done

fuzz: build/fuzz/build.ninja
	cmake --build --preset fuzz --parallel $(JOBS) --target fuzzers
	scripts/fuzz.sh build/fuzz $(FUZZ_SECONDS)

format:
	scripts/format.sh -i

format-check:
	scripts/format.sh --dry-run --Werror

install: build
	cmake --install build/release --prefix $(PREFIX)

clean:
	rm -rf build

check-debian13:
	scripts/check-debian13.sh
