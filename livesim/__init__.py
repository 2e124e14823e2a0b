"""livesim: live reconstruction for structured illumination microscopy."""

from importlib.metadata import version

__version__ = version("livesim")
