"""Settle how many planes a volume has, and how far apart they lie."""

from __future__ import annotations

from dataclasses import dataclass

from livesim.config.settings import Settings, SettingsError
from livesim.config.volumes import FEWEST_PLANES
from livesim.io.read.scales import TOLERANCE, z_step_nm
from livesim.values.wording import count


@dataclass(frozen=True, slots=True)
class Stated:
    """What a recording or a source says of its planes; None = nothing."""

    planes: int | None
    z_step_nm: float | None
    source: str
    """Of whom a refusal speaks."""


def with_planes(settings: Settings, stated: Stated) -> Settings:
    """Return the settings of volumes with planes and their distance settled.

    The settings win over what is stated about the distance, and both over the plan in
    `[acquisition]`; about the number of planes they have to agree.

    Raises
    ------
    SettingsError
        If nobody knows one of them, there are too few planes, or two disagree about them.
    """
    own, plan = settings.volumes, settings.acquisition
    assert own is not None
    planned = len(plan.z_um) if plan is not None and plan.z_um else None
    planes = own.planes or stated.planes or planned
    if planes is None:
        raise SettingsError(
            f"{stated.source}: expected planes in [volumes], or a source that announces how many "
            f"there are, found neither"
        )
    if stated.planes is not None and stated.planes != planes:
        raise SettingsError(
            f"{stated.source}: expected volumes of {count(planes, 'plane')}, as [volumes] says, "
            f"found {count(stated.planes, 'plane')}"
        )
    if planes < FEWEST_PLANES:
        raise SettingsError(
            f"{stated.source}: expected volumes of at least {FEWEST_PLANES} planes, found "
            f"{count(planes, 'plane')}"
        )
    step = own.z_step_nm or z_step_nm(settings, planes, stated.z_step_nm)
    if step is None:
        raise SettingsError(
            f"{stated.source}: expected the distance of two planes as z_step_nm in [volumes], in "
            f"the file's metadata or as z_step_um in [acquisition], found none"
        )
    known = own.model_copy(update={"planes": planes, "z_step_nm": step})
    return settings.model_copy(update={"volumes": known})


def disagreement(settings: Settings, stated: Stated) -> tuple[str, ...]:
    """Return a sentence where settings and file state different distances."""
    own = None if settings.volumes is None else settings.volumes.z_step_nm
    said = stated.z_step_nm
    if own is None or said is None or abs(said / own - 1.0) <= TOLERANCE:
        return ()
    return (
        f"{stated.source}: expected planes {own:g} nm apart as [volumes] says, found {said:g} nm; "
        f"the settings are used",
    )
