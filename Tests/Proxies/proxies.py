"""All proxies by their names: what they are started by, and with which files."""

from nginx import NGINX
from proxy import BACK, FRONT, Proxy, pairs

SSHD = 9003

HAPROXY = """
global
    user nobody
    nbthread 2
defaults
    mode %MODE%
    timeout connect 10s
    timeout client 60s
    timeout server 60s
    %OPTION%
""" + pairs("listen %KIND%\n    bind 127.0.0.1:%FRONT%\n    server backend 127.0.0.1:%BACK%\n")

NODE = """
const http = require('http');
for (const [front, back] of [%PORTS%]) {
  http.createServer((request, response) => {
    const onward = http.request({ host: '127.0.0.1', port: back, path: request.url,
      method: request.method, headers: request.headers, agent: false }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    request.pipe(onward);
  }).listen(front, '127.0.0.1');
}
""".replace("%PORTS%", ", ".join(f"[{FRONT[kind]}, {BACK[kind]}]" for kind in FRONT))

GO = """
package main

import (
	"net/http"
	"net/http/httputil"
	"net/url"
)

func proxy(front, back string) {
	target, _ := url.Parse("http://127.0.0.1:" + back)
	http.ListenAndServe("127.0.0.1:"+front, httputil.NewSingleHostReverseProxy(target))
}

func main() {
%LISTEN%
	select {}
}
""".replace("%LISTEN%", "\n".join(f'\tgo proxy("{FRONT[kind]}", "{BACK[kind]}")' for kind in FRONT))


def haproxy(mode, option=""):
    """haproxy, whose option is "splice-…" or none."""
    text = HAPROXY.replace("%MODE%", mode).replace("%OPTION%", option)
    program = ["haproxy", "-db", "-f", "%DIR%/haproxy.cfg"]
    return Proxy({"haproxy.cfg": text}, (program, FRONT["mptcp"]))


class Squid(Proxy):
    """A proxy that is told where to go by its client."""

    # squid 5.7 breaks off one upload of 100 MB in ten on a busy machine, also over TCP and without
    # mptcpize ("store entry aborted").
    attempts, patience = 5, 20

    def client_options(self, kind):
        return ["--proxy", f"http://127.0.0.1:{FRONT[kind]}"]

    def url(self, kind):
        return f"http://127.0.0.1:{BACK[kind]}/big"


def squid():
    """Without a cache, which would answer in the servers' place."""
    text = """
http_access allow all
cache deny all
http_port 127.0.0.1:8001
http_port 127.0.0.1:8002
pid_filename none
coredump_dir %DIR%
access_log none
cache_log /dev/null
"""
    return Squid({"squid.conf": text}, (["squid", "-N", "-f", "%DIR%/squid.conf"], FRONT["mptcp"]))


def varnish():
    """One for each server: a varnishd has one default backend."""
    text = """
vcl 4.1;
backend default { .host = "127.0.0.1"; .port = "%BACK%"; }
sub vcl_recv { return (pass); }
"""
    return Proxy(
        {f"{kind}.vcl": text.replace("%BACK%", str(BACK[kind])) for kind in FRONT},
        *(
            (
                ["varnishd", "-F", "-f", f"%DIR%/{kind}.vcl", "-a", f"127.0.0.1:{FRONT[kind]}"]
                + ["-n", f"%DIR%/{kind}", "-s", "malloc,32m", "-T", "none"],
                FRONT[kind],
            )
            for kind in FRONT
        ),
    )


class Stunnel(Proxy):
    """TLS on the client's side."""

    scheme = "https"

    def client_options(self, _kind):
        return ["--insecure"]


def stunnel():
    """With a certificate of its own making."""
    text = "foreground = quiet\npid =\n" + pairs(
        "[%KIND%]\naccept = 127.0.0.1:%FRONT%\nconnect = 127.0.0.1:%BACK%\n"
        "cert = %DIR%/certificate\nkey = %DIR%/key\n"
    )
    certificate = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt"]
    certificate += ["ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost"]
    certificate += ["-keyout", "%DIR%/key", "-out", "%DIR%/certificate"]
    program = ["stunnel", "%DIR%/stunnel.conf"]
    return Stunnel(
        {"stunnel.conf": text}, (program, FRONT["mptcp"]), preparation=[certificate]
    )


def ssh():
    """ssh -L: the connection between ssh and sshd is MPTCP, and counted before all transfers."""
    server = """
Port 9003
ListenAddress 127.0.0.1
HostKey %DIR%/host
AuthorizedKeysFile %DIR%/key.pub
PidFile none
StrictModes no
"""
    keys = [
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"%DIR%/{name}"]
        for name in ("host", "key")
    ]
    client = ["ssh", "-N", "-F", "none", "-p", str(SSHD), "-i", "%DIR%/key"]
    client += ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]
    client += ["-o", "LogLevel=ERROR", "root@127.0.0.1"]
    client += [f"-L127.0.0.1:{FRONT[kind]}:127.0.0.1:{BACK[kind]}" for kind in FRONT]
    return Proxy(
        {"sshd_config": server},
        (["/usr/sbin/sshd", "-D", "-E", "/dev/null", "-f", "%DIR%/sshd_config"], SSHD),
        (client, FRONT["mptcp"]),
        preparation=[["mkdir", "-p", "/run/sshd"], *keys],
    )


def apache():
    """mod_proxy_http."""
    modules = ("mpm_event", "authz_core", "proxy", "proxy_http")
    text = "".join(
        f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n" for name in modules
    )
    text += """
ServerRoot %DIR%
ServerName localhost
DefaultRuntimeDir %DIR%
PidFile %DIR%/apache2.pid
ErrorLog /dev/stderr
LogLevel error
User www-data
Group www-data
""" + pairs(
        """
Listen 127.0.0.1:%FRONT%
<VirtualHost 127.0.0.1:%FRONT%>
    ProxyPass / http://127.0.0.1:%BACK%/
</VirtualHost>
"""
    )
    program = ["apache2", "-f", "%DIR%/apache2.conf", "-DFOREGROUND"]
    return Proxy({"apache2.conf": text}, (program, FRONT["mptcp"]))


def lighttpd():
    """mod_proxy, which passes on what it has while the rest comes."""
    text = """
server.document-root = "%DIR%"
server.errorlog = "/dev/null"
server.bind = "127.0.0.1"
server.port = 8001
server.modules = ("mod_proxy")
server.upload-dirs = ("%DIR%")
server.stream-response-body = 2
server.stream-request-body = 2
proxy.server = ("" => (("host" => "127.0.0.1", "port" => 9001)))
$SERVER["socket"] == "127.0.0.1:8002" {
    proxy.server = ("" => (("host" => "127.0.0.1", "port" => 9002)))
}
"""
    program = ["lighttpd", "-D", "-f", "%DIR%/lighttpd.conf"]
    return Proxy({"lighttpd.conf": text}, (program, FRONT["mptcp"]))


def socat():
    """A child for each connection."""
    return Proxy(
        {},
        *(
            (
                ["socat", f"TCP4-LISTEN:{FRONT[kind]},bind=127.0.0.1,reuseaddr,fork"]
                + [f"TCP4:127.0.0.1:{BACK[kind]}"],
                FRONT[kind],
            )
            for kind in FRONT
        ),
    )


def go():
    """httputil's ReverseProxy."""
    build = ["env", "GOCACHE=%DIR%/cache", "GOTOOLCHAIN=local", "CGO_ENABLED=0"]
    build += ["go", "build", "-o", "%DIR%/proxy", "%DIR%/proxy.go"]
    return Proxy({"proxy.go": GO}, (["%DIR%/proxy"], FRONT["mptcp"]), preparation=[build])


PROXIES = {
    **NGINX,
    "haproxy": lambda: haproxy("http"),
    "haproxy-splice": lambda: haproxy(
        "tcp", "option splice-request\n    option splice-response"
    ),
    "apache2": apache,
    "lighttpd": lighttpd,
    "varnish": varnish,
    "squid": squid,
    "socat": socat,
    "stunnel": stunnel,
    "ssh": ssh,
    "node": lambda: Proxy({"proxy.js": NODE}, (["node", "%DIR%/proxy.js"], FRONT["mptcp"])),
    "go": go,
}
