"""Draw a volume of a kind that no training saw: `python -m bench.pictures.volumes_networks`."""

from __future__ import annotations

import sys

import torch

from bench.pictures.volumes import IMAGES, draw
from bench.quality.volumes_networks.measured import PHOTONS, network_named, restored

KIND, NUMBER = "threads", 1


def main() -> None:
    """Draw one plane, and below it a section along z."""
    torch.set_num_threads(1)
    network = network_named(sys.argv[1] if len(sys.argv) > 1 else "volumes")
    found = restored(network, KIND, NUMBER, PHOTONS[NUMBER])
    images = found.images | {"truth, low-passed": found.truth}
    draw(
        {name.replace("network", "network alone"): one for name, one in images.items()},
        40.0,
        IMAGES / "volumes-network.png",
    )


if __name__ == "__main__":
    main()
