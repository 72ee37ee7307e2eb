# vfpool's build and tests. Nothing needs to be set up beforehand but the Swift toolchain: “sudo make test”.

# sudo resets PATH, so the toolchain is also looked for where its installers put it.
ifndef SWIFT
SWIFT := $(shell user_home=$$(getent passwd "$${SUDO_USER:-$$(id -un)}" | cut -d: -f6); \
  for swift in "$$(command -v swift)" /opt/swift/usr/bin/swift /opt/swift*/usr/bin/swift /usr/local/swift/usr/bin/swift \
    /usr/libexec/swift/*/usr/bin/swift "$$user_home"/.local/share/swiftly/toolchains/*/usr/bin/swift; do \
    if [ -x "$$swift" ]; then echo "$$swift"; break; fi; done)
endif

# Where make install puts things; DESTDIR stands before every path.
PREFIX ?= /usr/local
DESTDIR ?=

BUILD_RELEASE := "$(SWIFT)" build -c release --static-swift-stdlib -Xswiftc -Osize

# What the build needs of Debian, the first line for the Swift toolchain itself.
PACKAGES := gcc g++ git libc6-dev libcurl4 libedit2 libncurses6 libpython3.11 libstdc++-12-dev tzdata zlib1g-dev \
  libvirt-dev libnl-3-dev libnl-route-3-dev libsqlite3-dev libxml2-dev pkg-config dpkg-dev binutils python3

# Whatever runs as root in a user's checkout leaves the files to the user.
keep_owner = chown -R --reference=. $(wildcard .build .build-deb .build-check Package.resolved) 2> /dev/null || true
# tools PACKAGE…: what a target needs of Debian; elsewhere its user sees to it.
tools = command -v dpkg-query > /dev/null || exit 0; missing=$$(for package in $(1); do \
  case $$(dpkg-query -W -f '$${db:Status-Abbrev}' $$package 2> /dev/null) in ii*) ;; *) echo $$package ;; esac; done); \
  if [ -n "$$missing" ]; then \
    if [ "$$(id -u)" != 0 ]; then echo "missing Debian packages:" $$missing "— sudo make $@ installs them" >&2; exit 1; fi; \
    echo "make: installing" $$missing; \
    export DEBIAN_FRONTEND=noninteractive; \
    apt-get update -qq && apt-get install -y -qq --no-install-recommends $$missing < /dev/null > /dev/null; \
  fi
with_etcd = ETCD_TESTS_FOLDER=$$(Tests/debian-programs 'etcd etcdctl' etcd-server etcd-client)
need_root = if [ "$$(id -u)" != 0 ]; then echo "make $@ needs root: sudo make $@" >&2; exit 1; fi

.PHONY: help deps swift build install uninstall deb unit api web fuzz lab test soak demo bench check check-packaging clean

help:
	@echo "sudo make demo    a pool, two guests and their VFs on an emulated SR-IOV host; no hardware is needed"
	@echo "sudo make test    everything: unit tests, the package, end-to-end tests on the emulated host"
	@echo
	@echo "make build        the executables, in .build/release"
	@echo "make deb          the Debian package, in .build-deb"
	@echo "sudo make install what was built, to PREFIX (/usr/local), below DESTDIR; sudo make uninstall removes it"
	@echo "make unit         the unit tests, those of the fleet with real etcd members"
	@echo "make api          the unit tests, then the API against its description, and its metrics with a real Prometheus"
	@echo "make web          the unit tests, then the web page in headless Chromium, with axe-core"
	@echo "make fuzz         ten million messages that libFuzzer makes up, for the netlink parsers; a quarter of an hour"
	@echo "make check        format and warnings, as CI wants them"
	@echo "make check-packaging  manual pages, unit, alert rules, SELinux module, .rpm spec, Ansible role, the built package"
	@echo "sudo make soak    vfpoold killed, and made to fail, at every point of its flows on the emulated host, power cuts, a"
	@echo "                  thousand starts, hot-plug, other clients, a migration; a night"
	@echo "sudo make bench   what vfpool costs, as ratios; half an hour"
	@echo "sudo make lab     boot the emulated host with the package in it; then: sudo Tests/lab/lab sh"
	@echo "sudo make deps    the Debian packages that the build needs"
	@echo "make clean        remove what was built (the emulated host's disk stays in ~/.cache/vfpool-lab)"

# Elsewhere than on Debian the spec file tells what the build needs (packaging/rpm/vfpool.spec).
deps:
	@$(call tools,$(PACKAGES))

swift:
	@if [ -z "$(SWIFT)" ]; then \
	  echo "no Swift toolchain: install Swift 6.3 (swift.org/install), or say make SWIFT=/path/to/usr/bin/swift" >&2; exit 1; fi
	@if ! "$(SWIFT)" --version 2>&1 | grep -Eq 'Swift version (6\.([3-9]|[1-9][0-9])|[7-9]|[1-9][0-9])'; then \
	  echo "$(SWIFT) is too old or doesn't run, vfpool needs Swift 6.3:" >&2; "$(SWIFT)" --version >&2; exit 1; fi

build: deps swift
	@echo "make: building (4 minutes from scratch)"
	for product in vfpool-hook vfpool vfpoold; do \
	  $(BUILD_RELEASE) --product $$product || exit 1; done
	@$(keep_owner)

install:
	@DESTDIR="$(DESTDIR)" PREFIX="$(PREFIX)" packaging/install .build/release
	@echo "make: installed. Next, as root: groupadd --system vfpool; systemctl daemon-reload;"
	@echo "      systemctl enable --now vfpoold; vfpool enable"

uninstall:
	@DESTDIR="$(DESTDIR)" PREFIX="$(PREFIX)" packaging/install --uninstall

deb: build
	packaging/deb/build .build/release
	@$(keep_owner)

unit: deps swift
	@$(call tools,openssl iproute2)
	@echo "make: building and running the unit tests (8 minutes from scratch)"
	"$(SWIFT)" build --build-tests
	"$(SWIFT)" test --skip-build --skip '^Etcd'
	$(with_etcd) "$(SWIFT)" test --skip-build --filter '^Etcd'
	SWIFT="$(SWIFT)" nice Tests/fuzz/run 100000 20
	@$(keep_owner)

api: unit
	@$(call tools,socat curl python3-venv)
	Tests/api/run
	@$(keep_owner)

web: unit
	@$(call tools,chromium curl python3-venv)
	Tests/web/run
	@$(keep_owner)

fuzz: deps swift
	SWIFT="$(SWIFT)" nice Tests/fuzz/run 10000000
	@$(keep_owner)

lab:
	@$(need_root)
	@$(MAKE) --no-print-directory deb
	Tests/lab/lab build
	Tests/lab/lab up
	Tests/lab/lab install "$$(ls -t .build-deb/vfpool_*.deb | head -n 1)"
	@echo "make: the emulated host is up: Tests/lab/lab sh"

test:
	@$(need_root)
	@rm -f .build/not-tested
	@$(MAKE) --no-print-directory api web
	@$(MAKE) --no-print-directory deb
	Tests/lab/run
	@[ ! -e .build/not-tested ] || cat .build/not-tested >&2

soak:
	@$(need_root)
	@$(call tools,ansible-core)
	@$(MAKE) --no-print-directory deb
	$(BUILD_RELEASE) --product vfpoold-faults
	rc=0; for part in soak "run --soak" migration; do Tests/lab/$$part || rc=1; done; exit $$rc
	@$(keep_owner)

demo:
	@$(need_root)
	@$(MAKE) --no-print-directory deb
	Tests/lab/demo

bench:
	@$(need_root)
	@$(MAKE) --no-print-directory deb
	for product in hook-bench netlink-bench fleet-bench; do $(BUILD_RELEASE) --product $$product || exit 1; done
	.build/release/hook-bench .build/release/vfpool-hook .build
	$(with_etcd) .build/release/fleet-bench
	Tests/lab/bench
	@$(keep_owner)

check: deps swift
	"$(SWIFT)" format lint --strict --recursive Sources Tests Package.swift
	VFPOOL_STRICT=1 "$(SWIFT)" build --build-tests --scratch-path .build-check
	@$(keep_owner)

check-packaging:
	packaging/check

clean:
	rm -rf .build .build-deb .build-check
