"""Draw how networks learned: `python -m bench.quality.networks_learning LOG`.

LOG is what `livesim train` leaves in its folder; of several all are in one picture.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

from matplotlib.figure import Figure

from bench import IMAGES

IMAGE = IMAGES / "networks-learning.png"
Lines = dict[str, tuple[list[float], list[float]]]
"""Column -> steps and gains in dB."""


def read(paths: list[Path]) -> Lines:
    """Return every column of some logs that holds gains at a level of light."""
    lines: Lines = {}
    for path in paths:
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                for name, value in row.items():
                    if name.endswith("photons") and value:
                        steps, gains = lines.setdefault(name, ([], []))
                        steps.append(float(row["step"]))
                        gains.append(float(value))
    return lines


def draw(lines: Lines, path: Path) -> None:
    """Draw one axis a network, one line a level of light."""
    networks = list(dict.fromkeys(name.split(",")[0] for name in lines))
    figure = Figure(figsize=(5.0 * len(networks), 3.6), layout="constrained")
    axes = figure.subplots(1, len(networks), sharey=True, squeeze=False)[0]
    for axis, network in zip(axes, networks, strict=True):
        for name, (steps, gains) in lines.items():
            own, level = name.split(", ")
            if own == network:
                axis.plot(steps, gains, label=level)
        axis.set_title(network)
        axis.set_xlabel("steps")
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("gain over the plain image, dB")
    axes[-1].legend(fontsize=8)
    figure.savefig(path, dpi=100)


def main() -> None:
    """Read, draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("logs", type=Path, nargs="+")
    options = parser.parse_args()
    draw(read(options.logs), IMAGE)
    print(f"wrote {IMAGE}")


if __name__ == "__main__":
    main()
