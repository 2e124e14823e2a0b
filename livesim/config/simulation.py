"""The `[simulation]` table: what the simulated microscope looks at, and what is wrong with it.

Every default is that of an ideal instrument.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler, model_validator
from pydantic_core import core_schema

from livesim.config.section import Section
from livesim.config.specimens import (
    BeadSettings,
    FilamentSettings,
    FileSettings,
    LinePairSettings,
    MitochondriaSettings,
    NetworkSettings,
    SiemensStarSettings,
    SpecimenName,
    VesicleSettings,
)
from livesim.values.numbers import Finite, NonNegative, Positive, Share, ShareBelowOne

Side = Annotated[int, Field(ge=16, le=8192)]
Degrees = Annotated[float, Field(ge=0, le=360)]
Waves = Annotated[float, Field(ge=-1, le=1)]
Frame = Annotated[int, Field(ge=0)]
Modulation = Annotated[float, Field(ge=0, le=4 / 3)]
"""The first order of three equal beams has 4/3; above 1 in volumes only."""
Vector = tuple[Finite, Finite]
"""(x, y)."""


def _listed(value: Any) -> Any:
    """Take one value for a list of it."""
    return value if isinstance(value, list | tuple) else (value,)


class OneOrSeveral:
    """Marks a tuple that may be written as one value; the schema for editors says so."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_before_validator_function(_listed, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        several = handler(schema)
        return {"anyOf": [several["items"], several]}


Several = OneOrSeveral()


class TruePattern(Section):
    """The light that really falls on the specimen."""

    period_nm: Annotated[tuple[Positive, ...], Several] | None = None
    """Of the first harmonic, one or one an angle; None: [pattern] expected_period_nm, or else the
    highest harmonic at 0.9 of the optical cut-off."""
    directions_deg: tuple[Finite, ...] | None = None
    """Of k, one an angle; None: [pattern] expected_angles_deg, or else evenly spread."""
    modulation: Annotated[tuple[Modulation, ...], Several, Field(min_length=1)] | None = None
    """One, or one a harmonic; None: 0.8, of hexagonal patterns 0.33, of volumes 1.2 and 0.6."""
    modulation_falloff: Share = 0.0
    """Share of the modulation that is lost in the corners; grows with the distance squared."""
    phase_error_deg: Degrees = 0.0
    """Of every frame of the stack, the same in all stacks; standard deviation."""
    phase_jitter_deg: Degrees = 0.0
    """Of every frame, drawn again each time; standard deviation."""
    angle_error_deg: Annotated[float, Field(ge=0, le=45)] = 0.0
    """Of every angle's direction; standard deviation."""
    period_error_percent: Annotated[float, Field(ge=0, le=20)] = 0.0
    """Of every angle's period; standard deviation."""
    drift_deg_per_stack: Finite = 0.0
    """Of all phases, evenly from frame to frame."""


class Light(Section):
    """How bright the frames are."""

    bleaching_per_frame: ShareBelowOne = 0.0
    """Share of the fluorophores that a frame costs."""
    bleaching_half_life_s: Positive | None = None
    flicker: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    """Relative standard deviation of a frame's brightness."""
    dim_first_frame: ShareBelowOne = 0.0
    """Share of the light that the first frame of every stack lacks."""


class Stage(Section):
    """How the specimen moves as a whole."""

    drift_nm_per_s: Vector = (0.0, 0.0)
    jump_nm: Vector = (0.0, 0.0)
    jump_at_s: NonNegative = 0.0


class Background(Section):
    """Light without pattern."""

    uniform: Annotated[float, Field(ge=0, le=100)] = 0.0
    """Photo-electrons in every pixel, in units of peak_photons."""
    defocused: Annotated[float, Field(ge=0, le=100)] = 0.0
    """Light of a layer out of focus, in units of the light of the specimen."""
    defocus_um: Annotated[float, Field(ge=-50, le=50)] = 1.5
    """Distance of that layer."""


class Aberrations(Section):
    """Zernike modes of the pupil's phase, in waves of the emission, root mean square."""

    defocus: Waves = 0.0
    astigmatism_oblique: Waves = 0.0
    astigmatism: Waves = 0.0
    coma_y: Waves = 0.0
    coma_x: Waves = 0.0
    trefoil_y: Waves = 0.0
    trefoil_x: Waves = 0.0
    spherical: Waves = 0.0


class VolumeSettings(Section):
    """Volumes: how the focal plane moves through the specimen; `[pattern] sizes` counts planes."""

    z_step_nm: Positive = 125.0
    """Distance of two planes."""
    beyond_um: Annotated[float, Field(ge=0, le=50)] = 1.0
    """How far the specimen reaches beyond the first and beyond the last plane."""
    axial_phase_deg: Annotated[tuple[Finite, ...], Several, Field(min_length=1)] = (0.0,)
    """Of the fringes along z, where the focus is; one, or one an angle."""
    z_jitter_nm: Annotated[float, Field(ge=0, le=500)] = 0.0
    """By how far the stage stops beside a plane; standard deviation."""
    z_drift_nm_per_s: Finite = 0.0
    """Of the specimen, away from the objective."""


class TrueCamera(Section):
    """What the camera does beyond [camera], which says its mean offset, gain and read noise."""

    kind: Literal["plain", "scmos", "emccd"] = "plain"
    offset_spread: NonNegative = 2.0
    """sCMOS: counts, standard deviation over the pixels."""
    gain_spread: Annotated[float, Field(ge=0, le=1)] = 0.02
    """sCMOS: relative standard deviation."""
    read_noise_spread: Annotated[float, Field(ge=0, le=2)] = 0.3
    """sCMOS: standard deviation of the logarithm."""
    bits: Annotated[int, Field(ge=8, le=16)] = 16
    full_well: Positive | None = None
    """Photo-electrons; None: no limit but that of the bits."""


class Sequence(Section):
    """What goes wrong between pattern, camera and file."""

    rotated_by: Frame = 0
    """The stack begins with this frame, and what was before it comes last."""
    reversed: bool = False
    """The frames of a stack run backwards."""
    swapped_angles: tuple[Frame, Frame] | None = None
    dropped: ShareBelowOne = 0.0
    """Share of the frames that is lost."""
    dropped_frames: tuple[Frame, ...] = ()
    """Numbers of frames that are lost, counted from 0 over the whole recording."""
    repeated: ShareBelowOne = 0.0
    """Share of the frames that comes twice."""
    repeated_frames: tuple[Frame, ...] = ()
    late: ShareBelowOne = 0.0
    """Share of the frames that comes `late_by` frames too late."""
    late_frames: tuple[Frame, ...] = ()
    late_by: Annotated[int, Field(ge=1, le=1000)] = 4


class Simulation(Section):
    """The simulated microscope; see docs/use/simulation.md for every key."""

    specimen: Annotated[tuple[SpecimenName, ...], Several, Field(min_length=1)] = ("filaments",)
    """One structure, or several on top of each other, each as bright as the others."""
    size: tuple[Side, Side] = (256, 256)
    """Rows and columns of a raw frame."""
    time_points: Annotated[int, Field(ge=1, le=1_000_000)] = 10
    exposure_ms: Positive = 5.0
    readout_ms: NonNegative = 0.0
    """From the end of an exposure to the beginning of the next."""
    interval_s: Positive | None = None
    """From one raw stack to the next; None: as fast as the camera."""
    moves_within_stack: bool = False
    """The specimen moves from frame to frame; otherwise from stack to stack only."""
    peak_photons: Annotated[float, Field(gt=0, le=1e6)] = 300.0
    """Photo-electrons of the brightest pixel at the first time point in uniform light."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    pattern: TruePattern = TruePattern()
    light: Light = Light()
    stage: Stage = Stage()
    background: Background = Background()
    aberrations: Aberrations = Aberrations()
    camera: TrueCamera = TrueCamera()
    volume: VolumeSettings | None = None
    """None: single planes."""
    sequence: Sequence = Sequence()
    filaments: FilamentSettings = FilamentSettings()
    network: NetworkSettings = NetworkSettings()
    mitochondria: MitochondriaSettings = MitochondriaSettings()
    vesicles: VesicleSettings = VesicleSettings()
    beads: BeadSettings = BeadSettings()
    line_pairs: LinePairSettings = LinePairSettings()
    siemens_star: SiemensStarSettings = SiemensStarSettings()
    file: FileSettings = FileSettings()

    @model_validator(mode="after")
    def _file_is_named(self) -> Self:
        if "file" in self.specimen and self.file.path is None:
            raise ValueError("expected file.path for the specimen 'file', found none")
        return self

    def check_pattern(self, vectors: int, stack_shape: tuple[int, int], harmonics: int) -> None:
        """Compare with the pattern's settings.

        Raises
        ------
        ValueError
            If a list has another length than there are angles or harmonics, a number counts frames
            or angles that do not exist.
        """
        pattern, sequence = self.pattern, self.sequence
        for name, values in (
            ("period_nm", pattern.period_nm),
            ("directions_deg", pattern.directions_deg),
        ):
            _check_length(f"pattern.{name}", values, vectors, one_for_all=name == "period_nm")
        _check_length("pattern.modulation", pattern.modulation, harmonics, one_for_all=True)
        if self.volume is not None:
            axial = self.volume.axial_phase_deg
            _check_length("volume.axial_phase_deg", axial, vectors, one_for_all=True)
        angles, phases = stack_shape
        if sequence.rotated_by >= angles * phases:
            raise ValueError(
                f"expected sequence.rotated_by below {angles * phases}, the frames of a stack, "
                f"found {sequence.rotated_by}"
            )
        if sequence.swapped_angles is not None and max(sequence.swapped_angles) >= angles:
            raise ValueError(
                f"expected sequence.swapped_angles below {angles}, "
                f"found {list(sequence.swapped_angles)}"
            )

    def check_volume(
        self, order: tuple[str, ...], sizes: Mapping[str, int], harmonics: int
    ) -> None:
        """Compare with the pattern's settings what is asked of volumes, or that none are.

        Raises
        ------
        ValueError
            If the pattern has no planes or not three beams, or something is asked for that volumes
            have not; of single planes, if the fringes are stronger than two beams make them.
        """
        if self.volume is None:
            if max(self.pattern.modulation or (0.0,)) > 1.0:
                raise ValueError(
                    f"expected pattern.modulation of 1 or less without volume, found "
                    f"{list(self.pattern.modulation or ())}"
                )
            return
        if "z" not in order or "z" not in sizes or harmonics != 2:
            raise ValueError(
                "expected z in [pattern] order and sizes, and harmonics = 2, for volumes, "
                f"found order {list(order)}, sizes {dict(sizes)}, harmonics {harmonics}"
            )
        for name in _NOT_IN_VOLUMES:
            table, _, key = name.rpartition(".")
            own = getattr(self, table) if table else self
            default = type(own).model_fields[key].get_default(call_default_factory=True)
            if getattr(own, key) != default:
                raise ValueError(f"{name}: expected its default for volumes, found another value")


_NOT_IN_VOLUMES = (
    *("moves_within_stack", "interval_s", "sequence", "background.defocused"),
    *("pattern.modulation_falloff", "pattern.phase_jitter_deg", "pattern.drift_deg_per_stack"),
    *("light.flicker", "light.dim_first_frame"),
)
"""What volumes are simulated without."""


def _check_length(
    name: str, values: tuple[float, ...] | None, expected: int, *, one_for_all: bool
) -> None:
    allowed = {expected, 1} if one_for_all else {expected}
    if values is not None and len(values) not in allowed:
        words = " or ".join(map(str, sorted(allowed)))
        raise ValueError(f"expected {words} value(s) in {name}, found {len(values)}")
