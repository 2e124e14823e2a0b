"""The picture of docs/use/export.md: a movie's frame by `livesim demo` and `livesim export`.

Run as `python -m bench.pictures.export`.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from itertools import islice
from pathlib import Path

import av

from bench import IMAGES

PICTURE = IMAGES / "export-movie.png"
STACKS, SHOWN = 20, 12


def main() -> None:
    """Simulate, export, and take a frame out of the movie."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _livesim("demo", "--out", name, "--stacks", str(STACKS))
        (recording,) = folder.rglob("stream-001")
        movie = folder / "movie.mp4"
        _livesim("export", str(recording), "--out", str(movie), "--beside", "widefield")
        with av.open(str(movie)) as container:
            frame = next(islice(container.decode(video=0), SHOWN, None))
        frame.to_image().save(PICTURE, optimize=True)
    print(f"wrote {PICTURE}")


def _livesim(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "livesim", *arguments], check=True)


if __name__ == "__main__":
    main()
