"""Draw a volume of a kind that no training saw: `python -m bench.pictures.volumes_networks`."""

from __future__ import annotations

import argparse

import torch

from bench import IMAGES
from bench.pictures.volumes import draw
from bench.quality.volumes_networks.measured import (
    PHOTONS,
    PLAIN,
    SHOWN,
    WIDEFIELD,
    networks_named,
    restored,
)

KIND, NUMBER = "threads", 1
ONE, BOTH = "one", "one, two"


def main() -> None:
    """Draw one plane, and below it a section along z, of every stage."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--one", default="volumes-pair", help="step one, shipped or a file")
    parser.add_argument("--two", default="volumes-pair", help="step two behind it, likewise")
    options = parser.parse_args()
    torch.set_num_threads(1)
    networks = {
        ONE: networks_named(options.one, "none"),
        BOTH: networks_named(options.one, options.two),
    }
    found = restored(networks, KIND, NUMBER, PHOTONS[NUMBER])
    stages = {
        WIDEFIELD: WIDEFIELD,
        PLAIN: PLAIN,
        "step one alone": ONE,
        "both steps alone": BOTH,
        "both steps, shown": BOTH + SHOWN,
    }
    images = {title: found.images[stage] for title, stage in stages.items()}
    images |= {"full light": found.full, "truth, low-passed": found.truth}
    draw(images, 40.0, IMAGES / "volumes-network.png")


if __name__ == "__main__":
    main()
