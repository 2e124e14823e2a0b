"""How a word is meant: its colour on the screen. The engine gives its figures the same tones."""

from livesim.values.figure import Tone

__all__ = ["Tone"]
