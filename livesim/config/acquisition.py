"""The `[acquisition]` table: what `livesim acquire` lets Micro-Manager do."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from livesim.config.section import Finite, NonNegative, Positive, Section

Name = Annotated[str, Field(min_length=1)]


class Acquisition(Section):
    """One SIM time-lapse; the order of its frames is that of [pattern] order."""

    backend: Literal["java", "python", "simulated"] = "java"
    """"java": a running Micro-Manager; "python": its core in this process, without its window;
    "simulated": the microscope of [simulation]."""
    port: Annotated[int, Field(gt=0, lt=65536)] = 4827
    """java: where Micro-Manager's server listens (Tools > Options)."""
    system_file: Path | None = None
    """python: Micro-Manager's hardware configuration (.cfg)."""
    adapters: Path | None = None
    """python: the folder of the device adapters, which is that of Micro-Manager itself."""
    buffer_mb: Annotated[int, Field(ge=16)] = 512
    """python: of the core's image buffer."""
    time_points: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    interval_s: NonNegative = 0.0
    """From the beginning of one time point to that of the next; 0: as fast as the camera."""
    exposure_ms: Positive | tuple[Positive, ...] | None = None
    """One, or one a channel; None: what the camera has been set to."""
    channel_group: Name = "Channel"
    channels: tuple[Name, ...] = ()
    """Presets of that group; none: the channel is left alone."""
    z_start_um: Finite | None = None
    """Of the focus drive, absolute; with z_end_um and z_step_um."""
    z_end_um: Finite | None = None
    z_step_um: Positive | None = None
    folder: Path = Path("acquired")
    """Micro-Manager makes a new folder inside it every time."""
    name: Name = "sim"
    stream_from: Literal["auto", "camera", "disk"] = "auto"
    """Where the frames for the engine are taken; "auto": from the camera, but from the disk where
    the Java bridge would be too slow for them."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        steps = (self.z_start_um, self.z_end_um, self.z_step_um)
        if any(step is None for step in steps) and any(step is not None for step in steps):
            raise ValueError("expected all of z_start_um, z_end_um and z_step_um, or none")
        if len(set(self.channels)) != len(self.channels):
            raise ValueError(f"expected every channel once, found {list(self.channels)}")
        exposures = self.exposure_ms
        if isinstance(exposures, tuple) and len(exposures) != max(1, len(self.channels)):
            raise ValueError(
                f"expected 1 or {max(1, len(self.channels))} values in exposure_ms, "
                f"found {len(exposures)}"
            )
        if self.backend == "python" and (self.system_file is None or self.adapters is None):
            raise ValueError('expected system_file and adapters with backend = "python"')
        return self

    @property
    def z_um(self) -> tuple[float, ...]:
        """Positions of the focus drive; none if it is left alone."""
        if self.z_start_um is None or self.z_end_um is None or self.z_step_um is None:
            return ()
        way = self.z_end_um - self.z_start_um
        steps = int(abs(way) / self.z_step_um + 1e-9)
        step = self.z_step_um if way >= 0 else -self.z_step_um
        return tuple(self.z_start_um + number * step for number in range(steps + 1))

    def exposure_of(self, channel: int) -> float | None:
        """Return the exposure of a channel in ms."""
        exposures = self.exposure_ms
        return exposures[channel] if isinstance(exposures, tuple) else exposures
