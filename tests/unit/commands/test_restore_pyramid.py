"""Lower levels of resolution are means of the light, at their place, in any file."""

from dataclasses import replace

import numpy as np
import pytest
import tifffile
import zarr
from ome_zarr.io import parse_url
from ome_zarr.reader import Reader
from rich.console import Console
from yaozarrs import validate_zarr_store

from livesim.commands.restore.command import restore_file
from livesim.commands.restore.part import Part
from livesim.commands.restore.parts import finish_parts, restore_part
from livesim.commands.restore.request import RestoreRequest
from livesim.config.settings import SettingsError
from livesim.io.pattern_file import write_pattern
from livesim.io.read.open import open_planes
from livesim.io.read.result_time_lapse import open_result
from livesim.io.write import pyramid
from livesim.values.frames import StackIndex
from tests.support.scenes import PLAIN, simulate


@pytest.fixture
def asked(tmp_path, monkeypatch):
    scene = simulate(4, (64, 64), peak=200.0, times=2)
    monkeypatch.setattr(pyramid, "SMALLEST", 64)
    tifffile.imwrite(tmp_path / "raw.tif", scene.frames)
    write_pattern(tmp_path / "pattern.json", scene.pattern)
    settings = scene.described(steps=PLAIN)
    out = tmp_path / "out.ome.zarr"
    return RestoreRequest(
        tmp_path / "raw.tif", settings, tmp_path / "pattern.json", out, pyramid=True
    )


def levels(out):
    group = zarr.open_group(out, mode="r")
    return [np.asarray(group[name]) for name in sorted(group.array_keys())]


def test_each_level_holds_the_means_of_the_finer_one(asked):
    restore_file(asked)
    full, half, quarter = levels(asked.out)
    assert (full.shape[-2:], half.shape[-2:], quarter.shape[-2:]) == (
        (128, 128), (64, 64), (32, 32),
    )  # fmt: skip
    for fine, coarse in ((full, half), (half, quarter)):
        mean = (fine[..., ::2, ::2] + fine[..., 1::2, ::2]
                + fine[..., ::2, 1::2] + fine[..., 1::2, 1::2]) / 4  # fmt: skip
        np.testing.assert_allclose(coarse, mean, rtol=1e-6, atol=1e-3)
    validate_zarr_store(asked.out)
    (node, *_) = Reader(parse_url(asked.out))()
    assert [level.shape for level in node.data] == [full.shape, half.shape, quarter.shape]


def test_every_level_lies_where_it_belongs(asked):
    restore_file(asked)
    (described,) = zarr.open_group(asked.out, mode="r").attrs["ome"]["multiscales"]
    for number, one in enumerate(described["datasets"]):
        scale, *shift = one["coordinateTransformations"]
        pixel = 0.04 * 2**number
        assert one["path"] == str(number)
        assert scale["scale"] == pytest.approx([1, 1, 1, pixel, pixel])
        # The left edge of the first pixel, half a pixel before its centre, is the same for all.
        centre = shift[0]["translation"][-2:] if shift else [0.0, 0.0]
        assert [at - pixel / 2 for at in centre] == pytest.approx([-0.02, -0.02])


def test_parts_make_the_same_levels_also_where_one_was_interrupted(asked):
    def stop():
        raise KeyboardInterrupt

    once = asked.out.with_name("once.ome.zarr")
    restore_file(replace(asked, out=once))
    with pytest.raises(KeyboardInterrupt):
        restore_part(asked, Part(1, 1), Console(quiet=True), stop)
    restore_part(asked, Part(1, 1), Console(quiet=True), lambda: None)
    finish_parts(asked)
    for one, expected in zip(levels(asked.out), levels(once), strict=True):
        np.testing.assert_array_equal(one, expected)
    validate_zarr_store(asked.out)


def test_our_readers_take_the_full_resolution(asked):
    restore_file(asked)
    full = levels(asked.out)[0]
    with open_result(asked.out) as result:
        np.testing.assert_array_equal(result.read(StackIndex(time=1)), full[1, 0, 0])
    file = open_planes(asked.out)
    np.testing.assert_array_equal(file.read(1), full[1, 0, 0])
    file.close()


def test_a_tiff_has_no_pyramid(asked):
    with pytest.raises(SettingsError, match=r"--pyramid: expected a result that ends in .*\.zarr"):
        restore_file(replace(asked, out=asked.out.with_name("out.ome.tif")))


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((511, 40), [(511, 40)]), ((1025, 3), [(1025, 3), (512, 1), (256, 1)]), ((512, 512), 2)],
)
def test_there_are_levels_until_both_sides_are_short(shape, expected):
    count = pyramid.pyramid_levels(shape)
    if isinstance(expected, int):
        assert count == expected
        return
    image = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    found = [image, *pyramid.lower_levels(image, count - 1)]
    assert [one.shape for one in found] == expected
    assert [pyramid.halved_shape(shape, times) for times in range(count)] == expected
