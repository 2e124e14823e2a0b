"""Plant one fault in simulated recordings of any specimen, layout, optics and light."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from bench.quality.specimens import SPECIMENS
from livesim.config.settings import Camera, Optics, PatternSettings, Settings
from livesim.reconstruction.forward.model import Sensor, expected_photons
from livesim.reconstruction.otf import Otf
from livesim.values.finding import Fault, Finding
from livesim.values.pattern import Pattern, PatternAngle

LAYOUTS = {
    "3 x 3": PatternSettings(),
    "3 x 5": PatternSettings(phases=5),
    "3 x 5, 2 harmonics": PatternSettings(phases=5, harmonics=2),
    "2 x 3": PatternSettings(angles=2),
    "hexagonal": PatternSettings(layout="hexagonal"),
}
SHARES = (0.5, 0.14, 0.1, 0.06, 0.2)
"""Of the layouts, where a fault leaves them open."""
MICROSCOPES = (
    Optics(numerical_aperture=1.2, emission_nm=525.0, pixel_nm=80.0),
    Optics(numerical_aperture=1.4, emission_nm=525.0, pixel_nm=65.0),
    Optics(numerical_aperture=1.49, emission_nm=610.0, pixel_nm=80.0),
    Optics(numerical_aperture=1.3, emission_nm=660.0, pixel_nm=100.0),
    Optics(numerical_aperture=1.0, emission_nm=525.0, pixel_nm=108.0, refractive_index=1.33),
)
SIZES, SIZE_SHARES = (64, 96, 128, 192, 256), (0.06, 0.14, 0.4, 0.2, 0.2)
PHOTONS = (30.0, 100.0, 300.0, 1000.0, 5000.0)
"""Of the brightest pixel."""
DAMPINGS = (1.0, 0.4, 0.15)
REACH = (0.6, 0.93)
"""Of the cut-off, where the highest harmonic lies."""
FINE = 2


@dataclass(frozen=True, eq=False)
class Scene:
    """A specimen under a microscope; everything that is true of a recording."""

    random: np.random.Generator
    kind: str
    layout: str
    size: int
    photons: float
    damping: float
    times: int
    optics: Optics
    camera: Camera
    pattern: Pattern
    density: Tensor
    """[2 y, 2 x]."""
    glow: float
    """Light without fringes, of the brightest pixel."""
    emccd: bool = False

    @property
    def stack(self) -> int:
        """Frames of one raw stack."""
        return self.steps.stack_frames

    @property
    def steps(self) -> PatternSettings:
        """What is true of the layout."""
        return LAYOUTS[self.layout]

    @property
    def settings(self) -> Settings:
        """What is true of all."""
        return Settings(optics=self.optics, pattern=self.steps, camera=self.camera)

    def light(self, pattern: Pattern | None = None, density: Tensor | None = None) -> Tensor:
        """Return the expected photo-electrons of one raw stack, [frame, y, x], phase fastest."""
        true = pattern or self.pattern
        otf = Otf(self.optics.cutoff_cycles_per_um, self.damping)
        frames = expected_photons(self.density if density is None else density, true, otf)
        frames = frames.flatten(0, 1)
        return self.photons * (frames / frames.max() + self.glow)

    def counts(self, light: Tensor) -> Tensor:
        """Return what the camera makes of `light` [frame, y, x], float32."""
        generator = torch.Generator().manual_seed(int(self.random.integers(1 << 40)))
        offset, gain, noise = torch.tensor(
            [self.camera.offset, self.camera.gain, self.camera.read_noise], dtype=torch.float64
        )
        sensor = Sensor(offset, gain, noise, electron_multiplying=self.emccd)
        return sensor.counts(light, generator).float()

    def frames(self, times: int | None = None, brightness: Tensor | None = None) -> Tensor:
        """Return so many raw stacks of counts, [frame, y, x]; `brightness` is [frame]."""
        light = self.light().repeat(times or self.times, 1, 1)
        return self.counts(light if brightness is None else light * brightness[:, None, None])


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


def draw(seed: int, layouts: tuple[str, ...] = (), **fixed: object) -> Scene:
    """Draw a scene; `fixed` are fields of it that are not left to chance."""
    random = np.random.default_rng(seed)
    layout = str(random.choice(list(LAYOUTS), p=SHARES))
    if layouts and layout not in layouts:
        layout = layouts[int(random.integers(len(layouts)))]
    kind = list(SPECIMENS)[int(random.integers(len(SPECIMENS)))]
    size = int(random.choice(SIZES, p=SIZE_SHARES))
    optics = MICROSCOPES[int(random.integers(len(MICROSCOPES)))]
    damping = DAMPINGS[int(random.integers(len(DAMPINGS)))]
    gain = float(random.choice([0.25, 1.0, 2.2]))
    camera = Camera(offset=100.0, gain=gain, read_noise=float(random.choice([0.8, 1.5, 3.0])))
    values: dict[str, object] = {
        "random": random,
        "kind": kind,
        "layout": layout,
        "size": size,
        "photons": float(random.choice(PHOTONS)),
        "damping": damping,
        "times": int(random.integers(1, 4)),
        "optics": optics,
        "camera": camera,
        "glow": float(random.uniform(0.0, 0.2)),
        "pattern": true_pattern(random, LAYOUTS[layout], optics, size, random.uniform(0.5, 0.95)),
        "density": torch.from_numpy(SPECIMENS[kind](FINE * size, random)),
    }
    return Scene(**(values | fixed))  # type: ignore[arg-type]


def true_pattern(
    random: np.random.Generator,
    steps: PatternSettings,
    optics: Optics,
    size: int,
    modulation: float,
    uneven_deg: float = 5.0,
) -> Pattern:
    """Draw the illumination."""
    assert optics.pixel_nm is not None
    vectors, hexagonal = steps.vectors, steps.layout == "hexagonal"
    length = random.uniform(*REACH) * optics.cutoff_cycles_per_um / steps.harmonics
    first, frames = random.uniform(0.0, np.pi), steps.stack_shape[1]
    angles = []
    for number in range(vectors):
        axis = (first + number * np.pi / vectors + 0.03 * random.standard_normal()) % np.pi
        axis -= np.pi if axis > 0.5 * np.pi else 0.0
        turns = 2**number if hexagonal else 1
        phases = 2.0 * np.pi * turns / frames * np.arange(frames) + random.uniform(0.0, 2.0 * np.pi)
        phases += np.deg2rad(uneven_deg) * random.uniform(-1.0, 1.0, frames)
        own = length * random.uniform(0.98, 1.02)
        part = 0.5 if hexagonal else 1.0 if steps.harmonics == 1 else 0.85
        angles.append(
            PatternAngle(
                (own * math.cos(axis), own * math.sin(axis)),
                tuple(phases.tolist()),
                (part * modulation,) * steps.harmonics,
            )
        )
    return Pattern(optics.pixel_nm, (size, size), tuple(angles), layout=steps.layout)


SEPARATE = tuple(name for name in LAYOUTS if name != "hexagonal")
"""Layouts whose angles come one after the other."""


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


# Nothing wrong, or nothing that the doctor names.


def sound(seed: int) -> Planted:
    return _sound(draw(seed))


def faint(seed: int) -> Planted:
    return _sound(draw(seed, photons=float(np.random.default_rng(seed).choice([3.0, 8.0, 20.0]))))


def _with_modulation(seed: int, least: float, most: float) -> Planted:
    scene = draw(seed)
    random = np.random.default_rng(seed + 5)
    own = random.uniform(least, most)
    angles = tuple(
        replace(angle, modulation=(own,) * len(angle.modulation)) for angle in scene.pattern.angles
    )
    return _sound(replace(scene, pattern=replace(scene.pattern, angles=angles)))


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
    angles = tuple(
        replace(angle, phases_rad=tuple(np.deg2rad(own).tolist()))
        for angle, own in zip(scene.pattern.angles, steps, strict=True)
    )
    return _sound(replace(scene, pattern=replace(scene.pattern, angles=angles)))


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
        angles = tuple(
            replace(one, phases_rad=tuple(p + np.deg2rad(12.0 * time) for p in one.phases_rad))
            for one in scene.pattern.angles
        )
        stacks.append(scene.light(replace(scene.pattern, angles=angles)))
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
    phases = scene.steps.phases
    start = int(scene.random.integers(1, phases))
    right = _sets(first_frame=start)
    return Planted(
        scene,
        scene.frames().roll(-start, 0),
        scene.settings,
        {Fault.ROTATED: right},
        (Fault.ROTATED,),
    )


def backwards(seed: int) -> Planted:
    scene = draw(seed, ("3 x 3", "3 x 5"))
    settings = _with(scene, "pattern", expected_angles_deg=_directions(scene))
    reversed_ = _sets(expected_angles_deg=list(_directions(scene)[::-1]))
    return Planted(
        scene, scene.frames().flip(0), settings, {Fault.REVERSED: reversed_}, (Fault.REVERSED,)
    )


def _directions(scene: Scene) -> tuple[float, ...]:
    return tuple(
        round(math.degrees(math.atan2(*angle.k_cycles_per_um[::-1])), 1)
        for angle in scene.pattern.angles
    )


def transposed(seed: int) -> Planted:
    scene = draw(seed, SEPARATE)
    frames = scene.frames().unflatten(0, (-1, *scene.steps.stack_shape))
    return Planted(
        scene,
        frames.transpose(1, 2).flatten(0, 2),
        scene.settings,
        {Fault.TRANSPOSED: _sets(order=["angle", "phase"])},
        (Fault.TRANSPOSED,),
    )


def swapped_once(seed: int) -> Planted:
    scene = draw(seed, ("3 x 3", "3 x 5"), times=3)
    stacks = scene.frames().unflatten(0, (3, *scene.steps.stack_shape))
    which = int(scene.random.integers(3))
    stacks[which] = stacks[which, [1, 0, 2]]
    words = f"in stack {which}"
    return Planted(
        scene,
        stacks.flatten(0, 2),
        scene.settings,
        {Fault.SWAPPED_ANGLES: _says(words)},
        (Fault.SWAPPED_ANGLES,),
    )


def swapped_always(seed: int) -> Planted:
    scene = draw(seed, ("3 x 3", "3 x 5"))
    settings = _with(scene, "pattern", expected_angles_deg=_directions(scene))
    stacks = scene.frames().unflatten(0, (-1, *scene.steps.stack_shape))[:, [1, 0, 2]]
    one, two, three = _directions(scene)
    right = _sets(expected_angles_deg=[two, one, three])
    return Planted(
        scene,
        stacks.flatten(0, 2),
        settings,
        {Fault.SWAPPED_ANGLES: right},
        (Fault.SWAPPED_ANGLES,),
    )


def lost(seed: int) -> Planted:
    scene = draw(seed, SEPARATE, times=3)
    frames = scene.frames()
    at = int(scene.random.integers(1, len(frames) - 1))
    right = {Fault.LOST_FRAME: _says(f"between frames {at - 1} and {at}:")}
    frames = torch.cat([frames[:at], frames[at + 1 :]])
    return Planted(scene, frames, scene.settings, right, (Fault.LOST_FRAME,))


def inserted(seed: int) -> Planted:
    """Return a recording in which one frame was taken twice."""
    scene = draw(seed, SEPARATE, times=3)
    frames, again = scene.frames(), scene.frames()
    at = int(scene.random.integers(1, len(frames) - 1))
    frames = torch.cat([frames[:at], again[at - 1 : at], frames[at:-1]])
    right = {Fault.REPEATED_FRAME: lambda one: one.frames in ((at,), (at - 1,))}
    return Planted(scene, frames, scene.settings, right, (Fault.REPEATED_FRAME,))


def copied(seed: int) -> Planted:
    scene = draw(seed)
    frames = scene.frames()
    at = int(scene.random.integers(1, len(frames)))
    frames[at] = frames[at - 1]
    right = {Fault.REPEATED_FRAME: _says(f"frame {at} is a copy")}
    return Planted(scene, frames, scene.settings, right, (Fault.REPEATED_FRAME,))


# The layout.


def _declared(scene: Scene, frames: Tensor, declared: PatternSettings, **keys: object) -> Planted:
    settings = scene.settings.model_copy(update={"pattern": declared})
    right = {Fault.WRONG_COUNT: _sets(**keys)}
    return Planted(scene, frames, settings, right, (Fault.WRONG_COUNT,))


def more_phases(seed: int) -> Planted:
    """Return 3 x 5 frames declared as 3 x 3."""
    scene = draw(seed, ("3 x 5",), times=3)
    return _declared(scene, scene.frames(), PatternSettings(), phases=5)


def fewer_phases(seed: int) -> Planted:
    """Return 3 x 3 frames declared as 3 x 5."""
    scene = draw(seed, ("3 x 3",), times=5)
    return _declared(scene, scene.frames(), PatternSettings(phases=5), phases=3)


def fewer_angles(seed: int) -> Planted:
    """Return 2 x 3 frames declared as 3 x 3."""
    scene = draw(seed, ("2 x 3",), times=3)
    return _declared(scene, scene.frames(), PatternSettings(), angles=2)


def hexagonal_as_3x3(seed: int) -> Planted:
    scene = draw(seed, ("hexagonal",), times=3)
    return _declared(scene, scene.frames(), PatternSettings(), layout="hexagonal")


def separate_as_hexagonal(seed: int) -> Planted:
    scene = draw(seed, ("3 x 3",), times=3)
    settings = PatternSettings(layout="hexagonal")
    return _declared(scene, scene.frames(), settings, layout="angle-phase")


def lattice(seed: int) -> Planted:
    """Return five frames that two wave vectors share, a layout that no settings describe."""
    scene = draw(seed, ("3 x 5",), times=3)
    one, other = scene.pattern.angles[:2]
    steps = 2.0 * np.pi / 5.0 * np.arange(5)
    both = PatternAngle(one.k_cycles_per_um, tuple((steps).tolist()), (0.45,))
    shifted = PatternAngle(other.k_cycles_per_um, tuple((2.0 * steps).tolist()), (0.45,))
    own = replace(scene.pattern, angles=(both, shifted, replace(shifted, modulation=(0.0,))))
    light = scene.light(replace(own, layout="hexagonal"))
    frames = scene.counts(light.repeat(3, 1, 1))
    declared = [PatternSettings(), PatternSettings(phases=5), PatternSettings(layout="hexagonal")]
    settings = scene.settings.model_copy(update={"pattern": declared[seed % 3]})
    return Planted(scene, frames, settings, {Fault.WRONG_COUNT: _never_mends}, (Fault.WRONG_COUNT,))


# Optics.


def _misscaled(scene: Scene, optics: Optics) -> Planted:
    settings = scene.settings.model_copy(update={"optics": optics})
    assert optics.pixel_nm is not None
    assert scene.optics.pixel_nm is not None
    believed = optics.cutoff_cycles_per_um * optics.pixel_nm
    factor = scene.optics.cutoff_cycles_per_um * scene.optics.pixel_nm / believed
    right = _sets_about("pixel_nm", optics.pixel_nm * factor, 1.2)
    return Planted(
        scene, scene.frames(), settings, {Fault.WRONG_SCALE: right}, (Fault.WRONG_SCALE,)
    )


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
    right = {Fault.WRONG_DAMPING: _sets_about("otf_damping", true, 1.25)}
    settings = _with(scene, "optics", otf_damping=stated)
    return Planted(scene, scene.frames(), settings, right, (Fault.WRONG_DAMPING,))


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
    right = {Fault.FLICKER: _always}
    return Planted(
        scene, scene.frames(brightness=brightness), scene.settings, right, (Fault.FLICKER,)
    )


def bleaching(seed: int) -> Planted:
    scene = draw(seed)
    time = torch.arange(scene.times * scene.stack, dtype=torch.float64) / scene.stack
    right = {Fault.BLEACHING: _always}
    loss = float(scene.random.choice([0.75, 0.5]))
    frames = scene.frames(brightness=loss**time)
    return Planted(scene, frames, scene.settings, right, (Fault.BLEACHING,))


def dim_first(seed: int) -> Planted:
    scene = draw(seed)
    brightness = torch.ones(scene.times, scene.stack, dtype=torch.float64)
    brightness[:, 0] = 0.7
    right = {Fault.DIM_FIRST_FRAME: _says("of every stack")}
    frames = scene.frames(brightness=brightness.flatten())
    return Planted(scene, frames, scene.settings, right, (Fault.DIM_FIRST_FRAME,))


def empty(seed: int) -> Planted:
    scene = draw(seed)
    brightness = torch.ones(scene.times * scene.stack, dtype=torch.float64)
    at = int(scene.random.integers(len(brightness)))
    brightness[at] = 0.0
    right = {Fault.EMPTY_FRAME: lambda one: one.frames == (at,)}
    frames = scene.frames(brightness=brightness)
    return Planted(scene, frames, scene.settings, right, (Fault.EMPTY_FRAME,))


def no_fringes(seed: int) -> Planted:
    planted = _with_modulation(seed, 0.0, 0.0)
    right = {Fault.NO_MODULATION: _always}
    return replace(planted, rightly=right, wanted=(Fault.NO_MODULATION,))


def no_fringes_in_an_angle(seed: int) -> Planted:
    scene = draw(seed, SEPARATE)
    which = int(scene.random.integers(scene.steps.angles))
    angles = tuple(
        replace(angle, modulation=(0.0,) * len(angle.modulation)) if n == which else angle
        for n, angle in enumerate(scene.pattern.angles)
    )
    scene = replace(scene, pattern=replace(scene.pattern, angles=angles))
    right = {Fault.NO_MODULATION_IN_ANGLE: _says(f"angle {which}")}
    return replace(_sound(scene), rightly=right, wanted=(Fault.NO_MODULATION_IN_ANGLE,))


# The camera.


def saturated(seed: int) -> Planted:
    scene = draw(seed)
    frames = scene.frames()
    top = float(torch.quantile(frames.flatten()[::7], 0.995).floor())
    right = {Fault.SATURATION: _says(f"clipped at {top:.0f}")}
    # What is cut off has less noise, no straight line, and less brightness in bright frames.
    right |= dict.fromkeys((Fault.WRONG_NOISE,), _never_mends)
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
    right = {Fault.WRONG_NOISE: _gain_or_read_noise(scene)}
    return Planted(scene, scene.frames(), settings, right, (Fault.WRONG_NOISE,))


def _gain_or_read_noise(scene: Scene) -> Callable[[Finding], bool]:
    def judge(finding: Finding) -> bool:
        if "gain" in mended(finding):
            return _sets_about("gain", scene.camera.gain, 1.25)(finding)
        return finding.mend is None or "too even" in finding.words

    return judge


def multiplying(seed: int) -> Planted:
    """Return an EMCCD whose excess noise the settings do not mention."""
    scene = draw(seed, emccd=True)
    right = {Fault.WRONG_NOISE: _sets_about("gain", 2.0 * scene.camera.gain, 1.3)}
    return Planted(scene, scene.frames(), scene.settings, right, (Fault.WRONG_NOISE,))


def smoothed(seed: int) -> Planted:
    scene = draw(seed)
    frames = scene.frames()
    frames = (frames + 0.5 * frames.roll(1, -1)) / 1.5
    right = {Fault.SHARED_NOISE: _always}
    return Planted(scene, frames, scene.settings, right, (Fault.SHARED_NOISE,))


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
    "more phases": more_phases,
    "fewer phases": fewer_phases,
    "fewer angles": fewer_angles,
    "hexagonal as 3 x 3": hexagonal_as_3x3,
    "3 x 3 as hexagonal": separate_as_hexagonal,
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
