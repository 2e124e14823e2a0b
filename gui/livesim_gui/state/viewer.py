"""Bring the parts of the viewer's state together, from the engine's news to the scene to draw."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

from livesim.images.colour_tables import colours
from livesim.values.results import Image
from livesim.values.verdict import ERROR
from livesim.wire.messages import TrustMaps
from livesim.wire.networks import HELD, OFF
from livesim_gui.state.health.reached import Reached
from livesim_gui.state.health.tracking_history import TrackingHistories, TrackingHistory
from livesim_gui.state.picture.cut import Cut, Cutting, Kind
from livesim_gui.state.picture.display import Display
from livesim_gui.state.picture.export import Shown
from livesim_gui.state.picture.look import Look
from livesim_gui.state.picture.scene import Scene
from livesim_gui.state.picture.snapshot import Snapshot
from livesim_gui.state.picture.stages import RESTORED
from livesim_gui.state.stream.channels import Channels
from livesim_gui.state.stream.connection import Connection
from livesim_gui.state.stream.edge import networks_at_work
from livesim_gui.state.stream.feed import Feed
from livesim_gui.state.stream.places import Axis, Places
from livesim_gui.state.stream.stream import Stream
from livesim_gui.state.time.among import Among
from livesim_gui.state.time.archive import OpenedFile, Past, PastShot
from livesim_gui.state.time.pace import Wish
from livesim_gui.state.time.playback import Playback
from livesim_gui.state.time.ring import Shot
from livesim_gui.state.time.timeline import Mode

NOTHING_TO_CUT = "one plane: no volume is in memory that could be cut"


class Viewer:
    """Holds the state behind the window, in parts that do not know each other; for one thread.

    Parameters
    ----------
    feed
        Where results and words come from.
    look
        What is shown first.
    """

    def __init__(self, feed: Feed, look: Look | None = None) -> None:
        self.stream = Stream(feed)
        self.channels, self.places = Channels(), Places()
        self._places_of: tuple[object, object] = (None, None)
        self.time = Playback()
        self.display = Display(look)
        self.cut = Cut()
        self._cutting = Cutting()
        self.is_cut = False
        """Whether the picture shows a cut or a projection."""
        self.cut_words = ""
        """Of what, or why it shows a plane though a cut is wanted; else empty."""
        self.histories = TrackingHistories()
        self.reached = Reached()

    def tick(self, now_s: float) -> Scene | None:
        """Take the news; return the new scene, or None where the old one still holds."""
        before, news = self.stream.update(now_s), self.stream.news
        if not news.is_of_stream(before):
            self._forget()
        if news.status is not None and news.statuses != before.statuses:
            self.histories.see(news.status, now_s)
        self._see_places(news.shots, self.time.archive.shots)
        self.time.remember(news.shots, self.places.among(self.channels.only))
        shot = self.time.advance(now_s, self.wish)
        if shot is not None:
            return self._show(self._reviewed(shot), now_s)
        if not self.time.shots:
            self.display.clear()
            self.time.shown = None
            self.channels.show(None)
        return None

    def look_at(self, file: OpenedFile, now_s: float) -> None:
        """Show a recording instead of an engine's results, from its first raw stack on."""
        self.stream.feed.show_file(Path(file.folder).name, file.in_use)
        self.stream.update(now_s)
        self._forget()
        self.display.clear()
        self.time.archive.take(file)
        self.time.remember((), Among())
        self.time.go_to(0)

    @property
    def file(self) -> Past | None:
        """The recording that is looked at; None where an engine's results are shown."""
        looking = self.stream.news.connection is Connection.FILE
        return self.time.archive.past if looking else None

    def _see_places(self, shots: tuple[Shot, ...], past: tuple[PastShot, ...]) -> None:
        """Learn which channels, positions and planes there are, if anything is new."""
        if self._places_of[0] is not shots or self._places_of[1] is not past:
            self._places_of = (shots, past)
            self.channels.see((*shots, *past))
            self.places.see(shots, past)

    @property
    def wish(self) -> Wish:
        """What is wanted at the live edge; networks that do not work by themselves are none."""
        networks = networks_at_work(self.stream.news.status)
        at_rest = networks is not None and networks.run in (OFF, HELD)
        return Wish.EITHER if at_rest else self.display.look.wish

    def _show(self, shot: Shot, now_s: float) -> Scene | None:
        self.time.shown = shot
        self.channels.show(shot)
        shots = self.stream.news.shots
        made = self._cutting.cut(shot, shots, self.cut, self.stream.news.facts.z_step_raw)
        self.is_cut = made is not None
        wanted = self.cut.kind is not Kind.XY
        self.cut_words = made.words if made else NOTHING_TO_CUT if wanted else ""
        if made is not None:  # maps and merged channels are those of planes
            return self.display.paint(made.shot, (), None, now_s)
        layers = self.channels.layers(shot, shots)
        return self.display.paint(shot, layers, self.maps, now_s, self.time.restored)

    def choose_cut(self, kind: Kind) -> None:
        """Look at volumes in this way, through the same place as before."""
        self.cut = replace(self.cut, kind=kind)

    def next_cut(self) -> None:
        """Look at volumes in the next way."""
        self.cut = self.cut.next

    def point_at(self, x: float, y: float) -> None:
        """Let cuts go through a place, in raw pixels of a plane; a cut itself shows none."""
        if not self.is_cut:
            self.cut = replace(self.cut, at=(x, y))

    def _reviewed(self, newest: Shot) -> Shot:
        """Return the result that the wanted map is about, unless the user holds or plays others.

        What moves would else lie beside its map.
        """
        maps, live = self.maps, self.time.timeline.mode is Mode.LIVE
        if maps is None or self.display.look.map not in maps.maps or not live:
            return newest
        about = (one for one in reversed(self.stream.news.shots) if one.result.index == maps.index)
        return next(about, newest)

    def _forget(self) -> None:
        """Forget what holds for one stream: another has another brightness and another pattern."""
        self.display.contrasts.forget()
        self.histories.clear()
        self.time.forget()
        self.places.forget()

    @property
    def is_of_volume(self) -> bool:
        """Whether what is shown is a plane or a cut of a volume."""
        return self.time.shown is not None and self.time.shown.result.volume is not None

    @property
    def maps(self) -> TrustMaps | None:
        """The maps of the channel that is shown, if there are any."""
        return self.stream.maps(self.channels.wanted, self.places.among(None).z)

    def error_of(self, scene: Scene) -> Image | None:
        """Return the error map [y, x] of the restored image that is shown; None = not known."""
        maps = self.maps
        about = maps is not None and maps.index == scene.shot.result.index
        if maps is None or not about or scene.main.stage.name != RESTORED:
            return None
        return maps.maps.get(ERROR)

    @property
    def history(self) -> TrackingHistory:
        """The pattern of the channel that is shown, over time."""
        return self.histories.of(self.channels.shown)

    @property
    def axes(self) -> tuple[Axis, ...]:
        """Position, z and channel, as far as there are several, as they are shown."""
        channels = self.channels
        if self.time.shown is None or len(channels.available) < 2:
            return self.places.axes(self.time.shown)
        own = Axis("channel", channels.available, channels.shown, channels.chosen is not None)
        return (*self.places.axes(self.time.shown), own)

    def choose_place(self, axis: str, place: int | None) -> None:
        """Show one position, plane in z or channel; None = the newest result of any."""
        if axis != "channel":
            self.places.choose(axis, place)
        elif place is not None:
            self.channels.choose(place)

    @property
    def lut(self) -> str:
        """The colour table of the channel that is shown: its own where channels are merged."""
        if self.channels.merging:
            return self.channels.merge.lut(self.channels.shown)
        return self.display.look.lut

    def colour(self, lut: str) -> None:
        """Show the channel in another colour table.

        Raises
        ------
        SettingsError
            If there is no table of this name.
        """
        colours(lut)
        if self.channels.merging:
            merge = self.channels.merge
            self.channels.merge = merge.coloured(self.channels.shown, lut)
        else:
            self.display.look = replace(self.display.look, lut=lut)

    def snapshot(self, taken: datetime) -> Snapshot | None:
        """Return the stage that is shown; None where nothing is."""
        return self.display.snapshot(taken, self.stream.news.facts.pixel_um)

    def shown(self) -> Shown | None:
        """Return what is shown and how, as an export takes it; None where nothing is."""
        return self.display.shown(self.channels)
