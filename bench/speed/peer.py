"""Run napari-sim-processor in a Python of its own, and time it."""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Self

import numpy as np

from livesim.config.settings import Optics


class Peer:
    """napari-sim-processor in a process of its own; a context manager."""

    def __init__(self, python: str, optics: Optics) -> None:
        self._optics = {
            "pixel_um": optics.known_pixel_nm / 1000.0,
            "numerical_aperture": optics.numerical_aperture,
            "emission_um": optics.emission_nm / 1000.0,
        }
        self._folder = tempfile.TemporaryDirectory()
        server = Path(__file__).parent / "peer_server.py"
        self._process = subprocess.Popen(
            [python, str(server)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        self._folder.cleanup()

    def variants(self) -> list[str]:
        """Return its reconstruction paths that can run: numpy or fftw, torch, opencv."""
        return list(self._ask(do="variants")["variants"])

    def calibrate(self, stack: np.ndarray, variant: str, **settings: float) -> float:
        """Estimate the pattern of `stack` [frame, y, x]; return the time in ms."""
        path = Path(self._folder.name) / "stack.npy"
        np.save(path, stack)
        request = {"stack": str(path), "variant": variant, "settings": settings}
        return float(self._ask(do="calibrate", **request, **self._optics)["ms"])

    def reconstruct(self, variant: str) -> float:
        """Reconstruct the calibrated stack; return the time in ms."""
        return float(self._ask(do="reconstruct", variant=variant)["ms"])

    def image(self, variant: str) -> np.ndarray:
        """Return the reconstruction [2 y, 2 x] of the calibrated stack."""
        path = Path(self._folder.name) / "image.npy"
        self._ask(do="reconstruct", variant=variant, out=str(path))
        image: np.ndarray = np.load(path)
        return image

    def _ask(self, **request: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(request), file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"expected an answer of the peer, it ended while asked {request}")
        reply: dict[str, Any] = json.loads(answer)
        return reply
