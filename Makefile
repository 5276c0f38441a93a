# The one front door. Each goal is one script; the scripts say what they do and why.
.PHONY: all install demo test check bench clean \
	test-unit test-preload test-programs test-network test-systemd test-kernels \
	test-random test-foreign bootstrap

# The command line tool and the preload libraries, laid out under build/ to run in place.
all:
	@scripts/build

# Copies what was built: make install PREFIX=/usr DESTDIR=/tmp/package
install: export PREFIX := $(PREFIX)
install: export DESTDIR := $(DESTDIR)
install:
	@scripts/install

# Real programs over MPTCP on two paths, with a report that proves it.
demo:
	@scripts/bootstrap build demo
	@scripts/demo

# Everything that has to hold: the checks, then every tier of tests.
test:
	@scripts/bootstrap build check test
	@scripts/check
	@scripts/test

# One tier of tests, with what is installed.
test-unit test-preload test-programs test-network test-systemd test-kernels:
	@scripts/test $(@:test-%=%)

# CPython's own network tests, plain and under mptcpize, compared test by test: some 20 minutes.
test-foreign:
	@scripts/test-foreign

# Half a million random sequences of socket calls, plain and upgraded, instead of 100 000.
test-random:
	@MPTCPIZE_SEQUENCES=500000 scripts/test random

# Style, lint and the libraries' ABI.
check:
	@scripts/bootstrap build check
	@scripts/check

# What it costs, as ratios to plain TCP and to the established tool.
bench:
	@scripts/bootstrap build bench
	@scripts/bench

# Names the packages that are missing, and installs them when root.
bootstrap:
	@scripts/bootstrap build check test bench

clean:
	rm -rf build .build .build-*
