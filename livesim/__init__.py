"""livesim: live reconstruction for structured illumination microscopy.

The public API is what `__all__` names; docs/use/api.md shows each of them at work. They are loaded
when they are first used, so that `import livesim` costs next to nothing and does not load torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from livesim.values.version import VERSION

if TYPE_CHECKING:
    from livesim.api.calibrate import calibrate
    from livesim.api.doctor import doctor
    from livesim.api.live import Sender, listen
    from livesim.api.recording import open
    from livesim.api.restore import Restorer, restore
    from livesim.api.trust import trust
    from livesim.config.keywords import settings
    from livesim.config.settings import Settings

__all__ = [
    "Restorer",
    "Sender",
    "Settings",
    "calibrate",
    "doctor",
    "listen",
    "open",
    "restore",
    "settings",
    "trust",
]

__version__ = VERSION

_ROOMS = {
    "Restorer": "livesim.api.restore",
    "Sender": "livesim.api.live",
    "Settings": "livesim.config.settings",
    "calibrate": "livesim.api.calibrate",
    "doctor": "livesim.api.doctor",
    "listen": "livesim.api.live",
    "open": "livesim.api.recording",
    "restore": "livesim.api.restore",
    "settings": "livesim.config.keywords",
    "trust": "livesim.api.trust",
}


if not TYPE_CHECKING:  # to a type checker only the names above exist

    def __getattr__(name: str) -> Any:
        """Load a name of the public API when it is first used."""
        if name not in _ROOMS:
            raise AttributeError(f"module 'livesim' has no attribute '{name}'")
        found = globals()[name] = getattr(import_module(_ROOMS[name]), name)
        return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
