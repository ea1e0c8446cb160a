"""Chromium with a watch on its console, and axe-core's findings of a page in several dresses.

With KALENDS_TEST_PICTURES=1 every dress is tried and kept as a picture under screenshots/; `make e2e` does so.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from tests.support import require, skip

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / "screenshots"
FLAGS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
DRESSES = [(390, "dark"), (1280, "light")]
if os.environ.get("KALENDS_TEST_PICTURES"):
    DRESSES = [(width, scheme) for width in (390, 1280) for scheme in ("light", "dark")]
PATIENCE_MS = 120_000


@contextmanager
def chromium() -> Iterator[Any]:
    path = require("chromium", "the pages are tried in a real browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


def axe_source() -> str:
    modules = Path(os.environ.get("KALENDS_NODE_MODULES") or ROOT / "node_modules")
    file = modules / "axe-core/axe.min.js"
    if not file.exists():
        skip(f"pages are checked with axe-core: {file} is not there")
    return file.read_text(encoding="utf-8")


class Watched:
    """A browser window. What it complains about is collected in `problems`: errors, refusals of the page's policy."""

    def __init__(self, browser: Any, **options: Any) -> None:
        options = {"locale": "en-GB", "timezone_id": "Europe/Paris", "reduced_motion": "reduce", **options}
        self.context = browser.new_context(viewport={"width": 1280, "height": 900}, **options)
        self.context.set_default_timeout(PATIENCE_MS)
        self.problems: list[str] = []
        self.context.on("console", self._note)
        self.context.on("weberror", lambda error: self.problems.append(str(error.error)))
        self.page = self.context.new_page()

    def _note(self, message: Any) -> None:
        # The editor's own script writes markup with style attributes; the policy drops them, and ours sets them again.
        of_the_editor = message.location["url"].endswith("/jodit.min.js") and "inline style" in message.text
        if message.type == "error" and not of_the_editor:
            self.problems.append(f"{message.page.url if message.page else '?'}: {message.text}")

    def close(self) -> None:
        self.context.close()


def picture(page: Any, name: str) -> None:
    PICTURES.mkdir(exist_ok=True)
    page.screenshot(path=PICTURES / f"{name}.png", full_page=True)


def tab_to(page: Any, selector: str, most: int = 80) -> None:
    """Presses Tab until the first element of the selector has the focus."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate("s => document.activeElement === document.querySelector(s)", selector):
            return
    raise AssertionError(f"Tab does not reach {selector} on {page.url}")


def faults(page: Any, axe: str) -> list[tuple[str, str]]:
    """What axe calls serious or critical: rule and the first element. Needs a context that bypasses the policy."""
    page.evaluate(axe)
    found = page.evaluate("rules => axe.run(document, {runOnly: rules})", RULES)
    assert found["passes"], page.url
    return [
        (one["id"], one["nodes"][0]["html"][:200])
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
    ]


def in_every_dress(page: Any, name: str, axe: str) -> dict[str, Any]:
    """Pictures and findings at each width and in each scheme; what is wrong, by dress."""
    wrong: dict[str, Any] = {}
    for width, scheme in DRESSES:
        page.set_viewport_size({"width": width, "height": 900 if width > 600 else 844})
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        dress = f"{name}-{width}-{scheme}"
        if os.environ.get("KALENDS_TEST_PICTURES"):
            picture(page, dress)
        if found := faults(page, axe):
            wrong[dress] = found
        needed = page.evaluate("document.documentElement.scrollWidth")
        if needed > width:
            wrong[f"{dress} scrolls sideways"] = needed
    return wrong
