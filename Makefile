# The one front door. Each goal is one script; the scripts say what they do and why.
.PHONY: all install uninstall deb rpm tarball sources generate demo demo-vm lab test check bench clean \
	test-quick test-load test-unit test-preload test-programs test-network test-systemd \
	test-kernels test-packages test-random test-foreign bootstrap

# The command line tool and the preload libraries, laid out under build/ to run in place.
all:
	@scripts/build

# Copies what was built: make install PREFIX=/usr DESTDIR=/tmp/package
install: export PREFIX := $(PREFIX)
install: export DESTDIR := $(DESTDIR)
install:
	@scripts/install

# Takes away what `make install` of the same PREFIX copied, and what it has enabled.
uninstall: export PREFIX := $(PREFIX)
uninstall: export DESTDIR := $(DESTDIR)
uninstall:
	@scripts/install --remove

# Debian packages, in build/.
deb:
	@scripts/bootstrap build deb
	@scripts/build
	@scripts/deb

# RPM packages for Fedora, RHEL, openSUSE and their kin, in build/.
rpm:
	@scripts/bootstrap build rpm
	@scripts/build
	@scripts/rpm

# A tarball with a static mptcpize for every other system, in build/.
tarball:
	@scripts/bootstrap build tarball
	@scripts/build
	@scripts/tarball

# The sources of all that is in it, which its licenses ask for, in build/.
sources: tarball
	@scripts/sources

# The manual pages and completion scripts, from the command definitions.
generate: all
	@scripts/generate

# Real programs over MPTCP on two paths, with a report that proves it.
demo:
	@scripts/bootstrap build demo
	@scripts/demo

# The whole of it where the machine may not show it: in a virtual machine, without privileges.
demo-vm:
	@scripts/bootstrap build demo vm
	@scripts/demo-vm

# Programs on two links, over TCP and over MPTCP, and what a cut cable does to them: as a
# table and as docs/figures/two-paths.svg. Needs root.
lab:
	@scripts/bootstrap build lab
	@scripts/show-two-paths

# Everything that has to hold: the checks, then every tier of tests.
test:
	@scripts/bootstrap build check test
	@scripts/check
	@scripts/test

# One tier of tests, with what is installed.
test-unit test-preload test-programs test-network test-systemd test-kernels test-packages:
	@scripts/test $(@:test-%=%)

# All tiers that need no virtual machine, no systemd and no packages, for while one works.
test-quick:
	@scripts/test quick

# Every tier while something else keeps two processors busy: no test may be decided by time.
test-load:
	@scripts/test --load 2

# CPython's own network tests, plain and under mptcpize, compared test by test: some 20 minutes.
test-foreign:
	@scripts/test-foreign

# Half a million random sequences of socket calls, plain and upgraded, instead of 100 000; 1500
# generated units on each of three systemds instead of 100.
test-random:
	@MPTCPIZE_SEQUENCES=500000 MPTCPIZE_UNITS=1500 scripts/test random

# Style, lint and the libraries' ABI.
check:
	@scripts/bootstrap build check
	@scripts/check

# What it costs, as ratios to plain TCP and to the established tool; scripts/bench --help
bench:
	@scripts/bootstrap build bench
	@scripts/bench

# Names the packages that are missing, and installs them when root.
bootstrap:
	@scripts/bootstrap

clean:
	rm -rf build .build .build-*
