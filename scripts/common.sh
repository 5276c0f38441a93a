# shellcheck shell=bash
# Sourced by the other scripts: where files are, and functions for messages.

# The project's root, whatever the working directory.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# Where `make` lays out what it built.
# shellcheck disable=SC2034 # used by those that source this
build=$(realpath -m "${MPTCPIZE_BUILD:-$root/build}")

# whole_command TREE: the whole command in a tree that `make` laid out or that was installed, whose
# bin/mptcpize may be the program that starts others (scripts/build-start).
whole_command() {
  local program=$1/libexec/mptcpize
  [ -x "$program" ] || program=$1/bin/mptcpize
  echo "$program"
}

# die TEXT…: one line on standard error, under the name of the script that was called.
die() {
  echo "${0##*/}: $*" >&2
  exit 1
}

# step TEXT…: says what comes next.
step() { echo "==> $*"; }

# Says what to do when there is no Swift toolchain.
need_swift() {
  command -v swiftc >/dev/null ||
    die 'no Swift toolchain: install Swift 6.1 or newer from https://www.swift.org/install and put it into PATH'
}

# For what preloads the library where it was built.
need_plain_path() {
  case $root:$build in
    *[\ \$]* | *:*:*)
      die "$root: LD_PRELOAD cannot name a path with a space, a colon or a dollar sign: clone into another folder" ;;
  esac
}

# The directory of the Swift toolchain's programs (clang, ld.lld, swift-format …). `swift`
# in PATH may be a version manager's shim, so the compiler is asked where it really lives.
toolchain() {
  need_swift
  local resources
  resources=$(swiftc -print-target-info | sed -n 's/.*"runtimeResourcePath": "\(.*\)".*/\1/p')
  realpath "$resources/../../bin"
}

# The CPU that programs here are for, as the multiarch scheme of Debian names it.
native_cpu() {
  case $(uname -m) in
    x86_64) echo x86_64 ;;
    aarch64) echo aarch64 ;;
    *) die "unsupported processor $(uname -m): the preload library knows x86_64, i386 and aarch64" ;;
  esac
}

# The time that archives give all their files: SOURCE_DATE_EPOCH, or the day of the newest
# release in the changelog, in seconds since 1970.
release_time() {
  local day
  [ -z "${SOURCE_DATE_EPOCH:-}" ] || { echo "$SOURCE_DATE_EPOCH"; return; }
  day=$(sed -n 's/^## .*\([0-9]\{4\}-[0-9][0-9]-[0-9][0-9]\).*/\1/p' "$root/CHANGELOG.md")
  [ "$day" ] || die 'CHANGELOG.md: no heading with a date, like: ## 1.0.0 (2026-01-31)'
  date -u -d "${day%%$'\n'*}" +%s
}

# What Debian's package does before it is removed, by systemd's own command: the shell's lines behind
# the first one, for others to do the same.
before_removal() {
  sed -e 1,2d -e 's/deb-systemd-invoke/systemctl/' "$root/packaging/debian/mptcpize.prerm"
}
