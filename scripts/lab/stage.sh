# shellcheck shell=bash
# Sourced by the scripts that show real programs between two hosts: makes the hosts (network
# namespaces), or leaves it at loopback where those may not be made; starts servers there, and
# removes all of it when the script ends.

# shellcheck source=scripts/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

need_plain_path
work=$(mktemp -d)
# Servers that give up root have to reach their files.
chmod 755 "$work"
export XDG_STATE_HOME=$work # what is remembered of reports goes with the rest
client=mptcpize-$$-client server=mptcpize-$$-server
hosts_made=
clean_up() {
  local pid
  for pid in $(jobs -p); do kill "$pid" 2>/dev/null || true; done
  wait
  remove_hosts
  rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

# Brings the build up to date, and puts it into PATH. Says nothing unless it fails.
build_all() {
  # A copy that somebody else has built (MPTCPIZE_BUILD) may be where no toolchain is.
  [ -n "${MPTCPIZE_BUILD:-}" ] || "$root/scripts/build" >"$work/build.log" 2>&1 ||
    { cat "$work/build.log"; exit 1; }
  # Servers are where the PATH of users who are not root does not lead.
  PATH=$build/bin:$PATH:/usr/local/sbin:/usr/sbin:/sbin
}

# make_hosts [RATE]: two network namespaces and the links between them; nothing is left where it
# fails.
make_hosts() {
  local host
  hosts_made=1
  for host in "$client" "$server"; do
    if ! ip netns add "$host" || ! nsenter "--net=/run/netns/$host" -- ip link set lo up; then remove_hosts; return 1; fi
  done
  "$root/scripts/lab/two-paths" "$client" "$server" "$@" || { remove_hosts; return 1; }
}

remove_hosts() {
  [ -n "$hosts_made" ] || return 0
  ip netns delete "$client" 2>/dev/null || true
  ip netns delete "$server" 2>/dev/null || true
  hosts_made=
}

# mptcp_answer PREFIX…: what `mptcpize check` says of MPTCP there; fails where it does not work.
mptcp_answer() {
  local answer
  answer=$("$@" mptcpize check 2>/dev/null | sed -n 's/^[a-z]* *kernel *//p;T;q')
  echo "${answer:-mptcpize check says nothing of the kernel}"
  [[ $answer == *'over IPv4 works'* ]]
}

# set_stage RATE: sets `scene`, which is "hosts" (two of them, two links) or "loopback"; `wire`,
# "mptcp" or "tcp"; `left_out`, why it is not hosts and MPTCP; `address`, where the server is
# reached; and the prefixes `on_client` and `on_server` of a command that is to run there.
# shellcheck disable=SC2034 # used by those that source this
set_stage() {
  on_client=() on_server=() scene=loopback wire=mptcp address=127.0.0.1 left_out=''
  if make_hosts "$@" 2>"$work/refusal"; then
    on_client=(nsenter "--net=/run/netns/$client" --)
    on_server=(nsenter "--net=/run/netns/$server" --)
    if left_out=$(mptcp_answer "${on_client[@]}"); then
      scene=hosts address=10.77.1.2 left_out=''
      return
    fi
    remove_hosts
    on_client=() on_server=()
  else
    left_out=$(head -n 1 "$work/refusal")
  fi
  local answer
  answer=$(mptcp_answer) || { wire=tcp left_out=$answer; }
}

# serve PORT COMMAND…: starts a server and waits until it listens.
serve() {
  local port=$1 pid
  shift
  "${on_server[@]}" "$@" >"$work/server.log" 2>&1 </dev/null &
  pid=$!
  # By /proc/net/tcp: a test connection would be in the server's report.
  until grep -qiE "^ *[0-9]+: [0-9A-F]+:$(printf %04X "$port") [0-9A-F:]+ 0A " \
    "/proc/$pid/net/tcp" "/proc/$pid/net/tcp6" 2>/dev/null; do
    kill -0 "$pid" 2>/dev/null ||
      { cat "$work/server.log" >&2; die "the server did not start: $*"; }
    sleep 0.05
  done
}

# Sets `nginx`, the command of a web server on PORT that serves $work/www.
# web_server PORT
# shellcheck disable=SC2034 # used by those that source this
web_server() {
  mkdir -p "$work/www"
  {
    # Root of a user namespace that has no other user can change to none, itself included.
    if [ "${MPTCPIZE_OWN_NAMESPACES:-}" = 1 ]; then echo 'master_process off;'
    elif [ "$(id -u)" = 0 ]; then echo 'user root;'; fi
    cat <<CONF
pid $work/nginx-$1.pid;
error_log stderr warn;
events {}
http {
  access_log off;
  client_body_temp_path $work/t1; proxy_temp_path $work/t2; fastcgi_temp_path $work/t3;
  uwsgi_temp_path $work/t4; scgi_temp_path $work/t5;
  server { listen $1; root $work/www; }
}
CONF
  } >"$work/nginx-$1.conf"
  nginx=(nginx -c "$work/nginx-$1.conf" -e stderr -g 'daemon off;')
}

# received INTERFACE: the bytes that the client has received there.
received() {
  "${on_client[@]}" sed -n "s/^ *$1: *\([0-9]*\) .*/\1/p" /proc/net/dev
}
