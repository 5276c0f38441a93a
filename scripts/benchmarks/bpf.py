"""What the BPF mode costs, in a virtual machine whose clock counts instructions."""

from lab import ROOT, Unavailable
from paired import Missing, Ratio, Table

NAMES = {
    "inside": "in an attached cgroup, relative to a program that asks for MPTCP",
    "outside": "elsewhere, relative to no program attached",
}


def measure(lab, plan):
    """Inside of an attached cgroup, and outside."""
    table = Table(
        "The BPF mode", "Instructions of socket() and close(), including the kernel's, on Debian's "
        "Linux 6.12 (QEMU, -icount).", ["instructions"])
    try:
        if plan.quick:
            raise Unavailable("a virtual machine takes longer than --quick allows")
        lines = lab.run([str(ROOT / "scripts" / "bench-bpf")], inside=[], timeout=420).splitlines()
        found = {name: float(ratio) for name, ratio in map(str.split, lines)}
    except Unavailable as failure:
        found, reason = {}, str(failure)
    for name, title in NAMES.items():
        table.add(title, Ratio.of([found[name]]) if name in found else Missing(reason))
    return [table]
