"""Makes .venv from a lock file, installs the package itself, and builds the front end. Needs Python 3.11 and nothing else."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"


def main(lock: str, *flags: str) -> None:
    if sys.version_info < (3, 11):
        sys.exit("Kalends needs Python 3.11 or newer; set PYTHON=/path/to/python3.11")
    python = VENV / "bin" / "python"
    if not python.exists():
        print("making .venv", flush=True)
        venv.create(VENV, with_pip=True)
    print(f"installing {lock}", flush=True)
    pip = [str(python), "-m", "pip", "install", "--quiet"]
    subprocess.run([*pip, "--require-hashes", "-r", str(ROOT / lock)], check=True)
    subprocess.run([*pip, "--no-deps", "--editable", str(ROOT)], check=True)
    subprocess.run([str(python), str(ROOT / "tools" / "build_frontend.py"), *flags], check=True)
    subprocess.run([str(python), str(ROOT / "tools" / "messages.py"), "--compile-only"], check=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
