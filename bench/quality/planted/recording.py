"""A recording with a fault, and what may rightly be said of it."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from torch import Tensor

from bench.quality.planted.scene import Scene
from livesim.config.settings import Settings
from livesim.values.finding import Fault, Finding
from livesim.values.pattern import PatternAngle


@dataclass(frozen=True, eq=False)
class Planted:
    """A recording with a fault, and what may be said of it."""

    scene: Scene
    frames: Tensor
    """[frame, y, x] counts in the order of acquisition."""
    settings: Settings
    """As a user gives them."""
    rightly: Mapping[Fault, Callable[[Finding], bool]]
    """Fault -> whether a finding of it is right."""
    wanted: tuple[Fault, ...] = ()
    """Any of them names the fault; () = there is none to name."""

    def right(self, finding: Finding) -> bool:
        """Return whether a finding is right."""
        judge = self.rightly.get(finding.fault)
        return judge is not None and judge(finding)


def always(finding: Finding) -> bool:
    return True


def never_mends(finding: Finding) -> bool:
    return finding.mend is None


def mended(finding: Finding) -> dict[str, object]:
    """Return the keys that a finding sets, without their sections."""
    tables = tomllib.loads(finding.mend or "")
    return {key: value for table in tables.values() for key, value in table.items()}


def sets(**wanted: object) -> Callable[[Finding], bool]:
    """Return whether a finding sets these keys and no other."""
    return lambda finding: mended(finding) == wanted


def sets_about(key: str, value: float, factor: float) -> Callable[[Finding], bool]:
    def judge(finding: Finding) -> bool:
        found = mended(finding).get(key)
        return isinstance(found, float | int) and 1.0 / factor < found / value < factor

    return judge


def says(words: str) -> Callable[[Finding], bool]:
    return lambda finding: words in finding.words


def with_keys(scene: Scene, section: str, **values: object) -> Settings:
    """Return the true settings with other keys in a section."""
    own = scene.settings.model_dump()
    own[section] |= values
    return Settings.model_validate(own)


def sound_recording(scene: Scene, frames: Tensor | None = None) -> Planted:
    return Planted(scene, scene.frames() if frames is None else frames, scene.settings, {})


def faulty(
    scene: Scene,
    fault: Fault,
    frames: Tensor | None = None,
    right: Callable[[Finding], bool] = always,
    settings: Settings | None = None,
) -> Planted:
    """Return a recording with one fault to name; `frames` and `settings` are else the true ones."""
    sound = sound_recording(scene, frames)
    own = settings or scene.settings
    return replace(sound, settings=own, rightly={fault: right}, wanted=(fault,))


def lit(scene: Scene, angles: Iterable[PatternAngle]) -> Scene:
    """Return the scene with other angles of its pattern."""
    return replace(scene, pattern=replace(scene.pattern, angles=tuple(angles)))


def modulated(angle: PatternAngle, modulation: float) -> PatternAngle:
    return replace(angle, modulation=(modulation,) * len(angle.modulation))
