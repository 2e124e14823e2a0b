"""What the viewer is shown of a recording that is opened as a file."""

import io

import numpy as np
import pytest
import tifffile

from livesim.commands.look.command import answer_questions
from livesim.config.settings import Settings
from livesim.values.frames import StackIndex
from livesim.values.results import VolumePart
from livesim.wire.looking import Opened, Wanted, read_answer
from livesim_gui.state.picture.stages import stages_of
from livesim_gui.state.stream.edge import edge_words
from livesim_gui.state.stream.feed import News
from livesim_gui.state.time.ring import Shot
from livesim_gui.state.time.timeline import Mode

PLANES, SIZE = 6, 64


def settings(**tables):
    known = {
        "optics": {
            "numerical_aperture": 1.4,
            "emission_nm": 525.0,
            "pixel_nm": 80.0,
            "otf_damping": 1.0,
        },
        "pattern": {"phases": 5, "harmonics": 2, "sizes": {"z": PLANES}},
        "steps": {"one": "none", "two": "none"},
    }
    known["pattern"]["order"] = ["phase", "z", "angle"]
    return Settings.model_validate(known | tables)


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    """Planes of light without fringes."""
    file = tmp_path_factory.mktemp("look") / "cells.tif"
    counts = np.random.default_rng(2).poisson(100.0, (3 * PLANES * 5, SIZE, SIZE))
    tifffile.imwrite(file, counts.astype(np.uint16), metadata=None)
    return file


def looked_at(raw, chosen, z):
    question = Wanted(index=StackIndex(z=z)).model_dump_json().encode() + b"\n"
    answers = io.BytesIO()
    answer_questions(raw, chosen, io.BytesIO(question), answers)
    answers.seek(0)
    assert isinstance(opened := read_answer(answers), Opened), opened
    return read_answer(answers)


def test_planes_of_volumes_are_labelled_as_what_they_are_not(raw):
    shown = looked_at(raw, settings(volumes={"z_step_nm": 125.0}), z=2)
    assert shown.index.z == 2
    assert shown.volume == VolumePart(1, PLANES)
    assert shown.is_preview
    assert [one.title for one in stages_of(shown).values()] == ["Widefield", "2D preview"]
    words = edge_words(News(), Shot(0, shown), Mode.HELD, 0.0)
    assert words == "1 of 6 planes of the volume"


def test_single_planes_are_no_previews(raw):
    shown = looked_at(raw, settings(), z=2)
    assert shown.volume is None
    assert not shown.is_preview
