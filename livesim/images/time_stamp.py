"""Write the time of an image as h:mm:ss.mmm, as movies and ImageJ files show it."""

from __future__ import annotations


def time_stamp(seconds: float) -> str:
    """Return a time from the beginning as h:mm:ss.mmm; what lies before it has a minus."""
    total_ms = round(abs(seconds) * 1000)
    whole, ms = divmod(total_ms, 1000)
    minutes, s = divmod(whole, 60)
    h, m = divmod(minutes, 60)
    sign = "-" if seconds < 0 and total_ms else ""
    return f"{sign}{h}:{m:02d}:{s:02d}.{ms:03d}"
