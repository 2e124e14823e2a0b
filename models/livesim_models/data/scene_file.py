"""Keep scenes in one safetensors file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from livesim.config.settings import Optics
from livesim.values.errors import DataError
from livesim.values.pattern import NoiseToSignal, Pattern, PatternAngle
from livesim_models.data.scene import Scene
from livesim_models.whole_file import write_tensors

FORMAT = "livesim-scenes/1"


def write_scenes(path: Path, scenes: Sequence[Scene]) -> None:
    """Write scenes; frames and truths are kept as float16, which is finer than any shot noise."""
    tensors: dict[str, Tensor] = {}
    tables = []
    for number, scene in enumerate(scenes):
        tensors[f"{number}.frames"] = scene.frames.half().contiguous()
        if scene.truth is not None:
            tensors[f"{number}.truth"] = scene.truth.half().contiguous()
        tables.append(
            {
                "pattern": asdict(replace(scene.pattern, levels=None)),
                "optics": scene.optics.model_dump(mode="json"),
                "structure": scene.structure,
                "recording": scene.recording,
                "read_noise": scene.read_noise,
            }
        )
    write_tensors(path, tensors, format=FORMAT, scenes=json.dumps(tables))


def read_scenes(path: Path) -> list[Scene]:
    """Read the scenes of one file.

    Raises
    ------
    DataError
        If it is not a file of scenes.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != FORMAT:
                raise DataError(
                    f"{path}: expected the format {FORMAT}, found {metadata.get('format')}"
                )
            tables = json.loads(metadata["scenes"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise DataError(f"{path}: expected a file of scenes, found: {error}") from error
    return [_scene(number, one, tensors) for number, one in enumerate(tables)]


def _scene(number: int, table: dict[str, Any], tensors: dict[str, torch.Tensor]) -> Scene:
    pattern = dict(table["pattern"])
    angles = [_angle(angle) for angle in pattern.pop("angles")]
    pattern["shape"], pattern["warnings"] = tuple(pattern["shape"]), tuple(pattern["warnings"])
    noise = pattern.pop("noise_to_signal")
    pattern["noise_to_signal"] = None if noise is None else NoiseToSignal(**noise)
    return Scene(
        frames=tensors[f"{number}.frames"],
        truth=tensors.get(f"{number}.truth"),
        pattern=Pattern(angles=tuple(angles), **pattern),
        optics=Optics.model_validate(table["optics"]),
        structure=str(table["structure"]),
        recording=str(table["recording"]),
        read_noise=float(table["read_noise"]),
    )


def _angle(table: dict[str, Any]) -> PatternAngle:
    values: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in table.items()
    }
    return PatternAngle(**values)
