"""The pictures of docs/use/browser.md: Chromium, an engine and a simulated microscope, all real.

Run as `python -m bench.pictures.browser`; Chromium has to be installed (Debian: chromium).
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from bench import IMAGES
from bench.speed.looped_stream import STACKS, looped_stream
from livesim.commands.simulate.files import simulate_files
from livesim.config.settings import Settings
from livesim.processes.viewer_children import Children
from livesim_acquisition.microscope.demo import demo_settings

DESKTOP, PHONE = (1280, 800), (375, 812)
PATIENCE_MS = 600_000.0
PHOTONS, PER_S = 300.0, 0.75
"""Of the brightest pixel; raw stacks, so that networks on a CPU keep up."""
COLOURS = 128
"""Of a saved picture, which is small then."""


def main() -> None:
    """Make all pictures."""
    with (
        tempfile.TemporaryDirectory() as name,
        _engine_at_work(Path(name)) as engine,
        serving(engine) as address,
        chromium() as browser,
    ):
        _live(browser, address)
        _try(browser, address, Path(name))


def _live(browser: Browser, address: str) -> None:
    page = opened(browser, address, DESKTOP)
    expect(page.get_by_role("button", name="Restored")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator("#trust")).to_have_text(re.compile("trust|look"), timeout=PATIENCE_MS)
    expect(page.locator("#right")).to_have_text("Restored", timeout=PATIENCE_MS)
    page.get_by_role("button", name="Widefield").click()
    page.get_by_role("button", name="Restored").click()
    page.get_by_role("button", name="Split", exact=True).click()
    expect(page.locator("#left")).to_have_text("Widefield")
    _save(page, "browser")
    phone = opened(browser, address, PHONE)
    expect(phone.locator("#right")).to_have_text(re.compile("Restored|Plain"), timeout=PATIENCE_MS)
    _save(phone, "browser-phone")


def _try(browser: Browser, address: str, folder: Path) -> None:
    simulate_files(_settings(stacks=3), folder / "cells")
    page = opened(browser, address, DESKTOP)
    page.get_by_role("button", name="Try it").click()
    files = [folder / "cells" / "raw.ome.tif", *sorted((folder / "cells").glob("*.toml"))[:1]]
    page.locator("#file").set_input_files(files)
    page.get_by_role("button", name="Restore", exact=True).click()
    expect(page.locator("#tried-pictures figure")).to_have_count(3, timeout=PATIENCE_MS)
    _save(page, "browser-try")


def opened(browser: Browser, address: str, size: tuple[int, int]) -> Page:
    """Return a page of this size on the screen."""
    phone = size[0] < 500
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        is_mobile=phone,
        has_touch=phone,
    )
    page = context.new_page()
    page.goto(address, timeout=PATIENCE_MS)
    return page


@contextmanager
def serving(engine: str, *flags: str) -> Iterator[str]:
    """Run `livesim serve` of an engine at a free port; give its address."""
    command = [sys.executable, "-m", "livesim", "serve", "--engine", engine, *flags]
    with subprocess.Popen([*command, "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().decode().strip()
        finally:
            server.terminate()


@contextmanager
def chromium(niceness: int = 0) -> Iterator[Browser]:
    """Run Chromium without a window, and so much behind all else that wants the processors."""
    found = shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        niced = Path(folder) / "chromium"
        niced.write_text(f'#!/bin/sh\nexec nice -n {niceness} {found} "$@"\n', encoding="utf-8")
        niced.chmod(0o700)
        browser = playwright.chromium.launch(executable_path=niced, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def _engine_at_work(folder: Path) -> Iterator[str]:
    children = Children()
    try:
        engine = children.start_engine(folder / "recordings", None, at_once=True)
        with looped_stream(engine, _settings(STACKS), PER_S):
            yield engine
    finally:
        children.close()


def _settings(stacks: int) -> Settings:
    return demo_settings(256, PHOTONS, stacks=stacks)


def _save(page: Page, name: str) -> None:
    file = IMAGES / f"{name}.png"
    page.screenshot(path=file)
    Image.open(file).convert("RGB").quantize(COLOURS).save(file, optimize=True)
    print(file)


if __name__ == "__main__":
    main()
