"""Fill the menus at the top of the window with what the keys do as well."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from qtpy.QtWidgets import QMenuBar

from livesim_gui.state.keys import KEYS, Key

SEPARATOR = "-"
MENUS = {
    "&File": (
        "open-file",
        "open-folder",
        "replay",
        SEPARATOR,
        "snapshot",
        "data",
        "export",
        SEPARATOR,
        "record",
        SEPARATOR,
        "quit",
    ),
    "&View": (
        "fit",
        "swap",
        "split",
        "merge",
        "map",
        "cut",
        "automatic",
        SEPARATOR,
        "line",
        "region",
        "crosshair",
        SEPARATOR,
        "panel",
        "theme",
        "full",
    ),
    "&Help": ("keys", "documentation", "about"),
}
"""By the names of the keys, and of what has none."""
KEYLESS = {
    "replay": "Replay a recording to the engine…",
    "documentation": "Documentation",
    "about": "About livesim",
}
"""What stands in a menu and has no key."""


def fill_menus(bar: QMenuBar, actions: Mapping[str, Callable[[], None]]) -> None:
    """Add all menus; each entry shows its key, which `bind_keys` makes work.

    Parameters
    ----------
    actions
        By the names of the keys, and those of `KEYLESS`.
    """
    known = {key.name: key for key in KEYS}
    for title, names in MENUS.items():
        menu = bar.addMenu(title)
        assert menu is not None
        for name in names:
            if name == SEPARATOR:
                menu.addSeparator()
                continue
            entry = menu.addAction(_words(name, known.get(name)))
            assert entry is not None
            entry.triggered.connect(lambda _, name=name: actions[name]())


def _words(name: str, key: Key | None) -> str:
    """Return an entry: its words, and at the right the key."""
    return KEYLESS[name] if key is None else f"{key.words}\t{key.keys[0]}"
