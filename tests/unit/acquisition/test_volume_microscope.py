"""Simulated volumes: what they show is summed by hand, and what they cannot do is refused."""

import math

import numpy as np
import pytest
import tifffile
import zarr

from livesim.commands.restore.command import RestoreRequest
from livesim.commands.restore.volumes import restore_volumes
from livesim.commands.simulate.volume_files import simulate_volume_files
from livesim.config.settings import SettingsError, load_settings
from livesim.io.write.results import read_recipe
from livesim.values.errors import DataError
from livesim_acquisition.microscope.volume_microscope import VolumeMicroscope
from livesim_acquisition.specimens.volumes import STRUCTURES
from tests.support.volume_microscope import volume_settings

PLANES, SIZE, STEP_UM = 8, 48, 0.125


def settings(stepping=None, optics=None, **simulation):
    return volume_settings(
        PLANES,
        ["phase", "z", "angle"],
        optics=optics,
        pattern=stepping,
        volumes=None if stepping else {},
        simulation={"size": [SIZE, SIZE], "volume": {}, "time_points": 1} | simulation,
    )


@pytest.fixture
def point(tmp_path):
    """A file with one voxel that is bright, in the fourth of eight layers."""
    volume = np.zeros((PLANES, 2 * SIZE, 2 * SIZE), np.float32)
    volume[3, SIZE, SIZE] = 1.0
    tifffile.imwrite(tmp_path / "point.tif", volume)
    return {"path": tmp_path / "point.tif"}


def seen(microscope):
    """Return the light of every frame [z, angle, phase], in units of their mean."""
    sums = microscope.expected.sum(dim=(3, 4)).numpy()
    return sums / sums.mean()


def lights(microscope, moved_um):
    """Sum what a point at the centre gets, frame by frame, from the formula of the light."""
    pattern = microscope.pattern
    every = np.zeros(microscope.sizes)
    for z, a, n in np.ndindex(every.shape):
        angle = pattern.lateral.angles[a]
        kx, ky = angle.k_cycles_per_um
        dz, dy, dx = moved_um[a, z]
        own = 1515.0 / 488.0
        kz = own - math.sqrt(own**2 - kx**2 - ky**2)
        axial = 2.0 * math.pi * kz * ((z - 3) * STEP_UM - dz) + pattern.axial_phases_rad[a]
        lateral = angle.phases_rad[n] + 2.0 * math.pi * (
            kx * (SIZE * 0.04 + dx) + ky * (SIZE * 0.04 + dy)
        )
        one, two = angle.modulation
        every[z, a, n] = 1.0 + one * math.cos(axial) * math.cos(lateral)
        every[z, a, n] += two * math.cos(2.0 * lateral)
    return every / every.mean()


def test_a_point_gets_the_light_of_its_depth_while_it_drifts_and_the_stage_misses(point):
    volume = {"beyond_um": 0.0, "axial_phase_deg": [0.0, 40.0, -30.0], "z_jitter_nm": 30.0}
    microscope = VolumeMicroscope(
        settings(
            specimen="file",
            file=point,
            volume=volume | {"z_drift_nm_per_s": 60.0},
            stage={"drift_nm_per_s": [40.0, -80.0]},
            exposure_ms=10.0,
        )
    )
    moved = microscope.moved_um
    assert 0.02 < np.std(moved[..., 0]) < 0.1
    # Angles are slowest: 40 frames, 0.4 s, from one to the next.
    np.testing.assert_allclose(np.diff(moved[..., 1], axis=0), -0.032, atol=1e-9)
    np.testing.assert_allclose(np.diff(moved[..., 2], axis=0), 0.016, atol=1e-9)
    np.testing.assert_allclose(seen(microscope), lights(microscope, moved), atol=0.04)


def test_frames_bleach_in_the_order_in_which_they_are_taken():
    chosen = settings(
        specimen="beads",
        light={"bleaching_per_frame": 0.001},
        stepping={"order": ["phase", "angle", "z"]},
    )
    microscope = VolumeMicroscope(chosen)
    bright = microscope.take(1).intensity
    # z is slowest: frame 15 z + 5 angle + phase of the second volume of 120 frames.
    assert bright[2, 1, 3] == pytest.approx(0.999 ** (120 + 2 * 15 + 5 + 3))
    assert bright[7, 2, 4] == bright.min()


def test_every_structure_fills_the_volume_and_lies_where_its_layer_is(point):
    for name in set(STRUCTURES) - {"file"}:
        many = {} if name == "mitochondria" else {name: {"count": 60}}
        specimen = VolumeMicroscope(settings(specimen=name, **many)).specimen
        light = specimen.sum(dim=(1, 2))
        assert float((light > 0.1 * light.mean()).double().mean()) > 0.6, name
        assert float(specimen.min()) >= 0.0
    alone = VolumeMicroscope(settings(specimen="file", file=point, volume={"beyond_um": 0.0}))
    assert np.unravel_index(int(alone.specimen.argmax()), alone.specimen.shape)[0] == 3


def test_shells_are_hollow_in_all_directions():
    chosen = settings(specimen="vesicles", vesicles={"count": 1, "diameter_nm": 1000.0}, seed=3)
    specimen = VolumeMicroscope(chosen).specimen.numpy()
    places = np.argwhere(specimen > 0) * (125.0, 40.0, 40.0)
    top, bottom = places[:, 0].min(), places[:, 0].max()
    assert bottom - top == pytest.approx(1000.0, abs=250.0)
    middle = specimen[round((top + bottom) / 250.0)]
    ring = np.argwhere(middle > 0.1 * middle.max())
    shifted = (ring - ring[0] + SIZE) % (2 * SIZE)
    assert np.ptp(shifted, axis=0) * 40.0 == pytest.approx((1000.0, 1000.0), abs=120.0)
    assert len(ring) < 0.4 * np.prod(np.ptp(shifted, axis=0))


def test_what_is_written_is_restored_and_the_same_every_time(tmp_path):
    chosen = settings(
        specimen=["filaments", "beads"],
        peak_photons=1000.0,
        time_points=2,
        size=[64, 64],
        volume={"axial_phase_deg": 20.0},
        camera={"bits": 12},
    )
    for name in ("one", "two"):
        simulate_volume_files(chosen, tmp_path / name)
    raw = tmp_path / "one" / "raw.ome.tif"
    assert raw.read_bytes() == (tmp_path / "two" / "raw.ome.tif").read_bytes()
    again = load_settings(tmp_path / "one" / "raw.toml")
    out = tmp_path / "out.ome.tif"
    restore_volumes(RestoreRequest(raw, again, None, out))
    volumes = tifffile.imread(out)
    # The pattern beside it is the true one, along z as well, and restores as any other.
    known = tmp_path / "one" / "pattern.json"
    restore_volumes(RestoreRequest(raw, again, known, tmp_path / "known.ome.tif"))
    true = read_recipe(tmp_path / "known.ome.tif").pattern
    assert true.axial.phases_rad == pytest.approx((math.radians(20.0),) * 3)
    truth = zarr.open_group(tmp_path / "one" / "truth.zarr", mode="r")
    assert volumes.shape == (2, *truth["object"].shape)
    inner = (slice(2, -2), slice(16, -16), slice(16, -16))
    pair = volumes[0][inner].ravel(), np.asarray(truth["object"])[inner].ravel()
    assert np.corrcoef(*pair)[0, 1] > 0.5
    assert truth["intensity"].shape == (2, PLANES, 3, 5)
    with tifffile.TiffFile(out) as file:
        assert 'PhysicalSizeZ="0.125"' in file.ome_metadata
    with pytest.raises(DataError, match="exists already"):
        simulate_volume_files(chosen, tmp_path / "one")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"pattern": {"harmonics": 1}}, "harmonics = 2, for volumes"),
        ({"pattern": {"sizes": {}}}, "expected z in .* order and sizes"),
        ({"light": {"flicker": 0.1}}, "light.flicker: expected its default for volumes"),
        ({"volume": {"axial_phase_deg": [0, 1]}}, "expected 1 or 3 value"),
        ({"volume": None, "pattern": {"modulation": [1.2]}}, "1 or less without volume"),
    ],
)
def test_settings_that_contradict_a_volume_are_refused(changes, sentence):
    pattern = changes.get("pattern", {})
    own = {"pattern": pattern} if "modulation" in pattern else {}
    rest = {name: value for name, value in changes.items() if name != "pattern"}
    with pytest.raises(ValueError, match=sentence):
        settings(stepping={} if own else pattern, **own, **rest)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"aberrations": {"coma_x": 0.1}}, "expected defocus and spherical alone"),
        ({"specimen": "siemens_star"}, "expected for volumes some of filaments"),
        ({"pattern": {"period_nm": 300.0}}, "expected first-order lines wider than 322 nm"),
    ],
)
def test_a_volume_that_cannot_be_simulated_is_refused(changes, sentence):
    with pytest.raises(SettingsError, match=sentence):
        VolumeMicroscope(settings(**changes)).expected  # noqa: B018
