"""nginx as the backend of all, and nginx as a proxy."""

from __future__ import annotations

import os
from pathlib import Path

CONNECTIONS = 16_384
BODY_BYTES = {"64 KiB": 64 << 10, "100 MiB": 100 << 20}
TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def file_name(size: str) -> str:
    return size.replace(" ", "-")


def backend(program: str, folder: Path, port: int) -> list[str]:
    """Answers "hello world", and files of each size under /files/."""
    for size, count in BODY_BYTES.items():
        path = folder / "files" / file_name(size)
        path.parent.mkdir(exist_ok=True)
        with path.open("wb") as file:
            file.truncate(count)
    server = f"""
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        sendfile on;
        location / {{ return 200 "hello world\\n"; }}
        location /files/ {{ root {folder}; }}
    }}"""
    return command(program, folder, server)


def proxy(program: str, folder: Path, port: int, backend_port: int) -> list[str]:
    """Streams uploads and event streams, as the others do; keeps connections to the backend."""
    server = f"""
    upstream backend {{
        server 127.0.0.1:{backend_port};
        keepalive 512;
        keepalive_requests 1000000000;
    }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        client_max_body_size 0;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_request_buffering off;
        proxy_max_temp_file_size 0;
        location / {{ proxy_pass http://backend; }}
        location /stream {{ proxy_pass http://backend; proxy_buffering off; }}
    }}"""
    return command(program, folder, server)


def command(program: str, folder: Path, server: str) -> list[str]:
    temporary = "\n".join(f"    {name}_temp_path {folder}/{name};" for name in TEMPORARY)
    user = "user root;" if os.geteuid() == 0 else ""  # the folder is closed to others
    config = folder / "nginx.conf"
    config.write_text(f"""{user}
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
events {{ worker_connections {CONNECTIONS}; }}
http {{
    access_log off;
    default_type text/plain;
    keepalive_timeout 300;
    keepalive_requests 1000000000;
{temporary}
{server}
}}
""")
    return [program, "-e", "stderr", "-p", str(folder), "-c", str(config)]
