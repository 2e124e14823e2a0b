"""Read the settings of a microscope; a wrong key or value fails here and nowhere later."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from livesim.config.acquisition import Acquisition
from livesim.config.channels import Channel, ChannelNumber, Damping
from livesim.config.errors import SettingsError as SettingsError  # who reads settings needs it
from livesim.config.errors import sentence
from livesim.config.old_names import with_new_names
from livesim.config.overrides import blamed, merge, overridden
from livesim.config.pattern import PatternSettings as PatternSettings
from livesim.config.presets import with_preset
from livesim.config.section import Section
from livesim.config.simulation import Simulation
from livesim.config.toml import read_toml
from livesim.config.volumes import Volumes
from livesim.values.numbers import (
    Aperture,
    CameraOffset,
    Magnitude,
    Nanometres,
    Positive,
    ReadNoise,
    RefractiveIndex,
)

Sync = Literal["stack", "second", "close"]
SHARD_LIMIT = 255
"""Time points in one shard: its index, 16 bytes for each and a checksum, then fits into one page
of 4096 bytes, so that no crash tears it; see `livesim.io.write.chunk_files.ShardFiles`."""
ASSUMED_DAMPING = 0.15
"""Where `optics.otf_damping` is "auto" and the frames do not tell it."""
ASSUMED_EXCITATION = 0.93
"""In units of the emission, where `optics.excitation_nm` is not set."""


class Optics(Section):
    """The microscope's optics."""

    numerical_aperture: Aperture
    emission_nm: Nanometres
    pixel_nm: Nanometres | None = None
    """Raw pixel in the sample; None takes it from the recording's metadata."""
    refractive_index: RefractiveIndex = 1.518
    excitation_nm: Nanometres | None = None
    """Wavelength of the three beams, for volumes; None assumes 0.93 of the emission."""
    otf_file: Path | None = None
    """Measured OTF or PSF image; None uses the theoretical OTF."""
    otf_step_per_um: tuple[Positive, Positive] | None = None
    """Where `otf_file` holds the tables (kr, kz) of volumes: their steps, cycles/µm."""
    otf_damping: Damping = "auto"
    """OTF parameter "a": the theoretical OTF is multiplied by a ** (frequency / cut-off); "auto"
    finds it from the frames."""

    @model_validator(mode="after")
    def _aperture_fits_medium(self) -> Self:
        if self.numerical_aperture >= self.refractive_index:
            raise ValueError(
                f"expected numerical_aperture below refractive_index ({self.refractive_index}), "
                f"found {self.numerical_aperture}"
            )
        return self

    @model_validator(mode="after")
    def _excites_below_emission(self) -> Self:
        if self.excitation_nm is not None and self.excitation_nm >= self.emission_nm:
            raise ValueError(
                f"expected excitation_nm below emission_nm ({self.emission_nm:g}), "
                f"found {self.excitation_nm:g}"
            )
        return self

    @property
    def known_pixel_nm(self) -> float:
        """The raw pixel; raises SettingsError if it is not known."""
        if self.pixel_nm is None:
            raise SettingsError("expected optics.pixel_nm in the settings, found none")
        return self.pixel_nm

    @property
    def damping(self) -> float:
        """Damping of the OTF: as set, or what is assumed until the frames tell."""
        return ASSUMED_DAMPING if self.otf_damping == "auto" else self.otf_damping

    @property
    def excitation_or_assumed_nm(self) -> float:
        """Wavelength of the light: as set, or what is usual at this emission."""
        return self.excitation_nm or ASSUMED_EXCITATION * self.emission_nm

    @property
    def cutoff_cycles_per_um(self) -> float:
        """Highest frequency the objective passes, 2 NA / emission wavelength."""
        return 2000.0 * self.numerical_aperture / self.emission_nm


class Camera(Section):
    """Camera model: photo-electrons = (counts - offset) / gain."""

    offset: CameraOffset = 0.0
    gain: Magnitude = 1.0
    """Counts per electron."""
    read_noise: ReadNoise = 0.0
    """Electrons, standard deviation."""
    map: Path | None = None
    """TIFF of the camera's pixels, as large as the frames: a page of offsets in counts, a page of
    gains in counts per electron; None = all pixels are alike."""


IMAGE_BEND, VOLUME_BEND = 1.0, 0.75
"""Exponents of the low-pass. In volumes beads get 14 nm narrower along z by it, in any light at
the cost of less than 0.01 dB: bench/quality/volumes."""


class Apodization(Section):
    """Low-pass of the result: shape, cut-off in units of the widefield cut-off, exponent."""

    shape: Literal["cosine", "triangle", "none"] = "cosine"
    cutoff: Annotated[float, Field(gt=0, le=3)] | Literal["auto"] = 1.9
    """"auto": widefield cut-off plus the pattern's own frequency, as fairSIM does."""
    bend: Magnitude | Literal["auto"] = "auto"
    """"auto": `IMAGE_BEND`, or `VOLUME_BEND` where the result is one volume."""

    def bent(self, auto: float) -> float:
        """Return the exponent, which is `auto` unless the settings say one."""
        return auto if self.bend == "auto" else self.bend


class Notch(Section):
    """Gaussian dip at the centre of every band, against out-of-focus light and honeycombs."""

    strength: Annotated[float, Field(ge=0, le=1)] = 0.0
    fwhm_cycles_per_um: Magnitude = 1.0


class Reconstruction(Section):
    """How the bands are recombined."""

    preset: Literal["fairsim", "report"] | None = None
    """"fairsim": the settings of the MPhil report's Table 1; "report": these and its processing;
    explicit keys win over it."""
    processing: Literal["none", "report"] = "none"
    """"report": every raw stack is processed before, and its image after, as the MPhil report
    describes; see `livesim.reconstruction.report_processing`."""
    wiener: Magnitude | Literal["auto"] = "auto"
    """Regularisation w, the denominator's w squared; "auto" takes, at every frequency, the noise
    over the object's power as calibrated (0.05 where the pattern file does not tell)."""
    apodization: Apodization = Apodization()
    notch: Notch = Notch()
    richardson_lucy_iterations: Annotated[int, Field(ge=0, le=200)] = 0

    @model_validator(mode="before")
    @classmethod
    def _apply_preset(cls, values: Any) -> Any:
        return with_preset(values)


class Steps(Section):
    """The networks around the reconstruction: a shipped model's name, a path, "none" or "auto"."""

    one: str = "auto"
    """"auto": that of the pair where `two` names the pair's; else none."""
    two: str = "auto"
    """"auto": the shipped network for every sample; the pair's where `one` is named."""
    all: str = "none"
    """One network from the raw frames to the image, in place of both others: a shipped model's name
    or a path; one and two are then "none" or "auto"."""
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """In which the networks compute; "auto": the shortest that the device has instructions for, if
    it is timed to be faster than float32."""


class Tracking(Section):
    """Whether the pattern of a running stream is tracked; see docs/use/tracking.md."""

    follow: bool = True
    """Check every raw stack, follow drifts and jumps, report lost angles."""
    estimate: bool = True
    """Estimate again in the background, and swap where that explains new stacks better."""


class Doctor(Section):
    """Whether the doctor looks at a running stream."""

    examine: bool = True
    """Look at the first raw stacks, and again after an alarm."""


class Live(Section):
    """What a running stream shows between two raw stacks; see docs/use/live.md."""

    rolling: Literal["off", "angle", "frame"] = "off"
    """Reconstruct the newest frames after every angle or every frame."""


class RecordingSettings(Section):
    """How the engine writes what it records; see docs/use/files.md."""

    shard: Annotated[int, Field(ge=1, le=SHARD_LIMIT)] = 1
    """Time points whose stacks, of one plane and channel, share a file; 1: a file for each."""
    sync: Sync = "close"
    """When raw stacks are brought to the disk itself, where they outlive a power cut."""


class Settings(Section):
    """One microscope and what to do with its frames; see docs/use/settings.md for every key."""

    optics: Optics
    pattern: PatternSettings = PatternSettings()
    camera: Camera = Camera()
    reconstruction: Reconstruction = Reconstruction()
    steps: Steps = Steps()
    tracking: Tracking = Tracking()
    doctor: Doctor = Doctor()
    live: Live = Live()
    recording: RecordingSettings = RecordingSettings()
    volumes: Volumes | None = None
    """Three beams light stacks of planes, which are volumes; None: every plane by itself."""
    channels: dict[ChannelNumber, Channel] = Field(default_factory=dict)
    """What differs in one channel; those not named are as the other tables say."""
    acquisition: Acquisition | None = None
    """What `livesim acquire` does; None where Micro-Manager is used by itself."""
    simulation: Simulation | None = None
    """What `livesim simulate` makes; None for a real microscope."""

    @property
    def tracks(self) -> bool:
        """Whether a running stream's pattern is followed; too few phases do not tell how it is."""
        return self.tracking.follow and not self.pattern.too_few_phases

    @model_validator(mode="before")
    @classmethod
    def _accept_old_names(cls, values: Any) -> Any:
        return with_new_names(values) if isinstance(values, dict) else values

    @field_validator("simulation")
    @classmethod
    def _simulation_fits(cls, value: Simulation | None, info: ValidationInfo) -> Simulation | None:
        pattern = info.data.get("pattern")
        if value is not None and pattern is not None:  # None: found wrong before
            value.check_pattern(pattern.vectors, pattern.stack_shape, pattern.harmonics)
            value.check_volume(pattern.order, pattern.sizes, pattern.harmonics)
        return value

    @model_validator(mode="after")
    def _volumes_fit(self) -> Self:
        fault = None if self.volumes is None else self._no_volumes
        if fault:
            raise ValueError(f"volumes: {fault}")
        return self

    @property
    def _no_volumes(self) -> str:
        """Why there can be no volumes with these settings; empty if there can."""
        pattern, whole = self.pattern, self.steps.all
        if pattern.harmonics != 2:
            return (
                f"expected pattern.harmonics = 2, those of three beams, found {pattern.harmonics}"
            )
        if whole not in ("auto", "none"):
            return (
                "expected no network in steps.all, since those of volumes work before and behind "
                f"their reconstruction, found {whole}"
            )
        if self.live.rolling != "off":
            return f'expected live.rolling = "off", found "{self.live.rolling}"'
        if self.reconstruction.richardson_lucy_iterations:
            found = self.reconstruction.richardson_lucy_iterations
            return f"expected reconstruction.richardson_lucy_iterations = 0, found {found}"
        if self.reconstruction.processing != "none":
            return 'expected reconstruction.processing = "none", found "report"'
        return ""

    @model_validator(mode="after")
    def _few_frames_fit(self) -> Self:
        own = self.reconstruction
        if not self.pattern.too_few_phases:
            return self
        if own.richardson_lucy_iterations or own.notch.strength:
            raise ValueError(
                f"expected no Richardson-Lucy steps and no notch with {self.pattern.phases} "
                f"phase(s), found richardson_lucy_iterations = {own.richardson_lucy_iterations} "
                f"and notch.strength = {own.notch.strength:g}"
            )
        return self

    @model_validator(mode="after")
    def _every_channel_fits(self) -> Self:
        for number in self.channels:
            try:
                self.of_channel(number)
            except ValidationError as error:
                raise ValueError(f"channels.{number}: {sentence(error, Settings)}") from error
        return self

    @classmethod
    def load(cls, path: str | Path, changes: Sequence[str] = ()) -> Settings:
        """Read a TOML file; as `load_settings`."""
        return load_settings(Path(path), changes)

    def of_channel(self, number: int) -> Settings:
        """Return what holds for one channel: these settings with its own table put in."""
        own = self.channels.get(number)
        if own is None:
            return self if not self.channels else self.model_copy(update={"channels": {}})
        values = self.model_dump(exclude={"channels", "acquisition", "simulation"})
        merge(values, own.model_dump(exclude={"name"}, exclude_none=True))
        return Settings.model_validate(values)


def load_settings(path: Path, changes: Sequence[str] = ()) -> Settings:
    """Read a settings file; `changes` such as "optics.pixel_nm=65" win over what it says.

    Raises
    ------
    SettingsError
        If the file cannot be read, is not TOML, or holds an unknown key or a wrong value.
    """
    return parse_settings(read_toml(path), str(path), path.parent, changes)


def parse_settings(
    values: dict[str, Any], source: str, folder: Path = Path(), changes: Sequence[str] = ()
) -> Settings:
    """Check a mapping of settings; paths in it are relative to `folder`, `changes` win over it.

    Raises
    ------
    SettingsError
        Naming the changes that are wrong, or else `source`, the key, what was expected and what was
        found.
    """
    try:
        values = with_new_names(values)
    except ValueError as error:
        raise SettingsError(f"{source}: {error}") from error
    try:
        settings = Settings.model_validate(overridden(values, changes))
    except ValidationError as error:
        asked = blamed(error, values, changes, Settings)
        place = f"{', '.join(asked)} over {source}" if asked else source
        raise SettingsError(f"{place}: {sentence(error, Settings)}") from error
    return _with_files_in(settings, folder)


def _with_files_in(settings: Settings, folder: Path) -> Settings:
    """Return the settings with the files that they name found from `folder`."""
    changes: dict[str, Any] = {}
    otf_file = settings.optics.otf_file
    if otf_file is not None:
        changes["optics"] = settings.optics.model_copy(update={"otf_file": folder / otf_file})
    if settings.camera.map is not None:
        found_map = folder / settings.camera.map
        changes["camera"] = settings.camera.model_copy(update={"map": found_map})
    if settings.channels:
        changes["channels"] = {
            number: _with_channel_file_in(channel, folder)
            for number, channel in settings.channels.items()
        }
    acquisition = settings.acquisition
    if acquisition is not None:
        files = {"system_file": acquisition.system_file, "adapters": acquisition.adapters}
        found = {name: folder / path for name, path in files.items() if path is not None}
        changes["acquisition"] = acquisition.model_copy(update=found)
    simulation = settings.simulation
    path = None if simulation is None else simulation.file.path
    if simulation is not None and path is not None:
        file = simulation.file.model_copy(update={"path": folder / path})
        changes["simulation"] = simulation.model_copy(update={"file": file})
    return settings.model_copy(update=changes)


def _with_channel_file_in(channel: Channel, folder: Path) -> Channel:
    if channel.optics.otf_file is None:
        return channel
    optics = channel.optics.model_copy(update={"otf_file": folder / channel.optics.otf_file})
    return channel.model_copy(update={"optics": optics})
