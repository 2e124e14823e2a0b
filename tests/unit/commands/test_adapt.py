"""What `livesim adapt` writes: a model that can be used, or nothing."""

import json
import resource
import signal
from dataclasses import replace

import numpy as np
import pytest
import tifffile

from livesim.commands.adapt import command, samples
from livesim.commands.adapt.command import AdaptRequest, adapt_network
from livesim.config.settings import Settings, SettingsError, Steps, load_settings
from livesim.io.recipe import Recipe
from livesim.io.recording_files import RAW_NAME
from livesim.io.write.output_layout import RawLayout
from livesim.io.write.recorder import RawRecorder
from livesim.pipeline.devices import preferred_device
from livesim.pipeline.networks import load_networks, resolved
from livesim.values.errors import DataError
from livesim.values.frames import RawStack, StackIndex
from livesim_models.checkpoint import read_card
from livesim_models.training.adaptation import Adapted, Look
from livesim_models.training.judging import Errors
from tests.support.scenes import settings_text, simulate

FELL = Errors(0.5, 0.4, 0.01)


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    scene = simulate(4, (160, 160), peak=60.0)
    path = tmp_path_factory.mktemp("raw") / "cells.tif"
    tifffile.imwrite(path, scene.counts[0].flatten(0, 1).numpy(), imagej=False)
    path.with_suffix(".toml").write_text(settings_text())
    return path


@pytest.fixture
def taught(monkeypatch):
    """Let an adaptation end at once, with an outcome that is asked for."""

    def outcome(errors, recordings=None):
        def adapt(network, evidence, rehearsal, most_seconds, tell):
            names = {one.recording: errors for one in evidence}
            return Adapted(network, 75, 30.0, errors, recordings or names)

        monkeypatch.setattr(command, "adapt", adapt)
        monkeypatch.setattr(command, "rehearsal", list)

    return outcome


def test_a_network_that_gained_is_written_with_what_it_was_adapted_to(raw, tmp_path, taught):
    taught(FELL)
    out = tmp_path / "mine.safetensors"
    assert adapt_network(AdaptRequest([raw], out=out))
    card = read_card(out)
    assert (card.name, card.on_plain, card.layout) == ("mine", True, "any")
    assert card.adapted_to.model == "quick"
    assert card.adapted_to.recordings == {"cells": 1}
    assert (card.adapted_to.error_before, card.adapted_to.error_after) == (0.5, 0.4)
    assert card.training["steps"] == 75


def test_what_was_written_is_used_by_its_path_and_recorded_with_its_card(raw, tmp_path, taught):
    taught(FELL)
    out = tmp_path / "mine.safetensors"
    adapt_network(AdaptRequest([raw], out=out))
    settings = Settings.model_validate(
        {"optics": {"numerical_aperture": 1.2, "emission_nm": 525.0, "pixel_nm": 80.0}}
    ).model_copy(update={"steps": Steps(two=str(out))})
    networks = load_networks(settings, preferred_device())
    assert networks.step_one is None, "none runs in front of it"
    assert list(networks.models) == ["mine.safetensors"]
    assert resolved(settings).cards["mine.safetensors"]["adapted_to"]["model"] == "quick"


@pytest.mark.parametrize(
    "errors", [Errors(0.5, 0.49, 0.01), Errors(0.5, 0.6, 0.01), replace(FELL, uncertainty=0.2)]
)
def test_where_nothing_was_gained_nothing_is_written_and_that_is_said(
    raw, tmp_path, taught, capsys, errors
):
    taught(errors)
    assert not adapt_network(AdaptRequest([raw], out=tmp_path / "mine.safetensors"))
    assert list(tmp_path.iterdir()) == []
    assert "nothing was gained" in capsys.readouterr().err


def test_one_stack_alone_is_said_to_be_judged_by_places(raw, tmp_path, taught, capsys):
    taught(FELL)
    adapt_network(AdaptRequest([raw], out=tmp_path / "mine.safetensors", as_json=True))
    said = capsys.readouterr()
    assert "1 raw stack; with one stack only every fourth place is held out" in said.err
    assert json.loads(said.out.splitlines()[-1])["wrote"] == [str(tmp_path / "mine.safetensors")]


def test_a_network_that_works_on_raw_frames_is_refused(raw, tmp_path):
    with pytest.raises(SettingsError, match="expected a network on the plain image"):
        adapt_network(AdaptRequest([raw], start="pair", out=tmp_path / "mine.safetensors"))


@pytest.fixture
def growing(raw, tmp_path):
    """A stream of two raw stacks that is still being recorded, and what records it."""
    settings = load_settings(raw.with_suffix(".toml"))
    counts = tifffile.imread(raw).reshape(3, 3, 160, 160).astype(np.uint16)
    folder = tmp_path / "stream-001"
    folder.mkdir()
    layout = RawLayout(3, 3, 160, 160, settings.optics.pixel_nm)
    with RawRecorder(folder / RAW_NAME, layout, Recipe(settings=settings)) as recorder:
        for time in range(2):
            recorder.write(RawStack("s", StackIndex(time=time), counts, last_received_ns=time + 1))
        yield folder, recorder


def test_a_stream_that_is_still_recorded_is_taken_as_far_as_it_is_there(growing, taught):
    folder, _ = growing
    taught(FELL)
    out = folder.with_name("mine.safetensors")
    assert adapt_network(AdaptRequest([folder], out=out))
    assert read_card(out).adapted_to.recordings == {"stream-001": 2}


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_recording_that_is_closed_while_it_is_read_is_read_under_its_name(
    growing, taught, monkeypatch, moment
):
    folder, recorder = growing
    taught(FELL)
    spread = samples.spread_stacks

    def closing(*arguments):
        if moment == "before":
            recorder.close()
        stacks = spread(*arguments)
        recorder.close()
        return stacks

    monkeypatch.setattr(samples, "spread_stacks", closing)
    out = folder.with_name("mine.safetensors")
    assert adapt_network(AdaptRequest([folder], out=out))
    assert read_card(out).adapted_to.recordings == {"stream-001": 2}


def test_a_disk_that_is_full_is_said_and_leaves_nothing(raw, tmp_path, taught):
    taught(FELL)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        with pytest.raises(DataError, match=r"mine\.safetensors: expected room for it, found that"):
            adapt_network(AdaptRequest([raw], out=tmp_path / "mine.safetensors"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(tmp_path.iterdir()) == []


def test_an_interrupt_while_recordings_are_read_leaves_nothing(raw, tmp_path, taught, monkeypatch):
    def calibrated(*_):
        signal.raise_signal(signal.SIGINT)
        return calibrate(*_)

    taught(FELL)
    calibrate = samples.calibrate
    monkeypatch.setattr(samples, "calibrate", calibrated)
    with pytest.raises(KeyboardInterrupt):
        adapt_network(AdaptRequest([raw], out=tmp_path / "mine.safetensors"))
    assert list(tmp_path.iterdir()) == []


def test_an_interrupt_later_judges_the_best_so_far_and_says_so(raw, tmp_path, monkeypatch, capsys):
    def adapt(network, evidence, rehearsal, most_seconds, tell):
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            tell(Look(3, 0.5, 0.7, 0.7))
        return Adapted(network, 3, 0.5, FELL, {"cells": FELL})

    monkeypatch.setattr(command, "adapt", adapt)
    monkeypatch.setattr(command, "rehearsal", list)
    out = tmp_path / "mine.safetensors"
    assert adapt_network(AdaptRequest([raw], out=out))
    assert read_card(out).training["steps"] == 3
    assert "interrupted: the best network so far is judged" in capsys.readouterr().err


def test_an_existing_file_stays(raw, tmp_path):
    out = tmp_path / "mine.safetensors"
    out.write_text("mine")
    with pytest.raises(DataError, match="expected a new name"):
        adapt_network(AdaptRequest([raw], out=out))
    assert out.read_text() == "mine"
