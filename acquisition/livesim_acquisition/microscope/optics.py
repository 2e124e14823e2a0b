"""Build the objective and the sensor of the simulated microscope; torch is loaded late."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from livesim.config.settings import Camera, Optics, SettingsError
from livesim.config.simulation import Aberrations, Simulation
from livesim.io.read.otf import read_otf

if TYPE_CHECKING:
    from livesim.reconstruction.forward.model import Pupil, Sensor, Transfer

NOLL = {name: number for number, name in enumerate(Aberrations.model_fields, start=4)}
"""The names of the settings are in the order of Noll's index, which begins with defocus at 4."""


def check_optics(optics: Optics, own: Simulation) -> None:
    """Refuse a measured OTF together with aberrations.

    Raises
    ------
    SettingsError
        If the settings have both.
    """
    if optics.otf_file is not None and any(own.aberrations.model_dump().values()):
        raise SettingsError(
            "expected optics.otf_file or [simulation.aberrations], found both: "
            "a measured OTF has its aberrations in it"
        )


def pupil_of(optics: Optics, aberrations: Aberrations) -> Pupil:
    """Return the objective's pupil with its aberrations."""
    from livesim.reconstruction.forward.pupil import Mode, Pupil

    waves = aberrations.model_dump().items()
    modes: dict[Mode, float] = {NOLL[name]: value for name, value in waves if value != 0.0}
    return Pupil(optics, modes)


def transfer_of(
    optics: Optics, aberrations: Aberrations, shape: tuple[int, int], pixel_um: float
) -> Transfer:
    """Return what the objective passes: measured, with aberrations, or theoretical.

    Parameters
    ----------
    shape, pixel_um
        Of the doubled grid.

    Raises
    ------
    DataError
        If the measured OTF cannot be read.
    """
    import torch

    from livesim.reconstruction.otf import Otf

    if any(aberrations.model_dump().values()):
        return pupil_of(optics, aberrations).transfer(shape, pixel_um)
    if optics.otf_file is not None:
        return Otf(optics.cutoff_cycles_per_um, profile=torch.from_numpy(read_otf(optics)))
    return Otf.theoretical(optics)


def sensor_of(camera: Camera, own: Simulation) -> Sensor:
    """Return the camera with its pixels, bits and full well."""
    from livesim.reconstruction.forward.sensor import Sensor

    sensor = Sensor.of(camera)
    if own.camera.kind == "scmos":
        sensor = Sensor.scmos(
            camera,
            own.size,
            own.seed,
            offset_spread=own.camera.offset_spread,
            gain_spread=own.camera.gain_spread,
            read_noise_spread=own.camera.read_noise_spread,
        )
    return replace(
        sensor,
        electron_multiplying=own.camera.kind == "emccd",
        bits=own.camera.bits,
        full_well=own.camera.full_well or float("inf"),
    )
