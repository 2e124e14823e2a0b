"""Decide what is on the screen: stages, contrast, colours and map of the result that is shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from livesim.images.colour_tables import colours
from livesim.images.grey_levels import every_nth
from livesim.values.results import Result
from livesim.wire.messages import TrustMaps
from livesim_gui.state.picture.contrast import Contrasts, SteadyContrast
from livesim_gui.state.picture.export import Shown, what_of
from livesim_gui.state.picture.look import Look
from livesim_gui.state.picture.scene import Painted, Scene, paint, paint_merged, same_stage
from livesim_gui.state.picture.snapshot import Snapshot
from livesim_gui.state.picture.stages import RESTORED, Stage, shows_plain, stages_of
from livesim_gui.state.picture.tint import Tinting
from livesim_gui.state.stream.channels import Channels, Layer
from livesim_gui.state.time.ring import Shot


def _offered(result: Result, own: tuple[str, ...], fullest: Result | None) -> tuple[str, ...]:
    """Return the stages of a stream, one of whose results has `own`.

    One that its networks have not come to does not take away what others have.
    """
    if not (result.provisional or result.searching) or result.is_preview:
        return own
    if fullest is not None:
        return tuple(stages_of(fullest))
    return (*own, RESTORED) if result.provisional else own


class Display:
    """The scene on the screen, and all that it depends on; for one thread.

    Parameters
    ----------
    look
        What is shown first.
    """

    def __init__(self, look: Look | None = None) -> None:
        self.look = look or Look()
        self.screen_per_raw = 2.0
        """Pixels of the screen for each raw pixel, as the picture is zoomed."""
        self.contrasts = Contrasts()
        self.scene: Scene | None = None
        self._tinting = Tinting()
        self._painted_of: tuple[object, ...] = ()
        self.stages: tuple[str, ...] = ()
        """All that the stream has, though a result from before its networks has fewer."""

    def change(self, change: Callable[[Look], Look]) -> None:
        """Replace the look by another one made of it."""
        self.look = change(self.look)

    def zoom(self, screen_per_raw: float) -> None:
        """Learn how large the picture is: only as many pixels as the screen has are painted."""
        self.screen_per_raw = screen_per_raw

    def clear(self) -> None:
        """Show nothing: there is no result."""
        self.scene, self._painted_of, self.stages = None, (), ()

    def paint(
        self,
        shot: Shot,
        layers: tuple[Layer, ...],
        maps: TrustMaps | None,
        now_s: float,
        fullest: Result | None = None,
    ) -> Scene | None:
        """Return the scene of a result, or None where the one on the screen still holds.

        Parameters
        ----------
        layers
            The channels to be merged; none where one is shown by itself.
        maps
            Of the channel that is shown.
        fullest
            The newest result that networks have worked on; None where there is none.
        """
        stages = stages_of(shot.result)
        offered = _offered(shot.result, tuple(stages), fullest)
        self.look = self.look.among(offered, self.stages)
        self.stages = offered
        look = self.look.within(tuple(stages))
        names = [look.stage, look.other] if look.split else [look.stage]
        shown = [stages[name] for name in names if name is not None]
        levels = [self.contrasts.see(stage, shot.channel, now_s) for stage in shown]
        every = [every_nth(stage.step, self.screen_per_raw) for stage in shown]
        painted_of = (shot, look, *every, *levels, maps, layers)
        if painted_of == self._painted_of:
            return None
        self._painted_of = painted_of
        self._see(layers, shown, now_s)
        main, *left = [
            self._painted(stage, shot.channel, layers, n)
            for stage, n in zip(shown, every, strict=True)
        ]
        plain = shows_plain(shot.result)
        tint = self._tinting.tint(maps, shot.result.index, look)
        self.scene = Scene(shot, main, left[0] if left else None, look, tint, layers, plain)
        return self.scene

    def contrast(self, stage: str | None = None) -> SteadyContrast:
        """Return the contrast of a stage in the channel that is shown; None = the stage shown."""
        channel = 0 if self.scene is None else self.scene.shot.channel
        shown = self.look if self.scene is None else self.scene.look
        return self.contrasts.of(stage or shown.stage or "", channel)

    def snapshot(self, taken: datetime, pixel_um: float | None) -> Snapshot | None:
        """Return the stage that is shown; None where nothing is.

        Parameters
        ----------
        pixel_um
            Of the raw frames, where it is known.
        """
        return None if self.scene is None else Snapshot(self.scene.main.stage, pixel_um, taken)

    def shown(self, channels: Channels) -> Shown | None:
        """Return what is shown and how, as an export takes it; None where nothing is."""
        if self.scene is None:
            return None
        main, look, shot = self.scene.main, self.scene.look, self.scene.shot
        what = what_of(main.stage.name, restored=RESTORED in self.stages)
        if not channels.merging:
            own = (shot.channel,) if len(channels.available) > 1 else ()
            return Shown(what, (main.levels,), (look.lut,), look.gamma, own)
        merged = channels.merge.shown(channels.available)
        levels = tuple(self.contrasts.of(main.stage.name, one).levels for one in merged)
        luts = tuple(channels.merge.lut(one) for one in merged)
        return Shown(what, levels, luts, self.look.gamma, merged)

    def _see(self, layers: Sequence[Layer], shown: Sequence[Stage], now_s: float) -> None:
        """Let the contrast of every merged channel follow its images."""
        for layer in layers:
            for stage in shown:
                own = same_stage(stage, layer.shot)
                if own is not None:
                    self.contrasts.see(own, layer.shot.channel, now_s)

    def _painted(self, stage: Stage, channel: int, layers: Sequence[Layer], every: int) -> Painted:
        """Paint a stage; merged, every channel has levels and colours of its own."""
        levels = self.contrasts.of(stage.name, channel).levels
        likes = ((same_stage(stage, layer.shot), layer) for layer in layers)
        own = [(like, layer) for like, layer in likes if like is not None]
        if not own:
            return paint(stage, levels, every)
        parts = [
            paint(like, self.contrasts.of(like.name, layer.shot.channel).levels, every)
            for like, layer in own
        ]
        tables = [colours(layer.lut, self.look.gamma) for _, layer in own]
        return paint_merged(stage, levels, parts, tables, every)
