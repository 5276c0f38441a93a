# shellcheck shell=bash
# Sourced by the scripts that show real programs between two hosts: makes
# the hosts (network namespaces; without root there is loopback only), starts servers there,
# and removes all of it when the script ends.

# shellcheck source=scripts/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

need_plain_path
work=$(mktemp -d)
# Servers that give up root have to reach their files.
chmod 755 "$work"
export XDG_STATE_HOME=$work # what is remembered of reports goes with the rest
client=mptcpize-$$-client server=mptcpize-$$-server
clean_up() {
  local pid
  for pid in $(jobs -p); do kill "$pid" 2>/dev/null || true; done
  wait
  if [ "$(id -u)" = 0 ]; then
    ip netns delete "$client" 2>/dev/null || true
    ip netns delete "$server" 2>/dev/null || true
  fi
  rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

# Brings the build up to date, and puts it into PATH. Says nothing unless it fails.
build_all() {
  "$root/scripts/build" >"$work/build.log" 2>&1 || { cat "$work/build.log"; exit 1; }
  # Servers are where the PATH of users who are not root does not lead.
  PATH=$build/bin:$PATH:/usr/local/sbin:/usr/sbin:/sbin
}

# two_hosts: sets `address`, where the server is reached, and the prefixes `on_client`,
# `on_server` of a command that is to run there.
# shellcheck disable=SC2034 # used by those that source this
two_hosts() {
  local host
  [ "$(cat /proc/sys/net/mptcp/enabled 2>/dev/null)" = 1 ] ||
    die 'no MPTCP here: the kernel lacks it, or net.mptcp.enabled is 0; mptcpize check says which'
  if [ "$(id -u)" = 0 ]; then
    address=10.77.1.2
    for host in "$client" "$server"; do
      ip netns add "$host"
      ip -n "$host" link set lo up
    done
    "$root/scripts/lab/two-paths" "$client" "$server"
    on_client=(nsenter "--net=/run/netns/$client" --)
    on_server=(nsenter "--net=/run/netns/$server" --)
  else
    address=127.0.0.1
    on_client=() on_server=()
  fi
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
    [ "$(id -u)" != 0 ] || echo 'user root;'
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
  ip netns exec "$client" cat "/sys/class/net/$1/statistics/rx_bytes"
}
