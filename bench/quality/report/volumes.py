"""Make the MPhil report's figure 11: `python -m bench.quality.report.volumes`.

Of what `bench.quality.volumes_networks` has measured.
"""

from __future__ import annotations

import json

from bench import IMAGES
from bench.quality.report.figures import paired_volumes
from bench.quality.report.summary import volume_rows
from bench.report import RESULTS, report


def main() -> None:
    """Print, write, draw."""
    volumes = json.loads((RESULTS / "volumes_networks.json").read_text("utf-8"))["each"]
    report("report_volumes", "Figure 11: volumes", volume_rows(volumes))
    paired_volumes(volumes, IMAGES / "report-volumes.png")


if __name__ == "__main__":
    main()
