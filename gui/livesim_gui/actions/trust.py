"""Look where the networks can be trusted: maps over the picture, reviews by the engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from livesim_gui.engine_access import EngineAccess
from livesim_gui.state.health.notice import Say
from livesim_gui.state.picture.look import Look
from livesim_gui.state.viewer import Viewer
from livesim_gui.widgets import Widgets


class TrustActions:
    """Does what the user asks for to learn whether the networks can be trusted."""

    def __init__(self, viewer: Viewer, access: EngineAccess, widgets: Widgets, say: Say) -> None:
        self._viewer, self._access, self._say = viewer, access, say
        tabs, panel, display = widgets.tabs, widgets.trust, viewer.display
        widgets.top.trust_asked.connect(lambda: tabs.setCurrentWidget(panel))
        panel.map_chosen.connect(self.show_map)
        panel.opacity_set.connect(
            lambda to: display.change(lambda look: replace(look, opacity=to)),
        )
        panel.review_asked.connect(self.review)

    def keys(self) -> dict[str, Callable[[], None]]:
        """Return the action by the name of its key."""
        return {"map": self.switch_map}

    def switch_map(self) -> None:
        """Lay the error map over the picture, or take it away."""
        display = self._viewer.display
        display.change(Look.switch_map)
        if display.look.map is not None and self._viewer.maps is None:
            words = "No result has been checked yet; the map appears once one is."
            self._say(words, lambda: self._viewer.maps is not None or display.look.map is None)

    def show_map(self, name: str | None) -> None:
        """Lay a map over the picture; None takes it away."""
        self._viewer.display.change(lambda look: replace(look, map=name))

    def review(self) -> None:
        """Ask the engine to check the newest result now."""
        self._access.review(self._say)
