"""Pages in a real Chromium without a window; whatever they load from elsewhere is a fault."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

PHONE, DESKTOP = (375, 812), (1280, 800)
BINARIES = ("chromium", "chromium-browser", "google-chrome")
WAIT_MS = 60_000.0


@contextmanager
def chromium():
    """Run Chromium; a test without one is skipped."""
    found = next(filter(None, map(shutil.which, BINARIES)), None)
    if found is None:
        pytest.skip("Chromium is not installed")
    playwright = pytest.importorskip("playwright.sync_api")
    playwright.expect.set_options(timeout=WAIT_MS)
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def opened(browser, address, size=DESKTOP):
    """Give a page; at the end it must have complained of nothing and asked nobody else."""
    context = browser.new_context(viewport={"width": size[0], "height": size[1]})
    page = context.new_page()
    page.set_default_timeout(WAIT_MS)
    said, asked = [], []
    page.on("console", lambda one: said.append(one.text) if one.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    try:
        yield page
    finally:
        context.close()
    own = urlsplit(address).netloc
    foreign = [url for url in asked if urlsplit(url).scheme in ("http", "https", "ws")]
    assert {urlsplit(url).netloc for url in foreign} == {own}
    page.livesim_said = said


def canvas(page):
    """Return mean and spread of the grey levels in the middle of the picture."""
    return page.evaluate(
        """() => {
            const canvas = document.getElementById("picture");
            const { width, height } = canvas, side = Math.min(width, height) >> 1;
            const place = [(width - side) >> 1, (height - side) >> 1, side, side];
            const { data } = canvas.getContext("2d").getImageData(...place);
            const grey = data.filter((_, at) => at % 4 === 0), count = grey.length;
            const mean = grey.reduce((sum, one) => sum + one, 0) / count;
            const squares = grey.reduce((sum, one) => sum + (one - mean) ** 2, 0);
            return [mean, Math.sqrt(squares / count)];
        }"""
    )


def picture(page):
    """Return the number of the picture that is drawn."""
    return int(page.locator("#picture").get_attribute("data-picture") or 0)
