"""Send frames as one stream that is ended in order, also when it is interrupted."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator

from livesim.values.errors import DataError
from livesim.values.frames import RawFrame
from livesim.wire.header import WireError
from livesim.wire.messages import StreamStart
from livesim_acquisition.sender import Delivery, Sender

Due = Callable[[RawFrame], float]
"""When a frame is due, in seconds from the start of the stream."""


def stream_frames(
    frames: Iterable[RawFrame],
    sender: Sender,
    start: StreamStart,
    sent: Callable[[int], None] = lambda count: None,
) -> Delivery:
    """Send all frames as one stream; when interrupted, the stream ends marked as aborted.

    Parameters
    ----------
    sent
        Called after every frame with how many have been sent.

    Raises
    ------
    DataError
        If a frame cannot be read.
    WireError
        If the engine refuses the stream or stops answering.
    """
    try:
        sender.start(start)
        for count, frame in enumerate(frames, start=1):
            sender.send(frame)
            sent(count)
    except WireError:
        raise  # no engine to say the end to
    except (KeyboardInterrupt, DataError):
        sender.finish(aborted=True)
        raise
    return sender.finish()


def on_time(frames: Iterable[RawFrame], due_s: Due) -> Iterator[RawFrame]:
    """Yield each frame when it is due; against a deadline, so that delays do not add up."""
    begin = time.monotonic()
    for frame in frames:
        wait_s = begin + due_s(frame) - time.monotonic()
        if wait_s > 0:
            time.sleep(wait_s)
        yield frame
