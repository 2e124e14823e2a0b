"""The viewer's word on the networks, the maps over the picture, and how both reach the screen."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
import tifffile

pytest.importorskip("qtpy.QtWidgets", reason="Qt's system libraries", exc_type=ImportError)

from qtpy.QtCore import Qt

from livesim.pipeline.networks import why_none
from livesim.values.figure import Tone
from livesim.values.frames import StackIndex
from livesim.values.verdict import ERROR, RESIDUAL, SHOWN, TrustWord
from livesim.wire.messages import StreamStart, TrustMaps
from livesim.wire.status import EngineState
from livesim_gui.picture.overlay import Name
from livesim_gui.state.picture.look import Look
from livesim_gui.state.picture.snapshot import Snapshot, save_data
from livesim_gui.state.picture.stages import NETWORK, PLAIN, stages_of
from livesim_gui.state.picture.tint import SIGMAS, tint
from livesim_gui.state.stream.feed import Feed
from livesim_gui.state.trust.trusted import ALL_OVERRULED, NOTHING, UNJUDGED, trusted
from livesim_gui.state.viewer import Viewer
from tests.doubles.fake_engine import FakeEngine, engine_status, in_use, trust_status
from tests.support.shown import result
from tests.support.viewer_window import WAIT_MS, feed, make, pixels, press, window

__all__ = ["feed", "make", "window"]

SIDE = 32


def maps(time=3, stream="s", value=SIGMAS, names=(ERROR,)):
    """Return maps that say nothing, but `value` in the left half."""
    image = np.zeros((SIDE, SIDE), np.float32)
    image[:, : SIDE // 2] = value
    return TrustMaps(stream, StackIndex(time=time), dict.fromkeys(names, image))


WORDS = {
    TrustWord.TRUSTED: ("✔ trusted", Tone.GOOD),
    TrustWord.LOOK: ("▲ look", Tone.NOTE),
    TrustWord.DO_NOT_TRUST: ("✖ do not trust", Tone.BAD),
}


@pytest.mark.parametrize("word", WORDS)
def test_every_word_has_a_shape_and_a_colour_of_its_own(word):
    found = trusted(engine_status(trust=trust_status(word=word)))
    assert (found.word, found.tone) == WORDS[word]
    assert len({one[0][0] for one in WORDS.values()}) == len(WORDS)


def test_reasons_come_as_sentences_with_what_to_do():
    status = trust_status(
        word=TrustWord.LOOK, reasons=("too few photons", "is x = 2?"), advice="Take more light."
    )
    found = trusted(engine_status(trust=status))
    assert found.reasons == ("Too few photons.", "Is x\xa0=\xa02?", "Take more light.")
    assert found.tip.splitlines() == list(found.reasons)


def test_the_cards_are_spoken_of_in_both_cases():
    like = trusted(engine_status(trust=trust_status()))
    assert any("look like those that the networks were trained on" in f for f in like.facts)
    unlike = trust_status(unlike=("not like the training",))
    assert not any("were trained on" in f for f in trusted(engine_status(trust=unlike)).facts)


def test_a_camera_that_is_not_what_its_settings_say_is_named():
    found = trusted(engine_status(trust=trust_status(noise_ratio=2.2)))
    assert any("The noise is 2.2 times" in fact for fact in found.facts)
    usual = trusted(engine_status(trust=trust_status(noise_ratio=1.1)))
    assert not any("The noise is" in fact for fact in usual.facts)


def test_numbers_come_in_words_and_the_carried_share_as_a_bar():
    found = trusted(engine_status(trust=trust_status(carried_percent=96.6)))
    assert found.carried == 96.6
    said = "\n".join(found.facts)
    assert "Of what the networks changed, 61 % is shown" in said
    assert "off by ± 4.0 % of the light" in said
    assert trusted(engine_status(trust=trust_status(carried_percent=math.nan))).carried is None


def test_nothing_is_said_where_no_network_is_at_work():
    assert trusted(None) is NOTHING
    assert trusted(engine_status(state=EngineState.IDLE, trust=None)) is NOTHING
    alone = trusted(engine_status(in_use=in_use()))
    assert alone.word == ""
    assert "No network is at work" in alone.reasons[0]


def without_trust(*warnings, notes=(), models=("pair-one.safetensors",)):
    """Return the words for channels with these warnings before anything was reviewed."""
    used = in_use()
    patterns = {n: replace(used.patterns[0], warnings=each) for n, each in enumerate(warnings)}
    update = {"patterns": patterns, "notes": notes, "models": dict.fromkeys(models, "0")}
    return trusted(engine_status(in_use=used.model_copy(update=update)))


BLIND = why_none(replace(in_use().patterns[0], angles=()))


def test_why_no_network_runs_is_said():
    found = without_trust(("angle 2 is weak", BLIND))
    assert (found.word, found.tone) == ("▲ no network", Tone.NOTE)
    assert found.reasons[0].startswith("No network runs: no angle of the pattern was found")
    assert found.reasons[1:] == ("What is shown is the plain reconstruction.",)
    note = "no network runs: expected the layout 3x3, found hexagonal"
    misfit = without_trust((), notes=(note,), models=())
    assert misfit.reasons[0] == "No network runs: expected the layout 3x3, found hexagonal."


def test_networks_of_one_channel_are_waited_for_though_another_has_none():
    assert without_trust((BLIND,), ()).word == "… not judged yet"


def test_until_the_photons_have_judged_the_words_say_that_the_picture_is_plain():
    waiting = in_use().model_copy(update={"models": {"pair-one.safetensors": "0"}})
    found = trusted(engine_status(in_use=waiting))
    assert found.word == "… not judged yet"
    assert found.reasons == (f"{UNJUDGED}.",)
    assert not found.can_ask


def test_colours_say_the_sign_and_the_middle_is_as_clear_as_wanted():
    image = np.array([[-SIGMAS, 0.0, SIGMAS, 99.0, np.nan]], np.float32)
    blue, middle, red, beyond, unknown = tint(RESIDUAL, image, 3, 0.0).rgba[0].astype(int)
    assert blue[2] > 150 > blue[0]
    assert red[0] > 150 > red[2]
    assert blue[3] == red[3] == 255
    assert middle[3] < 3
    np.testing.assert_array_equal(beyond, red)
    np.testing.assert_array_equal(unknown, middle)
    assert tint(RESIDUAL, image, 3, 1.0).rgba[..., 3].min() == 255


@pytest.mark.parametrize(
    ("most", "high"), [(0.0, "1"), (0.03, "0.03"), (7.0, "7"), (20.0, "20"), (210.0, "300")]
)
def test_the_error_is_clear_at_nothing_and_its_scale_a_round_number(most, high):
    found = tint(ERROR, np.array([[0.0, most, np.nan]], np.float32), 3, 0.0)
    assert (found.bar.low, found.bar.high) == ("0", f"± {high} photo-electrons")
    nothing, much, unknown = found.rgba[0].astype(int)
    assert nothing[3] == unknown[3] == 0
    assert most == 0.0 or much[3] > 100


def test_the_share_is_clear_where_everything_is_shown():
    found = tint(SHOWN, np.array([[0.0, 1.0, np.nan]], np.float32), 3, 0.0)
    assert (found.bar.low, found.bar.high) == ("0 %", "100 %")
    overruled, shown, unknown = found.rgba[0].astype(int)
    assert overruled[3] == 255
    assert min(overruled[0], overruled[2]) > 150 > overruled[1], "violet"
    assert shown[3] == unknown[3] == 0


MAPPED = Look(map=ERROR)


def live(*results, look=MAPPED):
    """Return a viewer that was shown these results."""
    feed = Feed()
    feed.begin("tcp://127.0.0.1:1")
    viewer = Viewer(feed, look)
    for time in results:
        feed.take(1, result(time), 0.1 * time)
    return viewer


def test_a_map_lies_over_the_result_that_it_is_about_and_over_no_other():
    viewer = live(0, 1, 2)
    viewer.stream.feed.take(1, maps(1), 0.3)
    scene = viewer.tick(0.3)
    assert scene.shot.result.index.time == 1
    assert "result 1" in scene.tint.bar.title
    viewer.time.step(1)
    assert viewer.tick(0.4).tint is None, "another result is held"
    viewer.time.step(-1)
    assert viewer.tick(0.5).tint is scene.tint, "coloured once"


def test_without_a_map_the_newest_result_is_shown():
    viewer = live(0, 1, 2, look=Look())
    viewer.stream.feed.take(1, maps(1), 0.3)
    assert viewer.tick(0.3).shot.result.index.time == 2
    viewer.display.look = MAPPED
    assert viewer.tick(0.4).shot.result.index.time == 1


def test_the_next_review_brings_its_own_result():
    viewer = live(0, 1, 2)
    viewer.stream.feed.take(1, maps(1), 0.3)
    first = viewer.tick(0.3).tint
    viewer.stream.feed.take(1, maps(2), 0.4)
    scene = viewer.tick(0.4)
    assert scene.shot.result.index.time == 2
    assert scene.tint is not first


def test_maps_of_a_result_that_is_forgotten_are_not_laid_over_another():
    viewer = live(0, 1, 2)
    viewer.stream.feed.take(1, maps(7), 0.3)
    assert viewer.tick(0.3).tint is None


def test_every_channel_has_maps_of_its_own():
    feed = Feed()
    feed.begin("tcp://127.0.0.1:1")
    viewer = Viewer(feed, MAPPED)
    for channel in (0, 1):
        feed.take(1, result(0, channel=channel), 0.0)
        image = np.full((SIDE, SIDE), 1.0 + channel, np.float32)
        image[0] = 5.0
        feed.take(1, TrustMaps("s", StackIndex(channel=channel), {ERROR: image}), 0.0)
    first = viewer.tick(0.1).tint
    viewer.channels.chosen = 1
    second = viewer.tick(0.2).tint
    assert (first.rgba != second.rgba).any()


def test_maps_of_a_stream_that_is_over_are_dropped():
    feed = Feed()
    feed.begin("tcp://127.0.0.1:1")
    feed.take(1, result(0, stream="new"), 0.0)
    feed.take(1, maps(stream="old"), 0.1)
    assert feed.news(0.1).maps == {}
    assert feed.news(0.1).stream == "new"
    feed.take(1, maps(stream="new"), 0.2)
    assert list(feed.news(0.2).maps) == [(0, 0)]
    feed.take(1, StreamStart(stream="newer"), 0.3)
    assert feed.news(0.3).maps == {}


def test_one_key_lays_the_error_over_the_picture_and_takes_it_away(window, qtbot):
    plain = pixels(window.widgets.picture)[60:-80]
    window.viewer.stream.feed.take(1, maps(), 1.0)
    press(window, qtbot, Qt.Key.Key_T)
    tinted = pixels(window.widgets.picture)[60:-80]
    middle = plain.shape[1] // 2
    changed = (tinted != plain).any(axis=2)
    view = window.widgets.picture.view
    left = max(0, int(-view.left() * window.widgets.picture.screen_per_raw)) + 8
    assert changed[:, left : middle - 8].mean() > 0.9
    assert changed[:, middle + 8 :].mean() < 0.2
    red, blue = tinted[..., 2].astype(int), tinted[..., 0].astype(int)
    assert (red - blue)[:, left : middle - 8].mean() > 100, "the bright end of the scale"
    assert (
        "Error of the restored image, result 3" in window.widgets.picture.overlay.captions.bar.title
    )
    press(window, qtbot, Qt.Key.Key_T)
    np.testing.assert_array_equal(pixels(window.widgets.picture)[60:-80], plain)


def test_the_word_stands_in_the_corner_and_leads_to_its_reasons(window, qtbot):
    top, panel = window.widgets.top, window.widgets.trust
    assert not top.trust.isVisible()
    status = trust_status(
        word=TrustWord.DO_NOT_TRUST, reasons=("the photons contradict it",), advice="Use the plain."
    )
    window.viewer.stream.feed.answer(1, engine_status(trust=status))
    window.draw()
    window.presenter.renew()
    assert top.trust.isVisible()
    assert top.trust.text() == "✖ do not trust"
    assert "The photons contradict it." in top.trust.toolTip()
    qtbot.mouseClick(top.trust, Qt.MouseButton.LeftButton)
    assert window.widgets.tabs.currentWidget() is panel
    assert "Use the plain." in panel.reasons.text()


def test_maps_are_chosen_in_the_panel_and_those_not_made_are_called_so(window):
    panel = window.widgets.trust
    window.viewer.stream.feed.take(1, maps(names=(ERROR, SHOWN)), 1.0)
    panel.map.setCurrentIndex(panel.map.findData(SHOWN))
    panel.map.activated.emit(panel.map.currentIndex())
    window.draw()
    window.presenter.renew()
    assert "change that is shown" in window.viewer.display.scene.tint.bar.title
    assert panel.map.itemText(panel.map.findData(RESIDUAL)).endswith("(not made yet)")
    assert "they were overruled" in panel.meaning.text()
    panel.opacity.setValue(100)
    window.draw()
    assert window.viewer.display.scene.tint.rgba[..., 3].min() == 255


def test_a_review_is_asked_of_the_engine_which_is_asked_for_all_stages(make, qtbot):
    window = make()
    with FakeEngine(trust=trust_status()) as engine:
        window.user_actions.engine.connect(engine.address)
        panel = window.widgets.trust
        qtbot.waitUntil(lambda: panel.check.isEnabled(), timeout=WAIT_MS)
        assert panel.carried.text() == "97 % of the structure is carried by photons"
        assert (panel.bar.isVisibleTo(panel), panel.bar.value()) == (True, 97)
        panel.check.click()
        qtbot.waitUntil(lambda: engine.reviews == 1, timeout=WAIT_MS)
        assert engine.stages_asked
        window.close()


def shown(window, made, **status):
    """Show one result with this status."""
    window.viewer.stream.feed.answer(1, engine_status(**status))
    window.viewer.stream.feed.take(1, made, window._clock())
    window.draw()
    window.presenter.renew()
    return window.widgets.picture.overlay.captions


def test_one_key_flips_between_restored_and_networks_alone_which_are_marked(window, qtbot):
    captions = shown(window, result(11, network=True))
    assert (captions.right.title, captions.right.note) == ("Restored", "")
    before = pixels(window.widgets.picture)
    press(window, qtbot, Qt.Key.Key_N)
    captions = window.widgets.picture.overlay.captions
    assert captions.right.title == "Networks alone"
    assert captions.right.note == "not arbitrated: may invent structure"
    framed = pixels(window.widgets.picture)[1, :].astype(int)
    assert (framed[:, 2] - framed[:, 0]).min() > 100, "an amber frame"
    press(window, qtbot, Qt.Key.Key_N)
    np.testing.assert_array_equal(pixels(window.widgets.picture), before)
    press(window, qtbot, Qt.Key.Key_N)
    press(window, qtbot, Qt.Key.Key_X)
    captions = window.widgets.picture.overlay.captions
    assert captions.left == Name("Restored")
    assert captions.right.framed


def test_the_key_says_where_there_is_no_image_of_the_networks_alone(window, qtbot):
    press(window, qtbot, Qt.Key.Key_N)
    assert "no image of the networks alone" in window.widgets.notice.text()
    assert window.viewer.display.look.stage != NETWORK


def test_a_restored_image_that_is_the_plain_one_says_why(window):
    made = result(11, plain=True)
    same = replace(made, plain=made.image)
    waiting = in_use().model_copy(update={"models": {"pair-one.safetensors": "0"}})
    assert shown(window, same, in_use=waiting).right == Name("Restored", UNJUDGED)
    assert window.widgets.top.trust.text() == "… not judged yet"
    later = shown(window, replace(same, index=StackIndex(time=12)), trust=trust_status())
    assert later.right == Name("Restored", UNJUDGED), "published while the review went on"
    refused = trust_status(shown_percent=0.0)
    judged = shown(window, replace(same, index=StackIndex(time=13)), trust=refused)
    assert judged.right == Name("Restored", ALL_OVERRULED)
    assert not shown(window, result(14, plain=True), trust=trust_status()).right.note


def test_the_value_below_the_mouse_has_its_error(window):
    shown(window, result(3, plain=True))
    window.viewer.stream.feed.take(1, maps(3, value=2.5), 3.0)
    window.draw()
    window.user_actions.picture._show_value(4.0, 4.0)
    assert " ± 2.5 photo-electrons" in window.widgets.value.text()
    window.user_actions.picture.show_stage(PLAIN)
    window.draw()
    window.user_actions.picture._show_value(4.0, 4.0)
    assert "±" not in window.widgets.value.text()


def test_a_snapshot_of_the_networks_alone_says_what_it_is(tmp_path):
    stage = stages_of(result(network=True))[NETWORK]
    taken = Snapshot(stage, 0.08, datetime(2024, 5, 1, tzinfo=UTC))
    with tifffile.TiffFile(save_data(taken, tmp_path)) as file:
        assert "not arbitrated" in file.imagej_metadata["Info"]


def test_asking_without_an_engine_says_so(window):
    window.user_actions.trust.review()
    assert window.widgets.notice.text() == "No engine is connected."
