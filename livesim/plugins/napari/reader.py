"""Open recordings and results as layers of napari; it does not load napari."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from livesim.plugins.layers import Layer, is_known, layers_of
from livesim.plugins.look import contrast

LayerData = tuple[Any, dict[str, Any], str]
KNOWN = "livesim"
"""In a layer's metadata: what can be restored of it."""


def reader_of(path: str | Sequence[str]) -> Callable[[str | Sequence[str]], list[LayerData]] | None:
    """Return what opens a path, or several; None = livesim knows nothing of it."""
    return _read if all(is_known(one) for one in _paths(path)) else None


def _read(path: str | Sequence[str]) -> list[LayerData]:
    return [_described(layer) for one in _paths(path) for layer in layers_of(one)]


def _described(layer: Layer) -> LayerData:
    first = layer.data[(0,) * (layer.data.ndim - 2)]
    options = {
        "name": layer.name,
        "scale": layer.scale,
        "axis_labels": layer.data.dims,
        "contrast_limits": contrast(first),
        "metadata": {KNOWN: layer.raw},
        "rgb": False,
    }
    return layer.data, options, "image"


def _paths(path: str | Sequence[str]) -> list[Path]:
    return [Path(one) for one in ([path] if isinstance(path, str) else path)]
