"""Runs a command with KALENDS_TEST_DATABASE_URL naming a PostgreSQL of its own, which ends with the command.

The server listens on a Unix socket only: a port could be somebody else's by the time that the server starts, or starts
again. Socket and data are in a temporary folder.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


def find_binaries() -> Path | None:
    """The newest installed server's folder."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    if versions:
        return versions[-1].parent
    found = shutil.which("initdb")
    return Path(found).parent if found else None


# Part of the socket's name.
_PORT = 5432


@dataclass(frozen=True)
class Server:
    binaries: Path
    folder: Path

    @property
    def url(self) -> str:
        return f"postgresql://kalends@/postgres?host={self.folder}&port={_PORT}"

    def run(self, program: str, *arguments: str, check: bool = True) -> None:
        # The server refuses to run as root.
        owner = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
        command = [*owner, str(self.binaries / program), "-D", str(self.folder / "data"), *arguments]
        subprocess.run(command, check=check, stdout=subprocess.DEVNULL)

    def start(self) -> None:
        options = f"-p {_PORT} -k {self.folder} -c listen_addresses= -c max_connections=200"
        self.run("pg_ctl", "-w", "-t", "300", "-l", str(self.folder / "log"), "-o", options, "start")

    def stop(self, *, check: bool = True) -> None:
        """At once, as a host that loses its power: what was committed is on the disk, nothing else is."""
        self.run("pg_ctl", "-t", "300", "-m", "immediate", "stop", check=check)


@contextmanager
def postgres(binaries: Path) -> Iterator[Server]:
    """A started server without data; it and its folder end with the block."""
    folder = Path(tempfile.mkdtemp(prefix="kalends-postgres-"))
    if os.getuid() == 0:
        os.chown(folder, pwd.getpwnam("postgres").pw_uid, -1)
    server = Server(binaries, folder)
    try:
        server.run("initdb", "-U", "kalends", "-A", "trust", "-E", "UTF8", "--no-sync")
        server.start()
        yield server
    finally:
        server.stop(check=False)
        shutil.rmtree(folder, ignore_errors=True)


def main(command: list[str]) -> int:
    binaries = find_binaries()
    if binaries is None:
        sys.exit("PostgreSQL is not installed here; `make test-all` installs it on Debian")
    with postgres(binaries) as server:
        return subprocess.call(command, env={**os.environ, "KALENDS_TEST_DATABASE_URL": server.url})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
