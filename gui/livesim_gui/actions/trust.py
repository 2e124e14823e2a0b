"""Look where the networks can be trusted: maps over the picture, reviews by the engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from livesim.values.verdict import ERROR, SHOWN
from livesim_gui.engine_access import EngineAccess
from livesim_gui.state.health.notice import Say
from livesim_gui.state.viewer import Viewer
from livesim_gui.widgets import Widgets

NO_RESULT_YET = "No result has been checked yet; the map appears once one is."
NO_VOLUME_YET = "No volume that a network restored has been checked yet; then its map appears."
NO_ERROR = "Volumes have no error map; this is how much of the networks' change is shown."
OVER_PLANES = "Maps lie over planes only; Z leads from the cut back to them."


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
        """Lay the error map over the picture, over volumes that of what is shown; or take it away.

        Volumes have no error map: light from beyond the stack is not in what their photons tell.
        """
        viewer, display = self._viewer, self._viewer.display
        name = SHOWN if viewer.is_of_volume else ERROR
        display.change(lambda look: look.switch_map(name))
        if display.look.map is None:
            return
        if viewer.is_cut:
            self._say(OVER_PLANES, lambda: not viewer.is_cut or display.look.map is None)
        elif viewer.maps is None:
            words = NO_VOLUME_YET if viewer.is_of_volume else NO_RESULT_YET
            self._say(words, lambda: viewer.maps is not None or display.look.map is None)
        elif viewer.is_of_volume:
            self._say(NO_ERROR, lambda: display.look.map is None)

    def show_map(self, name: str | None) -> None:
        """Lay a map over the picture; None takes it away."""
        self._viewer.display.change(lambda look: replace(look, map=name))

    def review(self) -> None:
        """Ask the engine to check the newest result now."""
        self._access.review(self._say)
