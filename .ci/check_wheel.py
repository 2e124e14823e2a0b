"""Check that a wheel holds what an installed livesim needs, and nothing that it does not.

`python .ci/check_wheel.py dist/*.whl`; exit status 1 and one sentence for each thing that is wrong.
"""

from __future__ import annotations

import sys
from pathlib import PurePosixPath
from zipfile import ZipFile

PACKAGES = {"livesim", "livesim_acquisition", "livesim_gui", "livesim_models"}
NEEDED = {f"{package}/py.typed" for package in PACKAGES} | {
    "livesim/__main__.py",
    "livesim/plugins/napari/napari.yaml",
    "livesim/plugins/fiji/Open_livesim_export.ijm",
    "livesim_models/weights/pair-one.safetensors",
    "livesim_models/weights/pair-two.safetensors",
    "livesim_models/recipes/pair.toml",
    "livesim_acquisition/simulations/er-tirf.toml",
    "livesim_acquisition/examples/two_lines.py",
    *(f"livesim_gui/browser/page/page.{kind}" for kind in ("html", "css", "js")),
}
FOREIGN = {"tests", "docs", ".ci"}
"""Folders of a checkout that must not be installed, at whatever depth."""


def faults(names: list[str]) -> list[str]:
    """Say what is missing and what should not be there, one sentence each."""
    paths = [PurePosixPath(name) for name in names]
    metadata = {path.parts[0] for path in paths if path.parts[0].endswith(".dist-info")}
    tops = {path.parts[0] for path in paths} - metadata
    found = [f"expected {name}, found none" for name in sorted(NEEDED - set(names))]
    found += [f"expected no {top} at the top" for top in sorted(tops - PACKAGES)]
    found += [f"expected no {path}" for path in paths if FOREIGN & set(path.parts)]
    if not any(path.parts[0] in metadata and path.name == "LICENSE" for path in paths):
        found.append("expected LICENSE in the metadata, found none")
    return found


def main(wheels: list[str]) -> int:
    """Check the wheels; return the exit status."""
    if not wheels:
        print("expected the path of a wheel, found none", file=sys.stderr)
        return 2
    wrong = False
    for wheel in wheels:
        with ZipFile(wheel) as archive:
            names = archive.namelist()
        for fault in faults(names):
            wrong = True
            print(f"{wheel}: {fault}", file=sys.stderr)
        print(f"{wheel}: {len(names)} files")
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
