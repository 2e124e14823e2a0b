"""Volumes in the viewer, without a window: planes, previews, cuts and projections."""

from dataclasses import replace

import numpy as np
import pytest

from livesim.values.frames import StackIndex
from livesim.values.results import Result, VolumePart
from livesim.values.verdict import SHOWN
from livesim.wire.messages import StreamStart, TrustMaps
from livesim_gui.state.health.reached import pair_of
from livesim_gui.state.picture.cut import Cut, Cutting, Kind, planes_of
from livesim_gui.state.picture.display import Display
from livesim_gui.state.picture.stages import (
    NETWORK,
    PLAIN,
    PREVIEW,
    RESTORED,
    WIDEFIELD,
    stages_of,
)
from livesim_gui.state.stream.edge import edge_words
from livesim_gui.state.stream.feed import Feed, News
from livesim_gui.state.stream.places import Places
from livesim_gui.state.time.ring import Ring, Shot
from livesim_gui.state.time.timeline import Mode
from livesim_gui.state.viewer import Viewer

PLANES, ROWS, COLUMNS = 5, 16, 24
WHOLE = VolumePart(PLANES, PLANES)


def plane(z, time=0, volume=WHOLE, channel=0):
    """Return a plane whose fine pixel (y, x) says 10000 z + 100 y + x."""
    y, x = np.mgrid[: 2 * ROWS, : 2 * COLUMNS]
    image = np.asarray(10000 * z + 100 * y + x, np.float32)
    return Result(
        stream="s",
        index=StackIndex(time=time, channel=channel, z=z),
        image=image,
        widefield=image[::2, ::2].copy(),
        last_received_ns=10**9 * (time + 1) + z,
        provisional=volume is not None and not volume.whole,
        volume=volume,
    )


def volume(time=0, **kind):
    return [plane(z, time, **kind) for z in range(PLANES)]


def shots(*results):
    return tuple(Shot(number, result) for number, result in enumerate(results))


def cut(kind, at=(6.0, 4.0), z_step_raw=1.5, results=None):
    known = shots(*(results or volume()))
    return Cutting().cut(known[2], known, Cut(kind, at), z_step_raw)


@pytest.mark.parametrize(
    ("kind", "shape", "words"),
    [
        (Kind.XZ, (16, 48), "xz through y 4, 5 planes"),
        (Kind.YZ, (32, 16), "yz through x 6, 5 planes"),
        (Kind.BRIGHTEST, (32, 48), "brightest along z, 5 planes"),
    ],
)
def test_a_cut_has_square_pixels_and_says_where_it_goes(kind, shape, words):
    made = cut(kind)
    assert made.words == words
    image, widefield = made.shot.result.image, made.shot.result.widefield
    assert image.shape == shape
    assert widefield.shape == (shape[0] // 2, shape[1] // 2)


def test_cuts_go_through_the_place_that_is_pointed_at():
    xz = cut(Kind.XZ).shot.result.image
    np.testing.assert_array_equal(xz[0], 800 + np.arange(48))  # plane 0, fine row 8
    np.testing.assert_array_equal(xz[:, 0] // 10000, (2 * np.arange(16) + 1) * 5 // 32)
    yz = cut(Kind.YZ).shot.result.image
    np.testing.assert_array_equal(yz[:, 0], 100 * np.arange(32) + 12)
    np.testing.assert_array_equal(yz[3] // 10000, (2 * np.arange(16) + 1) * 5 // 32)
    brightest = cut(Kind.BRIGHTEST).shot.result.image
    np.testing.assert_array_equal(brightest, plane(4).image)
    far = cut(Kind.XZ, at=(0.0, 99.0)).shot.result.image
    np.testing.assert_array_equal(far[0], 3100 + np.arange(48))


def test_a_volume_that_fills_leaves_the_cut_through_the_last_one():
    part = VolumePart(2, PLANES)
    known = shots(*volume(0), *volume(1), plane(0, 2, part), plane(1, 2, part))
    assert [one.result.index.time for one in planes_of(known[-1], known)] == [1] * PLANES
    assert [one.result.index.time for one in planes_of(known[3], known)] == [0] * PLANES


def test_what_is_no_volume_is_said():
    assert "3 of 5 planes" in cut(Kind.XZ, results=volume()[1:4]).words
    single = [replace(one, volume=None) for one in volume()]
    assert cut(Kind.XZ, results=single).words.endswith("each plane by itself")
    assert cut(Kind.XZ, z_step_raw=None).words.endswith("distance of the planes not known")
    assert cut(Kind.XZ, results=[plane(0, 2), *volume(1, channel=1)[:1], plane(1, 3)]) is None
    assert cut(Kind.XY) is None


def test_a_cut_is_made_once_for_every_volume():
    known, cutting = shots(*volume()), Cutting()
    asked = known[2], known, Cut(Kind.XZ), 1.5
    assert cutting.cut(*asked) is cutting.cut(*asked)
    assert cutting.cut(known[2], shots(*volume()), *asked[2:]) is not cutting.cut(*asked)


def test_the_plane_of_the_volume_takes_the_place_of_its_preview():
    ring = Ring()
    ring.add(plane(2, volume=VolumePart(3, PLANES)))
    ring.add(plane(2))
    (shot,) = ring.shots
    assert shot.result.volume.whole


def test_the_plain_volume_and_then_the_restored_one_take_the_place_of_a_preview():
    ring, plain = Ring(), plane(2)
    ring.add(plane(2, volume=VolumePart(3, PLANES)))
    ring.add(replace(plain, provisional=True))
    ring.add(replace(plain, image=plain.image + 1.0, plain=plain.image))
    (shot,) = ring.shots
    assert list(stages_of(shot.result)) == [WIDEFIELD, PLAIN, RESTORED]
    ring.add(replace(plain, provisional=True))  # come late: nothing goes back
    assert ring.shots[0].result.plain is not None


def restored(z):
    one = plane(z)
    return replace(one, image=one.image + 5.0, plain=one.image, network=one.image + 9.0)


def test_a_cut_shows_what_a_network_made_of_every_plane():
    made = cut(Kind.XZ, results=[restored(z) for z in range(PLANES)])
    stages = stages_of(made.shot.result)
    assert list(stages) == [WIDEFIELD, PLAIN, NETWORK, RESTORED]
    plain = cut(Kind.XZ).shot.result.image
    for stage, more in ((PLAIN, 0.0), (NETWORK, 9.0), (RESTORED, 5.0)):
        np.testing.assert_array_equal(stages[stage].image, plain + more)


def test_a_cut_through_planes_that_are_restored_in_part_is_plain():
    mixed = [restored(0), restored(1), *volume()[2:]]
    shown = stages_of(cut(Kind.XZ, results=mixed).shot.result)
    assert list(shown) == [WIDEFIELD, PLAIN]
    np.testing.assert_array_equal(shown[PLAIN].image, cut(Kind.XZ).shot.result.image)


def test_a_preview_is_named():
    shot = Shot(0, plane(2, volume=VolumePart(3, PLANES)))
    words = edge_words(News(), shot, Mode.HELD, 0.0)
    assert words == "3 of 5 planes of the volume"
    assert [one.title for one in stages_of(shot.result).values()] == ["Widefield", "2D preview"]
    assert edge_words(News(), Shot(0, plane(2)), Mode.HELD, 0.0) == "3D"


def test_a_preview_has_a_brightness_of_its_own_and_the_chosen_stage_is_kept():
    display = Display()
    dim, haze = Shot(0, plane(0)), Shot(1, plane(4, volume=VolumePart(3, PLANES)))
    first = display.paint(dim, (), None, 0.0)
    second = display.paint(haze, (), None, 0.1)
    assert (first.main.stage.name, second.main.stage.name) == (PLAIN, PREVIEW)
    assert second.main.levels.low > first.main.levels.high
    again = display.paint(dim, (), None, 0.2)
    assert again.main.stage.name == PLAIN
    assert again.main.levels == first.main.levels
    display.change(lambda look: look.show(WIDEFIELD))
    assert display.paint(haze, (), None, 0.3).main.stage.name == WIDEFIELD


def test_the_resolution_is_that_of_volumes_not_of_previews():
    part = VolumePart(3, PLANES)
    known = shots(plane(2), plane(2, 1, part), plane(2, 2))
    assert pair_of(known[1], known, 80.0) is None
    np.testing.assert_array_equal(pair_of(known[2], known, 80.0).older, known[0].result.image)


def test_the_middle_plane_of_volumes_is_shown_until_another_one_is_chosen():
    places, known = Places(), shots(*volume())
    places.see(known)
    assert places.among(None).z == PLANES // 2
    places.choose("z", None)
    places.see(known)
    assert places.among(None).z is None
    single = Places()
    single.see(shots(*(replace(one, volume=None) for one in volume())))
    assert single.among(None).z is None


def test_every_plane_of_a_volume_that_was_reviewed_has_maps_of_its_own():
    feed = Feed()
    feed.begin("tcp://127.0.0.1:1")
    viewer = Viewer(feed)
    feed.take(1, StreamStart(stream="s"), 0.0)
    for one in volume():
        feed.take(1, one, 0.0)
    viewer.tick(0.1)
    assert viewer.maps is None
    for time in range(2):
        for z in range(PLANES):
            feed.take(1, plane(z, time), 0.2)
            maps = {SHOWN: np.full((ROWS, COLUMNS), 10.0 * time + z, np.float32)}
            feed.take(1, TrustMaps("s", StackIndex(time=time, z=z), maps), 0.2)
    for z in (1, 3):
        viewer.choose_place("z", z)
        viewer.tick(0.3)
        assert viewer.maps.index == StackIndex(time=1, z=z)
        assert viewer.maps.maps[SHOWN][0, 0] == 10.0 + z
        assert viewer.display.scene.tint is None
    viewer.display.change(lambda look: replace(look, map=SHOWN))
    viewer.tick(0.4)
    assert viewer.display.scene.tint is not None
    assert len(feed.news(0.4).maps) == PLANES, "those of the volume before are forgotten"
