"""A folder with livesim's sources, used by its command line alone.

Nothing of livesim is imported here: modules move from one checkout to the next, commands do not.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOTS = (".", "acquisition", "gui", "models")
"""Folders of a checkout that hold packages."""
LIMIT_S = 600.0
"""For any one command."""
REPEATABLE = {
    # Sums come out differently on another number of threads.
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    # All memory is zero when it is given out. torch.linalg.lstsq (2.13, driver gelsy) hands LAPACK
    # pivots that nobody set, so the last bits of a fit depend on what lay there before.
    "GLIBC_TUNABLES": "glibc.malloc.perturb=255:glibc.malloc.tcache_count=0",
}
"""Environment in which a command that is run twice makes the same bits."""


class CheckoutError(ValueError):
    """A checkout cannot be used; the message says what was expected and what was found."""


@dataclass(frozen=True, slots=True)
class Checkout:
    """A folder with livesim's four source roots, under git."""

    folder: Path

    @property
    def commit(self) -> str:
        """The commit that is checked out."""
        return self._git("rev-parse", "HEAD")

    @property
    def clean(self) -> bool:
        """Whether the files are those of the commit."""
        return not self._git("status", "--porcelain")

    def _git(self, *words: str) -> str:
        command = ["git", "-C", str(self.folder), *words]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise CheckoutError(
                f"{self.folder}: expected a git checkout, found {last_line(done.stderr)}"
            )
        return done.stdout.strip()

    @property
    def environment(self) -> dict[str, str]:
        """What its child processes get: its own modules, and what makes them repeat themselves."""
        paths = os.pathsep.join(str((self.folder / root).resolve()) for root in ROOTS)
        return {**os.environ, **REPEATABLE, "PYTHONPATH": paths}

    def command(self, *words: str | Path) -> list[str]:
        """Return what starts a sub-command; `-P` keeps the working folder out of the modules."""
        return [sys.executable, "-P", "-m", "livesim", *map(str, words)]

    def check(self) -> None:
        """Make sure that `import livesim` finds this checkout rather than an installed one.

        Raises
        ------
        CheckoutError
            If it finds another or none.
        """
        words = [sys.executable, "-P", "-c", "import livesim; print(*livesim.__path__)"]
        done = subprocess.run(words, env=self.environment, capture_output=True, text=True)
        expected = str((self.folder / "livesim").resolve())
        found = done.stdout.strip() or last_line(done.stderr)
        if found != expected:
            raise CheckoutError(f"{self.folder}: expected the package {expected}, found {found}")


def last_line(text: str) -> str:
    """Return the last line of what a program wrote; "nothing" if there is none."""
    return next(reversed(text.strip().splitlines()), "nothing")
