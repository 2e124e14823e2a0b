"""The MPhil report's processing: by hand on a few values, beside the textbook on a raw stack."""

import numpy as np
import pytest
import torch

from livesim.config.settings import (
    Reconstruction,
    Settings,
    SettingsError,
    Steps,
    parse_settings,
)
from livesim.pipeline.networks import load_networks, resolved
from livesim.pipeline.pipeline import ReconstructionPipeline
from livesim.reconstruction.plan import make_plan
from livesim.reconstruction.reconstructor import Reconstructor
from livesim.reconstruction.report_processing import finished, prepared
from tests import textbook
from tests.support.scenes import simulate

REPORT = Reconstruction(preset="report")
FULL = 65535.0


@pytest.fixture(scope="module")
def scene():
    return simulate(4, (64, 72), peak=100.0)


def by_hand(counts):
    """Return the frames [frame, y, x] of a raw stack as the report's section 2.3 says."""
    frames = counts.reshape(-1, *counts.shape[-2:]).astype(float)
    totals = frames.sum(axis=(1, 2))
    even = np.stack(
        [one * totals.mean() / total for one, total in zip(frames, totals, strict=True)]
    )
    low, high = np.percentile(even, [10.0, 99.9])
    even[even < low] = low
    even[even > high] = high
    return np.round((even - low) / (high - low) * FULL)


def test_eleven_values_in_three_brightnesses_come_out_as_on_paper():
    # Equalised, the frames are one ramp of 0 ... 10 steps. Of 33 sorted values the tenth part ends
    # between the 4th and the 5th, both one step, and the brightest thousandth between the last two,
    # both ten: nine steps are left for 16 bits.
    ramp = torch.arange(11.0)[None]
    found = prepared(torch.stack([ramp, 2.0 * ramp, 4.0 * ramp]))
    expected = [0, 0, 7282, 14563, 21845, 29127, 36408, 43690, 50972, 58253, 65535]
    assert [frame[0].tolist() for frame in found] == [expected] * 3


def test_a_frame_without_light_and_a_stack_without_contrast_make_no_infinity():
    dark = prepared(torch.stack([torch.zeros(2, 3), torch.arange(6.0).view(2, 3)]))
    assert dark[0].max() == 0.0
    assert dark[1].max() == FULL
    assert prepared(torch.full((9, 4, 4), 7.0)).abs().max() == 0.0


def test_an_image_loses_its_negative_values_and_fills_16_bits():
    assert finished(torch.tensor([[-3.0, 0.0], [1.0, 2.0]])).tolist() == [[0, 0], [32768, FULL]]


def test_the_preset_is_the_textbook_s_fairsim_between_the_report_s_processing(scene):
    counts = scene.counts[0]
    plan = make_plan(scene.pattern, scene.otf, scene.camera, REPORT)
    found = Reconstructor(plan)(counts[None]).image[0].double().numpy()
    no_camera = scene.camera.model_copy(update={"offset": 0.0, "gain": 1.0})
    image = textbook.reconstruct(
        by_hand(counts.numpy()).reshape(counts.shape),
        scene.pattern,
        scene.otf,
        no_camera,
        Reconstruction(preset="fairsim"),
        fraction_on_raw_grid=True,
    ).clip(min=0.0)
    expected = np.round((image - image.min()) / np.ptp(image) * FULL)
    assert np.abs(found - expected).max() < 0.001 * FULL
    assert (found.min(), found.max()) == (0.0, FULL)


def test_gain_offset_and_brightness_play_no_part(scene):
    counts = scene.counts[0].double()
    images = []
    for camera in (scene.camera, scene.camera.model_copy(update={"gain": 2.5, "offset": 50.0})):
        plan = make_plan(scene.pattern, scene.otf, camera, REPORT)
        images += [Reconstructor(plan)(counts[None]).image[0]]
        images += [Reconstructor(plan.for_photons(camera))(3.0 * counts[None]).image[0]]
    assert all((image - images[0]).abs().max() <= 1e-4 * FULL for image in images)


def test_it_goes_through_the_frame_path_and_no_network_follows_it(scene):
    own = scene.described(reconstruction=REPORT)
    stack = scene.stack
    result = ReconstructionPipeline(own, scene.pattern)(stack)
    assert (result.image.min(), result.image.max(), result.plain) == (0.0, FULL, None)
    assert np.abs(result.widefield - by_hand(stack.pixels).mean(axis=0)).max() < 1.0


@pytest.mark.parametrize("steps", [0, 5])
def test_networks_are_none_and_a_named_one_is_refused_with_the_reason(scene, steps):
    changed = REPORT.model_copy(update={"richardson_lucy_iterations": steps})
    own = scene.described(reconstruction=changed)
    assert (resolved(own).settings.steps.two, len(resolved(own).notes)) == ("none", 1)
    named = own.model_copy(update={"steps": Steps(two="universal")})
    words = "richardson_lucy" if steps else 'processing = "none".*found "report"'
    with pytest.raises(SettingsError, match=f"steps.two: expected .*{words}"):
        load_networks(named, torch.device("cpu"))


def test_keys_that_are_given_win_over_the_preset():
    own = Reconstruction.model_validate({"preset": "report", "wiener": 0.2, "processing": "none"})
    assert (own.wiener, own.processing, own.apodization.shape) == (0.2, "none", "triangle")
    assert Reconstruction(preset="fairsim").processing == "none"


def test_volumes_are_not_processed():
    values = {
        "optics": {"numerical_aperture": 1.2, "emission_nm": 525.0},
        "pattern": {"phases": 5, "harmonics": 2},
        "volumes": {},
        "reconstruction": {"processing": "report"},
    }
    with pytest.raises(ValueError, match='processing = "none", found "report"'):
        Settings.model_validate(values)


@pytest.mark.parametrize("name", ["fairsim", "report"])
def test_a_preset_on_the_command_line_wins_over_a_file_that_states_every_key(name):
    optics = {"numerical_aperture": 1.2, "emission_nm": 525.0}
    values = Settings.model_validate({"optics": optics}).model_dump(exclude_none=True)
    assert values["reconstruction"]["wiener"] == "auto"
    own = parse_settings(
        values,
        "raw.toml",
        changes=["reconstruction.notch.strength=0.5", f"reconstruction.preset={name}"],
    ).reconstruction
    expected = Reconstruction(preset=name, notch={"strength": 0.5})
    assert own == expected
    later = ["reconstruction.preset=report", "reconstruction.wiener=0.3"]
    assert parse_settings(values, "raw.toml", changes=later).reconstruction.wiener == 0.3
