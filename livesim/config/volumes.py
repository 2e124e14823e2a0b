"""The `[volumes]` table: the microscope lights with three beams, and planes are one volume."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from livesim.config.errors import SettingsError
from livesim.config.section import Section
from livesim.values.numbers import Positive

FEWEST_PLANES = 5


class Volumes(Section):
    """Stacks of planes are reconstructed in three dimensions; without it every plane by itself."""

    planes: Annotated[int, Field(ge=FEWEST_PLANES, le=4096)] | None = None
    """Of one volume; None: as many as the recording has, or the source announces."""
    z_step_nm: Positive | None = None
    """Distance of two planes; None: as the file or the source states it, or [acquisition]."""


def check_single_planes(volumes: Volumes | None) -> None:
    """Refuse to take planes of volumes one by one without being asked to.

    Raises
    ------
    SettingsError
        If there is such a table.
    """
    if volumes is not None:
        raise SettingsError(
            "expected settings without [volumes], for here planes are reconstructed one by one, "
            "found it; `livesim restore` and `livesim engine` make volumes"
        )
