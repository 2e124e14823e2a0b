"""Measure PSNR against simulated truth: `python -m bench.quality.peers [--peer-python P]`.

The truth is low-passed to what SIM can see, the union of the band disks. Every image is fitted to
it by least squares with a scale and an offset before the comparison, as methods differ in both.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from contextlib import nullcontext
from itertools import product

import numpy as np
import torch

from bench.report import Row, report
from bench.speed.peer import Peer
from livesim.config.settings import Apodization, Reconstruction
from livesim.reconstruction.estimate.estimation import estimate_pattern
from livesim.reconstruction.plan import make_plan
from livesim.reconstruction.reconstructor import Reconstructor
from livesim.values.pattern import Pattern
from tests.support.scenes import Scene, simulate

PEAKS = (1000.0, 100.0)
WIENER = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.8)
BENDS = (1.0, 0.5, 0.3, 0.15)
PEER_WIENER = (0.05, 0.1, 0.2, 0.3, 0.5, 0.8, 1.2)
PEER_NOTCH = (0.0, 0.95)  # its beta; the second is its default
BORDER = 16  # fine pixels left out on every side: there methods differ in how they fade


def reference(scene: Scene) -> np.ndarray:
    """Return the truth with only the frequencies that some band holds."""
    rows, columns = scene.truth.shape
    fine = scene.pattern.pixel_nm / 2000.0
    fy, fx = np.fft.fftfreq(rows, fine)[:, None], np.fft.fftfreq(columns, fine)[None, :]
    held = np.hypot(fy, fx) < scene.otf.cutoff
    for angle, sign in product(scene.pattern.angles, (-1, 1)):
        kx, ky = (sign * k for k in angle.k_cycles_per_um)
        held |= np.hypot(fy - ky, fx - kx) < scene.otf.cutoff
    return np.fft.ifft2(np.fft.fft2(scene.truth.numpy()) * held).real


def psnr(image: np.ndarray, truth: np.ndarray) -> float:
    """Return the peak signal-to-noise ratio in dB inside the border after the best linear fit."""
    inside = np.s_[BORDER:-BORDER, BORDER:-BORDER]
    found, expected = image[inside].ravel().astype(float), truth[inside].ravel()
    design = np.stack([found, np.ones_like(found)], axis=1)
    fitted = design @ np.linalg.lstsq(design, expected, rcond=None)[0]
    return 10.0 * math.log10(expected.max() ** 2 / np.mean((fitted - expected) ** 2))


def widefield(scene: Scene) -> np.ndarray:
    """Return the mean frame, continued between its pixels to the doubled grid."""
    mean = scene.counts[0].double().mean(dim=(0, 1)).numpy()
    rows, columns = mean.shape
    spectrum = np.fft.fftshift(np.fft.fft2(mean))
    padded = np.pad(spectrum, ((rows // 2, rows // 2), (columns // 2, columns // 2)))
    return np.fft.ifft2(np.fft.ifftshift(padded)).real


def livesim_image(scene: Scene, pattern: Pattern, settings: Reconstruction) -> np.ndarray:
    """Return livesim's image of the first stack."""
    plan = make_plan(pattern, scene.otf, scene.camera, settings)
    return Reconstructor(plan)(scene.counts).image[0].numpy()


def peer_images(
    scene: Scene, peer: Peer, wieners: tuple[float, ...], notches: tuple[float, ...]
) -> Iterator[np.ndarray]:
    """Return napari-sim-processor's images of the first stack, with every setting."""
    stack = scene.counts[0].flatten(0, 1).double().numpy() - scene.camera.offset
    for wiener, notch in product(wieners, notches):
        peer.calibrate(stack, "numpy", w=wiener, beta=notch)
        yield peer.image("numpy")


def scores(scene: Scene, peer: Peer | None) -> dict[str, float]:
    """Return the PSNR of every method on one scene."""
    truth = reference(scene)
    estimated = estimate_pattern(scene.counts, scene.optics, scene.settings, scene.camera, 80.0)

    def ours(pattern: Pattern, settings: Reconstruction) -> float:
        return psnr(livesim_image(scene, pattern, settings), truth)

    flatter = [Reconstruction(apodization=Apodization(bend=bend)) for bend in BENDS]
    wieners = [Reconstruction(wiener=wiener) for wiener in WIENER]

    found = {
        "widefield": psnr(widefield(scene), truth),
        "livesim, default settings": ours(estimated, Reconstruction()),
        "livesim, best Wiener parameter": max(ours(estimated, s) for s in wieners),
        "livesim, best Wiener parameter, true pattern": max(
            ours(scene.pattern, s) for s in wieners
        ),
        "livesim, best apodization": max(ours(estimated, s) for s in flatter),
    }
    if peer is not None:
        plain = next(peer_images(scene, peer, (0.3,), (0.95,)))
        best = peer_images(scene, peer, PEER_WIENER, PEER_NOTCH)
        found["napari-sim-processor, default settings"] = psnr(plain, truth)
        found["napari-sim-processor, best of 14 settings"] = max(psnr(i, truth) for i in best)
    return found


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer-python", help="a Python that has napari-sim-processor")
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(2)
    table: dict[str, Row] = {}
    scenes = [(peak, simulate(s, peak=peak)) for peak in PEAKS for s in range(options.seeds)]
    peer = Peer(options.peer_python, scenes[0][1].optics) if options.peer_python else None
    with peer or nullcontext():
        each = [(peak, scores(scene, peer)) for peak, scene in scenes]
    for method in each[0][1]:
        table[method] = {"method": method}
        for peak in PEAKS:
            values = [found[method] for one, found in each if one == peak]
            table[method][f"PSNR dB at {peak:g} photons"] = float(np.mean(values))
    title = f"256 x 256 to 512 x 512, 3 x 3, mean of {options.seeds} stacks"
    report("quality", title, list(table.values()), seeds=options.seeds, border_pixels=BORDER)


if __name__ == "__main__":
    main()
