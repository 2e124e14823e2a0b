"""Structures under the simulated microscope: what every one promises, and what each is like."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import tifffile
from PIL import Image

from livesim.config.settings import SettingsError
from livesim.values.errors import DataError
from livesim_acquisition.specimens.beads import Beads
from livesim_acquisition.specimens.drawing import covered, draw, pixel_edges, shifted
from livesim_acquisition.specimens.filaments import Filaments
from livesim_acquisition.specimens.line_pairs import LinePairs
from livesim_acquisition.specimens.mitochondria import Mitochondria
from livesim_acquisition.specimens.movie import Movie
from livesim_acquisition.specimens.network import Network
from livesim_acquisition.specimens.registry import SPECIMENS, Mixture, make_specimen
from livesim_acquisition.specimens.siemens_star import SiemensStar
from livesim_acquisition.specimens.vesicles import Vesicles
from tests.support.simulations import settings

SHAPE, PIXEL_NM = (192, 224), 32.5
MOVING = [Filaments, Network, Mitochondria, Vesicles]
FIXED = [Beads, LinePairs, SiemensStar]


def centre(density):
    """Return the centre of mass (y, x) on a torus: the phase of the first frequency."""
    waves = [np.exp(2j * np.pi * np.arange(n) / n) for n in density.shape]
    turns = [np.angle(density.sum(1 - axis) @ waves[axis]) % (2 * np.pi) for axis in (0, 1)]
    return tuple(n * turn / (2 * np.pi) for n, turn in zip(density.shape, turns, strict=True))


@pytest.mark.parametrize("kind", MOVING + FIXED)
def test_a_density_is_finite_not_negative_and_always_the_same(kind):
    later, first = kind(SHAPE, PIXEL_NM).density(7.3), kind(SHAPE, PIXEL_NM).density()
    again = kind(SHAPE, PIXEL_NM)
    np.testing.assert_array_equal(again.density(0.0), first)
    np.testing.assert_array_equal(again.density(7.3), later)  # whatever was asked before
    for density in (first, later):
        assert density.shape == SHAPE
        assert density.dtype == np.float32
        assert np.isfinite(density).all()
        assert density.min() >= 0.0
    assert first.max() > 0.0


@pytest.mark.parametrize("kind", [*MOVING, Beads])
def test_the_seed_decides_what_is_seen(kind):
    one, other = (kind(SHAPE, PIXEL_NM, seed=seed).density() for seed in (1, 2))
    assert np.abs(one - other).max() > 0.5 * one.max()


@pytest.mark.parametrize("kind", MOVING)
def test_motion_is_smooth(kind):
    specimen = kind(SHAPE, PIXEL_NM)
    start = specimen.density(0.0)
    steps = [np.abs(specimen.density(t) - start).sum() / start.sum() for t in (1e-4, 1e-3, 1.0)]
    assert steps[2] > 0.04  # it moves
    assert steps[0] < 5e-3  # and does not jump
    assert steps[1] == pytest.approx(10.0 * steps[0], rel=0.2)  # in proportion to the time


@pytest.mark.parametrize("kind", [Filaments, Mitochondria, Vesicles])
def test_fluorophores_are_neither_gained_nor_lost(kind):
    specimen = kind(SHAPE, PIXEL_NM)
    totals = [specimen.density(time).sum() for time in (0.0, 1.0, 30.0)]
    np.testing.assert_allclose(totals, totals[0], rtol=2e-3)


@pytest.mark.parametrize("kind", FIXED)
def test_what_is_fixed_stands_still(kind):
    specimen = kind(SHAPE, PIXEL_NM)
    np.testing.assert_array_equal(specimen.density(0.0), specimen.density(100.0))


def test_a_point_is_drawn_where_it_is():
    for y, x in ((1000.0, 2000.0), (1007.3, 2011.9)):
        drawn = draw(SHAPE, PIXEL_NM, [(np.array([y]), np.array([x]), 1.0)])
        np.testing.assert_allclose(centre(drawn), (y / PIXEL_NM, x / PIXEL_NM), atol=1e-4)
        assert drawn.sum() == pytest.approx(1.0, rel=1e-5)


def test_filaments_of_a_seed_stay_what_they_were():
    # Figures of the bench were measured on these; the first density's maximum is 1.
    density = Filaments((128, 96), 40.0, count=8, seed=5).density()
    assert density.max() == 1.0
    rounded = np.round(density * 1000).astype(np.int32)
    assert hashlib.sha256(rounded.tobytes()).hexdigest()[:16] == "fd1460513b910201"


def test_a_filament_glides_along_itself():
    speed = Filaments((256, 256), 32.5, count=1, length_um=2.0, speed_nm_per_s=1000.0, seed=4)
    there, back = centre(speed.density(0.0)), centre(speed.density(0.5))
    travelled = 32.5 * np.hypot(*np.subtract(there, back))
    assert travelled == pytest.approx(500.0, rel=0.1)


def test_a_faster_network_moves_further():
    slow, fast = (Network(SHAPE, PIXEL_NM, speed_nm_per_s=speed) for speed in (20.0, 200.0))
    np.testing.assert_array_equal(slow.density(), fast.density())
    moves = [np.abs(one.density(0.2) - one.density()).sum() for one in (slow, fast)]
    assert moves[1] > 3.0 * moves[0]


def test_sheets_fill_a_network():
    bare, sheets = (Network(SHAPE, PIXEL_NM, sheets=share).density() for share in (0.0, 0.5))
    empty = bare < 0.01 * bare.max()
    assert (sheets[empty] > 0.1 * bare.max()).mean() > 0.2


def test_a_membrane_is_brighter_at_its_rim_and_a_matrix_in_the_middle():
    membrane, matrix = (
        Mitochondria((256, 256), 32.5, count=1, label=label, width_nm=650.0, seed=2).density()
        for label in ("membrane", "matrix")
    )
    inside = matrix > 0.9 * matrix.max()
    rim = (matrix < 0.6 * matrix.max()) & (matrix > 0.3 * matrix.max())
    assert membrane[rim].mean() > 1.1 * membrane[inside].mean()


def test_vesicles_run_and_diffuse():
    still = {"run_speed_nm_per_s": 0.0, "diffusion_um2_per_s": 0.0}
    for moving in ({"run_speed_nm_per_s": 800.0}, {"diffusion_um2_per_s": 0.05}):
        vesicles = Vesicles(SHAPE, PIXEL_NM, **(still | moving))
        assert np.abs(vesicles._places(1.0) - vesicles._places(0.0)).max() > 100.0
    brownian = Vesicles(SHAPE, PIXEL_NM, count=2000, run_speed_nm_per_s=0.0)
    steps = brownian._places(2.0) - brownian._places(0.0)
    assert np.mean(steps**2) == pytest.approx(2.0 * 0.02 * 1e6 * 2.0, rel=0.1)  # 2 D t an axis


def test_beads_keep_their_width():
    lone = Beads((64, 64), 10.0, count=1, diameter_nm=200.0, seed=1).density()
    x = (np.arange(64) - centre(lone)[1] + 32) % 64 - 32
    assert np.sqrt(lone.sum(0) @ x**2 / lone.sum()) == pytest.approx(20.0 / np.sqrt(20.0), rel=0.05)


def test_line_pairs_have_the_spacing_asked_for():
    lines = LinePairs((400, 400), 10.0, (200.0,)).density()
    assert lines.max() == 1.0
    row = lines[30, :140]  # the first group stands upright
    rises = np.flatnonzero(np.diff((row > 0.75).astype(int)) == 1)
    np.testing.assert_array_equal(np.diff(rises), [20] * 4)
    assert row.sum() == pytest.approx(5 * 10.0, rel=1e-5)


def test_a_pixel_at_an_edge_is_partly_covered():
    np.testing.assert_allclose(covered(pixel_edges(4, 10.0), 0.0, 18.0), [0.5, 1.0, 0.3, 0.0])


def test_a_star_has_its_spokes():
    star = SiemensStar((512, 512), 10.0, spokes=24).density()
    turn = np.linspace(0.0, 2.0 * np.pi, 20000, endpoint=False)
    for radius in (100.0, 200.0):
        y, x = (256 + radius * wave(turn) for wave in (np.sin, np.cos))
        ring = star[y.round().astype(int), x.round().astype(int)] > 0.5
        assert np.sum(ring & ~np.roll(ring, 1)) == pytest.approx(24, abs=1)


def test_moving_a_density_keeps_its_light_and_shifts_it():
    vesicles = Vesicles((96, 96), 32.5, count=1, seed=3)
    density = vesicles.density()
    gone = shifted(density, 0.25, -0.5)
    assert gone.sum() == pytest.approx(density.sum(), rel=1e-3)
    np.testing.assert_allclose(np.subtract(centre(gone), centre(density)), (0.25, -0.5), atol=0.01)


def test_a_movie_plays_forth_and_back(tmp_path):
    frames = np.zeros((3, 32, 32), np.uint16)
    for number in range(3):
        frames[number, 10 + 5 * number, 8] = 1000
    tifffile.imwrite(tmp_path / "movie.tif", frames, photometric="minisblack")
    movie = Movie((64, 64), 30.0, tmp_path / "movie.tif", frame_interval_s=2.0)
    rows = [np.argmax(movie.density(time).sum(1)) / 2 for time in (0.0, 2.0, 4.0, 6.0, 8.0)]
    np.testing.assert_allclose(rows, [10, 15, 20, 15, 10], atol=0.5)
    half = movie.density(1.0)
    np.testing.assert_allclose(half, (movie.density(0.0) + movie.density(2.0)) / 2.0, atol=1e-6)


def test_a_picture_is_resampled_and_keeps_its_light(tmp_path):
    grey = np.random.default_rng(0).integers(0, 255, (80, 60), np.uint8)
    Image.fromarray(grey).save(tmp_path / "picture.png")
    for shape in ((40, 30), (160, 120)):
        drawn = Movie(shape, 30.0, tmp_path / "picture.png").density()
        assert drawn.mean() == pytest.approx(grey.mean() / grey.max(), rel=0.01)
    same = Movie((80, 60), 30.0, tmp_path / "picture.png", file_pixel_nm=30.0).density()
    np.testing.assert_allclose(same, grey / grey.max(), atol=1e-6)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("dark.tif", np.zeros((8, 8), np.uint8), "with light in it"),
        ("nan.tif", np.full((8, 8), np.nan, np.float32), "expected finite values"),
        ("words.png", b"no picture", "expected a TIFF or another picture"),
        ("words.tif", b"no picture", "expected a TIFF"),
    ],
)
def test_a_file_that_is_no_picture_is_refused(tmp_path, name, content, words):
    path = tmp_path / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        tifffile.imwrite(path, content, photometric="minisblack")
    with pytest.raises(DataError, match=words):
        Movie((32, 32), 30.0, path).density()


def test_the_registry_makes_every_structure_that_settings_can_name(tmp_path):
    Image.new("L", (8, 8), 255).save(tmp_path / "white.png")
    for name in SPECIMENS:
        own = settings(specimen=name, file={"path": str(tmp_path / "white.png")}).simulation
        specimen = make_specimen(own, 80.0)
        assert specimen.shape == (128, 96)
        assert specimen.pixel_nm == 40.0
        assert specimen.density(0.1).max() > 0.0


CHANGES = {
    "filaments": [{"count": 5}, {"length_um": 4.0}, {"persistence_um": 1.0}, {"speed_nm_per_s": 9}],
    "network": [{"mesh_um": 0.7}, {"sheets": 0.4}, {"speed_nm_per_s": 900}],
    "mitochondria": [
        *({"count": 2}, {"length_um": 1.0}, {"width_nm": 300.0}, {"label": "matrix"}),
        {"speed_nm_per_s": 900},
    ],
    "vesicles": [
        *({"count": 5}, {"diameter_nm": 300.0}, {"run_speed_nm_per_s": 1.0}),
        {"diffusion_um2_per_s": 0.0},
    ],
    "beads": [{"count": 5}, {"diameter_nm": 200.0}, {"brightness_spread": 1.0}],
    "line_pairs": [{"spacings_nm": [250.0]}],
    "siemens_star": [{"spokes": 12}],
}


@pytest.mark.parametrize(
    ("name", "change"), [(name, change) for name, all_of in CHANGES.items() for change in all_of]
)
def test_every_key_of_a_structure_counts(name, change):
    plain, changed = (
        make_specimen(settings(specimen=name, **{name: own}).simulation, 80.0).density(1.0)
        for own in ({}, change)
    )
    assert np.abs(plain - changed).max() > 0.05 * plain.max()


def test_several_structures_are_equally_bright():
    own = settings(specimen=["beads", "network"]).simulation
    both = make_specimen(own, 80.0)
    assert isinstance(both, Mixture)
    parts = [make_specimen(settings(specimen=name).simulation, 80.0) for name in own.specimen]
    scaled = [part.density(1.0) / part.density(0.0).max() for part in parts]
    np.testing.assert_allclose(both.density(1.0), sum(scaled), rtol=1e-5, atol=1e-7)


def test_a_file_must_be_named():
    with pytest.raises(SettingsError, match=r"expected file.path for the specimen 'file'"):
        settings(specimen="file")
