"""Real recordings, opened with the settings that lie beside them."""

import numpy as np
import pytest
import tifffile

from livesim.config.settings import PatternSettings, load_settings
from livesim.io.read.open import open_recording
from livesim.values.frames import StackIndex

pytestmark = pytest.mark.recordings

# name: (stack shape, time points, frame shape)
TIFFS = {
    "bsim_hela_mito_3x3": ((3, 3), 1, (120, 120)),
    "dlsim_unc_mt_HE_3x5_upsampled2x": ((3, 5), 1, (256, 256)),
    "hexsim_imperial_20191105_152142_7": ((1, 7), 1, (512, 512)),
    "rdl_microtubule_lowsnr_488_3x3": ((3, 3), 1, (256, 256)),
    "tsim_er1_timelapse_t3_3x3": ((3, 3), 3, (112, 512)),
    "zju_beads100nm_488_3x3": ((3, 3), 1, (512, 512)),
    "zju_microtubule_640_3x3": ((3, 3), 1, (256, 256)),
}


@pytest.mark.parametrize("name", TIFFS)
def test_a_tiff_opens_with_its_settings(recordings, name):
    stack_shape, times, frame_shape = TIFFS[name]
    path = recordings / f"{name}.tif"
    truth = tifffile.imread(path).reshape(times, *stack_shape, *frame_shape)
    with open_recording(path, load_settings(path.with_suffix(".toml")).pattern) as recording:
        assert (recording.stack_shape, recording.frame_shape) == (stack_shape, frame_shape)
        assert (recording.sizes.time, recording.dtype) == (times, np.uint16)
        for time in range(times):
            assert np.array_equal(recording.stack(StackIndex(time=time)).pixels, truth[time])


def test_an_omx_file_gives_its_planes(recordings):
    """The fixture is simulated and noise-free, in float32: it has to be asked for."""
    path = recordings / "sim3d" / "raw.dv"
    pattern = PatternSettings(phases=5, harmonics=2, order=("phase", "z", "angle"))
    truth = np.fromfile(path, "<f4", offset=1024).reshape(3, 9, 5, 64, 64)
    with open_recording(path, pattern) as recording:
        assert (recording.sizes.z, recording.stack_shape) == (9, (3, 5))
        assert recording.pixel_nm == pytest.approx(80.0)
        assert "found float32" in recording.warnings[0]
        for z in range(9):
            assert np.array_equal(recording.stack(StackIndex(z=z)).pixels, truth[:, z])
