"""What the mode seccomp costs: the calls that its supervisor answers, and all the others."""

import subprocess

import databases
import servers
import web
from lab import OURS, Unavailable, need
from paired import Missing, Table, cell, compare

RUN = [OURS, "run", "--mode", "seccomp"]
# By the name of bench_calls.c: what it is here, and of how many it is measured.
CALLS = {
    "socket": ("socket() and close()", 5000),
    "option": ("setsockopt of an option that is mended", 20_000),
    "bytes": ("read() and write() of a byte, which are not its business", 1_000_000),
}
# A static server on a socket of the protocol that it is told.
GO = """
package main

import ("net"; "net/http"; "os"; "strconv"; "syscall")

func main() {
	port, _ := strconv.Atoi(os.Args[1])
	protocol, _ := strconv.Atoi(os.Args[2])
	one, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, protocol)
	if err != nil { panic(err) }
	address := &syscall.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}
	if err := syscall.Bind(one, address); err != nil { panic(err) }
	if err := syscall.Listen(one, 4096); err != nil { panic(err) }
	listener, err := net.FileListener(os.NewFile(uintptr(one), "listener"))
	if err != nil { panic(err) }
	page := make([]byte, 1024)
	http.Serve(listener, http.HandlerFunc(
		func(answer http.ResponseWriter, _ *http.Request) { answer.Write(page) }))
}
"""


def calls(lab, plan):
    """Relative to the program alone, over TCP."""
    table = Table(
        "The mode seccomp", "Time of system calls under `run --mode seccomp`, relative to plain TCP.",
        ["time"])
    program = lab.fixture("bench_calls")

    def side(name, count, *before):
        return lambda: {"time": float(lab.run([*before, program, name, str(count), "0"]))}

    for name, (title, count) in CALLS.items():
        count //= 10 if plan.quick else 1
        found = compare(
            {"TCP": side(name, count), "seccomp": side(name, count, *RUN)}, "TCP",
            plan.many_rounds)
        table.add(title, cell(found, "seccomp", "time"))
    return table


def go_server(lab):
    """What `servers.measure` starts one in Go by: as it would ask for MPTCP itself, or supervised."""
    program = lab.folder / "go-server"
    (lab.folder / "server.go").write_text(GO)
    subprocess.run(
        [need("go"), "build", "-o", program, lab.folder / "server.go"], check=True,
        env={"PATH": "/usr/bin:/bin", "HOME": str(lab.folder), "GOCACHE": str(lab.folder / "go"),
             "CGO_ENABLED": "0", "GO111MODULE": "off", "GOTOOLCHAIN": "local"})

    def start(_, before):
        port = lab.port()
        protocol = "0" if before else "262"
        return lab.start([*before, str(program), str(port), protocol], port), \
            lambda case, plan: web.load(
                lab, before or lab.native(), port, plan.seconds, *web.CASES[case])
    return start


def measure(lab, plan):
    """Calls, and servers under load."""
    tables = [calls(lab, plan)]
    table = Table(
        "Servers in the mode seccomp",
        "wrk on loopback, 16 connections, 1 KiB, over MPTCP: both under `run --mode seccomp`, "
        "relative to the same two that ask for MPTCP by themselves.", list(servers.METRICS))
    apache = web.starter("apache2")
    starts = {
        "apache2, event": lambda lab, before: apache(lab, before or lab.native()),
    }
    try:
        if plan.quick:
            raise Unavailable("compiling it takes longer than --quick allows")
        starts["static server in Go"] = go_server(lab)
    except (Unavailable, subprocess.SubprocessError) as failure:
        table.add("static server in Go", *([Missing(str(failure))] * len(servers.METRICS)))
    for name, start in starts.items():
        servers.measure(
            lab, plan, table, name, start, databases.CASES, tools={"TCP": [], "seccomp": RUN},
            shown=("seccomp",))
    return [*tables, table]
