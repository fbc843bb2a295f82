"""HAProxy as the load balancer of a rehearsal: two sides by weight, each with its instances."""

import os
import shutil
import sys
from pathlib import Path

from scripts.cutover.rehearse.runtime import NEW, OLD, SOCKET

_CONFIGURATION = """\
global
    stats socket {socket} mode 600 level admin
    nbthread 1
    maxconn 4000

defaults
    mode http
    timeout connect 500ms
    timeout client 60s
    timeout server 2s
    timeout check 1s
    retries 1
    option redispatch
    http-reuse always
    option httpchk GET /health

frontend users
    bind fd@{listener}
    default_backend split

backend split
    balance roundrobin
    timeout server 4s
    server old unix@{folder}/old.sock weight 100
    server new unix@{folder}/new.sock weight 0
{sides}"""
_SIDE = """
listen {side}
    bind unix@{folder}/{side}.sock mode 600
    balance roundrobin
    default-server check inter 300ms fall 3 rise 2
"""


def program() -> str | None:
    """Where HAProxy is; None where there is none, or nothing would end it with the rehearsal.

    `tethered`, which does, is Linux's. Debian installs it where only administrators look.
    """
    if sys.platform != "linux":
        return None
    return shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin:/usr/local/sbin")


def command(folder: Path, listener: int, slots: int) -> list[str] | None:
    """The command that serves the socket `listener`, with its files in `folder`.

    Each side has `slots` places for instances, none of them taken.
    """
    found = program()
    if found is None:
        return None
    configured = folder / "haproxy.cfg"
    configured.write_text(configuration(folder, listener, slots), encoding="utf-8")
    tethered = [sys.executable, "-m", f"{__package__}.tethered", str(os.getpid())]
    return [*tethered, found, "-db", "-f", str(configured)]


def configuration(folder: Path, listener: int, slots: int) -> str:
    """What HAProxy is configured by."""
    sides = "".join(
        _SIDE.format(side=side, folder=folder)
        + "".join(f"    server {number} 127.0.0.1:1 disabled\n" for number in range(1, slots + 1))
        for side in (OLD, NEW)
    )
    return _CONFIGURATION.format(
        socket=folder / SOCKET, folder=folder, listener=listener, sides=sides
    )
