# shellcheck shell=bash
# Sourced by the lab's scripts: where fetched kernels and systems are kept, and how several
# runs share them.

# shellcheck disable=SC2034 # used by those that source this
lab=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

if [ -n "${MPTCPIZE_LAB_CACHE:-}" ]; then cache=$MPTCPIZE_LAB_CACHE
elif [ "$(id -u)" = 0 ]; then cache=/var/cache/mptcpize-lab
else cache=${XDG_CACHE_HOME:-${HOME:?}/.cache}/mptcpize-lab; fi
cache=$(realpath -m "$cache")
# Of a user who is not root, it lacks what mke2fs and others are in.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

die() {
  echo "${0##*/}: $*" >&2
  exit 1
}

need() {
  command -v "$1" >/dev/null || die "needs $1: run scripts/bootstrap test"
}

# only_one NAME: goes on when no other process works on the cache entry NAME; until exit.
only_one() {
  mkdir -p "$cache/locks"
  exec {lock}>"$cache/locks/$1"
  flock "$lock"
}

# persist COMMAND…: until it succeeds, four times at most. apt tries again what fails for a
# moment, but a mirror that is being updated lacks for minutes what its lists name.
persist() {
  local pause
  for pause in 5 20 60; do
    "$@" && return
    echo "${0##*/}: $1 did not succeed; again in $pause s" >&2
    sleep $pause
  done
  "$@"
}
