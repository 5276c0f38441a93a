"""nginx in its several ways, with Debian's paths and user."""

import pathlib

from proxy import BACK, FRONT, Proxy, pairs

STREAM = "load_module /usr/lib/nginx/modules/ngx_stream_module.so;"

# PHP counts as the server: php-fpm speaks FastCGI where other proxies' servers speak HTTP.
PHP = """<?php
if ($_SERVER['REQUEST_METHOD'] == 'GET') {
    header('Content-Length: ' . filesize('%DIR%/big'));
    while (ob_get_level()) ob_end_clean();
    readfile('%DIR%/big');
} else {
    $digest = hash_init('sha256');
    hash_update_stream($digest, fopen('php://input', 'r'));
    echo hash_final($digest);
}
"""

FPM = """
[global]
error_log = /dev/stderr
log_level = error
[www]
user = www-data
listen = 127.0.0.1:%PORT%
pm = static
pm.max_children = 1
"""

FASTCGI = """
    fastcgi_pass 127.0.0.1:%BACK%;
    fastcgi_param SCRIPT_FILENAME %DIR%/big.php;
    fastcgi_param REQUEST_METHOD $request_method;
    fastcgi_param CONTENT_LENGTH $content_length;
"""

BUFFERED = "proxy_pass http://127.0.0.1:%BACK%;"
UNBUFFERED = BUFFERED + " proxy_http_version 1.1; proxy_buffering off; proxy_request_buffering off;"


def nginx(modules, body):
    """nginx.conf, in the foreground, with Debian's user."""
    return f"""
{modules}
daemon off;
user www-data;
worker_processes 1;
pid %DIR%/nginx.pid;
error_log stderr;
events {{ worker_connections 256; }}
{body}
"""


def nginx_http(location):
    """The same for HTTP, with what to do about requests."""
    servers = "".join(
        f"""
    server {{
        listen 127.0.0.1:{FRONT[kind]};
        location / {{ {location.replace('%BACK%', str(BACK[kind]))} }}
    }}"""
        for kind in FRONT
    )
    return nginx(
        "",
        f"""
http {{
    access_log off;
    client_max_body_size 0;
    client_body_temp_path %DIR%/body;
    proxy_temp_path %DIR%/proxy;
    fastcgi_temp_path %DIR%/fastcgi;
    uwsgi_temp_path %DIR%/uwsgi;
    scgi_temp_path %DIR%/scgi;
    {servers}
}}""",
    )


def nginx_proxy(text, kind=Proxy, files=()):
    """An nginx with this configuration."""
    program = ["nginx", "-e", "stderr", "-c", "%DIR%/nginx.conf"]
    return kind({"nginx.conf": text, **dict(files)}, (program, FRONT["mptcp"]))


class FastCGI(Proxy):
    """Asks php-fpm."""

    def server(self, kind):
        fpm = max(map(str, pathlib.Path("/usr/sbin").glob("php-fpm*")), default="php-fpm")
        return [fpm, "--nodaemonize", "--fpm-config", f"%DIR%/{kind}.fpm"]


def fastcgi():
    """nginx before php-fpm."""
    files = {f"{kind}.fpm": FPM.replace("%PORT%", str(BACK[kind])) for kind in BACK}
    return nginx_proxy(nginx_http(FASTCGI), FastCGI, {"big.php": PHP, **files})


def stream():
    """nginx, byte for byte."""
    servers = pairs("server { listen 127.0.0.1:%FRONT%; proxy_pass 127.0.0.1:%BACK%; }\n")
    return nginx_proxy(nginx(STREAM, f"stream {{ {servers} }}"))


NGINX = {
    "nginx": lambda: nginx_proxy(nginx_http(BUFFERED)),
    "nginx-unbuffered": lambda: nginx_proxy(nginx_http(UNBUFFERED)),
    "nginx-stream": stream,
    "nginx-fastcgi": fastcgi,
}
