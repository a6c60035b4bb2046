"""Pages in a headless Chromium: what is wrong with them, at two widths, light and dark.

Needs a Chromium on the PATH, or named by CHROMIUM, and the packages `playwright` and `axe-playwright-python` (the extra
`browser`). Nothing is downloaded.
"""

import contextlib
import os
import shutil

import pytest

WIDTHS = (420, 1400)
RULES = ["color-contrast", "image-alt", "svg-img-alt", "role-img-alt", "label", "button-name", "link-name", "list",
         "document-title", "html-has-lang", "duplicate-id-aria", "scrollable-region-focusable"]  # fmt: skip
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
SEEN = """() => {
  for (const part of document.querySelectorAll("details")) part.open = true;
  for (const one of document.images) one.loading = "eager";
  return Promise.all([...document.images].map((one) => one.decode().catch(() => null)));
}"""
SHORTENED = """() => {
  for (const row of document.querySelectorAll("tbody tr:nth-child(n + 7), dl > :nth-child(n + 13)")) row.remove();
}"""  # the rest looks as these do, and takes seconds
TOO_WIDE = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
UNSEEN = "() => [...document.images].filter((one) => !one.naturalWidth).length"


@contextlib.contextmanager
def opened():
    """A browser of its own for a test: playwright keeps an event loop running, which other tests would stumble over."""
    program = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip("no Chromium: install one (apt-get install chromium), or name it in CHROMIUM")
    api = pytest.importorskip("playwright.sync_api", reason='playwright is not installed: pip install -e ".[browser]"')
    with api.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        with contextlib.closing(browser):
            yield browser


def faults(*files) -> list[str]:
    """What is wrong with the pages, with all parts open: a line for each fault, none for sound pages."""
    with opened() as browser:
        return [f"{file.name}: {fault}" for file in files for fault in _faults(browser, file)]


def _faults(browser, file):
    from axe_playwright_python.sync_playwright import Axe

    for width in WIDTHS:
        page, found = browser.new_page(viewport={"width": width, "height": 900}), []
        page.on("pageerror", lambda error, found=found: found.append(f"script error: {error}"))
        page.on(
            "console", lambda said, found=found: found.append(f"console: {said.text}") if said.type == "error" else 0
        )
        page.goto(file.as_uri())
        page.evaluate(SEEN)
        if (over := page.evaluate(TOO_WIDE)) > 0:
            found.append(f"{over} pixels too wide at {width}")
        if count := page.evaluate(UNSEEN):
            found.append(f"{count} pictures do not load")
        page.evaluate(SHORTENED)
        for scheme, rules in {"light": RULES, "dark": RULES[:1]}.items() if width == WIDTHS[-1] else ():
            page.emulate_media(color_scheme=scheme)
            for one in Axe().run(page, options={"runOnly": rules}).response["violations"]:
                places = [node["html"][:90] for node in one["nodes"][:3]]
                found.append(f"{one['id']} ({scheme}): {len(one['nodes'])} places, such as {places}")
        page.close()
        yield from found
