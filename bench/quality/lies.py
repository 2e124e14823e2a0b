"""Plant lies in the networks' images, in places drawn at random: `python -m bench.quality.lies`.

Printed is how much of a lie arbitration takes out, and how often its place is flagged: where the
networks' image is off by many standard deviations of the arbitrated one. The same place without the
lie says how many flags are false.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.quality.arbitration import KNOWN
from bench.quality.networks import PHOTONS, READ_NOISE
from bench.quality.restored import Arbitrated, Restorer, arbiter, arbitrated
from bench.quality.sweep import sweep
from bench.report import Row
from livesim.reconstruction.otf import Otf
from livesim_models.data.sample import Sample, simulated_sample
from livesim_models.data.scene import Scene
from livesim_models.trust.fission import noise_variance

MARGIN = 48
"""Pixels of the border in which nothing is changed."""
WIDTH = 8.0
"""Pixels (of the doubled grid) from the middle of a changed place to its edge."""
SHIFT = 3
"""Pixels by which structure is moved, in both directions."""

FLAGGED_SIGMAS = 4.0
PLANTED = 0.3
"""Of the strongest change: pixels that count as the place of a lie."""

Place = tuple[int, int]


def erased(image: Tensor, random: np.random.Generator) -> Tensor:
    """Return the image with the structure in one place gone."""
    there = _window(image, _bright_place(image, random))
    return image * (1.0 - there) + _levels(image)[0] * there


def moved(image: Tensor, random: np.random.Generator) -> Tensor:
    """Return the image with the structure in one place moved by three pixels down and right."""
    there = _window(image, _bright_place(image, random))
    return image * (1.0 - there) + image.roll((SHIFT, SHIFT), (0, 1)) * there


def invented(image: Tensor, random: np.random.Generator) -> Tensor:
    """Return the image with a piece of filament beside a bright place, 40 pixels long."""
    row, column = _bright_place(image, random)
    turn = random.uniform(0.0, np.pi)
    y, x = _distances(image, (row, column))
    along, across = y * np.sin(turn) + x * np.cos(turn), x * np.sin(turn) - y * np.cos(turn)
    line = torch.exp(-((across + 12.0) ** 2) / (2.0 * 1.5**2)) * (along.abs() < 20.0)
    dark, bright = _levels(image)
    added: Tensor = 0.7 * (bright - dark) * line
    return image + added


LIES: dict[str, Callable[[Tensor, np.random.Generator], Tensor]] = {
    "erased": erased,
    "moved": moved,
    "invented": invented,
}


def _levels(image: Tensor) -> tuple[float, float]:
    low, high = torch.quantile(image.flatten(), torch.tensor([0.05, 0.98])).tolist()
    return low, high


def _bright_place(image: Tensor, random: np.random.Generator) -> Place:
    """Return a place of structure, drawn at random."""
    low, high = _levels(image)
    inner = image[MARGIN:-MARGIN, MARGIN:-MARGIN].numpy()
    places: NDArray[np.int64] = np.argwhere(inner > low + 0.6 * (high - low))
    if not len(places):
        places = np.argwhere(inner == inner.max())
    row, column = places[random.integers(len(places))]
    return int(row) + MARGIN, int(column) + MARGIN


def _distances(image: Tensor, place: Place) -> tuple[Tensor, Tensor]:
    y, x = (torch.arange(n, dtype=image.dtype) for n in image.shape)
    return y[:, None] - place[0], x[None] - place[1]


def _window(image: Tensor, place: Place) -> Tensor:
    """Return 1 in a place and 0 around it, with a smooth edge."""
    y, x = _distances(image, place)
    return torch.exp(-(((y * y + x * x) / (2.0 * WIDTH**2)) ** 2))


def measure(own: Scene, photons: float, number: int, fissions: int) -> list[Row]:
    """Return a row for every lie in one field."""
    sample = simulated_sample(own, photons, READ_NOISE, torch.Generator().manual_seed(number))
    restorer = Restorer(sample.plan, READ_NOISE)
    network = restorer.network(sample.low)
    honest = _images(sample, own, restorer, torch.zeros_like(network), number, fissions)
    rows = []
    for name, lie in LIES.items():
        planted = lie(network, np.random.default_rng((number, len(name)))) - network
        made = _images(sample, own, restorer, planted, number, fissions)
        there = planted.abs() > PLANTED * planted.abs().max()
        left = float(((made.image - honest.image) * planted)[there].sum())
        rows.append(
            {
                "lie": name,
                "removed": 1.0 - left / float(planted[there].square().sum()),
                "sigmas": _overruled(made, there),
                "sigmas without": _overruled(honest, there),
            }
        )
    return rows


def _images(
    sample: Sample, own: Scene, restorer: Restorer, planted: Tensor, seed: int, fissions: int
) -> Arbitrated:
    """Return the images where the networks add a lie to what they make of any light."""
    light = sample.low.mean()

    def network(photons: Tensor) -> Tensor:
        return restorer.network(photons) + planted * (photons.mean() / light)

    judge = arbiter(sample.plan, sample.pattern, Otf.theoretical(own.optics))
    variance = noise_variance(sample.low, READ_NOISE)
    return arbitrated(judge, sample.low, variance, restorer.plain, network, 1000 + seed, fissions)


def _overruled(made: Arbitrated, there: Tensor) -> float:
    """Return by how many standard deviations the networks' image is off, at most, in a place."""
    return float(((made.network - made.image).abs() / made.weights.error)[there].max())


def summary(rows: Sequence[Row]) -> Row:
    """Return means and shares of rows."""

    def flagged(name: str) -> str:
        return f"{sum(row[name] > FLAGGED_SIGMAS for row in rows)}/{len(rows)}"

    return {
        "removed %": 100.0 * float(np.mean([row["removed"] for row in rows])),
        "removed at least %": 100.0 * min(row["removed"] for row in rows),
        "flagged": flagged("sigmas"),
        "flagged without a lie": flagged("sigmas without"),
    }


def main() -> None:
    """Measure, print, write."""
    sweep(
        "lies",
        "Lies planted in the networks' images",
        ("lie", "lie", tuple(LIES)),
        measure,
        summary,
        kinds=KNOWN,
        photons=PHOTONS,
        fields=4,
        seed=41,
        words=__doc__,
    )


if __name__ == "__main__":
    main()
