"""Show the viewer's state in the widgets: the picture with every result, words now and then."""

from __future__ import annotations

from collections.abc import Callable

from livesim.wire.networks import OFF
from livesim_gui.backend import Backend
from livesim_gui.panels.time_bar import place_words
from livesim_gui.state.health.advice import advice_on
from livesim_gui.state.health.health import health_of
from livesim_gui.state.health.reached import reached_nm
from livesim_gui.state.picture.histogram import histogram
from livesim_gui.state.picture.look import Look
from livesim_gui.state.picture.scene import Scene
from livesim_gui.state.picture.spectrum import Spectrum, spectrum
from livesim_gui.state.picture.stages import PLAIN, WIDEFIELD
from livesim_gui.state.stream.connection import Connection
from livesim_gui.state.stream.edge import edge_words, networks_at_work
from livesim_gui.state.stream.hint import hint
from livesim_gui.state.time.replay import Replay
from livesim_gui.state.time.ring import Shot
from livesim_gui.state.time.timeline import Mode
from livesim_gui.state.trust.trusted import plain_words, trusted
from livesim_gui.state.viewer import Viewer
from livesim_gui.widgets import Widgets

ALWAYS = (WIDEFIELD, PLAIN)
"""Stages offered before the first result."""


class Presenter:
    """Draws the picture whenever there is a new one, and renews the words now and then."""

    def __init__(
        self,
        viewer: Viewer,
        backend: Backend,
        widgets: Widgets,
        replay: Callable[[], Replay] = Replay,
        say: Callable[[str], None] = lambda words: None,
    ) -> None:
        self._replay, self._say = replay, say
        self._asked_for = -1
        self._viewer, self._widgets = viewer, widgets
        self._backend = backend
        self.drawn = 0
        """Pictures drawn so far."""

    def draw(self, now_s: float) -> None:
        """Draw the newest scene, if there is another one; cheap where there is none."""
        viewer, widgets = self._viewer, self._widgets
        scene = viewer.tick(now_s)
        if scene is not None:
            self._draw(scene)
        if viewer.display.scene is None:
            news = viewer.stream.news
            under_way = self._backend.local.under_way(news.status)
            idle = news.status is None or news.status.stream is None
            start = idle and under_way is None and news.connection is not Connection.FILE
            widgets.picture.clear(hint(news, under_way), start=start)
        else:
            self._caption(viewer.display.scene, now_s)
            self._ask_for_networks(viewer.display.scene)
        widgets.axes.show_axes(viewer.axes)
        widgets.axes.show_cut(viewer.cut.kind)
        widgets.time_bar.show_time(viewer.time.timeline, viewer.time.shots, viewer.time.shown)

    def _draw(self, scene: Scene) -> None:
        self.drawn += 1
        widgets = self._widgets
        widgets.picture.draw(scene)
        widgets.measure.measure(scene.main.stage)
        manual = self._viewer.display.contrast(scene.main.stage.name).manual
        widgets.contrast.show_levels(scene.main.levels, manual=manual)
        widgets.top.show_stages(self._viewer.display.stages, scene.look)

    def _caption(self, scene: Scene, now_s: float) -> None:
        """Write over the picture what it is; the restored image may still be the plain one."""
        news, mode = self._viewer.stream.news, self._viewer.time.timeline.mode
        plain = plain_words(news.status) if scene.is_plain else ""
        cut = self._viewer.cut_words
        words = cut or edge_words(news, scene.shot, mode, now_s)
        self._widgets.picture.caption(scene, self._held(scene), plain, words)

    def _ask_for_networks(self, scene: Scene) -> None:
        """Let the networks come to what is held, once for each result."""
        shot, status = scene.shot, self._viewer.stream.news.status
        held = self._viewer.time.timeline.mode is Mode.HELD
        waits = shot.result.provisional and not shot.result.is_preview
        if not held or not waits or shot.number == self._asked_for:
            return
        self._asked_for = shot.number
        networks = None if status is None else status.networks  # also once the stream is over
        if networks is not None and networks.run != OFF:
            self._backend.access.hold(shot.result.stream, shot.result.index, self._say)

    def _held(self, scene: Scene) -> str | None:
        playback = self._viewer.time
        mode = playback.timeline.mode
        if mode is Mode.LIVE and scene.tint is None:
            return None
        words = {Mode.LIVE: "As checked", Mode.HELD: "Held", Mode.PLAYING: "Playing"}
        of_file = self._viewer.file is not None
        return f"{words[mode]}: {place_words(playback.shots, scene.shot, of_file=of_file)}"

    def renew(self) -> None:
        """Renew words, curves, histogram and spectrum; a few times a second is enough."""
        viewer, widgets, news = self._viewer, self._widgets, self._viewer.stream.news
        self._show_health()
        self._show_trust()
        self._show_pattern()
        widgets.picture.show_scale(news.facts.pixel_um)
        controls = self._backend.access.controls(news.status)
        widgets.time_bar.show_networks(networks_at_work(news.status), quick=controls.quick_fits)
        widgets.steer.show_controls(controls)
        widgets.control.show_running(self._backend.local.running(news))
        widgets.contrast.show_look(viewer.lut, viewer.display.look.gamma)
        if viewer.display.scene is None:
            widgets.top.show_stages(ALWAYS, Look())
            widgets.top.show_channels((), 0)
        else:
            widgets.top.show_channels(viewer.channels.available, viewer.channels.shown)
            widgets.top.show_merge(viewer.channels.merge, viewer.channels.available)
            self._count(viewer.display.scene)

    def _show_health(self) -> None:
        widgets, news = self._widgets, self._viewer.stream.news
        health = health_of(news, replayed=self._replay().is_of(news.facts.source))
        widgets.show_alarm(health.alarm)
        widgets.health.show_health(health)
        widgets.top.show_health(health, news.facts.source or "")

    def _show_trust(self) -> None:
        viewer, widgets = self._viewer, self._widgets
        look, maps = viewer.display.look, viewer.maps
        said = trusted(viewer.stream.news.status)
        widgets.top.show_trust(said)
        widgets.trust.show_trust(said)
        widgets.trust.show_maps(maps.maps if maps else (), look.map, look.opacity)

    def _show_pattern(self) -> None:
        viewer, panel = self._viewer, self._widgets.pattern
        news, channel = viewer.stream.news, viewer.channels.shown
        facts = news.facts.of_channel(channel)
        panel.show_facts(facts, viewer.reached.nm_of(viewer.time.shown))
        panel.show_advice(advice_on(news.status, facts, channel))
        panel.show_history(viewer.history)

    def _count(self, scene: Scene) -> None:
        """Renew histogram and spectrum, where they can be seen."""
        stage = scene.main.stage
        counted = histogram(stage.image) if self._widgets.side.isVisible() else None
        if counted is not None:
            self._widgets.contrast.show_histogram(counted)
        if self._widgets.pattern.isVisible():
            pixel = stage.step * (self._viewer.stream.news.facts.pixel_um or 1.0)
            self._backend.tasks.run(
                "spectrum", lambda: spectrum(stage.image, pixel), self._show_spectrum
            )
            self._measure_resolution(scene.shot)

    def _measure_resolution(self, shot: Shot) -> None:
        stream, reached = self._viewer.stream, self._viewer.reached
        news = stream.news
        pair = reached.next(
            shot, news.shots, news.facts.pixel_nm, stream.seen_s, apart_s=stream.apart_s
        )
        if pair is not None:
            self._backend.tasks.run(
                "resolution", lambda: reached_nm(pair), lambda nm: reached.take(pair, nm)
            )

    def _show_spectrum(self, found: Spectrum | None) -> None:
        if found is not None:
            self._widgets.pattern.show_spectrum(found)
