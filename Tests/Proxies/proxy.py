"""What a proxy is, to run.py.

In all texts %DIR% stands for the run's directory. Each proxy listens on the ports of FRONT and hands
on to those of BACK, once for a server that speaks TCP and once for one that speaks MPTCP.
"""

FRONT = {"tcp": 8001, "mptcp": 8002}
BACK = {"tcp": 9001, "mptcp": 9002}


def pairs(text):
    """The text once for each pair of ports, with %FRONT%, %BACK% and %KIND% replaced."""
    return "".join(
        text.replace("%FRONT%", str(FRONT[kind]))
        .replace("%BACK%", str(BACK[kind]))
        .replace("%KIND%", kind)
        for kind in FRONT
    )


class Proxy:
    """Files, what has to run before, and the proxy's programs with the port that each listens on."""

    scheme = "http"
    attempts = 1  # at a transfer, until it is complete
    patience = 60  # seconds for an attempt

    def __init__(self, files, *programs, preparation=()):
        self.files, self.programs, self.preparation = files, programs, preparation

    def server(self, _kind):
        """The command of the server behind it, None for the one of server.py."""
        return None

    def client_options(self, _kind):
        """What curl is told to reach a server through it."""
        return []

    def url(self, kind):
        """What curl asks for."""
        return f"{self.scheme}://127.0.0.1:{FRONT[kind]}/big"
