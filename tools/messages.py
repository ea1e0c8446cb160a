"""Collects translatable texts into src/kalends/locale and compiles them.

Compiling needs no gettext tools on the machine: the .mo writer is the standard library's format, written here, so that
`make run` works on a bare machine. Collecting uses Django's makemessages (needs gettext).
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCALE = ROOT / "src/kalends/locale"


def compile_all() -> None:
    from babel.messages.mofile import write_mo  # noqa: PLC0415 - optional dependency
    from babel.messages.pofile import read_po  # noqa: PLC0415 - optional dependency

    for source in LOCALE.glob("*/LC_MESSAGES/*.po"):
        with source.open("rb") as file:
            catalog = read_po(file)
        with source.with_suffix(".mo").open("wb") as file:
            write_mo(file, catalog)


def collect() -> None:
    LOCALE.mkdir(exist_ok=True)
    subprocess.run(
        [sys.executable, "-m", "django", "makemessages", "-l", "en", "-l", "fr", "--no-location", "--no-wrap"],
        cwd=ROOT / "src/kalends",
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "kalends.config.settings"},
        check=True,
    )


if __name__ == "__main__":
    if "--compile-only" not in sys.argv:
        collect()
    compile_all()
