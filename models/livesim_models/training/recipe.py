"""Read the recipe of a training from TOML."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, model_validator

from livesim.config.errors import SettingsError, sentence
from livesim.config.section import Section
from livesim.config.toml import parse_toml
from livesim.values.numbers import NonNegative, Positive
from livesim_models.data.recipe import LightRecipe, ScenesRecipe
from livesim_models.data.stacks import SimulatorRecipe
from livesim_models.registry import AnyArchitecture, architecture_of
from livesim_models.steps import EndToEnd
from livesim_models.volume.conditions import CHANNELS as VOLUME_CHANNELS
from livesim_models.volume.conditions import CHANNELS_BEHIND_ONE
from livesim_models.volume.orders import CHANNELS as ORDER_CHANNELS
from livesim_models.volume.orders import FRAMES

Steps = Annotated[int, Field(ge=0, le=10_000_000)]
Whole = Annotated[int, Field(ge=1, le=10_000_000)]
Share = Annotated[float, Field(ge=0, le=1)]


class StageRecipe(Section):
    """One stage of the training: which networks learn, how long and how fast."""

    trains: tuple[Literal["one", "two"], ...] = ("one",)
    """Which networks learn; what comes before them runs as it is."""
    steps: Steps = 1000
    batch: Annotated[int, Field(ge=1, le=1024)] = 4
    crop: Annotated[int, Field(ge=32, le=4096)] | None = None
    """Side of the square cut out of every scene, raw pixels; None: whole scenes."""
    learning_rate: Positive = 1e-3
    warm_up: Steps = 100
    """Steps over which the rate rises; it then falls to zero as a cosine."""
    weight_one: NonNegative = 1.0
    """Of step one's loss, mean difference in standard deviations of the noise."""
    weight_two: NonNegative = 1.0
    """Of step two's loss, mean difference in units of the levels."""
    difference: Literal["absolute", "squared"] = "absolute"
    """Absolute: towards the median of what the photons allow, robust. Squared: towards the mean,
    which has the highest PSNR where little is certain."""


class TrainingRecipe(Section):
    """The settings that all stages share."""

    seed: Annotated[int, Field(ge=0)] = 0
    precision: Literal["32", "bf16", "16"] = "bf16"
    devices: Literal["auto"] | Annotated[int, Field(ge=1)] = "auto"
    workers: Annotated[int, Field(ge=0, le=64)] = 0
    """Processes that prepare samples."""
    threads: Annotated[int, Field(ge=1, le=1024)] | None = None
    """Of torch on the CPU; None: its own choice."""
    validate_every: Annotated[int, Field(ge=1)] = 500
    """Steps between two looks at the validation scenes, each of which leaves a checkpoint."""


class Recipe(Section):
    """A training from the first scene to the shipped weights; see livesim_models/recipes."""

    name: Annotated[str, Field(min_length=1)]
    description: str = ""
    """For the cards."""
    licence: str = ""
    one: AnyArchitecture = architecture_of({"inputs": 9, "outputs": 9})
    two: AnyArchitecture = architecture_of({"space_to_depth": 2})
    scenes: ScenesRecipe = ScenesRecipe()
    light: LightRecipe = LightRecipe()
    training: TrainingRecipe = TrainingRecipe()
    stage: Annotated[tuple[StageRecipe, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _networks_fit(self) -> Self:
        if self.one.inputs != self.one.outputs:
            raise ValueError(
                f"expected as many outputs as inputs of step one, {self.one.inputs}, "
                f"found {self.one.outputs}"
            )
        if (self.two.inputs, self.two.outputs) != (1, 1):
            raise ValueError(
                "expected 1 input and 1 output of step two, "
                f"found {self.two.inputs} and {self.two.outputs}"
            )
        return self


class VolumeRecipe(Section):
    """The volumes of a training, of which planes are restored with those beside them."""

    planes: Annotated[int, Field(ge=8, le=256)] = 16
    step: Literal["one", "two"] = "two"
    """One: the raw frames are denoised; two: the plain volume is restored."""
    behind: str | None = None
    """Of step two: the step one whose volumes it sees too, shipped or a file; None: without one."""

    @model_validator(mode="after")
    def _behind_one(self) -> Self:
        if self.step == "one" and self.behind is not None:
            raise ValueError(f"expected nothing in front of step one, found {self.behind!r}")
        return self

    @property
    def sides(self) -> tuple[int, int]:
        """Inputs and outputs of its networks."""
        if self.step == "one":
            return ORDER_CHANNELS, FRAMES
        return (VOLUME_CHANNELS if self.behind is None else CHANNELS_BEHIND_ONE), 1


class VariedRecipe(Section):
    """A training on examples that are drawn while networks learn."""

    name: Annotated[str, Field(min_length=1)]
    description: str = ""
    licence: str = ""
    networks: Annotated[dict[str, AnyArchitecture], Field(min_length=1)]
    """By name; all learn from the same examples."""
    start: dict[str, str] = Field(default_factory=dict)
    """Network -> model to begin with, shipped or a file; those left out begin untrained. One of
    fewer inputs begins with those, the others have no weight yet."""
    simulator: SimulatorRecipe | None = None
    """Of raw stacks for networks from end to end; None: for networks on plain images, from fields
    in which everything varies."""
    volume: VolumeRecipe | None = None
    """For networks on plain volumes; None: on single planes."""
    size: Whole = 64
    """Raw pixels of an example, both sides; every fourth batch has fewer ones, twice as large."""
    batch: Whole = 8
    """Examples of a batch; one of volumes is half as many planes as a volume has."""
    reused: Whole = 3
    """How often every example is shown, each time in another symmetry."""
    block: Whole = 32
    """Batches that are shown in another order each time."""
    steps: Whole = 20_000
    warm_up: Whole = 200
    fall: Share = 0.2
    """Share of the steps at the end over which the rate falls to zero."""
    learning_rate: Positive = 1e-3
    averaging: Share = 0.999
    """Of the weights that are validated and shipped: decay by step."""
    workers: Annotated[int, Field(ge=1, le=64)] = 1
    """Processes that draw examples."""
    save_every: Whole = 200
    validate_every: Whole = 500
    seed: Annotated[int, Field(ge=0)] = 1

    @model_validator(mode="after")
    def _networks_fit(self) -> Self:
        deep = {own.in_volumes for own in self.networks.values()}
        if self.volume is None and True in deep:
            raise ValueError("expected networks of two dimensions, found some of three")
        if len(deep) > 1:
            raise ValueError("expected networks of as many dimensions each, found two and three")
        if self.volume is not None:
            if self.simulator is not None:
                raise ValueError("expected either simulator or volume, found both")
            self._check_sides(*self.volume.sides)
        strange = sorted(self.start.keys() - self.networks.keys())
        if strange:
            raise ValueError(
                f"expected start of networks among {', '.join(self.networks)}, found {strange[0]!r}"
            )
        simulator = self.simulator
        if simulator is None:
            return self
        if max(simulator.kept, default=0) >= simulator.frames:
            raise ValueError(
                f"expected simulator.kept among the {simulator.frames} frames of a stack, 0 to "
                f"{simulator.frames - 1}, found {list(simulator.kept)}"
            )
        self._check_sides(simulator.seen, EndToEnd.OUTPUTS)
        return self

    def _check_sides(self, inputs: int, outputs: int) -> None:
        for name, own in self.networks.items():
            if (own.inputs, own.outputs) != (inputs, outputs):
                raise ValueError(
                    f"expected {inputs} inputs and {outputs} outputs of networks.{name}, "
                    f"found {own.inputs} and {own.outputs}"
                )


FINE_TUNING = (
    StageRecipe(trains=("one",), steps=300, batch=4, crop=64, learning_rate=1e-4),
    StageRecipe(trains=("two",), steps=300, batch=2, crop=128, learning_rate=1e-4),
)
"""Both steps for themselves: measured scenes are too few to train them together."""


def fine_tuning(recipe: str, name: str) -> Recipe:
    """Return what a recipe's TOML says of its networks, with the stages of a fine-tuning.

    Raises
    ------
    SettingsError
        If it is no recipe.
    """
    whole = _parsed(recipe, name)
    if isinstance(whole, VariedRecipe):
        raise SettingsError(f"{name}: expected a recipe of stages, found one of drawn examples")
    return whole.model_copy(update={"name": name, "stage": FINE_TUNING})


def load_recipe(path: Path) -> Recipe | VariedRecipe:
    """Read a recipe: one with a table `networks` is of those that learn from drawn examples.

    Raises
    ------
    SettingsError
        If it cannot be read, is not TOML, or holds an unknown key or a wrong value.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: expected a readable TOML file, found: {error}") from error
    return _parsed(text, str(path))


def _parsed(text: str, source: str) -> Recipe | VariedRecipe:
    table = parse_toml(text, source)
    kind: type[Recipe | VariedRecipe] = Recipe
    try:
        kind = VariedRecipe if "networks" in table else Recipe
        return kind.model_validate(table)
    except ValidationError as error:
        raise SettingsError(f"{source}: {sentence(error, kind)}") from error
