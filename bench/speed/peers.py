"""Time other programs in turn with livesim, for `livesim bench --peers`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from typing import Any

import torch

from bench.speed.page_tables import comparison_sheets
from bench.speed.peer import Peer
from bench.speed.textbook_order import TextbookOrder
from livesim.config.settings import Reconstruction
from livesim.reconstruction.estimate.estimation import estimate_pattern
from livesim.reconstruction.plan import make_plan
from livesim.reconstruction.reconstructor import Reconstructor
from livesim.speed.scene import Scene
from livesim.speed.stages import MOST_S
from livesim.speed.tables import Found, Sheet
from livesim.speed.timing import Task, Times, clocked, in_turn
from livesim.values.errors import DataError

OURS, TEXTBOOK, PEER = "livesim", "textbook order, torch", "napari-sim-processor"
_WIENER = 0.05
_CPU = torch.device("cpu")


@dataclass(frozen=True, slots=True)
class Compared:
    """One program at one job."""

    job: str
    program: str
    times: Times
    ratio: float
    """Its median over livesim's."""


class Peers:
    """The comparison that `livesim bench --peers` makes.

    Parameters
    ----------
    python
        A Python that has napari-sim-processor; None: this one, if it has it.
    """

    def __init__(self, python: str | None) -> None:
        self._python = peer_python(python)

    def measure(self, scene: Scene, rounds: int) -> dict[str, Any]:
        """Return what is added to the figures of `livesim bench`, as JSON values.

        Raises
        ------
        DataError
            If the peer does not answer.
        """
        return {
            "difference_to_textbook_order": difference_to_textbook_order(scene),
            "peers": [asdict(row) for row in compare(scene, self._python, rounds)],
        }

    @property
    def not_measured(self) -> list[str]:
        """What cannot be compared here, in words."""
        if self._python is None:
            return ["napari-sim-processor is not installed: not measured"]
        return []

    def sheets(self, found: Found) -> list[Sheet]:
        """Return the tables of the comparison."""
        return comparison_sheets(found)


def peer_python(given: str | None) -> str | None:
    """Return a Python that has the peer: the one given, or this one; None where neither has."""
    if given is not None:
        return given
    return sys.executable if find_spec("napari_sim_processor") else None


def compare(scene: Scene, python: str | None, rounds: int) -> list[Compared]:
    """Time estimation and reconstruction on the CPU; the peer only with its `python`.

    Raises
    ------
    DataError
        If the peer does not answer.
    """
    with _running(scene, python) as peer:
        try:
            return [
                *_rows("estimate", in_turn(_estimation(scene, peer), rounds, MOST_S)),
                *_rows("reconstruct", in_turn(_reconstruction(scene, peer), rounds, MOST_S)),
            ]
        except RuntimeError as error:
            raise DataError(f"{python}: {error}") from error


def difference_to_textbook_order(scene: Scene) -> float:
    """Return the relative difference of livesim's image to the textbook order's inside the border.

    The borders are treated differently on purpose.
    """
    camera = scene.settings.camera
    ours = Reconstructor(
        make_plan(scene.pattern, scene.otf, camera, Reconstruction(wiener=_WIENER))
    )
    inside = slice(scene.counts.shape[-1] // 4, -(scene.counts.shape[-1] // 4))
    found = ours(scene.counts[None]).image[0, inside, inside]
    textbook = TextbookOrder(scene.pattern, scene.otf, camera, _WIENER)
    expected = textbook(scene.counts)[inside, inside]
    return float((found - expected).norm() / expected.norm())


@contextmanager
def _running(scene: Scene, python: str | None) -> Iterator[Peer | None]:
    if python is None:
        yield None
        return
    with Peer(python, scene.settings.optics) as peer:
        yield peer


def _rows(job: str, times: dict[str, Times]) -> list[Compared]:
    ours = times[OURS].median_ms
    return [Compared(job, name, one, one.median_ms / ours) for name, one in times.items()]


def _reconstruction(scene: Scene, peer: Peer | None) -> dict[str, Task]:
    """Reconstruct with known parameters."""
    camera = scene.settings.camera
    ours = Reconstructor(
        make_plan(scene.pattern, scene.otf, camera, Reconstruction(wiener=_WIENER))
    )
    textbook = TextbookOrder(scene.pattern, scene.otf, camera, _WIENER)
    tasks = {
        OURS: clocked(lambda: ours(scene.counts[None]), _CPU),
        TEXTBOOK: clocked(lambda: textbook(scene.counts), _CPU),
    }
    if peer is not None:
        peer.calibrate(scene.counts.flatten(0, 1).numpy(), "numpy")
        for variant in peer.variants():
            tasks[f"{PEER}, {variant}"] = _peer_task(peer, variant)
    return tasks


def _peer_task(peer: Peer, variant: str) -> Task:
    return lambda: peer.reconstruct(variant)


def _estimation(scene: Scene, peer: Peer | None) -> dict[str, Task]:
    """Estimate the pattern of one stack with no prior, and prepare the reconstruction."""
    settings = scene.settings
    counts = scene.counts[None]

    def ours() -> None:
        found = estimate_pattern(
            counts, settings.optics, settings.pattern, settings.camera, scene.pattern.pixel_nm
        )
        make_plan(found, scene.otf, settings.camera, Reconstruction())

    tasks = {OURS: clocked(ours, _CPU)}
    if peer is not None:
        stack = scene.counts.flatten(0, 1).numpy() - settings.camera.offset
        for variant in peer.variants():
            if variant != "opencv":  # it has no estimation of its own
                tasks[f"{PEER}, {variant}"] = _calibration(peer, stack, variant)
    return tasks


def _calibration(peer: Peer, stack: Any, variant: str) -> Task:
    return lambda: peer.calibrate(stack, variant)
