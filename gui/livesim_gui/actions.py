"""What the user does with keys and mouse in, changes of the viewer's state out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from livesim.values.verdict import SPREAD
from livesim_gui.background_tasks import BackgroundTasks
from livesim_gui.engine_access import Session
from livesim_gui.state.health.notice import Say
from livesim_gui.state.picture.contrast import SteadyContrast
from livesim_gui.state.picture.look import Look
from livesim_gui.state.picture.snapshot import save
from livesim_gui.state.viewer import Viewer
from livesim_gui.widgets import Widgets

Clock = Callable[[], float]


class Actions:
    """One method for each thing that the user can do.

    Parameters
    ----------
    say
        Tells something below the picture.
    """

    def __init__(
        self,
        viewer: Viewer,
        session: Session,
        tasks: BackgroundTasks,
        widgets: Widgets,
        say: Say,
        clock: Clock,
    ) -> None:
        self._viewer, self._session, self._tasks = viewer, session, tasks
        self._widgets, self._say, self._clock = widgets, say, clock
        self._connect_picture()
        self._connect_contrast()
        self._connect_time()
        self._connect_control()
        self._connect_trust()

    def _connect_picture(self) -> None:
        top, picture = self._widgets.top, self._widgets.picture
        top.stage_chosen.connect(self.show_stage)
        top.split_asked.connect(self.switch_split)
        top.channel_chosen.connect(self._choose_channel)
        top.merge_asked.connect(self.switch_merge)
        picture.divided.connect(lambda at: self._look(lambda look: look.divided_at(at)))
        picture.zoomed.connect(self._zoomed)
        picture.pointed.connect(self._pointed)
        picture.left.connect(lambda: self._widgets.value.setText(""))

    def _connect_contrast(self) -> None:
        panel = self._widgets.contrast
        panel.levels_set.connect(lambda low, high: self.contrast.set(low, high))
        panel.automatic_set.connect(self.set_automatic)
        panel.gamma_set.connect(lambda to: self._look(lambda look: replace(look, gamma=to)))
        panel.lut_set.connect(self._viewer.colour)

    def _connect_time(self) -> None:
        bar = self._widgets.time_bar
        bar.went_to.connect(self.go_to)
        bar.stepped.connect(self._viewer.step)
        bar.played.connect(self.play_or_hold)
        bar.live_asked.connect(self.go_live)
        bar.speed_set.connect(lambda by: self._viewer.set_speed(by, self._clock()))

    def _connect_control(self) -> None:
        panel = self._widgets.control
        panel.connect_asked.connect(self.connect)
        panel.engine_asked.connect(self.switch_engine)
        panel.simulator_asked.connect(self.switch_simulator)
        steer = self._widgets.steer
        steer.wished.connect(lambda key, value: self._session.wish(key, value, self._say))
        steer.recalibration_asked.connect(self.recalibrate)
        steer.recording_asked.connect(lambda on: self._session.record(on, self._say))

    def _connect_trust(self) -> None:
        top, panel, tabs = self._widgets.top, self._widgets.trust, self._widgets.tabs
        top.trust_asked.connect(lambda: tabs.setCurrentWidget(panel))
        panel.map_chosen.connect(self.show_map)
        panel.opacity_set.connect(lambda to: self._look(lambda look: replace(look, opacity=to)))
        panel.review_asked.connect(self.review)

    def keys(self) -> dict[str, Callable[[], None]]:
        """Return the actions by the names of their keys."""
        return {
            "swap": lambda: self._look(Look.swap),
            "split": self.switch_split,
            "merge": self.switch_merge,
            "channel": self._viewer.switch_channel,
            "fit": self._widgets.picture.fit,
            "map": self.switch_map,
            "line": lambda: self._measure(self._widgets.measure.switch_line),
            "region": lambda: self._measure(self._widgets.measure.switch_region),
            "automatic": lambda: self.set_automatic(True),
            "back": lambda: self._viewer.step(-1),
            "forward": lambda: self._viewer.step(1),
            "oldest": lambda: self.go_to(0),
            "live": self.go_live,
            "play": self.play_or_hold,
            "snapshot": self.save_snapshot,
            "record": self._widgets.steer.switch_recording,
            "recalibrate": self.recalibrate,
        }

    @property
    def contrast(self) -> SteadyContrast:
        """The contrast of the stage that is shown."""
        return self._viewer.contrast(self._viewer.look.stage or "")

    def show_stage(self, name: str) -> None:
        """Show a stage."""
        self._look(lambda look: look.show(name))

    def show_numbered(self, number: int) -> None:
        """Show the stage of a number, from 0, if there are so many."""
        names = self._widgets.top.names
        if number < len(names):
            self.show_stage(names[number])

    def switch_split(self) -> None:
        """Show two stages beside each other, or one."""
        self._look(lambda look: replace(look, split=not look.split))

    def switch_merge(self) -> None:
        """Show all channels in one picture, or one by itself."""
        self._viewer.merge = self._viewer.merge.switch()

    def switch_map(self) -> None:
        """Lay the residual map over the picture, or take it away."""
        self._look(Look.switch_map)
        if self._viewer.look.map is not None and self._viewer.maps is None:
            words = "No result has been checked yet; the map appears once one is."
            self._say(words, lambda: self._viewer.maps is not None or self._viewer.look.map is None)

    def show_map(self, name: str | None) -> None:
        """Lay a map over the picture; None takes it away."""
        self._look(lambda look: replace(look, map=name))

    def review(self, flips: bool) -> None:
        """Ask the engine to check the newest result now; with flips their spread is shown then."""
        self._session.review(flips, self._say)
        if flips:
            self.show_map(SPREAD)

    def set_automatic(self, on: bool) -> None:
        """Let the levels follow the stream, or leave them where they are."""
        if on:
            self.contrast.automatic()
        else:
            levels = self.contrast.levels
            self.contrast.set(levels.low, levels.high)

    def play_or_hold(self) -> None:
        """Play from here, or hold."""
        self._viewer.play_or_hold(self._clock())

    def go_live(self) -> None:
        """Go back to the newest result."""
        self._viewer.timeline = self._viewer.timeline.live()

    def go_to(self, place: int) -> None:
        """Hold the result at a place in the memory."""
        shots = self._viewer.shots
        if place < len(shots):
            self._viewer.timeline = self._viewer.timeline.hold(shots[place].number)

    def save_snapshot(self) -> None:
        """Write what is shown, as PNG and as TIFF, while the stream goes on."""
        snapshot = self._viewer.snapshot(datetime.now().astimezone())
        if snapshot is None:
            words = "There is no picture to save yet."
            self._say(words, lambda: self._viewer.scene is not None)
            return
        folder = Path(self._widgets.control.snapshots.text()).expanduser()
        begun = self._tasks.run(
            "snapshot",
            lambda: save(snapshot, folder),
            lambda paths: self._say(f"Saved {paths[0]} and {paths[1].name}"),
            lambda words: self._say(f"The snapshot could not be saved: {words}"),
        )
        if not begun:
            self._say("The last snapshot is still being written.")

    def connect(self, address: str, keys: str = "") -> None:
        """Listen to another engine."""
        self._widgets.control.say(self._session.connect(address, keys) or "")

    def recalibrate(self) -> None:
        """Let the engine estimate the pattern anew."""
        self._session.recalibrate(self._say)

    def switch_engine(self, start: bool) -> None:
        """Start an engine here, or end it."""
        control = self._widgets.control
        if start:
            self._session.start_engine(control.wanted_engine, control.show_address, control.say)
        else:
            self._session.stop_engine()

    def switch_simulator(self, start: bool) -> None:
        """Start a simulated microscope, or end it."""
        control = self._widgets.control
        if start:
            self._session.start_simulator(control.wanted_engine.config, control.say)
        else:
            self._session.stop_simulator()

    def _look(self, change: Callable[[Look], Look]) -> None:
        self._viewer.look = change(self._viewer.look)

    def _measure(self, switch: Callable[[], None]) -> None:
        self._widgets.tabs.setCurrentWidget(self._widgets.measure)
        switch()

    def _choose_channel(self, channel: int) -> None:
        self._viewer.channel = channel

    def _zoomed(self, screen_per_raw: float) -> None:
        self._viewer.screen_per_raw = screen_per_raw

    def _pointed(self, x: float, y: float) -> None:
        value = self._viewer.value_at(x, y)
        if value is None:
            self._widgets.value.setText("")
            return
        pixel_um = self._viewer.news.facts.pixel_um
        um = "" if pixel_um is None else f" ({x * pixel_um:.2f} µm, {y * pixel_um:.2f} µm)"
        words = f"x {x:.1f}, y {y:.1f}{um}: {value:.1f} photo-electrons"
        self._widgets.value.setText(words)
