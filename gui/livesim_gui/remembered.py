"""Keep the user's choices in an INI file, from one start of the viewer to the next."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field, replace
from pathlib import Path

from qtpy.QtCore import QSettings, QStandardPaths

from livesim.config.settings import SettingsError
from livesim.images.colour_tables import GAMMAS, colours
from livesim.wire.endpoints import CONTROL_ADDRESS
from livesim_gui.state.picture.look import Look
from livesim_gui.theme import DARK, THEMES


@dataclass(frozen=True, slots=True)
class Remembered:
    """The user's choices, as they are kept in the file."""

    look: Look = field(default_factory=Look)
    theme: str = DARK.name
    address: str = CONTROL_ADDRESS
    keys: str = ""
    """Folder of keys for engines on other machines."""
    crosshair: bool = False
    panel: bool = True
    panel_width: int = 0
    """Pixels, as dragged; 0 = a share of the window."""
    tab: int = 0
    snapshots: str = ""
    """Folder."""
    record: str = ""
    """Folder into which an engine started here records."""
    at_once: bool = True
    """Whether it records from the first stack on."""
    config: str = ""
    """Settings file of an engine or simulator started here."""
    geometry: bytes = b""


def default_path() -> Path:
    """Return the user's own file."""
    folder = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.GenericConfigLocation)
    return Path(folder) / "livesim" / "viewer.ini"


def load(path: Path) -> Remembered:
    """Read what is remembered; what is missing or makes no sense has its default."""
    file = QSettings(str(path), QSettings.Format.IniFormat)

    def text(key: str, otherwise: str) -> str:
        return str(file.value(key, otherwise))

    plain = Remembered()
    theme = text("theme", plain.theme)
    return Remembered(
        look=_look(file),
        theme=theme if theme in THEMES else plain.theme,
        address=text("address", plain.address),
        keys=text("keys", ""),
        at_once=text("at_once", "true") == "true",
        crosshair=text("crosshair", "false") == "true",
        panel=text("panel", "true") == "true",
        panel_width=_whole(text("panel_width", "0")),
        tab=_whole(text("tab", "0")),
        snapshots=text("snapshots", _default_folder("livesim-snapshots")),
        record=text("record", _default_folder("livesim-recordings")),
        config=text("config", ""),
        geometry=base64.b64decode(text("geometry", "")),
    )


def save(path: Path, values: Remembered) -> None:
    """Write everything; a file that cannot be written is not worth an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = QSettings(str(path), QSettings.Format.IniFormat)
    look = values.look
    for key, value in (
        ("lut", look.lut),
        ("gamma", look.gamma),
        ("divider", look.divider),
        ("theme", values.theme),
        ("address", values.address),
        ("keys", values.keys),
        ("at_once", _word(values.at_once)),
        ("crosshair", _word(values.crosshair)),
        ("panel", _word(values.panel)),
        ("panel_width", values.panel_width),
        ("tab", values.tab),
        ("snapshots", values.snapshots),
        ("record", values.record),
        ("config", values.config),
        ("geometry", base64.b64encode(values.geometry).decode()),
    ):
        file.setValue(key, value)
    file.sync()


def _look(file: QSettings) -> Look:
    """Read the colours; which stage is shown begins the same every time."""
    plain = Look()
    gamma = _number(file.value("gamma"), plain.gamma)
    lut = str(file.value("lut", plain.lut))
    try:
        colours(lut)
    except SettingsError:
        lut = plain.lut
    known = replace(plain, lut=lut, gamma=min(max(gamma, GAMMAS[0]), GAMMAS[1]))
    return known.divided_at(_number(file.value("divider"), plain.divider))


def _word(yes: bool) -> str:
    """Return how a truth value is read back; a bool would come back as one, or as a text."""
    return "true" if yes else "false"


def _number(value: object, otherwise: float) -> float:
    try:
        return float(str(value))
    except ValueError:
        return otherwise


def _whole(text: str) -> int:
    return int(text) if text.isdecimal() else 0


def _default_folder(name: str) -> str:
    return f"~/{name}"
