"""Plant one fault in each recording."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import torch

from bench.quality.planted.recording import (
    Planted,
    always,
    faulty,
    lit,
    mended,
    modulated,
    never_mends,
    says,
    sets,
    sets_about,
    with_keys,
)
from bench.quality.planted.scene import SEPARATE, Scene, draw
from bench.quality.planted.sound import with_modulation
from livesim.config.settings import Optics, PatternSettings
from livesim.values.finding import Fault, Finding
from livesim.values.pattern import PatternAngle

# The order of the frames.


def rotated(seed: int) -> Planted:
    scene = draw(seed, SEPARATE)
    start = int(scene.random.integers(1, scene.steps.phases))
    frames = scene.frames().roll(-start, 0)
    return faulty(scene, Fault.ROTATED, frames, sets(first_frame=start))


def backwards(seed: int) -> Planted:
    scene = draw(seed, ("3 x 3", "3 x 5"))
    settings = with_keys(scene, "pattern", expected_angles_deg=_directions(scene))
    right = sets(expected_angles_deg=list(_directions(scene)[::-1]))
    return faulty(scene, Fault.REVERSED, scene.frames().flip(0), right, settings)


def _directions(scene: Scene) -> tuple[float, ...]:
    return tuple(
        round(math.degrees(math.atan2(*angle.k_cycles_per_um[::-1])), 1)
        for angle in scene.pattern.angles
    )


def transposed(seed: int) -> Planted:
    scene = draw(seed, SEPARATE)
    stacks = scene.frames().unflatten(0, (-1, *scene.steps.stack_shape))
    frames = stacks.transpose(1, 2).flatten(0, 2)
    return faulty(scene, Fault.TRANSPOSED, frames, sets(order=["angle", "phase"]))


def swapped_once(seed: int) -> Planted:
    scene = draw(seed, ("3 x 3", "3 x 5"), times=3)
    stacks = scene.frames().unflatten(0, (3, *scene.steps.stack_shape))
    which = int(scene.random.integers(3))
    stacks[which] = stacks[which, [1, 0, 2]]
    right = says(f"in stack {which}")
    return faulty(scene, Fault.SWAPPED_ANGLES, stacks.flatten(0, 2), right)


def swapped_always(seed: int) -> Planted:
    scene = draw(seed, ("3 x 3", "3 x 5"))
    settings = with_keys(scene, "pattern", expected_angles_deg=_directions(scene))
    stacks = scene.frames().unflatten(0, (-1, *scene.steps.stack_shape))[:, [1, 0, 2]]
    one, two, three = _directions(scene)
    right = sets(expected_angles_deg=[two, one, three])
    return faulty(scene, Fault.SWAPPED_ANGLES, stacks.flatten(0, 2), right, settings)


def lost(seed: int) -> Planted:
    scene = draw(seed, SEPARATE, times=3)
    frames = scene.frames()
    at = int(scene.random.integers(1, len(frames) - 1))
    frames = torch.cat([frames[:at], frames[at + 1 :]])
    right = says(f"between frames {at - 1} and {at}:")
    return faulty(scene, Fault.LOST_FRAME, frames, right)


def inserted(seed: int) -> Planted:
    """Return a recording in which one frame was taken twice."""
    scene = draw(seed, SEPARATE, times=3)
    frames, again = scene.frames(), scene.frames()
    at = int(scene.random.integers(1, len(frames) - 1))
    frames = torch.cat([frames[:at], again[at - 1 : at], frames[at:-1]])
    found = ((at,), (at - 1,))
    return faulty(scene, Fault.REPEATED_FRAME, frames, lambda one: one.frames in found)


def copied(seed: int) -> Planted:
    scene = draw(seed)
    frames = scene.frames()
    at = int(scene.random.integers(1, len(frames)))
    frames[at] = frames[at - 1]
    return faulty(scene, Fault.REPEATED_FRAME, frames, says(f"frame {at} is a copy"))


# The layout.


def _declared(
    true: str, times: int, declared: PatternSettings, **keys: object
) -> Callable[[int], Planted]:
    """Return what makes frames of the layout `true`, declared as another; `keys` mend that."""

    def make(seed: int) -> Planted:
        scene = draw(seed, (true,), times=times)
        settings = scene.settings.model_copy(update={"pattern": declared})
        return faulty(scene, Fault.WRONG_COUNT, right=sets(**keys), settings=settings)

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
    return faulty(scene, Fault.WRONG_COUNT, frames, never_mends, settings)


# Optics.


def _misscaled(scene: Scene, optics: Optics) -> Planted:
    settings = scene.settings.model_copy(update={"optics": optics})
    assert optics.pixel_nm is not None
    assert scene.optics.pixel_nm is not None
    believed = optics.cutoff_cycles_per_um * optics.pixel_nm
    factor = scene.optics.cutoff_cycles_per_um * scene.optics.pixel_nm / believed
    right = sets_about("pixel_nm", optics.pixel_nm * factor, 1.2)
    return faulty(scene, Fault.WRONG_SCALE, right=right, settings=settings)


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
    right = sets_about("otf_damping", true, 1.25)
    settings = with_keys(scene, "optics", otf_damping=stated)
    return faulty(scene, Fault.WRONG_DAMPING, right=right, settings=settings)


# Light.


def flickering(seed: int) -> Planted:
    scene = draw(seed)
    count = scene.times * scene.stack
    scatter = scene.random.standard_normal(count)
    brightness = torch.from_numpy(np.exp(0.15 * scatter / scatter.std()))
    return faulty(scene, Fault.FLICKER, scene.frames(brightness=brightness))


def bleaching(seed: int) -> Planted:
    scene = draw(seed)
    time = torch.arange(scene.times * scene.stack, dtype=torch.float64) / scene.stack
    loss = float(scene.random.choice([0.75, 0.5]))
    return faulty(scene, Fault.BLEACHING, scene.frames(brightness=loss**time))


def dim_first(seed: int) -> Planted:
    scene = draw(seed)
    brightness = torch.ones(scene.times, scene.stack, dtype=torch.float64)
    brightness[:, 0] = 0.7
    frames = scene.frames(brightness=brightness.flatten())
    return faulty(scene, Fault.DIM_FIRST_FRAME, frames, says("of every stack"))


def empty(seed: int) -> Planted:
    scene = draw(seed)
    brightness = torch.ones(scene.times * scene.stack, dtype=torch.float64)
    at = int(scene.random.integers(len(brightness)))
    brightness[at] = 0.0
    frames = scene.frames(brightness=brightness)
    return faulty(scene, Fault.EMPTY_FRAME, frames, lambda one: one.frames == (at,))


def no_fringes(seed: int) -> Planted:
    planted = with_modulation(seed, 0.0, 0.0)
    return faulty(planted.scene, Fault.NO_MODULATION, planted.frames)


def no_fringes_in_an_angle(seed: int) -> Planted:
    scene = draw(seed, SEPARATE)
    which = int(scene.random.integers(scene.steps.angles))
    angles = list(scene.pattern.angles)
    angles[which] = modulated(angles[which], 0.0)
    right = says(f"angle {which}")
    return faulty(lit(scene, angles), Fault.NO_MODULATION_IN_ANGLE, right=right)


# The camera.


def saturated(seed: int) -> Planted:
    scene = draw(seed)
    frames = scene.frames()
    top = float(torch.quantile(frames.flatten()[::7], 0.995).floor())
    # What is cut off has less noise, no straight line, and less brightness in bright frames.
    right = {Fault.SATURATION: says(f"clipped at {top:.0f}"), Fault.WRONG_NOISE: never_mends}
    return Planted(scene, frames.clamp(max=top), scene.settings, right, (Fault.SATURATION,))


def offset_too_high(seed: int) -> Planted:
    """Return settings with an offset above the true one."""
    scene = draw(seed)
    settings = with_keys(scene, "camera", offset=100.0 + float(scene.random.choice([40.0, 300.0])))
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
            "gain" not in mended(one) or sets_about("gain", scene.camera.gain, 1.25)(one)
        ),
        Fault.WRONG_OFFSET: always,
    }
    wanted = (Fault.WRONG_NOISE, Fault.WRONG_OFFSET)
    return Planted(scene, scene.frames() + extra, scene.settings, right, wanted)


def wrong_gain(seed: int) -> Planted:
    scene = draw(seed)
    believed = scene.camera.gain * float(scene.random.choice([0.4, 2.5]))
    settings = with_keys(scene, "camera", gain=believed)
    gain = sets_about("gain", scene.camera.gain, 1.25)

    def right(finding: Finding) -> bool:
        if "gain" in mended(finding):
            return gain(finding)
        return finding.mend is None or "too even" in finding.words

    return faulty(scene, Fault.WRONG_NOISE, right=right, settings=settings)


def multiplying(seed: int) -> Planted:
    """Return an EMCCD whose excess noise the settings do not mention."""
    scene = draw(seed, emccd=True)
    right = sets_about("gain", 2.0 * scene.camera.gain, 1.3)
    return faulty(scene, Fault.WRONG_NOISE, right=right)


def smoothed(seed: int) -> Planted:
    scene = draw(seed)
    frames = scene.frames()
    return faulty(scene, Fault.SHARED_NOISE, (frames + 0.5 * frames.roll(1, -1)) / 1.5)


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
