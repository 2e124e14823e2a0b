"""Answer requests for napari-sim-processor's images and times; runs in its own Python.

Needs napari-sim-processor with numpy < 2.4, scipy and matplotlib; pyfftw, torch and opencv where
its fast paths are to be timed. It has no command line, so its processor class is called here.
"""

from __future__ import annotations

import json
import sys
import time
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import numpy as np

REPLIES, sys.stdout = sys.stdout, sys.stderr  # the library prints


def load() -> Any:
    """Import the processors without the package's widgets, which would need Qt and napari."""
    name = "napari_sim_processor"
    package = ModuleType(name)
    spec = find_spec(name)
    if spec is None:
        raise SystemExit(f"expected {name} in {sys.executable}, found none")
    package.__path__ = list(spec.submodule_search_locations or [])
    sys.modules[name] = package
    base = import_module(f"{name}.processors.baseSimProcessor")
    if base.pytorch:
        base.torch.set_num_threads(2)
    return base, import_module(f"{name}.processors.convSimProcessor").ConvSimProcessor


class Peer:
    """One processor and the stack it works on."""

    def __init__(self) -> None:
        self._library, self._processor = load()

    def variants(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return which of its reconstruction paths can run here."""
        found = ["fftw" if self._library.fftw else "numpy"]
        found += ["torch"] if self._library.pytorch else []
        found += ["opencv"] if self._library.opencv else []
        return {"variants": found}

    def calibrate(self, request: dict[str, Any]) -> dict[str, Any]:
        """Estimate the pattern of `stack` and prepare the filters."""
        self.stack = np.load(request["stack"]).astype(np.float32)
        sim = self._processor()
        sim.debug, sim.magnification, sim.pixelsize = False, 1.0, request["pixel_um"]
        sim.NA, sim.wavelength = request["numerical_aperture"], request["emission_um"]
        for name, value in request.get("settings", {}).items():
            setattr(sim, name, value)
        work = sim.calibrate_pytorch if request["variant"] == "torch" else sim.calibrate
        start = time.perf_counter()
        work(self.stack)
        self.sim = sim
        return {"ms": 1000.0 * (time.perf_counter() - start)}

    def reconstruct(self, request: dict[str, Any]) -> dict[str, Any]:
        """Reconstruct the stack `calibrate` was given; `out` names a file for the image."""
        work = {
            "torch": "reconstruct_pytorch",
            "opencv": "reconstruct_ocv",
        }.get(request["variant"], "reconstruct_rfftw")
        start = time.perf_counter()
        image = getattr(self.sim, work)(self.stack)
        elapsed = time.perf_counter() - start
        if "out" in request:
            np.save(request["out"], np.asarray(image, dtype=np.float32))
        return {"ms": 1000.0 * elapsed}


def main() -> None:
    """Answer one line per request until the input ends."""
    peer = Peer()
    for line in sys.stdin:
        request = json.loads(line)
        reply = getattr(peer, request.pop("do"))(request)
        print(json.dumps(reply), file=REPLIES, flush=True)


if __name__ == "__main__":
    main()
