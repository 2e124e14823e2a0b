"""How the illumination pattern is stepped: the table `[pattern]`."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from livesim.config.section import Section
from livesim.values.numbers import Nanometres

Axis = Literal["time", "channel", "z", "position", "angle", "phase"]
FileAxis = Literal["time", "channel", "z", "position", "angle", "phase", "frames"]
FEWEST_FRAMES = 3
"""Of a raw stack: fewer do not light every place."""


class PatternSettings(Section):
    """How the illumination pattern is stepped, and what is known of it beforehand."""

    angles: Annotated[int, Field(ge=1, le=64)] = 3
    phases: Annotated[int, Field(ge=1, le=64)] = 3
    """Fewer than 3 need the pattern of full stacks, cut to these frames; see docs/use/live.md."""
    frames: Annotated[int, Field(ge=1)] | None = None
    """Frames of one raw stack; only a check, except that hexagonal stacks have seven."""
    harmonics: Literal[1, 2] = 1
    layout: Literal["angle-phase", "hexagonal"] = "angle-phase"
    order: tuple[Axis, ...] = ("phase", "angle")
    """Fastest axis first, for files and streams that carry no axes."""
    axes: dict[str, FileAxis] = Field(default_factory=dict)
    """What axes of the file stand for, where it calls them otherwise: {channel = "phase"}; the
    one that holds all frames of the raw stacks is "frames"."""
    sizes: dict[Literal["time", "channel", "z"], Annotated[int, Field(ge=1)]] = Field(
        default_factory=dict
    )
    """How long axes in `order` are that the file does not have: {channel = 2}."""
    first_frame: Annotated[int, Field(ge=0)] = 0
    """Place in the sequence of the first frame of every stack, for files that carry no axes."""
    expected_period_nm: Nanometres | tuple[Nanometres, ...] | None = None
    expected_angles_deg: tuple[float, ...] | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.layout == "hexagonal":
            if self.harmonics != 1:
                raise ValueError(
                    f"expected harmonics = 1 for a hexagonal layout, found {self.harmonics}"
                )
        elif self.too_few_phases and self.harmonics > 1:
            raise ValueError(
                f"expected at least {2 * self.harmonics + 1} phases for {self.harmonics} "
                f"harmonic(s), found {self.phases}"
            )
        elif self.too_few_phases and self.stack_frames < FEWEST_FRAMES:
            raise ValueError(
                f"expected at least {FEWEST_FRAMES} frames in a raw stack, found angles = "
                f"{self.angles} and phases = {self.phases}"
            )
        if self.frames is not None and self.frames != self.stack_frames:
            raise ValueError(
                f"expected frames = {self.stack_frames} ({self.layout}), found {self.frames}"
            )
        if self.first_frame >= self.stack_frames:
            raise ValueError(
                f"expected first_frame below {self.stack_frames}, the frames of a stack, "
                f"found {self.first_frame}"
            )
        if len(set(self.order)) != len(self.order):
            raise ValueError(f"expected every axis once in order, found {list(self.order)}")
        strange = set(self.sizes) - set(self.order)
        if strange:
            raise ValueError(
                f"expected sizes of axes in order, found {sorted(strange)}, not in "
                f"{list(self.order)}"
            )
        missing = {"angle", "phase"} - set(self.order)
        if missing and self.layout == "angle-phase":
            raise ValueError(f"expected {sorted(missing)} in order, found {list(self.order)}")
        self._check_priors()
        return self

    def _check_priors(self) -> None:
        vectors = self.vectors
        periods = self.expected_period_nm
        if isinstance(periods, tuple) and len(periods) != vectors:
            raise ValueError(
                f"expected 1 or {vectors} values in expected_period_nm, found {len(periods)}"
            )
        angles = self.expected_angles_deg
        if angles is not None and len(angles) != vectors:
            raise ValueError(
                f"expected {vectors} values in expected_angles_deg, found {len(angles)}"
            )

    @property
    def too_few_phases(self) -> bool:
        """Whether the frames of an angle do not separate its bands, nor tell where they are."""
        return self.layout == "angle-phase" and self.phases < 2 * self.harmonics + 1

    @property
    def vectors(self) -> int:
        """How many wave vectors the pattern has: one an angle, three of a hexagonal pattern."""
        return 3 if self.layout == "hexagonal" else self.angles

    @property
    def stack_shape(self) -> tuple[int, int]:
        """(angles, phases) of a raw stack; a hexagonal stack is one angle of seven phases."""
        return (1, 7) if self.layout == "hexagonal" else (self.angles, self.phases)

    @property
    def stack_frames(self) -> int:
        """Frames of one raw stack."""
        angles, phases = self.stack_shape
        return angles * phases
