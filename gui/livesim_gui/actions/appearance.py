"""Change how the window looks: dark or light, with or without panels and crosshair."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from qtpy.QtWidgets import QApplication

from livesim_gui.remembered import Remembered
from livesim_gui.theme import DARK, LIGHT, THEMES, apply_theme
from livesim_gui.widgets import Widgets


class AppearanceActions:
    """Changes the window itself, and remembers how it looks until the next start.

    Parameters
    ----------
    remembered
        The choices of the last time.
    """

    def __init__(self, widgets: Widgets, remembered: Remembered) -> None:
        self._widgets = widgets
        self.remembered = remembered
        self.show_crosshair(remembered.crosshair)
        self.show_panel(remembered.panel)
        self.use_theme(remembered.theme)

    def keys(self) -> dict[str, Callable[[], None]]:
        """Return the actions by the names of their keys."""
        return {
            "crosshair": lambda: self.show_crosshair(not self.remembered.crosshair),
            "panel": lambda: self.show_panel(not self.remembered.panel),
            "theme": self.switch_theme,
        }

    def show_crosshair(self, on: bool) -> None:
        """Draw lines through the mouse, or not."""
        self.remembered = replace(self.remembered, crosshair=on)
        self._widgets.picture.show_crosshair(on)

    def show_panel(self, on: bool) -> None:
        """Show the panels beside the picture, or leave all the room to the picture."""
        self.remembered = replace(self.remembered, panel=on)
        self._widgets.side.setVisible(on)

    def switch_theme(self) -> None:
        """Change between dark and light."""
        self.use_theme(LIGHT.name if self.remembered.theme == DARK.name else DARK.name)

    def use_theme(self, name: str) -> None:
        """Colour everything."""
        self.remembered = replace(self.remembered, theme=name)
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        apply_theme(app, THEMES[name])
        self._widgets.use_theme(THEMES[name])
