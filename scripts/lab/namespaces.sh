# shellcheck shell=bash
# Sourced by scripts that make network namespaces.

# own_namespaces COMMAND…: where this process may make no network namespace, but user namespaces
# are allowed, becomes the command in one of its own, under the same user; otherwise returns.
own_namespaces() {
  [ -z "${MPTCPIZE_OWN_NAMESPACES:-}" ] || return 0
  local name=mptcpize-$$-probe
  if ip netns add "$name" 2>/dev/null; then
    ip netns delete "$name"
    return
  fi
  # ip keeps the namespaces' names below /run.
  local within=(unshare --map-current-user --keep-caps --mount --net)
  "${within[@]}" sh -c 'mount -t tmpfs tmpfs /run && ip netns add probe &&
    nsenter --net=/run/netns/probe sh -c "ip link add eth0 type veth && ip mptcp limits set subflows 1"' \
    >/dev/null 2>&1 || return 0
  # shellcheck disable=SC2016 # the inner shell's arguments
  MPTCPIZE_OWN_NAMESPACES=1 exec "${within[@]}" \
    sh -c 'mount -t tmpfs tmpfs /run && ip link set lo up && exec "$@"' sh "$@"
}
