"""Open the Micro-Manager core that `[acquisition] backend` names."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from livesim.config.settings import Settings, SettingsError
from livesim.values.errors import DataError
from livesim.values.extras import install_command
from livesim_acquisition.hook.events import acquisition_of

REACH_S = 2.0


@contextmanager
def opened_core(settings: Settings) -> Iterator[Any]:
    """Yield the core of the microscope that the settings name.

    One process can do this once: pycromanager keeps its engine until the process ends.

    Raises
    ------
    SettingsError
        If the extra packages that the backend needs are not installed.
    DataError
        If Micro-Manager cannot be reached or started.
    """
    backend = acquisition_of(settings).backend
    opened = {"java": _java, "python": _python, "simulated": _simulated}[backend]
    try:
        with opened(settings) as core:
            yield core
    except ModuleNotFoundError as error:
        extra = "simulated-camera" if backend == "simulated" else "micromanager"
        raise SettingsError(
            f'[acquisition] backend = "{backend}": expected the package {error.name}, found none: '
            f"{install_command(extra)}"
        ) from error


@contextmanager
def _java(settings: Settings) -> Iterator[Any]:
    from mmpycorex import Core

    port = acquisition_of(settings).port
    try:
        # Asked first, for pyjavaz prints the traceback of a thread when nobody is there.
        socket.create_connection(("127.0.0.1", port), timeout=REACH_S).close()
    except OSError as error:
        raise DataError(
            "expected a running Micro-Manager whose server is on (Tools > Options > Run server "
            f"on port {port}), found none: {error}"
        ) from error
    yield Core(port=port)


@contextmanager
def _python(settings: Settings) -> Iterator[Any]:
    from mmpycorex import Core
    from pycromanager import start_headless, stop_headless

    own = acquisition_of(settings)
    try:
        start_headless(
            str(own.adapters),
            None if own.system_file is None else str(own.system_file.resolve()),
            python_backend=True,
            buffer_size_mb=own.buffer_mb,
        )
    except (RuntimeError, OSError) as error:
        raise DataError(f"{own.system_file}: expected hardware that starts: {error}") from error
    try:
        yield Core()
    finally:
        stop_headless()


@contextmanager
def _simulated(settings: Settings) -> Iterator[Any]:
    from livesim_acquisition.microscope.camera import camera_of, simulated_core
    from livesim_acquisition.microscope.microscope import SimulatedMicroscope

    camera = camera_of(SimulatedMicroscope(settings))
    with simulated_core(camera, settings.optics.pixel_nm) as core:
        yield core
