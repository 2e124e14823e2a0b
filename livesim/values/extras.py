"""Say how to install a part of livesim that is optional."""

from __future__ import annotations

import sys
from pathlib import Path

_ROOT = Path(__file__).parents[2]
"""Of a checkout, or the folder that packages are installed into."""


def install_command(extra: str) -> str:
    """Return the line that brings an extra into the Python that runs, as a shell takes it.

    In a checkout the line names its folder, for an index knows nothing of it.
    """
    in_checkout = (_ROOT / "pyproject.toml").is_file()
    what = f'-e "{_ROOT}[{extra}]"' if in_checkout else f'"livesim[{extra}]"'
    python = f'"{sys.executable}"' if " " in sys.executable else sys.executable
    return f"{python} -m pip install {what}"
