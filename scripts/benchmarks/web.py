"""Web servers under load."""

import os

import servers
from lab import Unavailable, need

# By case: how many connections at a time, and wrk's options.
CASES = {
    "keep-alive": (16,),
    "per request": (16, "--header", "Connection: close"),
    "1 000 connections": (1000,),
}
# What only root may say in a server's configuration.
IDENTITY = (["user"], ["group"])
NGINX = """
user {user};
worker_processes 1;
worker_rlimit_nofile 8192;
pid {folder}/nginx-{port}.pid;
events {{ worker_connections 4096; }}
http {{
  {settings}
  access_log off;
  keepalive_requests 1000000;
  client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  server {{ listen 127.0.0.1:{port} backlog=4096; root {folder}/html; }}
}}
"""
APACHE = """
ServerRoot {folder}
ServerName bench
DefaultRuntimeDir {folder}
PidFile {folder}/apache-{port}.pid
ErrorLog /dev/stderr
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
User {user}
Group {group}
Listen 127.0.0.1:{port}
DocumentRoot {folder}/html
MaxKeepAliveRequests 0
"""
# As Debian's nginx.conf has it; and without what it sets for TCP's sake.
STOCK = "sendfile on; tcp_nopush on;"
TUNED = "sendfile on; tcp_nopush off; tcp_nodelay on; open_file_cache max=16;"


def microseconds(text):
    """Of a time as wrk prints it."""
    for unit, factor in (("us", 1), ("ms", 1e3), ("s", 1e6), ("m", 6e7)):
        if text.endswith(unit):
            return float(text[:-len(unit)]) * factor
    raise Unavailable(f"wrk printed {text}")


def load(lab, before, port, seconds, connections, *options):
    """What wrk says."""
    output = lab.run([
        *before, need("wrk"), "--latency", "--threads", "1", "--connections", str(connections),
        "--duration", f"{seconds}s", *options, f"http://127.0.0.1:{port}/"])
    seen = {}
    for words in map(str.split, output.splitlines()):
        if words[:1] == ["Requests/sec:"]:
            seen["requests/s"] = float(words[1])
        elif words[:1] in (["50%"], ["99%"]):
            seen["p" + words[0][:-1]] = microseconds(words[1])
    if not seen.get("requests/s"):
        raise Unavailable("no request was answered")
    return seen


def starter(server, settings=""):
    """What `servers.measure` starts such a server by."""
    def start(lab, before):
        (lab.folder / "html").mkdir(exist_ok=True)
        (lab.folder / "html" / "index.html").write_bytes(b"x" * 1024)
        port = lab.port()
        text = (APACHE if server == "apache2" else NGINX).format(
            folder=lab.folder, port=port, settings=settings, user="www-data", group="www-data")
        if os.geteuid() != 0:
            text = "\n".join(
                line for line in text.splitlines() if line.lower().split()[:1] not in IDENTITY)
        path = lab.folder / f"{server}-{port}.conf"
        path.write_text(text)
        command = [need("apache2"), "-DFOREGROUND", "-f", str(path)] if server == "apache2" else \
            [need("nginx"), "-c", str(path), "-e", "stderr", "-g", "daemon off;"]
        return lab.start([*before, *command], port), \
            lambda case, plan: load(lab, before, port, plan.seconds, *CASES[case])
    return start


def measure(lab, plan):
    """Requests per second, and how long they took."""
    table = servers.table_of("Web servers", "wrk on loopback, 16 connections unless said, 1 KiB")
    name = "nginx, stock (tcp_nopush)"
    servers.measure(lab, plan, table, name, starter("nginx", STOCK), CASES)
    if not plan.quick:
        short = list(CASES)[:2]
        servers.measure(lab, plan, table, "nginx, tuned", starter("nginx", TUNED), short)
        servers.measure(lab, plan, table, "apache2, event", starter("apache2"), short)
    return [table]
