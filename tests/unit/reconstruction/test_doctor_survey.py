"""Long recordings, looked at in pieces: what is told of a place nobody looked at."""

import pytest
import torch

from livesim.reconstruction.doctor.finding import Fault
from livesim.reconstruction.doctor.survey import Survey
from livesim.reconstruction.forward.model import camera_counts
from tests.support.faults import PIXEL_NM, SETTINGS
from tests.support.scenes import CAMERA, simulate

STACKS = 60
EXPECTED = simulate(2, (96, 96), 300.0).expected.flatten(0, 1)


class LongRecording:
    """One specimen under noise of its own in every frame; counts what is read."""

    def __init__(self, places):
        self.places = places
        self.read_frames = 0

    def __len__(self):
        return len(self.places)

    def read(self, first, count):
        places = self.places[first : first + count]
        self.read_frames += len(places)
        generator = torch.Generator().manual_seed(first)
        return camera_counts(EXPECTED[[place % 9 for place in places]], CAMERA, generator)

    def findings(self):
        return Survey(self.read, len(self), SETTINGS, PIXEL_NM).run().findings


def test_a_sound_one_is_read_in_pieces():
    recording = LongRecording(list(range(9 * STACKS)))
    assert recording.findings() == ()
    assert recording.read_frames == 6 * 27


@pytest.mark.parametrize("at", [131, 500])
def test_a_lost_frame_is_found_between_the_pieces(at):
    places = list(range(9 * STACKS))
    recording = LongRecording([*places[:at], *places[at + 1 :]])
    (finding,) = recording.findings()
    assert (finding.fault, finding.frames) == (Fault.LOST_FRAME, (at,))
    assert recording.read_frames < len(recording)


def test_a_repeated_frame_is_found_between_the_pieces():
    places = list(range(9 * STACKS))
    (finding,) = LongRecording([*places[:200], *places[199:]]).findings()
    assert (finding.fault, finding.frames) == (Fault.REPEATED_FRAME, (200,))


def test_a_rotation_from_the_start_is_told_once():
    (finding,) = LongRecording(list(range(2, 9 * STACKS))).findings()
    assert (finding.fault, finding.value) == (Fault.ROTATED, 2)
    assert "in frames" not in finding.words


def test_a_fault_of_one_piece_says_where():
    recording = LongRecording(list(range(9 * STACKS)))
    inner = recording.read

    def read(first, count):
        frames = inner(first, count).float()
        return frames.clamp(max=200.0) if first == 0 else frames

    (finding,) = Survey(read, len(recording), SETTINGS, PIXEL_NM).run().findings
    assert finding.fault is Fault.SATURATION
    assert finding.words.endswith("(in frames 0 to 26)")
