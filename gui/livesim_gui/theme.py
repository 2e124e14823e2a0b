"""Colour every widget and plot, dark or light."""

from __future__ import annotations

from dataclasses import dataclass

from qtpy.QtGui import QColor, QPalette
from qtpy.QtWidgets import QApplication

from livesim_gui.state.health.tone import Tone

ANGLE_COLOURS = ("#4c9be8", "#e8894c", "#58b368", "#c678dd", "#d4b106", "#e06c75")
"""Of the curves, one an angle."""


def angle_colour(angle: int) -> str:
    """Return the colour of an angle's curves, as #rrggbb."""
    return ANGLE_COLOURS[angle % len(ANGLE_COLOURS)]


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours, as #rrggbb."""

    name: str
    window: str
    base: str
    """Behind text fields and plots."""
    raised: str
    """Of buttons."""
    text: str
    faint: str
    accent: str
    tones: dict[Tone, str]


DARK = Theme(
    name="dark",
    window="#1f2226",
    base="#17191c",
    raised="#2c3036",
    text="#dfe3e8",
    faint="#8b939d",
    accent="#4c9be8",
    tones={
        Tone.QUIET: "#8b939d",
        Tone.GOOD: "#5fbf77",
        Tone.NOTE: "#e3b341",
        Tone.BAD: "#e5534b",
    },
)
LIGHT = Theme(
    name="light",
    window="#f3f4f6",
    base="#ffffff",
    raised="#e4e7eb",
    text="#22262b",
    faint="#626b76",
    accent="#1f6fc4",
    tones={
        Tone.QUIET: "#626b76",
        Tone.GOOD: "#1f8a3b",
        Tone.NOTE: "#9a6700",
        Tone.BAD: "#c62828",
    },
)
THEMES = {theme.name: theme for theme in (DARK, LIGHT)}


def apply_theme(app: QApplication, theme: Theme) -> None:
    """Colour all widgets of the application."""
    app.setStyle("Fusion")
    app.setPalette(_palette(theme))
    app.setStyleSheet(_sheet(theme))


def _palette(theme: Theme) -> QPalette:
    palette = QPalette()
    roles = {
        QPalette.ColorRole.Window: theme.window,
        QPalette.ColorRole.WindowText: theme.text,
        QPalette.ColorRole.Base: theme.base,
        QPalette.ColorRole.AlternateBase: theme.window,
        QPalette.ColorRole.Text: theme.text,
        QPalette.ColorRole.Button: theme.raised,
        QPalette.ColorRole.ButtonText: theme.text,
        QPalette.ColorRole.ToolTipBase: theme.raised,
        QPalette.ColorRole.ToolTipText: theme.text,
        QPalette.ColorRole.Highlight: theme.accent,
        QPalette.ColorRole.HighlightedText: "#ffffff",
        QPalette.ColorRole.PlaceholderText: theme.faint,
    }
    for role, colour in roles.items():
        palette.setColor(role, QColor(colour))
    for role in (
        QPalette.ColorRole.Text,
        QPalette.ColorRole.ButtonText,
        QPalette.ColorRole.WindowText,
    ):
        palette.setColor(QPalette.ColorGroup.Disabled, role, QColor(theme.faint))
    return palette


def _sheet(theme: Theme) -> str:
    return f"""
    QToolTip {{ color: {theme.text}; background: {theme.raised}; border: 1px solid {theme.faint}; }}
    QPushButton {{ padding: 4px 10px; border: 1px solid transparent; border-radius: 4px;
        background: {theme.raised}; }}
    QPushButton:hover {{ border-color: {theme.faint}; }}
    QPushButton:checked {{ background: {theme.accent}; color: white; }}
    QPushButton:disabled {{ color: {theme.faint}; }}
    QTabWidget::pane {{ border: none; }}
    QTabBar::tab {{ padding: 6px 5px; border: none; color: {theme.faint}; }}
    QTabBar::tab:selected {{ color: {theme.text}; border-bottom: 2px solid {theme.accent}; }}
    QLabel[role="faint"] {{ color: {theme.faint}; }}
    QLabel[role="alarm"] {{ background: {theme.tones[Tone.BAD]}; color: white; padding: 5px 10px;
        font-weight: bold; }}
    QLineEdit, QComboBox {{ padding: 3px 6px; border: 1px solid {theme.raised}; border-radius: 4px;
        background: {theme.base}; }}
    QCheckBox::indicator:unchecked {{ width: 11px; height: 11px; border: 1px solid {theme.faint};
        border-radius: 2px; background: {theme.base}; }}
    QSplitter::handle {{ background: {theme.window}; }}
    QScrollArea {{ border: none; }}
    """
