"""The engine's own settings and what a source says -> the settings of one stream."""

from __future__ import annotations

from livesim.config.settings import Settings, SettingsError, parse_settings
from livesim.wire.messages import StreamStart


def stream_settings(own: Settings | None, start: StreamStart) -> Settings:
    """Return the settings that hold for a stream: the engine's own, or else the source's.

    Raises
    ------
    SettingsError
        If there are none, they are wrong, they disagree about the pattern, or nobody knows the
        pixel size.
    """
    sent = None if start.settings is None else parse_settings(start.settings, "settings sent")
    settings = own or sent
    if settings is None:
        raise SettingsError("expected settings from the engine or the source, found none")
    if sent is not None and sent.pattern.stack_shape != settings.pattern.stack_shape:
        raise SettingsError(
            f"expected {_shape(settings)} as the engine's settings say, "
            f"found {_shape(sent)} in those the source sent"
        )
    return _with_pixel(settings, start.pixel_nm)


def _shape(settings: Settings) -> str:
    angles, phases = settings.pattern.stack_shape
    return f"{angles} angle(s) x {phases} phases"


def _with_pixel(settings: Settings, pixel_nm: float | None) -> Settings:
    if settings.optics.pixel_nm is not None:
        return settings
    if pixel_nm is None:
        raise SettingsError("expected optics.pixel_nm from the settings or the source, found none")
    optics = settings.optics.model_copy(update={"pixel_nm": pixel_nm})
    return settings.model_copy(update={"optics": optics})
