# shellcheck shell=bash
# Sourced by the scripts for virtual machines: what one is made of. They set `kernel`, a folder of
# get-kernel, and `work`, a folder for the machine's files.
# shellcheck disable=SC2154 # set by those that source this, and by lab.sh
for program in qemu-system-x86_64 busybox xz zstd; do need $program; done
[ "$(uname -m)" = x86_64 ] || die 'only for x86-64 machines: payloads are programs built here'

# begin_tree: the root file system that a machine begins with, as $work/tree.
begin_tree() {
  image=$(find "$kernel" -name 'vmlinuz*' -type f -print -quit)
  [ -n "$image" ] || die "$kernel: no kernel in it"
  mkdir -p "$work/tree"/{bin,modules,t}
  cp "$(command -v busybox)" "$work/tree/bin/busybox"
  install -m 755 "$lab/vm-init" "$work/tree/init"
}

# Puts a module and, before it, what it depends on into the tree, numbered in this order.
# A kernel that has it built in, or not at all, has no such file. (Debian's packages have
# no modules.dep; the names are in the modules.)
declare -A taken=()
add_module() {
  local name=${1//-/_} file depends dependency
  [ -z "${taken[$name]:-}" ] || return 0
  taken[$name]=1
  file=$(find "$kernel" -name "${name//_/[-_]}.ko*" -type f -print -quit)
  [ -n "$file" ] || return 0
  case $file in
    *.xz) xz -dc "$file" ;;
    *.zst) zstd -qdc "$file" ;;
    *) cat "$file" ;;
  esac >"$work/$name.ko"
  depends=$(tr '\0' '\n' <"$work/$name.ko" | sed -n 's/^depends=//p')
  for dependency in ${depends//,/ }; do add_module "$dependency"; done
  mv "$work/$name.ko" "$work/tree/modules/$(printf %03d ${#order[@]})-$name.ko"
  order+=("$name")
}
order=()

# end_tree: packs it. Sets `qemu`, the emulator with what all machines have: two serial ports, for
# the console and for the payload's output.
end_tree() {
  (cd "$work/tree" && find . | busybox cpio -o -H newc 2>/dev/null | gzip -1) >"$work/initrd"
  # shellcheck disable=SC2034 # used by those that source this
  command_line='console=ttyS0 panic=-1 quiet'
  # shellcheck disable=SC2034
  qemu=(qemu-system-x86_64 -accel tcg -cpu max -smp 1 -display none -nodefaults
    -serial "file:$work/console" -serial "file:$work/out" -kernel "$image" -initrd "$work/initrd")
}

# take_slot: emulation uses a whole processor for each machine, so two work at a time. Waits for
# one of two slots, and keeps it until this script ends.
take_slot() {
  mkdir -p "$cache/locks"
  until
    for slot in 1 2; do
      exec {held}>"$cache/locks/vm-$slot"
      flock -n "$held" && break
      exec {held}>&-
      held=
    done
    [ -n "$held" ]
  do sleep 0.2; done
}
