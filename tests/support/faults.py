"""Simulate recordings with one known fault each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from livesim.config.settings import Camera, Optics, PatternSettings, Settings
from livesim.reconstruction.forward.model import camera_counts
from livesim.values.finding import Fault, Finding
from livesim.values.pattern import Pattern
from tests.support.scenes import (
    BACKGROUND,
    CAMERA,
    OPTICS,
    Scene,
    mean_photons,
    random_pattern,
    simulate,
)

PIXEL_NM = 80.0
PATTERN = PatternSettings()
SETTINGS = Settings(optics=OPTICS, pattern=PATTERN, camera=CAMERA)


@dataclass(frozen=True, eq=False)
class Case:
    """Frames with a fault, and what has to be said of them."""

    frames: Tensor
    """[frame, y, x] counts."""
    settings: Settings
    """As the user gave them."""
    fault: Fault | None
    mend: str | None = None
    """What the mending line has to contain."""
    words: str = ""
    """What the sentence has to contain."""
    pixel_nm: float = PIXEL_NM
    mended_nm: float | None = None
    """Pixel size that the mending line has to state, to 15 %."""

    def is_named(self, findings: tuple[Finding, ...]) -> bool:
        """Return whether `findings` name this fault, rightly and alone."""
        if self.fault is None:
            return not findings
        if [finding.fault for finding in findings] != [self.fault]:
            return False
        found = findings[0]
        if self.mended_nm is not None:
            stated = float((found.mend or "= 0").partition("=")[2])
            return abs(stated / self.mended_nm - 1.0) < 0.15
        return self.words in found.words and (self.mend is None or self.mend == found.mend)


@dataclass(frozen=True, slots=True)
class Light:
    """What the camera sees: how bright, how large, for how long."""

    peak: float = 100.0
    size: int = 256


def sequence(
    seed: int,
    light: Light,
    times: int = 1,
    *,
    pattern: PatternSettings = PATTERN,
    brightness: Tensor | None = None,
    change: Callable[[Pattern], Pattern] = lambda pattern: pattern,
    shift_px: float = 0.0,
    phase_error_deg: float = 0.0,
) -> Tensor:
    """Return `times` simulated stacks as frames [frame, y, x] in order, phase fastest.

    `brightness` [frame] multiplies the light; from stack to stack the specimen moves by `shift_px`
    raw pixels in any direction.
    """
    shape = (light.size, light.size)
    true = change(random_pattern(seed, shape, pattern, phase_error_deg=phase_error_deg))
    scene = simulate(seed, shape, light.peak, settings=pattern, pattern=true)
    random = np.random.default_rng(seed + 1000)
    expected = torch.cat([_moved(scene, shift_px, random) for _ in range(times)])
    if brightness is not None:
        expected = expected * brightness[:, None, None]
    generator = torch.Generator().manual_seed(seed + 7)
    return camera_counts(expected, CAMERA, generator).float()


def _moved(scene: Scene, shift_px: float, random: np.random.Generator) -> Tensor:
    """Return the expected frames with the specimen moved by whole pixels of the doubled grid."""
    if shift_px == 0.0:
        return scene.expected.flatten(0, 1)
    dy, dx = (int(n) for n in np.rint(2.0 * shift_px * random.uniform(-1.0, 1.0, 2)))
    scene.truth.copy_(scene.truth.roll((dy, dx), (0, 1)))
    peak = float(scene.expected.max()) / (1.0 + BACKGROUND)
    return mean_photons(scene.truth, scene.pattern, scene.otf).flatten(0, 1) + BACKGROUND * peak


def expected_angles(seed: int, light: Light) -> Settings:
    """Return settings that state the true directions."""
    true = random_pattern(seed, (light.size, light.size), PATTERN)
    degrees = tuple(
        round(float(np.rad2deg(np.arctan2(*angle.k_cycles_per_um[::-1]))), 1)
        for angle in true.angles
    )
    return with_pattern(expected_angles_deg=degrees)


def with_pattern(**values: object) -> Settings:
    """Return the settings with other keys in [pattern]."""
    return SETTINGS.model_copy(update={"pattern": PatternSettings(**values)})  # type: ignore[arg-type]


def rotated(seed: int, light: Light) -> Case:
    """Return a sequence that begins at frame 1 to 8; whole angles only show beside a prior."""
    start = 1 + seed % 8
    frames = sequence(seed, light, 1 + seed % 3).roll(-start, 0)
    known = start % 3 == 0 or seed % 2 == 0
    settings = expected_angles(seed, light) if known else SETTINGS
    mend = f"[pattern]\nfirst_frame = {start if known else start % 3}"
    return Case(frames, settings, Fault.ROTATED, mend)


def backwards(seed: int, light: Light) -> Case:
    frames = sequence(seed, light, 1 + seed % 3).flip(0)
    return Case(frames, expected_angles(seed, light), Fault.REVERSED)


def transposed(seed: int, light: Light) -> Case:
    frames = sequence(seed, light, 1 + seed % 3)
    frames = frames.unflatten(0, (-1, 3, 3)).transpose(1, 2).flatten(0, 2)
    return Case(frames, SETTINGS, Fault.TRANSPOSED, '[pattern]\norder = ["angle", "phase"]')


def swapped(seed: int, light: Light) -> Case:
    """Return neighbouring angles exchanged in all stacks (with a prior) or in one of three."""
    one, other = [(0, 1), (1, 2)][seed % 2]
    order = [0, 1, 2]
    order[one], order[other] = other, one
    if seed % 4 < 2:
        frames = sequence(seed, light).unflatten(0, (3, 3))[order].flatten(0, 1)
        return Case(frames, expected_angles(seed, light), Fault.SWAPPED_ANGLES)
    stacks = sequence(seed, light, 3).unflatten(0, (3, 3, 3))
    stacks[seed % 3] = stacks[seed % 3, order]
    words = f"angles {one} and {other} have changed places in stack {seed % 3}"
    return Case(stacks.flatten(0, 2), SETTINGS, Fault.SWAPPED_ANGLES, words=words)


def lost(seed: int, light: Light) -> Case:
    """Return 26 frames: any but the first and the last one is missing."""
    at = 1 + seed * 7 % 25
    frames = sequence(seed, light, 3)
    frames = torch.cat([frames[:at], frames[at + 1 :]])
    return Case(frames, SETTINGS, Fault.LOST_FRAME, words=f"between frames {at - 1} and {at}:")


def repeated(seed: int, light: Light) -> Case:
    """Return 27 frames, one taken twice with the same pattern, or one copied over the next."""
    at = 1 + seed * 7 % 25
    frames, again = sequence(seed, light, 6).unflatten(0, (2, 27))
    if seed % 2:
        frames[at] = frames[at - 1]
        return Case(frames, SETTINGS, Fault.REPEATED_FRAME, words=f"frame {at} is a copy")
    frames = torch.cat([frames[:at], again[at - 1 : at], frames[at:-1]])
    return Case(frames, SETTINGS, Fault.REPEATED_FRAME, words=f"frame {at} shows the pattern")


def dark(seed: int, light: Light) -> Case:
    brightness = torch.ones(9 * (1 + seed % 3), dtype=torch.float64)
    at = seed * 5 % len(brightness)
    brightness[at] = 0.0
    frames = sequence(seed, light, 1 + seed % 3, brightness=brightness)
    return Case(frames, SETTINGS, Fault.EMPTY_FRAME, words=f"frame {at} ")


def dim_first(seed: int, light: Light) -> Case:
    """Return first frames of every stack, or of every angle, with 70 % of the light."""
    times = 1 + seed % 3
    brightness = torch.ones(times, 3, 3, dtype=torch.float64)
    which = "angle" if seed % 2 else "stack"
    brightness[:, slice(None) if seed % 2 else 0, 0] = 0.7
    frames = sequence(seed, light, times, brightness=brightness.flatten())
    return Case(frames, SETTINGS, Fault.DIM_FIRST_FRAME, words=f"of every {which}")


def flickering(seed: int, light: Light) -> Case:
    """Return frames whose brightness scatters by 15 %."""
    times = 1 + seed % 3
    scatter = np.random.default_rng(seed).standard_normal(9 * times)
    brightness = torch.from_numpy(np.exp(0.15 * scatter / scatter.std()))
    return Case(sequence(seed, light, times, brightness=brightness), SETTINGS, Fault.FLICKER)


def fading(seed: int, light: Light) -> Case:
    """Return frames that lose 25 % of their light from stack to stack."""
    times = 1 + seed % 3
    brightness = 0.75 ** (torch.arange(9 * times, dtype=torch.float64) / 9.0)
    return Case(sequence(seed, light, times, brightness=brightness), SETTINGS, Fault.BLEACHING)


def miscounted(seed: int, light: Light) -> Case:
    """Return 3 x 5, 5 x 3, 3 x 4 or hexagonal frames declared as 3 x 3, or 3 x 3 as 3 x 5."""
    angles, phases = [(3, 5), (5, 3), (3, 4), (3, 3), (1, 7)][seed % 5]
    changed = [f"angles = {angles}"] * (angles != 3) + [f"phases = {phases}"] * (phases != 3)
    mend = "\n".join(["[pattern]", *changed])
    if (angles, phases) == (1, 7):
        hexagonal = PatternSettings(layout="hexagonal")
        frames = sequence(seed, light, 3, pattern=hexagonal)
        return Case(frames, SETTINGS, Fault.WRONG_COUNT, '[pattern]\nlayout = "hexagonal"')
    if (angles, phases) == (3, 3):
        frames = sequence(seed, light, 5)
        return Case(
            frames, with_pattern(angles=3, phases=5), Fault.WRONG_COUNT, "[pattern]\nphases = 3"
        )
    pattern = PatternSettings(angles=angles, phases=phases)
    frames = sequence(seed, light, 1 + seed % 3, pattern=pattern)
    return Case(frames, SETTINGS, Fault.WRONG_COUNT, mend)


def misscaled(seed: int, light: Light) -> Case:
    """Return sound frames with a pixel, an aperture or a wavelength that is not theirs."""
    frames = sequence(seed, light, 1 + seed % 3)
    pixel, aperture, emission = [
        (40.0, 1.2, 525.0),
        (120.0, 1.2, 525.0),
        (160.0, 1.2, 525.0),
        (50.0, 1.2, 525.0),
        (80.0, 0.8, 525.0),
        (80.0, 1.2, 800.0),
        (112.0, 1.2, 525.0),
    ][seed % 7]
    optics = Optics(numerical_aperture=aperture, emission_nm=emission, pixel_nm=pixel)
    settings = SETTINGS.model_copy(update={"optics": optics})
    mended = 80.0 * OPTICS.cutoff_cycles_per_um / optics.cutoff_cycles_per_um
    return Case(frames, settings, Fault.WRONG_SCALE, pixel_nm=pixel, mended_nm=mended)


def clipped(seed: int, light: Light) -> Case:
    """Return frames whose brightest thousandth is cut off, at any count or at 8 bits."""
    frames = sequence(seed, light, 1 + seed % 3)
    top = int(torch.quantile(frames.flatten()[::7], 0.999))
    if seed % 2:
        frames = (frames - 100) * (255 / (top - 100))
        settings = SETTINGS.model_copy(update={"camera": Camera(gain=255 / (top - 100))})
        return Case(frames.round().clamp(0, 255), settings, Fault.SATURATION)
    return Case(frames.clamp(max=top), SETTINGS, Fault.SATURATION, words=f"clipped at {top}")


def misset(seed: int, light: Light) -> Case:
    """Return frames with an offset 15 counts above the true one declared."""
    settings = SETTINGS.model_copy(update={"camera": CAMERA.model_copy(update={"offset": 115.0})})
    return Case(sequence(seed, light, 1 + seed % 3), settings, Fault.WRONG_OFFSET)


def misgained(seed: int, light: Light) -> Case:
    """Return frames with a gain declared that is half, or twice the true one."""
    camera = CAMERA.model_copy(update={"gain": 0.5 if seed % 2 else 2.0})
    settings = SETTINGS.model_copy(update={"camera": camera})
    words = f"(settings: {camera.gain:g})"
    return Case(sequence(seed, light, 1 + seed % 3), settings, Fault.WRONG_NOISE, words=words)


def smoothed(seed: int, light: Light) -> Case:
    """Return frames that were shifted by half a pixel, or smoothed."""
    frames = sequence(seed, light, 1 + seed % 3)
    beside = 1.0 if seed % 2 else 0.2
    frames = (frames + beside * frames.roll(1, -1)) / (1.0 + beside)
    return Case(frames, SETTINGS, Fault.SHARED_NOISE)


def plain(seed: int, light: Light) -> Case:
    frames = sequence(seed, light, 1 + seed % 3, change=lambda true: _without(true, (0, 1, 2)))
    return Case(frames, SETTINGS, Fault.NO_MODULATION)


def plain_angle(seed: int, light: Light) -> Case:
    without = seed % 3
    frames = sequence(seed, light, 1 + seed % 2, change=lambda true: _without(true, (without,)))
    words = f"angle {without}:"
    return Case(frames, SETTINGS, Fault.NO_MODULATION_IN_ANGLE, words=words)


def stuck_phases(seed: int, light: Light) -> Case:
    """Return frames of which the last two of every angle show the same phase."""
    frames = sequence(seed, light, 1 + seed % 2, change=lambda true: _stepped(true, (0, 1, 1)))
    return Case(frames, SETTINGS, Fault.ALIKE_PHASES, words=" in the 3 angles")


def _stepped(pattern: Pattern, order: tuple[int, ...]) -> Pattern:
    """Return the pattern with phases of each angle in another order, which may repeat some."""
    angles = tuple(
        replace(angle, phases_rad=tuple(angle.phases_rad[at] for at in order))
        for angle in pattern.angles
    )
    return replace(pattern, angles=angles)


def with_widefield(seed: int, light: Light) -> Case:
    """Return raw stacks with a frame of even light before or behind each."""
    frames = sequence(seed, light, 2 + seed % 2).unflatten(0, (-1, 9))
    even = sequence(seed, light, len(frames), change=lambda true: _without(true, (0, 1, 2)))
    widefield = even.unflatten(0, (-1, 9))[:, :1]
    parts = [widefield, frames] if seed % 2 else [frames, widefield]
    words = f"frames {0 if seed % 2 else 9}, "
    return Case(torch.cat(parts, 1).flatten(0, 1), SETTINGS, Fault.WRONG_COUNT, words=words)


def miscounted_harmonics(seed: int, light: Light) -> Case:
    """Return five phases of two or three beams, which the settings take for the other."""
    true, said = (1, 2) if seed % 2 else (2, 1)
    frames = sequence(seed, light, pattern=PatternSettings(phases=5, harmonics=true))
    mend = f"[pattern]\nharmonics = {true}"
    return Case(frames, with_pattern(phases=5, harmonics=said), Fault.WRONG_HARMONICS, mend)


def expected_elsewhere(seed: int, light: Light) -> Case:
    """Return sound frames with a period in the settings that is a third too long."""
    true = random_pattern(seed, (light.size, light.size), PATTERN)
    period = sum(angle.period_nm for angle in true.angles) / len(true.angles)
    settings = with_pattern(expected_period_nm=round(1.33 * period))
    mend = f"[pattern]\nexpected_period_nm = {period:.0f}"
    return Case(sequence(seed, light, 1), settings, Fault.MISPLACED, mend)


def _without(pattern: Pattern, numbers: tuple[int, ...]) -> Pattern:
    """Return the pattern with no modulation in some angles."""
    angles = tuple(
        replace(angle, modulation=(0.0,) * len(angle.modulation)) if number in numbers else angle
        for number, angle in enumerate(pattern.angles)
    )
    return replace(pattern, angles=angles)


FAULTS: dict[str, Callable[[int, Light], Case]] = {
    "rotated": rotated,
    "reversed": backwards,
    "transposed": transposed,
    "swapped angles": swapped,
    "lost frame": lost,
    "repeated frame": repeated,
    "empty frame": dark,
    "dim first frame": dim_first,
    "flicker": flickering,
    "bleaching": fading,
    "wrong counts": miscounted,
    "wrong scale": misscaled,
    "saturation": clipped,
    "wrong offset": misset,
    "wrong gain": misgained,
    "shared noise": smoothed,
    "no modulation": plain,
    "no modulation in an angle": plain_angle,
    "phases too alike": stuck_phases,
    "extra frame": with_widefield,
    "wrong harmonics": miscounted_harmonics,
    "fringes elsewhere": expected_elsewhere,
}


def sound(seed: int, light: Light) -> Case:
    """Return frames with nothing wrong but what instruments do: errors, bleaching, movement."""
    kind = seed % 4
    values = [
        {},
        {"angles": 3, "phases": 5},
        {"layout": "hexagonal"},
        {"angles": 3, "phases": 5, "harmonics": 2},
    ][kind]
    pattern = PatternSettings(**values)
    times = 1 + seed % 3
    stack = pattern.stack_frames
    brightness = 0.95 ** (torch.arange(stack * times, dtype=torch.float64) / stack)
    frames = sequence(
        seed,
        light,
        times,
        pattern=pattern,
        brightness=brightness if seed % 2 else None,
        shift_px=1.0 if seed % 5 < 2 else 0.0,
        phase_error_deg=10.0 if seed % 3 == 0 else 0.0,
    )
    return Case(frames, with_pattern(**values), None)
