"""Write files that appear when they are whole."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from safetensors.torch import save
from torch import Tensor


def write_tensors(path: Path, tensors: Mapping[str, Tensor], **told: str) -> None:
    """Write tensors, and what is `told` of them, as a safetensors file.

    Raises
    ------
    OSError
        If the disk does not take it; then nothing is left of it, and what stood there stays.
    """
    # As bytes: the library's own way to a file tells a full disk in an error of its own.
    write_whole(path, save(dict(tensors), told or None))


def write_whole(path: Path, content: bytes | memoryview) -> None:
    """Write a file; raises as `write_tensors` does."""
    partial = path.with_name(path.name + ".part")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    except OSError as error:  # of a full disk, which does not say whose
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        partial.unlink(missing_ok=True)
