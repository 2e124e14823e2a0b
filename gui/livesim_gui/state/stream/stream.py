"""Know the stream that is shown: the newest news of it, and the folder that it is recorded into."""

from __future__ import annotations

from livesim.wire.messages import TrustMaps
from livesim_gui.state.stream.feed import Feed, News


class Stream:
    """Knows the stream as of the last look at the feed; for one thread.

    Parameters
    ----------
    feed
        Where the threads of the connection leave what they learn.
    """

    def __init__(self, feed: Feed) -> None:
        self.feed = feed
        self.news = News()
        self.seen_s = 0.0
        """When the feed was looked at."""
        self.folder: str | None = None
        """Of this stream's recording, on the engine's machine; None = it has none."""
        self.last_folder: str | None = None
        """Of the last recording that there was, of this stream or one before."""

    def update(self, now_s: float) -> News:
        """Take the newest news; return those of the last look, to be compared with them."""
        before, self.news = self.news, self.feed.news(now_s)
        self.seen_s = now_s
        if not self.news.is_of_stream(before):
            self.folder = None
        status = self.news.status
        if status is not None and status.recording is not None:
            self.last_folder = status.recording
            if status.stream == self.news.stream:
                self.folder = status.recording
        return before

    def maps(self, channel: int, z: int | None = None) -> TrustMaps | None:
        """Return the maps of the last result of a channel that was reviewed, if there are any.

        Of a volume those of plane `z`.
        """
        own = [one for key, one in self.news.maps.items() if key[0] == channel]
        return next((one for one in own if one.index.z == z), own[-1] if own else None)

    @property
    def apart_s(self) -> float:
        """Time over which the frames of one result are taken; nearer results share frames."""
        status = self.news.status
        rolling = None if status is None else status.rolling
        return 0.0 if rolling is None else rolling.newest.resolution_ms / 1000.0
