"""Runs a command with KALENDS_TEST_DATABASE_URL naming a PostgreSQL of its own, which ends with the command.

The server listens on a Unix socket's folder and on a free loopback port; its data are in a temporary folder.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path


def binaries() -> Path:
    """The newest installed server's folder. Exits where there is none."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    if versions:
        return versions[-1].parent
    if found := shutil.which("initdb"):
        return Path(found).parent
    sys.exit("PostgreSQL is not installed here; `make test-all` installs it on Debian")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main(command: list[str]) -> int:
    bin_folder = binaries()
    folder = Path(tempfile.mkdtemp(prefix="kalends-postgres-"))
    owner: list[str] = []
    if os.getuid() == 0:
        # The server refuses to run as root.
        os.chown(folder, pwd.getpwnam("postgres").pw_uid, -1)
        owner = ["runuser", "-u", "postgres", "--"]
    port = free_port()
    data = folder / "data"
    subprocess.run(
        [*owner, bin_folder / "initdb", "-D", data, "-U", "kalends", "-A", "trust", "-E", "UTF8", "--no-sync"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c max_connections=200"
    subprocess.run(
        [*owner, bin_folder / "pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", options, "start"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    try:
        url = f"postgresql://kalends@127.0.0.1:{port}/postgres"
        return subprocess.call(command, env={**os.environ, "KALENDS_TEST_DATABASE_URL": url})
    finally:
        subprocess.run(
            [*owner, bin_folder / "pg_ctl", "-D", data, "-m", "immediate", "stop"],
            check=False,
            stdout=subprocess.DEVNULL,
        )
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
