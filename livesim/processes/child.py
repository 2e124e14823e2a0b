"""Start children out of reach of Ctrl-C, and end those that do not end by themselves."""

from __future__ import annotations

import subprocess
import sys
from typing import Any


def own_group() -> dict[str, Any]:
    """Return what starts a child in a process group of its own, out of reach of Ctrl-C."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"process_group": 0}


def wait_or_kill(child: subprocess.Popen[Any], limit_s: float) -> None:
    """Wait for a child that has been asked to end; kill it if it takes longer than `limit_s`."""
    try:
        child.wait(limit_s)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
