"""Say what to do to get a picture, where there is none."""

from __future__ import annotations

from livesim.wire.endpoints import split_keys
from livesim_gui.state.stream.connection import Connection
from livesim_gui.state.stream.feed import News


def hint(news: News, under_way: str | None = None) -> str:
    """Return what stands where the picture will be.

    Parameters
    ----------
    under_way
        What has been begun here and takes its time.
    """
    if under_way is not None:
        return under_way
    if news.connection is Connection.NONE:
        return (
            news.words
            or "No engine.\nOpen or drop a recording, start a simulation, or connect to an engine."
        )
    if news.connection is Connection.FILE:
        return "The raw stack is being restored…"
    if news.connection is Connection.LOST:
        return f"The engine at {news.address} does not answer any more."
    if news.status is None and split_keys(news.address or "")[1] is not None and news.words:
        return news.words
    if news.status is None:
        return f"No engine answers at {news.address} yet."
    if news.status.stream is None:
        return "The engine waits for a stream.\nOpen a recording (Ctrl+O), or Start simulator"
    return "The engine is looking for the pattern…"
