"""The dose helper: light levels measured one by one, and the lowest that still passes."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest

from livesim.commands.simulate.files import RAW_NAME, simulate_files
from livesim.engine.beside.tracking_log import TrackingLog
from livesim.engine.channels import pattern_now
from livesim.io.read.open import open_recording
from livesim.pipeline.build import pipeline_factory
from livesim.pipeline.networks import resolved
from livesim.values.frames import StackIndex
from livesim.values.illumination import STEP_DEG, WEAK_MODULATION
from livesim.values.pattern import FAINT_MCNR, FAINT_PEAK
from livesim.values.verdict import TrustWord
from livesim.wire.control import RecalibrateRequest
from livesim.wire.stream_status import ChannelStatus, SteeringStatus
from livesim_acquisition.microscope.demo import demo_settings
from livesim_gui.state.dose.ladder import COLUMNS, PATIENCE, STACKS, Ladder, dose_of
from livesim_gui.state.stream.feed import News
from livesim_gui.state.time.ring import Shot
from tests.doubles.fake_engine import (
    FakeEngine,
    angle_status,
    engine_status,
    in_use,
    tracking_status,
    trust_status,
)
from tests.support.shown import result

WAIT_MS = 60_000
MODELS = {"pair-two.safetensors": "00"}


def used(networks=True, **angle):
    """Return what is in use, with these values of every angle."""
    own = in_use()
    pattern = own.patterns[0]
    angles = tuple(replace(one, **angle) for one in pattern.angles)
    update = {"patterns": {0: replace(pattern, angles=angles)}}
    return own.model_copy(update=update | {"models": MODELS if networks else {}})


def status(
    done=100, trust=None, *, recalibrating=False, watched=(), networks=True, stream="s", **angle
):
    known = engine_status(
        stream=stream,
        in_use=used(networks, **angle),
        steering=SteeringStatus(recalibrating=recalibrating),
        tracking=tracking_status(*watched),
        trust=trust,
    )
    last = known.stages[3].model_copy(update={"done": done})
    return known.model_copy(update={"stages": (*known.stages[:3], last, *known.stages[4:])})


def judged(trust=trust_status(), photons=50.0, name="50 ms", **values):  # noqa: B008
    return dose_of(name, status(**values), photons, trust)


class Engine:
    """Says one status after the other to a ladder."""

    def __init__(self, ladder):
        self.ladder, self.number, self.time = ladder, 0, 0

    def say(self, done=100, photons=50.0, **values):
        self.number += 1
        shot = Shot(0, replace(result(self.time), widefield=result().widefield * 0 + photons))
        return self.ladder.see(
            News(status=status(done, **values), statuses=self.number, shots=(shot,))
        )

    def measure(self, name, photons=50.0, **values):
        """Go through a whole dose."""
        self.ladder.ask(name, status(mcnr=99.0))
        self.ladder.begun(self.number)
        for done in (0, 0, 0, STACKS):
            self.say(done, photons, trust=trust_status(), **values)
        assert self.ladder.measuring is None


def test_a_good_dose_passes_with_the_numbers_of_its_worst_angle():
    dose = judged(watched=(angle_status(), angle_status(modulation=0.6, error_deg=0.9)))
    assert dose.passes
    assert (dose.mcnr, dose.modulation, dose.error_deg) == (7.2, 0.6, 0.9)
    assert dose.cells[:-1] == ("50 ms", "50", "7.2", "3 of 3", "0.60", "0.9°", "trusted")


AT_LIMIT = {
    "modulation": {"watched": (angle_status(modulation=WEAK_MODULATION),)},
    "phases": {"watched": (angle_status(error_deg=STEP_DEG),)},
    "mcnr": {"mcnr": FAINT_MCNR, "peak_to_noise": 5.0},
    "peak": {"mcnr": 0.1, "peak_to_noise": FAINT_PEAK},
}
BEYOND = {
    "weak": ({"watched": (angle_status(state="weak"),)}, "modulation is weak"),
    "modulation": (
        {"watched": (angle_status(modulation=WEAK_MODULATION - 0.01),)},
        "modulation is weak",
    ),
    "phases": ({"watched": (angle_status(error_deg=STEP_DEG + 0.1),)}, "known to ±1.1° only"),
    "faint": ({"mcnr": FAINT_MCNR - 0.1, "peak_to_noise": FAINT_PEAK - 1}, "hardly stand out"),
    "unusable": ({"usable": False}, "fringes at 0 of 3 angles only"),
    "lost": ({"watched": (angle_status(state="lost"), angle_status())}, "fringes at 2 of 3"),
    "denied": (
        {"trust": trust_status(word=TrustWord.DO_NOT_TRUST, reasons=("the photons deny it",))},
        "networks: do not trust, the photons deny it",
    ),
    "look": ({"trust": trust_status(word=TrustWord.LOOK)}, "networks: look"),
    "unchecked": ({"trust": None}, "networks' work was not checked"),
}


@pytest.mark.parametrize("case", AT_LIMIT)
def test_at_the_limits_of_tracking_and_calibration_a_dose_still_passes(case):
    assert judged(**AT_LIMIT[case]).passes


@pytest.mark.parametrize("case", BEYOND)
def test_beyond_any_limit_it_does_not_and_says_why(case):
    values, words = BEYOND[case]
    dose = judged(**values)
    assert not dose.passes
    assert words in "; ".join(dose.against)


def test_without_networks_there_is_nothing_to_check_of_them():
    assert judged(trust=None, networks=False).passes


def test_a_dose_waits_for_its_pattern_then_for_stacks_then_for_a_review():
    ladder = Ladder()
    engine = Engine(ladder)
    engine.time = 7
    ladder.ask("50 ms", status(mcnr=99.0))
    ladder.begun(engine.number)
    engine.say(90)  # on its way before the request
    assert "looking for the pattern" in ladder.progress
    engine.say(95, recalibrating=True)
    assert "looking for the pattern" in ladder.progress
    engine.say(100)
    engine.say(100 + STACKS - 1)
    assert ladder.progress == f"50 ms: {STACKS - 1} of {STACKS} raw stacks…"
    old = trust_status(index=StackIndex(time=6))
    assert engine.say(100 + STACKS, trust=old), "a review of older light says nothing"
    assert not engine.say(100 + STACKS, trust=old), "asked for once"
    assert ladder.doses == ()
    engine.say(100 + STACKS, trust=trust_status(index=StackIndex(time=7)))
    assert [(dose.name, dose.passes) for dose in ladder.doses] == [("50 ms", True)]
    assert ladder.progress == ""


def test_a_review_that_never_comes_is_not_waited_for_for_ever():
    ladder = Ladder()
    engine = Engine(ladder)
    ladder.ask("50 ms", status(mcnr=99.0))
    ladder.begun(engine.number)
    for done in (0, 0, 0, *[STACKS] * (PATIENCE + 1)):
        engine.say(done)
    assert ladder.doses[0].against == ("the networks' work was not checked",)


def test_another_stream_in_the_middle_begins_the_dose_again():
    ladder = Ladder()
    engine = Engine(ladder)
    ladder.ask("50 ms", status(mcnr=99.0))
    ladder.begun(engine.number)
    for done in (0, 0, STACKS - 1):
        engine.say(done)
    engine.say(STACKS, stream="t")
    assert ladder.progress == f"50 ms: 0 of {STACKS} raw stacks…"
    engine.say(2 * STACKS, stream="t", trust=trust_status(stream="t"))
    assert [dose.passes for dose in ladder.doses] == [True]


def test_a_calibration_that_found_nothing_is_no_pass_on_the_old_numbers():
    ladder = Ladder()
    engine = Engine(ladder)
    ladder.ask("1 ms", status())
    ladder.begun(engine.number)
    for done in (0, 0, 0, STACKS):
        engine.say(done, trust=trust_status())
    assert ladder.doses[0].against == ("no fringes were found in this light",)
    assert ladder.doses[0].mcnr is None


def test_the_lowest_dose_that_passes_is_named_with_what_is_wrong_below_it():
    ladder = Ladder()
    engine = Engine(ladder)
    assert "as much light as the specimen bears" in ladder.words
    engine.measure("100 ms", 200.0)
    assert ladder.words == "100 ms is enough. Less has not been tried yet: go on."
    engine.measure("50 ms", 100.0)
    engine.measure("20 ms", 40.0, watched=(angle_status(error_deg=2.4),))
    assert ladder.lowest.name == "50 ms"
    assert ladder.words == (
        "50 ms is enough. 20 ms is not: the phases are known to ±2.4° only, not to 1°."
    )
    engine.measure("100 ms", 200.0, usable=False)
    assert len(ladder.doses) == 3, "a dose measured again takes the place of the first"
    assert "100 ms, with more light, does not pass" in ladder.words
    ladder.clear()
    engine.measure("10 ms", 20.0, usable=False)
    assert ladder.words.startswith("Nothing passes yet. 10 ms: fringes at 0 of 3")


def test_the_table_can_be_taken_away_as_text_and_as_csv():
    ladder = Ladder()
    Engine(ladder).measure('50 ms, "blue"', 100.0)
    rows = list(csv.reader(io.StringIO(ladder.csv)))
    assert rows == [list(COLUMNS), list(ladder.doses[0].cells)]
    head, line, rest = ladder.table.split("\n")
    assert head.index("photons") == line.index("100")
    assert rest == ""


# Real figures.

LIGHT = (1000.0, 100.0, 20.0, 5.0)
SIZE, TIMES = 128, 9


def measured(photons, folder):
    """Return the dose of a simulated recording that passes through the pipeline."""
    settings = resolved(demo_settings(SIZE, photons, TIMES)).settings
    simulate_files(settings, folder)
    with open_recording(folder / RAW_NAME, settings.pattern) as recording:
        stacks = [recording.stack(index) for index in recording.indices]
    make = pipeline_factory(settings)
    pipeline = next(p for n in range(1, TIMES + 1) if (p := make(stacks[:n], n == TIMES)))
    try:
        last = [pipeline.begin(stack).take() for stack in stacks][-1]
        watch = TrackingLog(lambda changes: None, None, lambda: None)
        watch.begin(pipeline)
        own = used().model_copy(update={"patterns": {0: pattern_now(pipeline)}})
        known = engine_status(
            in_use=own, channels=(ChannelStatus(channel=0, tracking=watch.health),)
        )
    finally:
        pipeline.close()
    verdict = last.review(lambda done: None).verdict
    review = trust_status(word=verdict.word, reasons=verdict.reasons)
    return dose_of(f"{photons:g}", known, float(last.result.widefield.max()), review)


def test_of_simulated_recordings_the_lowest_that_passes_is_chosen(tmp_path):
    ladder = Ladder()
    ladder.doses = tuple(measured(photons, tmp_path / f"{photons:g}") for photons in LIGHT)
    assert [dose.passes for dose in ladder.doses] == [True, True, False, False], ladder.table
    assert ladder.lowest.name == "100"
    assert "20 is not: the fringes hardly stand out from the noise" in ladder.words
    for brighter, dimmer in zip(ladder.doses, ladder.doses[1:], strict=False):
        assert brighter.mcnr > dimmer.mcnr
        assert brighter.error_deg < dimmer.error_deg


# The widgets.

pytest.importorskip("qtpy.QtWidgets", reason="Qt's system libraries", exc_type=ImportError)


@pytest.fixture
def connected(qtbot, tmp_path):
    """A window of an engine that runs, and the engine."""
    from livesim.processes.viewer_children import Children
    from livesim_gui.app import ViewOptions, make_window

    with FakeEngine() as engine:
        window = make_window(
            ViewOptions(engine=engine.address, settings_file=tmp_path / "viewer.ini"), Children()
        )
        qtbot.addWidget(window)
        window.show()
        window.widgets.control.dose_button.click()
        qtbot.waitUntil(window.dose.next.isEnabled, timeout=WAIT_MS)
        yield window.dose, engine
        window.close()


def says(engine, known):
    own = {name: getattr(known, name) for name in ("in_use", "steering", "channels", "trust")}
    engine.say(stages=known.stages, **own)


def test_a_dose_is_measured_from_the_dialog_and_its_table_copied(connected, qtbot):
    from qtpy.QtWidgets import QApplication

    dialog, engine = connected
    assert dialog.isVisible()
    dialog.next.click()
    assert "Name the light first" in dialog.progress.text()
    assert engine.asked == []
    dialog.name.setText("50 ms")
    dialog.next.click()
    assert not dialog.next.isEnabled()
    qtbot.waitUntil(lambda: engine.asked == [RecalibrateRequest()], timeout=WAIT_MS)
    says(engine, status(0))
    qtbot.waitUntil(lambda: f"0 of {STACKS}" in dialog.progress.text(), timeout=WAIT_MS)
    says(engine, status(STACKS, trust=trust_status(stream="before")))
    qtbot.waitUntil(lambda: engine.reviews == 1, timeout=WAIT_MS)
    says(engine, status(STACKS, trust=trust_status()))
    qtbot.waitUntil(lambda: dialog.table.rowCount() == 1, timeout=WAIT_MS)
    assert dialog.words.text().startswith("50 ms is enough")
    assert dialog.next.isEnabled()
    dialog.copy_csv.click()
    assert QApplication.clipboard().text() == dialog.ladder.csv
    dialog.copy.click()
    assert QApplication.clipboard().text() == dialog.ladder.table


def test_a_calibration_that_is_refused_ends_the_dose_with_its_reason(connected, qtbot):
    dialog, engine = connected
    engine.refuses = "expected a running stream, found none"
    dialog.name.setText("50 ms")
    dialog.next.click()
    qtbot.waitUntil(lambda: "found none" in dialog.progress.text(), timeout=WAIT_MS)
    assert dialog.ladder.measuring is None
    assert dialog.next.isEnabled()
