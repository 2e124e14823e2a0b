"""News, and what the user asked for, in; the scene to draw now out. All decisions, no Qt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from livesim.images.colour_tables import colours
from livesim.images.grey_levels import every_nth, places
from livesim.images.levels import Levels
from livesim.images.merge import merged
from livesim.values.results import Image, Result
from livesim.wire.messages import TrustMaps
from livesim_gui.state.health.reached import Pair, Reached
from livesim_gui.state.health.tracking_history import TrackingHistory, readings_of
from livesim_gui.state.picture.contrast import SteadyContrast
from livesim_gui.state.picture.export import Shown, what_of
from livesim_gui.state.picture.look import Look
from livesim_gui.state.picture.snapshot import Snapshot
from livesim_gui.state.picture.stages import RESTORED, Stage, stages_of
from livesim_gui.state.picture.tint import Tint, tint
from livesim_gui.state.stream.channels import Merge, together
from livesim_gui.state.stream.facts import StreamFacts
from livesim_gui.state.stream.feed import Feed, News
from livesim_gui.state.time.archive import Archive, PastShot
from livesim_gui.state.time.ring import Shot
from livesim_gui.state.time.timeline import Mode, Timeline


@dataclass(frozen=True, slots=True, eq=False)
class Painted:
    """One stage, ready for the screen."""

    stage: Stage
    places: NDArray[np.uint8]
    """[y, x] in the colour table, or merged [y, x, 3] red, green, blue; its pixel (0, 0) has the
    same centre as the stage's."""
    step: float
    """A painted pixel in raw pixels."""
    levels: Levels


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """What is on the screen."""

    shot: Shot
    main: Painted
    left: Painted | None
    """The other stage of a split view."""
    look: Look
    tint: Tint | None = None
    """The map that is laid over it."""


class Viewer:
    """The state behind the window; for one thread.

    Parameters
    ----------
    feed
        Where results and words come from.
    look
        What is shown first.
    """

    def __init__(self, feed: Feed, look: Look | None = None) -> None:
        self.feed = feed
        self.look = look or Look()
        self.timeline = Timeline()
        self._histories: dict[int, TrackingHistory] = {}
        self.reached = Reached()
        self.channel: int | None = None
        """Shown; None follows the first one seen."""
        self.screen_per_raw = 2.0
        """Pixels of the screen for each raw pixel, as the picture is zoomed."""
        self.news = News()
        self.scene: Scene | None = None
        self.recording: str | None = None
        """Folder of the stream's recording, on the engine's machine; the last one there was."""
        self.merge = Merge()
        self._seen_s = 0.0
        self.archive = Archive()
        self.recorded: str | None = None
        """Folder of the recording of the stream that is shown; None = it has none."""
        self._filtered_of: tuple[int, int] | None = None
        self._all: tuple[Shot, ...] = ()
        self._own: tuple[Shot, ...] = ()
        self._contrasts: dict[tuple[str, int], SteadyContrast] = {}
        self._drawn: tuple[object, ...] = ()
        self._tinted: tuple[object, ...] = ()
        self._tint: Tint | None = None

    def tick(self, now_s: float) -> Scene | None:
        """Take the news; return the new scene, or None where the old one still holds."""
        self._seen_s = now_s
        self._take(self.feed.news(now_s), now_s)
        self.timeline, place = self.timeline.advance(self.shots, now_s)
        if place is None:
            self.scene, self._drawn = None, ()
            return None
        shot = self.archive.shot(place)
        return None if shot is None else self._paint(self._checked(shot), now_s)

    def _checked(self, newest: Shot) -> Shot:
        """Return the result that the wanted map is about, unless the user holds or plays others.

        What moves would else lie beside its map.
        """
        maps = self.maps
        if maps is None or self.look.map not in maps.maps or self.timeline.mode is not Mode.LIVE:
            return newest
        about = (one for one in reversed(self.news.shots) if one.result.index == maps.index)
        return next(about, newest)

    @property
    def shots(self) -> tuple[Shot | PastShot, ...]:
        """The results there are of the channel that is shown, oldest first: on disk, in memory."""
        shots = self.news.shots
        if len(self.channels) < 2:
            return self.archive.join(shots, None)
        shown = self.channels[0] if self.channel is None else self.channel
        if self._filtered_of != (id(shots), shown):
            self._filtered_of = (id(shots), shown)
            self._all, self._own = shots, tuple(one for one in shots if one.channel == shown)
        return self.archive.join(self._own, shown)

    @property
    def channels(self) -> tuple[int, ...]:
        """All that are remembered."""
        return tuple(sorted({shot.channel for shot in self.news.shots}))

    @property
    def shown_channel(self) -> int:
        """The channel that is shown, or will be with the first result."""
        if self.scene is not None:
            return self.scene.shot.channel
        return self.channel or 0

    @property
    def history(self) -> TrackingHistory:
        """The pattern of the channel that is shown, over time."""
        return self._histories.get(self.shown_channel, TrackingHistory())

    @property
    def facts(self) -> StreamFacts:
        """What is known of the stream, with the pattern of the channel that is shown."""
        return self.news.facts.of_channel(self.shown_channel)

    @property
    def reached_nm(self) -> float | None:
        """The resolution reached in the channel that is shown; None where it is not known."""
        return self.reached.nm_of(None if self.scene is None else self.scene.shot)

    def compared(self) -> Pair | None:
        """Return the results of which the resolution is to be measured now, if any."""
        if self.scene is None:
            return None
        status = self.news.status
        rolling = None if status is None else status.rolling
        apart_s = 0.0 if rolling is None else rolling.resolution_ms / 1000.0
        shots, pixel_nm = self.news.shots, self.facts.pixel_nm
        return self.reached.next(self.scene.shot, shots, pixel_nm, self._seen_s, apart_s)

    @property
    def maps(self) -> TrustMaps | None:
        """The maps of the channel that is shown, if there are any."""
        if not self.news.maps:
            return None
        first = self.channels[0] if self.channels else 0
        return self.news.maps.get(first if self.channel is None else self.channel)

    @property
    def merging(self) -> bool:
        """Whether several channels are shown in one picture."""
        return self.merge.on and len(self.channels) > 1

    @property
    def lut(self) -> str:
        """The colour table of the channel that is chosen."""
        if self.merging and self.scene is not None:
            return self.merge.lut(self.scene.shot.channel)
        return self.look.lut

    def colour(self, lut: str) -> None:
        """Show the chosen channel in another colour table."""
        if self.merging and self.scene is not None:
            self.merge = self.merge.coloured(self.scene.shot.channel, lut)
        else:
            self.look = replace(self.look, lut=lut)

    def switch_channel(self) -> None:
        """Leave the chosen channel out of the merged picture, or take it in again."""
        if self.merging and self.scene is not None:
            self.merge = self.merge.switch_channel(self.scene.shot.channel, self.channels)

    def contrast(self, stage: str) -> SteadyContrast:
        """Return the contrast of a stage of the channel that is shown."""
        channel = 0 if self.scene is None else self.scene.shot.channel
        return self._contrasts.setdefault((stage, channel), SteadyContrast())

    def step(self, by: int) -> None:
        """Go to a result before or after the one shown, and stay there."""
        if self.scene is not None:
            self.timeline = self.timeline.step(self.shots, self.scene.shot.number, by)

    def hold(self) -> None:
        """Stay at the result that is shown."""
        if self.scene is not None:
            self.timeline = self.timeline.hold(self.scene.shot.number)

    def play_or_hold(self, now_s: float) -> None:
        """Hold what runs, and let run what is held: from the start if it is at the end."""
        if self.timeline.mode is not Mode.HELD:
            self.hold()
        elif self.shots and self.scene is not None:
            at_end = self.scene.shot.number == self.shots[-1].number
            start = self.shots[0] if at_end else self.scene.shot
            self.timeline = self.timeline.play(start.number, now_s)

    def set_speed(self, speed: float, now_s: float) -> None:
        """Play faster or slower from here on."""
        shown = 0 if self.scene is None else self.scene.shot.number
        self.timeline = self.timeline.at_speed(speed, shown, now_s)

    def snapshot(self, taken: datetime) -> Snapshot | None:
        """Return the stage that is shown and how; None where nothing is."""
        if self.scene is None:
            return None
        main, look = self.scene.main, self.scene.look
        pixel_um = self.news.facts.pixel_um
        seen = Snapshot(main.stage, main.levels, look.lut, look.gamma, pixel_um, taken)
        others = self._merged_with(self.scene.shot)
        if not others:
            return seen
        return replace(seen, merged=self._merged(main.stage, 1, others, self._seen_s).places)

    def shown(self) -> Shown | None:
        """Return what is shown and how, as an export takes it; None where nothing is."""
        if self.scene is None:
            return None
        main, look, result = self.scene.main, self.scene.look, self.scene.shot.result
        several = len(self.channels) > 1
        if self.merging:
            return self._shown_merged(main.stage.name, result)
        return Shown(
            what=what_of(main.stage.name, restored=RESTORED in stages_of(result)),
            levels=(main.levels,),
            luts=(look.lut,),
            gamma=look.gamma,
            channels=(self.scene.shot.channel,) if several else (),
        )

    def _shown_merged(self, stage: str, result: Result) -> Shown:
        channels = self.merge.shown(self.channels)
        contrasts = [self._contrasts.get((stage, one), SteadyContrast()) for one in channels]
        return Shown(
            what=what_of(stage, restored=RESTORED in stages_of(result)),
            levels=tuple(one.levels for one in contrasts),
            luts=tuple(self.merge.lut(one) for one in channels),
            gamma=self.look.gamma,
            channels=channels,
        )

    def value_at(self, x: float, y: float) -> float | None:
        """Return the photo-electrons of the stage shown at a place in raw pixels."""
        return None if self.scene is None else value_at(self.scene.main.stage, x, y)

    def _take(self, news: News, now_s: float) -> None:
        before, self.news = self.news, news
        if news.generation != before.generation or news.stream != before.stream:
            self._forget()
        if news.status is not None and news.status.recording is not None:
            self.recording = news.status.recording
            if news.status.stream == news.stream:
                self.recorded = self.recording
        if news.statuses != before.statuses and news.status is not None:
            for channel, reading in readings_of(news.status, now_s).items():
                self._histories.setdefault(channel, TrackingHistory()).see(reading)

    def _forget(self) -> None:
        """Begin anew: another stream has another brightness and another pattern."""
        self._contrasts = {k: one for k, one in self._contrasts.items() if one.manual}
        self._histories.clear()
        self.archive.clear()
        self.recorded = None
        self.timeline = self.timeline.live()

    def _paint(self, shot: Shot, now_s: float) -> Scene | None:
        stages = stages_of(shot.result)
        look = self.look = self.look.among(tuple(stages))
        names = [look.stage, look.other] if look.split else [look.stage]
        shown = [stages[name] for name in names if name is not None]
        levels = [self._levels(stage, shot, now_s) for stage in shown]
        thin = [every_nth(stage.step, self.screen_per_raw) for stage in shown]
        merged_with = self._merged_with(shot)
        key = (shot.number, look, *thin, *levels, self.maps, self.merge, *merged_with)
        if key == self._drawn:
            return None
        if merged_with:
            painted = [
                self._merged(*one, merged_with, now_s) for one in zip(shown, thin, strict=True)
            ]
        else:
            painted = [paint(*one) for one in zip(shown, levels, thin, strict=True)]
        self._drawn = key
        left = painted[1] if look.split else None
        self.scene = Scene(shot, painted[0], left, look, self._tinting(shot))
        return self.scene

    def _merged_with(self, shot: Shot) -> tuple[Shot, ...]:
        """Return the results to be merged, one a channel; none where one is shown by itself."""
        channels = self.merge.shown(self.channels)
        if not self.merging:
            return ()
        return together(shot, self.news.shots, channels)

    def _merged(self, stage: Stage, every: int, shots: Sequence[Shot], now_s: float) -> Painted:
        """Paint a stage of all channels, each with levels and colours of its own."""
        layers = []
        for shot in shots:
            own = stages_of(shot.result).get(stage.name)
            if own is not None and own.image.shape == stage.image.shape:
                layers.append((paint(own, self._levels(own, shot, now_s), every), shot.channel))
        tables = [colours(self.merge.lut(channel), self.look.gamma) for _, channel in layers]
        own_levels = self.contrast(stage.name).levels
        if not layers:
            return paint(stage, own_levels, every)
        coloured = merged([layer.places for layer, _ in layers], tables)
        return Painted(stage, coloured, stage.step * every, own_levels)

    def _tinting(self, shot: Shot) -> Tint | None:
        """Return the wanted map of this result, coloured anew only where it is another one."""
        maps, name, opacity = self.maps, self.look.map, self.look.opacity
        if maps is None or maps.index != shot.result.index or name not in maps.maps:
            return None
        key = (maps, name, opacity)
        if name is not None and key != self._tinted:
            self._tint = tint(name, maps.maps[name], maps.index.time, opacity)
            self._tinted = key
        return self._tint

    def _levels(self, stage: Stage, shot: Shot, now_s: float) -> Levels:
        key = (stage.name, shot.channel)
        return self._contrasts.setdefault(key, SteadyContrast()).see(stage.image, now_s)


def paint(stage: Stage, levels: Levels, every: int = 1) -> Painted:
    """Return a stage as it is shown; of its rows and columns one in `every`."""
    thin = stage.image[::every, ::every]
    return Painted(stage, places(thin, levels), stage.step * every, levels)


def value_at(stage: Stage, x: float, y: float) -> float | None:
    """Return the value of the pixel at a place in raw pixels; None outside the image."""
    image: Image = stage.image
    row, column = round(y / stage.step), round(x / stage.step)
    if not (0 <= row < image.shape[0] and 0 <= column < image.shape[1]):
        return None
    return float(image[row, column])
