"""`kalends`, `python -m kalends`: see kalends.ops.cli."""

from __future__ import annotations

import sys


def main() -> int:
    from kalends.ops.cli import run  # noqa: PLC0415 - app ready: settings are chosen by the command line first

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
