"""Choose what the picture shows and how, by keys, mouse and panels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from livesim.config.settings import SettingsError
from livesim.values.errors import DataError
from livesim_gui.state.health.notice import Say
from livesim_gui.state.picture.look import Look
from livesim_gui.state.picture.scene import value_words
from livesim_gui.state.picture.stages import NETWORK
from livesim_gui.state.viewer import Viewer
from livesim_gui.widgets import Widgets


class PictureActions:
    """Does what the user asks for with stages, channels, contrast and colours.

    Parameters
    ----------
    say
        Tells something below the picture.
    """

    def __init__(self, viewer: Viewer, widgets: Widgets, say: Say) -> None:
        self._viewer, self._widgets, self._say = viewer, widgets, say
        self._display = viewer.display
        self._connect_picture()
        self._connect_contrast()

    def _connect_picture(self) -> None:
        top, picture, display = self._widgets.top, self._widgets.picture, self._display
        top.stage_chosen.connect(self.show_stage)
        top.split_asked.connect(self.switch_split)
        top.channel_chosen.connect(self._viewer.channels.choose)
        self._widgets.axes.chosen.connect(self._viewer.choose_place)
        self._widgets.axes.cut_chosen.connect(self._viewer.choose_cut)
        top.merge_asked.connect(self._viewer.channels.switch_merge)
        picture.divided.connect(lambda at: display.change(lambda look: look.divided_at(at)))
        picture.zoomed.connect(display.zoom)
        picture.pointed.connect(self._show_value)
        picture.left.connect(lambda: self._widgets.value.setText(""))

    def _connect_contrast(self) -> None:
        panel, display = self._widgets.contrast, self._display
        panel.levels_set.connect(self.set_levels)
        panel.automatic_set.connect(lambda on: display.contrast().follow(on))
        panel.gamma_set.connect(lambda to: display.change(lambda look: replace(look, gamma=to)))
        panel.lut_set.connect(self.colour)

    def keys(self) -> dict[str, Callable[[], None]]:
        """Return the actions by the names of their keys."""
        return {
            "swap": lambda: self._display.change(Look.swap),
            "networks": self.flip_networks,
            "split": self.switch_split,
            "merge": self._viewer.channels.switch_merge,
            "channel": self._viewer.channels.switch_shown,
            "fit": self._widgets.picture.fit,
            "cut": self._viewer.next_cut,
            "automatic": lambda: self._display.contrast().follow(True),
        }

    def show_stage(self, name: str) -> None:
        """Show a stage."""
        self._display.change(lambda look: look.show(name))

    def show_numbered(self, number: int) -> None:
        """Show the stage of a number, from 0, if there are so many."""
        names = self._widgets.top.names
        if number < len(names):
            self.show_stage(names[number])

    def flip_networks(self) -> None:
        """Show what the networks alone give, or the restored image again."""
        if NETWORK in self._widgets.top.names:
            self._display.change(Look.flip_networks)
        else:
            self._say("This result has no image of the networks alone.")

    def switch_split(self) -> None:
        """Show two stages beside each other, or one."""
        self._display.change(lambda look: replace(look, split=not look.split))

    def set_levels(self, low: float, high: float) -> None:
        """Show these values as black and as white, or say why that cannot be."""
        try:
            self._display.contrast().set(low, high)
        except DataError as error:
            self._say(str(error))

    def colour(self, lut: str) -> None:
        """Show the channel in another colour table, or say why there is none of this name."""
        try:
            self._viewer.colour(lut)
        except SettingsError as error:
            self._say(str(error))

    def _show_value(self, x: float, y: float) -> None:
        viewer, scene = self._viewer, self._display.scene
        viewer.point_at(x, y)
        words = ""
        if scene is not None:
            axes = viewer.cut.axes if viewer.is_cut else ("x", "y")
            pixel_um, error = viewer.stream.news.facts.pixel_um, viewer.error_of(scene)
            words = value_words(scene.main.stage, x, y, pixel_um, error, axes)
        self._widgets.value.setText(words)
