"""Plant one fault in simulated recordings of any specimen, layout, optics and light."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from bench.quality.drawn import FINE, SEPARATE, Scene, draw, true_pattern
from livesim.config.settings import Optics, PatternSettings, Settings
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


def _always(finding: Finding) -> bool:
    return True


def _never_mends(finding: Finding) -> bool:
    return finding.mend is None


def mended(finding: Finding) -> dict[str, object]:
    """Return the keys that a finding sets, without their sections."""
    tables = tomllib.loads(finding.mend or "")
    return {key: value for table in tables.values() for key, value in table.items()}


def _sets(**wanted: object) -> Callable[[Finding], bool]:
    """Return whether a finding sets these keys and no other."""
    return lambda finding: mended(finding) == wanted


def _sets_about(key: str, value: float, factor: float) -> Callable[[Finding], bool]:
    def judge(finding: Finding) -> bool:
        found = mended(finding).get(key)
        return isinstance(found, float | int) and 1.0 / factor < found / value < factor

    return judge


def _says(words: str) -> Callable[[Finding], bool]:
    return lambda finding: words in finding.words


def _with(scene: Scene, section: str, **values: object) -> Settings:
    """Return the true settings with other keys in a section."""
    own = scene.settings.model_dump()
    own[section] |= values
    return Settings.model_validate(own)


def _sound(scene: Scene, frames: Tensor | None = None) -> Planted:
    return Planted(scene, scene.frames() if frames is None else frames, scene.settings, {})


def _faulty(
    scene: Scene,
    fault: Fault,
    frames: Tensor | None = None,
    right: Callable[[Finding], bool] = _always,
    settings: Settings | None = None,
) -> Planted:
    """Return a recording with one fault to name; `frames` and `settings` are else the true ones."""
    sound = _sound(scene, frames)
    own = settings or scene.settings
    return replace(sound, settings=own, rightly={fault: right}, wanted=(fault,))


def _lit(scene: Scene, angles: Iterable[PatternAngle]) -> Scene:
    """Return the scene with other angles of its pattern."""
    return replace(scene, pattern=replace(scene.pattern, angles=tuple(angles)))


# Nothing wrong, or nothing that the doctor names.


def sound(seed: int) -> Planted:
    return _sound(draw(seed))


def faint(seed: int) -> Planted:
    return _sound(draw(seed, photons=float(np.random.default_rng(seed).choice([3.0, 8.0, 20.0]))))


def _with_modulation(seed: int, least: float, most: float) -> Planted:
    scene = draw(seed)
    random = np.random.default_rng(seed + 5)
    own = random.uniform(least, most)
    return _sound(_lit(scene, (_modulated(angle, own) for angle in scene.pattern.angles)))


def _modulated(angle: PatternAngle, modulation: float) -> PatternAngle:
    return replace(angle, modulation=(modulation,) * len(angle.modulation))


def weak_fringes(seed: int) -> Planted:
    return _with_modulation(seed, 0.1, 0.3)


def uneven_phases(seed: int) -> Planted:
    scene = draw(seed)
    random = np.random.default_rng(seed + 5)
    uneven = float(random.choice([15.0, 45.0]))
    pattern = true_pattern(random, scene.steps, scene.optics, scene.size, 0.8, uneven)
    return _sound(replace(scene, pattern=pattern))


def two_angle_mirrors(seed: int) -> Planted:
    """Return phases whose fringes stay in the mean frame: those of a mirror-scanned microscope."""
    scene = draw(seed, ("3 x 3",))
    steps = ((0.0, 161.0, 199.0), (0.0, 106.0, 225.0), (0.0, 130.0, 215.0))
    angles = (
        replace(angle, phases_rad=tuple(np.deg2rad(own).tolist()))
        for angle, own in zip(scene.pattern.angles, steps, strict=True)
    )
    return _sound(_lit(scene, angles))


def drifting(seed: int) -> Planted:
    """Return a specimen that moves by up to half a pixel from frame to frame."""
    scene = draw(seed, SEPARATE)
    dy, dx = scene.random.uniform(-1.0, 1.0, 2)
    stacks, count = [], scene.stack
    shape = scene.steps.stack_shape
    for time in range(scene.times):
        moved = [
            scene.density.roll((round(dy * n), round(dx * n)), (0, 1))
            for n in range(time * count, (time + 1) * count)
        ]
        stacks.append(scene.light(density=torch.stack(moved).unflatten(0, shape)))
    return _sound(scene, scene.counts(torch.cat(stacks)))


def stuck(seed: int) -> Planted:
    """Return frames with three stuck pixels and a hit in one frame."""
    scene = draw(seed)
    frames = scene.frames()
    high = float(frames.max())
    for _ in range(3):
        y, x = scene.random.integers(2, scene.size - 2, 2)
        frames[:, y, x] = min(100.0 + 2.0 * (high - 100.0), 65535.0)
    y, x = scene.random.integers(2, scene.size - 2, 2)
    frames[1, y, x] = min(3.0 * high, 65535.0)
    return _sound(scene, frames)


def defocused(seed: int) -> Planted:
    """Return a specimen of which half lies out of focus."""
    scene = draw(seed)
    blurred = torch.fft.fft2(scene.density)
    at = torch.fft.fftfreq(FINE * scene.size, dtype=torch.float64)
    blurred = blurred * torch.exp(-0.5 * (2.0 * torch.pi * 8.0) ** 2 * (at[:, None] ** 2 + at**2))
    far = torch.fft.ifft2(blurred).real.clamp(min=0.0)[::2, ::2]
    light = scene.light() + scene.photons * far / far.max()
    return _sound(scene, scene.counts(light.repeat(scene.times, 1, 1)))


def part_of_a_stack(seed: int) -> Planted:
    """Return a recording that ended within a stack."""
    scene = draw(seed, times=3)
    frames = scene.frames()
    return _sound(scene, frames[: -int(scene.random.integers(1, scene.stack))])


def jittering(seed: int) -> Planted:
    """Return a pattern whose phases drift by some degrees from stack to stack."""
    scene = draw(seed, times=3)
    stacks = []
    for time in range(3):
        angles = (
            replace(one, phases_rad=tuple(p + np.deg2rad(12.0 * time) for p in one.phases_rad))
            for one in scene.pattern.angles
        )
        stacks.append(_lit(scene, angles).light())
    return _sound(scene, scene.counts(torch.cat(stacks)))


def coarse(seed: int) -> Planted:
    """Return pixels so large that no frequency lies beyond the cut-off."""
    optics = Optics(numerical_aperture=1.4, emission_nm=525.0, pixel_nm=92.0)
    random = np.random.default_rng(seed + 5)
    scene = draw(seed, optics=optics)
    pattern = true_pattern(random, scene.steps, optics, scene.size, 0.8)
    return _sound(replace(scene, pattern=pattern))


# The order of the frames.


def rotated(seed: int) -> Planted:
    scene = draw(seed, SEPARATE)
    start = int(scene.random.integers(1, scene.steps.phases))
    frames = scene.frames().roll(-start, 0)
    return _faulty(scene, Fault.ROTATED, frames, _sets(first_frame=start))


def backwards(seed: int) -> Planted:
    scene = draw(seed, ("3 x 3", "3 x 5"))
    settings = _with(scene, "pattern", expected_angles_deg=_directions(scene))
    right = _sets(expected_angles_deg=list(_directions(scene)[::-1]))
    return _faulty(scene, Fault.REVERSED, scene.frames().flip(0), right, settings)


def _directions(scene: Scene) -> tuple[float, ...]:
    return tuple(
        round(math.degrees(math.atan2(*angle.k_cycles_per_um[::-1])), 1)
        for angle in scene.pattern.angles
    )


def transposed(seed: int) -> Planted:
    scene = draw(seed, SEPARATE)
    stacks = scene.frames().unflatten(0, (-1, *scene.steps.stack_shape))
    frames = stacks.transpose(1, 2).flatten(0, 2)
    return _faulty(scene, Fault.TRANSPOSED, frames, _sets(order=["angle", "phase"]))


def swapped_once(seed: int) -> Planted:
    scene = draw(seed, ("3 x 3", "3 x 5"), times=3)
    stacks = scene.frames().unflatten(0, (3, *scene.steps.stack_shape))
    which = int(scene.random.integers(3))
    stacks[which] = stacks[which, [1, 0, 2]]
    right = _says(f"in stack {which}")
    return _faulty(scene, Fault.SWAPPED_ANGLES, stacks.flatten(0, 2), right)


def swapped_always(seed: int) -> Planted:
    scene = draw(seed, ("3 x 3", "3 x 5"))
    settings = _with(scene, "pattern", expected_angles_deg=_directions(scene))
    stacks = scene.frames().unflatten(0, (-1, *scene.steps.stack_shape))[:, [1, 0, 2]]
    one, two, three = _directions(scene)
    right = _sets(expected_angles_deg=[two, one, three])
    return _faulty(scene, Fault.SWAPPED_ANGLES, stacks.flatten(0, 2), right, settings)


def lost(seed: int) -> Planted:
    scene = draw(seed, SEPARATE, times=3)
    frames = scene.frames()
    at = int(scene.random.integers(1, len(frames) - 1))
    frames = torch.cat([frames[:at], frames[at + 1 :]])
    right = _says(f"between frames {at - 1} and {at}:")
    return _faulty(scene, Fault.LOST_FRAME, frames, right)


def inserted(seed: int) -> Planted:
    """Return a recording in which one frame was taken twice."""
    scene = draw(seed, SEPARATE, times=3)
    frames, again = scene.frames(), scene.frames()
    at = int(scene.random.integers(1, len(frames) - 1))
    frames = torch.cat([frames[:at], again[at - 1 : at], frames[at:-1]])
    found = ((at,), (at - 1,))
    return _faulty(scene, Fault.REPEATED_FRAME, frames, lambda one: one.frames in found)


def copied(seed: int) -> Planted:
    scene = draw(seed)
    frames = scene.frames()
    at = int(scene.random.integers(1, len(frames)))
    frames[at] = frames[at - 1]
    return _faulty(scene, Fault.REPEATED_FRAME, frames, _says(f"frame {at} is a copy"))


# The layout.


def _declared(
    true: str, times: int, declared: PatternSettings, **keys: object
) -> Callable[[int], Planted]:
    """Return what makes frames of the layout `true`, declared as another; `keys` mend that."""

    def make(seed: int) -> Planted:
        scene = draw(seed, (true,), times=times)
        settings = scene.settings.model_copy(update={"pattern": declared})
        return _faulty(scene, Fault.WRONG_COUNT, right=_sets(**keys), settings=settings)

    return make


def lattice(seed: int) -> Planted:
    """Return five frames that two wave vectors share, a layout that no settings describe."""
    scene = draw(seed, ("3 x 5",), times=3)
    one, other = scene.pattern.angles[:2]
    steps = 2.0 * np.pi / 5.0 * np.arange(5)
    both = PatternAngle(one.k_cycles_per_um, tuple(steps.tolist()), (0.45,))
    shifted = PatternAngle(other.k_cycles_per_um, tuple((2.0 * steps).tolist()), (0.45,))
    own = replace(scene.pattern, angles=(both, shifted, replace(shifted, modulation=(0.0,))))
    light = scene.light(replace(own, layout="hexagonal"))
    frames = scene.counts(light.repeat(3, 1, 1))
    declared = [PatternSettings(), PatternSettings(phases=5), PatternSettings(layout="hexagonal")]
    settings = scene.settings.model_copy(update={"pattern": declared[seed % 3]})
    return _faulty(scene, Fault.WRONG_COUNT, frames, _never_mends, settings)


# Optics.


def _misscaled(scene: Scene, optics: Optics) -> Planted:
    settings = scene.settings.model_copy(update={"optics": optics})
    assert optics.pixel_nm is not None
    assert scene.optics.pixel_nm is not None
    believed = optics.cutoff_cycles_per_um * optics.pixel_nm
    factor = scene.optics.cutoff_cycles_per_um * scene.optics.pixel_nm / believed
    right = _sets_about("pixel_nm", optics.pixel_nm * factor, 1.2)
    return _faulty(scene, Fault.WRONG_SCALE, right=right, settings=settings)


def wrong_pixel(seed: int) -> Planted:
    scene = draw(seed)
    assert scene.optics.pixel_nm is not None
    factor = float(scene.random.choice([0.5, 0.625, 1.5, 2.0]))
    optics = scene.optics.model_copy(update={"pixel_nm": factor * scene.optics.pixel_nm})
    return _misscaled(scene, optics)


def wrong_aperture(seed: int) -> Planted:
    scene = draw(seed)
    return _misscaled(scene, scene.optics.model_copy(update={"numerical_aperture": 0.75}))


def wrong_wavelength(seed: int) -> Planted:
    scene = draw(seed)
    factor = float(scene.random.choice([0.65, 1.5]))
    optics = scene.optics.model_copy(update={"emission_nm": factor * scene.optics.emission_nm})
    return _misscaled(scene, optics)


def wrong_damping(seed: int) -> Planted:
    """Return settings that state a damping that is not the true one."""
    random = np.random.default_rng(seed)
    true, stated = [(1.0, 0.15), (1.0, 0.4), (0.4, 0.1), (0.15, 0.6), (0.4, 1.0)][seed % 5]
    scene = draw(seed, damping=true, photons=float(random.choice([300.0, 1000.0, 5000.0])))
    right = _sets_about("otf_damping", true, 1.25)
    settings = _with(scene, "optics", otf_damping=stated)
    return _faulty(scene, Fault.WRONG_DAMPING, right=right, settings=settings)


def right_damping(seed: int) -> Planted:
    """Return settings that state the true damping."""
    scene = draw(seed)
    settings = _with(scene, "optics", otf_damping=scene.damping)
    return replace(_sound(scene), settings=settings)


# Light.


def flickering(seed: int) -> Planted:
    scene = draw(seed)
    count = scene.times * scene.stack
    scatter = scene.random.standard_normal(count)
    brightness = torch.from_numpy(np.exp(0.15 * scatter / scatter.std()))
    return _faulty(scene, Fault.FLICKER, scene.frames(brightness=brightness))


def bleaching(seed: int) -> Planted:
    scene = draw(seed)
    time = torch.arange(scene.times * scene.stack, dtype=torch.float64) / scene.stack
    loss = float(scene.random.choice([0.75, 0.5]))
    return _faulty(scene, Fault.BLEACHING, scene.frames(brightness=loss**time))


def dim_first(seed: int) -> Planted:
    scene = draw(seed)
    brightness = torch.ones(scene.times, scene.stack, dtype=torch.float64)
    brightness[:, 0] = 0.7
    frames = scene.frames(brightness=brightness.flatten())
    return _faulty(scene, Fault.DIM_FIRST_FRAME, frames, _says("of every stack"))


def empty(seed: int) -> Planted:
    scene = draw(seed)
    brightness = torch.ones(scene.times * scene.stack, dtype=torch.float64)
    at = int(scene.random.integers(len(brightness)))
    brightness[at] = 0.0
    frames = scene.frames(brightness=brightness)
    return _faulty(scene, Fault.EMPTY_FRAME, frames, lambda one: one.frames == (at,))


def no_fringes(seed: int) -> Planted:
    planted = _with_modulation(seed, 0.0, 0.0)
    return _faulty(planted.scene, Fault.NO_MODULATION, planted.frames)


def no_fringes_in_an_angle(seed: int) -> Planted:
    scene = draw(seed, SEPARATE)
    which = int(scene.random.integers(scene.steps.angles))
    angles = list(scene.pattern.angles)
    angles[which] = _modulated(angles[which], 0.0)
    right = _says(f"angle {which}")
    return _faulty(_lit(scene, angles), Fault.NO_MODULATION_IN_ANGLE, right=right)


# The camera.


def saturated(seed: int) -> Planted:
    scene = draw(seed)
    frames = scene.frames()
    top = float(torch.quantile(frames.flatten()[::7], 0.995).floor())
    # What is cut off has less noise, no straight line, and less brightness in bright frames.
    right = {Fault.SATURATION: _says(f"clipped at {top:.0f}"), Fault.WRONG_NOISE: _never_mends}
    return Planted(scene, frames.clamp(max=top), scene.settings, right, (Fault.SATURATION,))


def offset_too_high(seed: int) -> Planted:
    """Return settings with an offset above the true one."""
    scene = draw(seed)
    settings = _with(scene, "camera", offset=100.0 + float(scene.random.choice([40.0, 300.0])))
    right = {Fault.WRONG_OFFSET: _about_offset(scene), Fault.WRONG_NOISE: _about_offset(scene)}
    return Planted(scene, scene.frames(), settings, right, (Fault.WRONG_OFFSET, Fault.WRONG_NOISE))


def _about_offset(scene: Scene) -> Callable[[Finding], bool]:
    """Return whether the offset set is one of those that the darkest place allows."""
    darkest = scene.camera.gain * float(scene.light().mean(dim=0).min())

    def judge(finding: Finding) -> bool:
        found = mended(finding).get("offset")
        if found is None:
            return finding.mend is None
        assert isinstance(found, float | int)
        return 100.0 - 0.5 * darkest - 20.0 < found < 100.0 + 1.5 * darkest + 20.0

    return judge


def extra_offset(seed: int) -> Planted:
    """Return frames with an offset that the settings do not mention."""
    scene = draw(seed)
    extra = float(scene.random.choice([100.0, 1000.0]))
    right = {
        Fault.WRONG_NOISE: lambda one: (
            "gain" not in mended(one) or _sets_about("gain", scene.camera.gain, 1.25)(one)
        ),
        Fault.WRONG_OFFSET: _always,
    }
    wanted = (Fault.WRONG_NOISE, Fault.WRONG_OFFSET)
    return Planted(scene, scene.frames() + extra, scene.settings, right, wanted)


def wrong_gain(seed: int) -> Planted:
    scene = draw(seed)
    believed = scene.camera.gain * float(scene.random.choice([0.4, 2.5]))
    settings = _with(scene, "camera", gain=believed)
    gain = _sets_about("gain", scene.camera.gain, 1.25)

    def right(finding: Finding) -> bool:
        if "gain" in mended(finding):
            return gain(finding)
        return finding.mend is None or "too even" in finding.words

    return _faulty(scene, Fault.WRONG_NOISE, right=right, settings=settings)


def multiplying(seed: int) -> Planted:
    """Return an EMCCD whose excess noise the settings do not mention."""
    scene = draw(seed, emccd=True)
    right = _sets_about("gain", 2.0 * scene.camera.gain, 1.3)
    return _faulty(scene, Fault.WRONG_NOISE, right=right)


def smoothed(seed: int) -> Planted:
    scene = draw(seed)
    frames = scene.frames()
    return _faulty(scene, Fault.SHARED_NOISE, (frames + 0.5 * frames.roll(1, -1)) / 1.5)


SOUND: Mapping[str, Callable[[int], Planted]] = {
    "none": sound,
    "faint light": faint,
    "weak fringes": weak_fringes,
    "uneven phases": uneven_phases,
    "fringes left in the mean": two_angle_mirrors,
    "moving specimen": drifting,
    "stuck pixels": stuck,
    "out of focus": defocused,
    "part of a stack": part_of_a_stack,
    "drifting phases": jittering,
    "coarse pixels": coarse,
    "right damping": right_damping,
}
"""Kinds in which there is nothing to name."""

FAULTS: Mapping[str, Callable[[int], Planted]] = {
    "rotated": rotated,
    "reversed": backwards,
    "transposed": transposed,
    "swapped in one stack": swapped_once,
    "swapped in all": swapped_always,
    "lost frame": lost,
    "inserted frame": inserted,
    "copied frame": copied,
    "more phases": _declared("3 x 5", 3, PatternSettings(), phases=5),
    "fewer phases": _declared("3 x 3", 5, PatternSettings(phases=5), phases=3),
    "fewer angles": _declared("2 x 3", 3, PatternSettings(), angles=2),
    "hexagonal as 3 x 3": _declared("hexagonal", 3, PatternSettings(), layout="hexagonal"),
    "3 x 3 as hexagonal": _declared(
        "3 x 3", 3, PatternSettings(layout="hexagonal"), layout="angle-phase"
    ),
    "lattice of five": lattice,
    "wrong pixel": wrong_pixel,
    "wrong aperture": wrong_aperture,
    "wrong wavelength": wrong_wavelength,
    "wrong damping": wrong_damping,
    "flicker": flickering,
    "bleaching": bleaching,
    "dim first frame": dim_first,
    "empty frame": empty,
    "no fringes": no_fringes,
    "no fringes in an angle": no_fringes_in_an_angle,
    "saturated": saturated,
    "offset too high": offset_too_high,
    "extra offset": extra_offset,
    "wrong gain": wrong_gain,
    "EMCCD": multiplying,
    "smoothed": smoothed,
}
