import numpy as np
import pytest
import tifffile

from livesim.commands.doctor.command import MIXED, examine_file
from livesim.commands.doctor.findings import finding_lines
from livesim.config.settings import Optics, PatternSettings, Settings
from livesim.values.finding import Fault, Finding


@pytest.mark.parametrize(
    ("mend", "advice", "last"),
    [
        (
            "[camera]\ngain = 2",
            "or, if the light is right, wait",
            "or: if the light is right, wait",
        ),
        ("[camera]\ngain = 2", "wait", "or: wait"),
        (None, "wait", "do: wait"),
    ],
)
def test_another_way_to_mend_begins_with_one_or(mend, advice, last):
    found = Finding(Fault.WRONG_NOISE, "the noise is another", 0.99, mend, advice)
    assert finding_lines(found)[-1].strip() == last


def test_torn_planes_of_several_z_are_not_judged(tmp_path):
    frames = np.random.default_rng(0).poisson(100.0, (3 * 4 * 3 - 2, 64, 64)).astype(np.uint16)
    raw = tmp_path / "raw.tif"
    tifffile.imwrite(raw, frames, metadata=None)
    settings = Settings(
        optics=Optics(numerical_aperture=1.2, emission_nm=525.0, pixel_nm=80.0),
        pattern=PatternSettings(order=("phase", "z", "angle"), sizes={"z": 4}),
    )
    examined = examine_file(raw, settings, quiet=True)
    assert examined.is_faulty
    assert not examined.seen.findings
    assert examined.seen.undecided == (MIXED,)
