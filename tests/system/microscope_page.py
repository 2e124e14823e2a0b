"""Run examples of a page of the documentation as they stand there, in a process of their own.

python microscope_page.py PAGE ENGINE core|acquire|mda

With `core`, the examples find the demonstration camera, events and settings; with `acquire` and
`mda`, which are those with pymmcore-plus, only the settings file beside them.
"""

from __future__ import annotations

import gc
import re
import sys
from pathlib import Path

import livesim.wire.endpoints

LIVE_IMAGES = 30


def examples(page):
    """Return the Python blocks of a page."""
    return re.findall(r"^```python\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)


def demonstration():
    """Start Micro-Manager's demonstration camera; return what the examples have before them."""
    import mm_test_adapters
    from mmpycorex import Core
    from pycromanager import start_headless

    from livesim.config.settings import load_settings

    adapters = mm_test_adapters.device_adapter_path()
    start_headless(adapters, adapters + "/MMConfig_demo.cfg", python_backend=True)
    core = Core()

    def wait_for_images(words):
        while core.get_remaining_image_count() < LIVE_IMAGES:
            core.sleep(10)

    events = [
        {"axes": {"time": time, "angle": angle, "phase": phase}, "exposure": 5.0}
        for time in range(2)
        for angle in range(3)
        for phase in range(3)
    ]
    settings = load_settings(Path("microscope.toml"))
    return {"core": core, "events": events, "settings": settings, "input": wait_for_images}


def kind(code):
    """Return with what an example runs."""
    if "livesim_acquisition.mda" in code:
        return "mda"
    return "acquire" if "opened_core" in code else "core"


def main(page, engine, which):
    livesim.wire.endpoints.CONTROL_ADDRESS = engine  # before anything takes it for its default
    known = demonstration() if which == "core" else {}
    for number, code in enumerate(examples(Path(page).read_text(encoding="utf-8"))):
        if kind(code) == which:
            print(f"example {number}:", flush=True)
            exec(compile(code, f"{page}, example {number}", "exec"), known)
    if which == "mda":
        known.pop("core").unloadAllDevices()
        gc.collect()  # a core that the interpreter clears away at its end can abort the process


if __name__ == "__main__":
    main(*sys.argv[1:])
