"""Train networks by a recipe, or fine-tune some, and write them with their cards."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from rich.console import Console

from livesim.commands.progress import progress_bar, words_console
from livesim.commands.train.drawn import RECIPE_NAME, described, train_on_drawn
from livesim.commands.train.recordings import measured_scenes, pairs, split_recordings
from livesim.commands.train.scenes import scenes_of
from livesim.config.settings import SettingsError
from livesim.config.shipped import named_file
from livesim.values.errors import DataError
from livesim_models.card import Card
from livesim_models.checkpoint import read_model, write_model
from livesim_models.data.recipe import Split
from livesim_models.data.samples import Samples
from livesim_models.data.scene import Scene
from livesim_models.domain import Domain, domain_of
from livesim_models.shipped import PAIR, RECIPES, StepName, model_file
from livesim_models.training.recipe import Recipe, VariedRecipe, fine_tuning, load_recipe
from livesim_models.training.run import Trained, train
from livesim_models.training.spread import ALONE, Spread
from livesim_models.training.stage_data import ScenesOf, validation_batch, validation_group
from livesim_models.training.verdict import verdict

NORMALISATIONS: dict[StepName, Literal["stabilised", "levels"]] = {
    "one": "stabilised",
    "two": "levels",
}
DESCRIBED = 600
"""Samples from which a card describes what a training looked like."""


def train_networks(asked: Path, out: Path, spread: Spread = ALONE) -> None:
    """Run a training recipe in the folder `out`; started again, it goes on where it stopped.

    Parameters
    ----------
    asked
        Its file, or the name of one that comes with livesim.
    spread
        Over which processes.

    Raises
    ------
    SettingsError
        If the recipe cannot be used, or is one of drawn examples and spread over processes.
    DataError
        If `out` holds the training of another recipe.
    """
    recipe_path = named_file(asked, RECIPES)
    recipe = load_recipe(recipe_path)
    if isinstance(recipe, VariedRecipe) and spread.many:
        raise SettingsError(
            f"{recipe_path}: expected one process for a recipe of drawn examples, found "
            f"{spread.devices} on each of {spread.num_nodes} machines"
        )
    console = prepare_folder(recipe_path.read_text(encoding="utf-8"), out, spread)
    if isinstance(recipe, VariedRecipe):
        train_on_drawn(recipe, out, console)
        return
    made = _Training(recipe, lambda split: _scenes(recipe, split, out, console))
    made.write(train(recipe, made.scenes, out, spread=spread), out, console, spread)


def fine_tune(
    start: str,
    data: Sequence[Path],
    low: Sequence[Path],
    config: Path | None,
    out: Path,
    spread: Spread = ALONE,
) -> None:
    """Go on training shipped or own models on recordings, whose photons are thinned.

    Parameters
    ----------
    start
        Name of a shipped pair of models, or the folder of a training.
    data
        Recordings with much light: the target is what they show.
    low
        Of the same fields in less light, in the same order; none = the photons are thinned.
    config
        Settings of the microscope; None = the TOML file beside each recording.
    spread
        Over which processes.

    Raises
    ------
    SettingsError, DataError
        If models or recordings cannot be used.
    """
    one, two = (read_model(_start_file(start, step)) for step in PAIR)
    recipe = fine_tuning(one.card.recipe, f"{one.card.name.removesuffix('-one')}-tuned")
    split, dim = split_recordings(data), pairs(data, low)
    raws_of = "".join(f"# {part}: {', '.join(map(str, raws))}\n" for part, raws in split.items())
    console = prepare_folder(f"# from {start}\n{raws_of}{recipe.to_toml()}", out, spread)
    made = _Training(recipe, lambda part: measured_scenes(split[part], config, dim))
    networks = (one.network.requires_grad_(True), two.network.requires_grad_(True))
    trained = train(recipe, made.scenes, out, Trained(*networks, 0.0), spread)
    made.write(trained, out, console, spread)


def _start_file(start: str, step: StepName) -> Path:
    folder = Path(start)
    if folder.is_dir():
        found = sorted(folder.glob(f"*-{step}.safetensors"))
        if len(found) != 1:
            raise DataError(f"{folder}: expected one model for step {step}, found {len(found)}")
        return found[0]
    return model_file(start, step)


def prepare_folder(recipe_text: str, out: Path, spread: Spread = ALONE) -> Console:
    """Make the folder and write the recipe into it; refuse a folder with another recipe."""
    if not spread.first:
        return Console(quiet=True)
    out.mkdir(parents=True, exist_ok=True)
    kept = out / RECIPE_NAME
    if kept.exists() and kept.read_text(encoding="utf-8") != recipe_text:
        raise DataError(
            f"{out}: expected an empty folder or one with the same recipe, found another recipe"
        )
    kept.write_text(recipe_text, encoding="utf-8")
    return words_console()


def _scenes(recipe: Recipe, split: Split, out: Path, console: Console) -> list[Scene]:
    with progress_bar("scenes", recipe.scenes.count(split), console) as bar:
        path = out / f"{split}-scenes.safetensors"
        return scenes_of(recipe.scenes, split, path, bar.advance)


class _Training:
    """What was trained by a recipe: its scenes, its figures and its model files."""

    def __init__(self, recipe: Recipe, scenes_of: ScenesOf) -> None:
        self._recipe = recipe
        self._scenes_of = scenes_of
        self._known: dict[Split, list[Scene]] = {}

    def scenes(self, split: Split) -> list[Scene]:
        """Return the scenes of a split; they are made or read once."""
        if split not in self._known:
            self._known[split] = self._scenes_of(split)
        return self._known[split]

    def write(self, trained: Trained, out: Path, console: Console, spread: Spread) -> None:
        """Write both models, in the first of all processes."""
        if not spread.first:
            return
        domain, metrics = self._domain(), self._metrics(trained)
        for name, value in metrics.items():
            console.print(f"{name}: {value:.3f}")
        recipe = (out / RECIPE_NAME).read_text(encoding="utf-8")
        for step, network in zip(PAIR, (trained.one, trained.two), strict=True):
            path = out / f"{self._recipe.name}-{step}.safetensors"
            write_model(path, network, self._card(step, recipe, trained, domain, metrics))
            console.print(f"wrote {path}")

    def _domain(self) -> Domain:
        """Return what the images of the training looked like."""
        scenes, recipe = [*self.scenes("one"), *self.scenes("two")], self._recipe
        samples = Samples(scenes, recipe.light, recipe.training.seed, 0, DESCRIBED)
        return domain_of([samples[number].low.mean(dim=0) for number in range(DESCRIBED)])

    def _metrics(self, trained: Trained) -> dict[str, float]:
        """Return how well the networks do on scenes that training never saw."""
        scenes = self.scenes("validation")
        groups = [validation_group(scene, number) for number, scene in enumerate(scenes)]
        batch = validation_batch(scenes, self._recipe)
        return verdict(trained.one, trained.two, batch, groups)

    def _card(
        self,
        step: StepName,
        recipe_text: str,
        trained: Trained,
        domain: Domain,
        metrics: dict[str, float],
    ) -> Card:
        recipe = self._recipe
        return Card(
            name=f"{recipe.name}-{step}",
            step=step,
            description=recipe.description,
            licence=recipe.licence,
            architecture={"one": recipe.one, "two": recipe.two}[step],
            normalisation=NORMALISATIONS[step],
            frames=recipe.one.inputs,
            photons=recipe.light.photons,
            read_noise=recipe.light.read_noise,
            structures=tuple(sorted({scene.structure for scene in self.scenes("two")})),
            domain=domain,
            behind=f"{recipe.name}-one" if step == "two" else None,
            recipe=recipe_text,
            metrics=metrics,
            training=described(trained.hours),
        )
