"""Collects translatable texts into src/kalends/locale and compiles them.

English is the language of the source, so only French has a catalogue. Collecting uses Django's makemessages, which needs
gettext on the machine; compiling uses Babel, a dependency of the product, so that `make run` needs no gettext.
`--compile-only` compiles; `--check` collects into a copy and fails where the catalogue is behind the sources.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from io import BytesIO
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).resolve().parent.parent / "src/kalends"
CATALOGUE = Path("locale/fr/LC_MESSAGES/django.po")

# Without dates and people: the catalogue differs only where its texts do.
HEADER = r"""# French texts of Kalends. `make messages` collects what is new and drops what is gone; translating is done here.
msgid ""
msgstr ""
"Project-Id-Version: kalends\n"
"Language: fr\n"
"MIME-Version: 1.0\n"
"Content-Type: text/plain; charset=UTF-8\n"
"Content-Transfer-Encoding: 8bit\n"
"Plural-Forms: nplurals=2; plural=(n > 1);\n"

"""


def read(path: Path) -> Any:
    from babel.messages.pofile import read_po  # noqa: PLC0415 - this file is imported before Babel is installed

    with path.open("rb") as file:
        return read_po(file, locale="fr", ignore_obsolete=True)


def compile_all() -> None:
    from babel.messages.mofile import write_mo  # noqa: PLC0415

    path = PACKAGE / CATALOGUE
    with path.with_suffix(".mo").open("wb") as file:
        write_mo(file, read(path))


def collect(package: Path) -> None:
    """New texts come without a translation; a guess by likeness (fuzzy) is no translation either."""
    from babel.messages.pofile import write_po  # noqa: PLC0415

    path = package / CATALOGUE
    path.parent.mkdir(parents=True, exist_ok=True)
    command = [
        sys.executable,
        "-m",
        "django",
        "makemessages",
        "-l",
        "fr",
        "--no-location",
        "--no-wrap",
        "--no-obsolete",
    ]
    # Without settings: makemessages needs none, and ours would make a data folder where it runs.
    env = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    subprocess.run(command, cwd=package, env=env, check=True, stdout=subprocess.DEVNULL)
    catalogue = read(path)
    for message in catalogue:
        message.user_comments = []  # where the guess came from
        if message.fuzzy:
            message.string = ("", "") if message.pluralizable else ""
            message.flags.discard("fuzzy")
    texts = BytesIO()
    write_po(texts, catalogue, width=0, omit_header=True)
    path.write_text(HEADER + texts.getvalue().decode().strip() + "\n", encoding="utf-8")


def check() -> str:
    """What the catalogue lacks and what it has too many of; empty when it is up to date."""
    here = {(message.context, message.id) for message in read(PACKAGE / CATALOGUE)}
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "kalends")
        shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("static", "__pycache__", "*.mo"))
        collect(copy)
        there = {(message.context, message.id) for message in read(copy / CATALOGUE)}
    missing = [f"not collected: {text}" for text in sorted(there - here, key=str)]
    return "\n".join([*missing, *(f"not in the sources any more: {text}" for text in sorted(here - there, key=str))])


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit(check() or 0)
    if "--compile-only" not in sys.argv:
        collect(PACKAGE)
    compile_all()
