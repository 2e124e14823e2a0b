"""Fringes that are not as the pattern of raw stacks says are doubted, and others are not."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from livesim.config.settings import PatternSettings, Settings, SettingsError
from livesim.pipeline.calibration import held_against
from livesim.pipeline.fringes import with_fringes_doubted
from livesim.reconstruction.few_frames import of_frames
from livesim.values.frames import RawStack, StackIndex
from livesim.values.pattern import Pattern
from livesim_acquisition.microscope.microscope import SimulatedMicroscope
from tests.support.scenes import CAMERA, OPTICS, PLAIN, Scene, random_pattern, simulate

LAYOUTS = {
    "two beams": PatternSettings(),
    "three beams": PatternSettings(phases=5, harmonics=2),
    "hexagonal": PatternSettings(layout="hexagonal"),
}


def settings_of(pattern: PatternSettings) -> Settings:
    return Settings(optics=OPTICS, camera=CAMERA, pattern=pattern, steps=PLAIN)


def stacks_of(frames: np.ndarray, angles: int, phases: int) -> list[RawStack]:
    """Return frames [frame, y, x] as raw stacks, one time point after the other."""
    whole = frames.reshape(-1, angles, phases, *frames.shape[-2:])
    return [
        RawStack(stream="s", index=StackIndex(time=number), pixels=np.ascontiguousarray(one))
        for number, one in enumerate(whole)
    ]


def doubts(
    scene: Scene,
    frames: np.ndarray,
    pattern: Pattern | None = None,
    *,
    known: bool = True,
    followed: bool = False,
) -> tuple[str, ...]:
    """Return what frames of a scene say against a pattern, or against its own."""
    pattern = scene.pattern if pattern is None else pattern
    phases = len(pattern.angles[0].phases_rad)
    angles = 1 if pattern.layout == "hexagonal" else len(pattern.angles)
    stacks = stacks_of(frames, angles, phases)
    found = with_fringes_doubted(
        pattern, stacks, settings_of(scene.settings), known=known, followed=followed
    )
    assert set(found.doubts) <= set(found.warnings)
    return found.doubts


def frames_of(scene: Scene) -> np.ndarray:
    """Return its frames one after the other."""
    return scene.frames


@pytest.fixture(scope="module")
def scene() -> Scene:
    return simulate(3, (128, 128), 300.0, times=3)


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("peak", [30.0, 1000.0])
def test_the_pattern_itself_is_not_doubted(name, peak):
    for seed in range(2):
        scene = simulate(seed, (128, 128), peak, settings=LAYOUTS[name])
        assert doubts(scene, frames_of(scene)) == ()


def test_a_frame_that_is_dark_in_half_of_the_field_is_said_of_its_stack(scene):
    frames = frames_of(scene).copy()
    frames[9 + 4, 64:] = CAMERA.offset
    stacks = stacks_of(frames, 3, 3)
    found = with_fringes_doubted(scene.pattern, stacks, settings_of(scene.settings), known=True)
    (words,) = (words for words in found.warnings if "stripes" in words)
    assert words.startswith("frame 4 is ")
    assert "the others of its angle at time 1 (of 3 raw stacks looked at)" in words
    assert words not in found.doubts


@pytest.mark.parametrize("kept", [(0, 4, 8), (0, 1, 3, 4, 6, 7)])
def test_too_few_frames_are_doubted_only_where_they_are_others(scene, kept):
    pattern = of_frames(scene.pattern, kept)
    own = frames_of(scene)[list(kept)]
    assert doubts(scene, own, pattern) == pattern.doubts
    # all nine frames, taken for stacks of three or six
    whole = len(kept) * (9 * 3 // len(kept))
    new = doubts(scene, frames_of(scene)[:whole], pattern)[len(pattern.doubts) :]
    assert new
    assert any("in other frames" in words for words in new)


def test_frames_in_another_order_are_doubted(scene):
    mixed = frames_of(scene)[:9][[4, 2, 7, 0, 8, 1, 5, 3, 6]]
    (words,) = doubts(scene, mixed)
    assert words.startswith("angles 0, 1 and 2: fringes that are in other frames")


def shaken(seed: int, settings: PatternSettings, jitter_deg: float) -> tuple[Pattern, Scene]:
    """Return a pattern, and a scene in which the phase of every frame is off by chance."""
    known, random = random_pattern(seed, (128, 128), settings), np.random.default_rng(seed)
    angles = []
    for one in known.angles:
        off = np.deg2rad(random.normal(0.0, jitter_deg, len(one.phases_rad)))
        angles.append(replace(one, phases_rad=tuple(np.add(one.phases_rad, off).tolist())))
    true = replace(known, angles=tuple(angles))
    return known, simulate(seed, (128, 128), 300.0, settings=settings, pattern=true)


@pytest.mark.parametrize(
    "settings",
    [
        PatternSettings(phases=5, harmonics=2),
        PatternSettings(angles=5, phases=5, harmonics=2),
        PatternSettings(angles=4, phases=5, harmonics=2),
    ],
    ids=lambda one: f"{one.angles} x {one.phases}",
)
def test_phases_that_jitter_are_no_other_order(settings):
    told, swapped = [], 0
    for seed in range(90, 94):
        known, scene = shaken(seed, settings, 15.0)
        told += [words for words in doubts(scene, frames_of(scene), known) if "moved" not in words]
        frames = frames_of(scene)
        frames[[1, 2]] = frames[[2, 1]]
        swapped += any("in another order" in words for words in doubts(scene, frames, known))
    assert told
    assert all("phases of single frames that are off by up to" in words for words in told)
    assert all(15.0 < float(words.split("up to ")[1].split("°")[0]) < 60.0 for words in told)
    assert swapped == 4


def test_phases_that_begin_elsewhere_are_said_with_their_angle(scene):
    turned = replace(
        scene.pattern.angles[1],
        phases_rad=tuple(p + math.radians(70.0) for p in scene.pattern.angles[1].phases_rad),
    )
    angles = (scene.pattern.angles[0], turned, scene.pattern.angles[2])
    (words,) = doubts(scene, frames_of(scene), replace(scene.pattern, angles=angles))
    assert words.startswith("angle 1: fringes that have moved by up to ")
    assert float(words.split("up to ")[1].split("°")[0]) == pytest.approx(70.0, abs=8.0)


def test_a_pattern_that_moves_in_its_own_recording_is_said_once_with_what_follows_it(scene):
    def turned(degrees: float) -> Pattern:
        angles = tuple(
            replace(one, phases_rad=tuple(p + math.radians(degrees + n) for p in one.phases_rad))
            for n, one in enumerate(scene.pattern.angles)
        )
        return replace(scene.pattern, angles=angles)

    (words,) = doubts(scene, frames_of(scene), turned(70.0), known=False)
    assert words.startswith("angles 0, 1 and 2: fringes that have moved by up to 7")
    assert "an engine follows them" in words
    assert "calibrate" not in words
    (words,) = doubts(scene, frames_of(scene), turned(70.0))
    assert words.endswith("calibrate these frames")


def test_what_is_followed_is_not_doubted_for_its_first_stack(scene):
    dark = np.random.default_rng(1).poisson(100.0, (9, 128, 128)).astype(np.uint16)
    assert doubts(scene, dark)
    assert doubts(scene, dark, followed=True) == ()
    mixed = frames_of(scene)[:9][[4, 2, 7, 0, 8, 1, 5, 3, 6]]
    assert doubts(scene, mixed, followed=True) == doubts(scene, mixed)


def test_light_that_is_gone_is_said_with_its_time(scene):
    dark = np.random.default_rng(1).poisson(100.0, (9, 128, 128)).astype(np.uint16)
    frames = np.concatenate([frames_of(scene)[:18], dark])
    for known in (True, False):
        (words,) = doubts(scene, frames, known=known)
        assert words.startswith("angles 0, 1 and 2: none of the pattern's fringes are seen at ")
        assert "at time 2 (of 3 raw stacks looked at)" in words


def at_positions(scene: Scene, empty: tuple[tuple[int, int], ...]) -> Pattern:
    """Return the pattern held against stacks of four positions, some of them without fringes."""
    dark = np.random.default_rng(1).poisson(120.0, (9, 128, 128)).astype(np.uint16)
    places = [(time, position) for time in range(2) for position in range(4)]
    frames = [dark if at in empty else frames_of(scene)[:9] for at in places]
    stacks = [
        replace(stack, index=StackIndex(time=time, position=position))
        for (time, position), stack in zip(places, stacks_of(np.stack(frames), 3, 3), strict=True)
    ]
    return with_fringes_doubted(scene.pattern, stacks, settings_of(scene.settings), known=True)


@pytest.mark.parametrize("position", [0, 2, 3])
def test_a_position_without_a_sample_is_doubted_alone(scene, position):
    found = at_positions(scene, ((0, position), (1, position)))
    assert found.doubts == ()
    ((at, words),) = found.doubts_at
    assert (at, found.doubts_of(at), found.doubts_of(1)) == (position, (words,), ())
    assert "no sample is there, or too little light" in words
    assert words in found.warnings


@pytest.mark.parametrize(
    "empty",
    [
        ((1, 2), (1, 3)),  # the light is gone
        ((1, 1),),  # a shutter stuck once
        tuple((time, position) for time in range(2) for position in range(4)),
    ],
)
def test_light_that_is_gone_is_no_matter_of_positions(scene, empty):
    found = at_positions(scene, empty)
    assert found.doubts_at == ()
    (words,) = found.doubts
    assert "there is too little light, or another pattern" in words


@pytest.mark.parametrize("count", [1, 2, 8])
def test_a_few_beads_do_not_tell_whether_there_are_fringes(count):
    settings = Settings(optics=OPTICS, camera=CAMERA, steps=PLAIN)
    changes = {"specimen": "beads", "beads": {"count": count}, "peak_photons": 3000.0}
    own = settings.model_dump(mode="json", exclude_none=True)
    own["simulation"] = {"size": [128, 128], "time_points": 1, **changes}
    for seed in range(2):
        own["simulation"]["seed"] = seed
        microscope = SimulatedMicroscope(Settings.model_validate(own))
        counts = np.stack([stack.counts[at] for at, stack in microscope.taken(range(9))])
        known = microscope.instrument.pattern(0)
        stacks = stacks_of(counts, 3, 3)
        assert with_fringes_doubted(known, stacks, settings, known=True).doubts == ()


def test_another_wave_vector_is_told(scene):
    angles = tuple(
        replace(one, k_cycles_per_um=(0.7 * one.k_cycles_per_um[0], 0.7 * one.k_cycles_per_um[1]))
        for one in scene.pattern.angles
    )
    (words,) = doubts(scene, frames_of(scene), replace(scene.pattern, angles=angles))
    assert words.startswith("angles 0, 1 and 2: none of the pattern's fringes are seen:")


def test_even_frames_say_nothing_against_a_pattern_that_was_found_in_their_mean(scene):
    dark = np.random.default_rng(1).poisson(100.0, (9, 128, 128)).astype(np.uint16)
    assert doubts(scene, dark, known=False) == ()
    (words,) = doubts(scene, dark)
    assert "there is too little light, or another pattern" in words


def test_clipped_frames_are_doubted_under_a_known_pattern(scene):
    frames = frames_of(scene)
    clipped = np.minimum(frames, np.quantile(frames, 0.97)).astype(np.uint16)
    told = held_against(scene.pattern, stacks_of(clipped, 3, 3), settings_of(scene.settings))
    assert any("are clipped at" in words for words in told.doubts)
    assert (
        held_against(scene.pattern, stacks_of(frames, 3, 3), settings_of(scene.settings))
        == scene.pattern
    )


def test_an_offset_above_all_counts_is_refused(scene):
    settings = settings_of(scene.settings)
    camera = CAMERA.model_copy(update={"offset": 60_000.0})
    settings = settings.model_copy(update={"camera": camera})
    with pytest.raises(SettingsError, match=r"camera\.offset: expected one below the counts"):
        held_against(scene.pattern, stacks_of(frames_of(scene), 3, 3), settings)


def test_hits_of_single_frames_do_not_hide_the_fringes(scene):
    frames = frames_of(scene)[:9].copy()
    random = np.random.default_rng(2)
    frames[random.integers(0, 9, 40), random.integers(0, 128, 40), random.integers(0, 128, 40)] = (
        50_000
    )
    assert doubts(scene, frames) == ()
