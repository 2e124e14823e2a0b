"""Show the mean of the frames of each raw stack while its pattern is searched for."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from livesim.config.settings import Settings
from livesim.engine.queue import BoundedQueue
from livesim.engine.seams import Reconstructed
from livesim.values.frames import RawStack
from livesim.values.results import Result


class Searching:
    """Publishes widefield images until a channel's pattern is known; in the receiver's thread.

    They are neither recorded nor counted: the same stacks are reconstructed later.

    Parameters
    ----------
    settings
        Of the stream.
    known
        Whether the pattern of a channel is known.
    results
        What is to be published; a mean goes there only while nothing else waits.
    """

    def __init__(
        self,
        settings: Settings,
        known: Callable[[int], bool],
        results: BoundedQueue[Reconstructed],
    ) -> None:
        self._settings, self._known, self._results = settings, known, results

    def see(self, stack: RawStack) -> None:
        """Take a whole stack; never waits."""
        if not self._known(stack.index.channel) and not self._results.queued:
            self._results.offer(Reconstructed(self._mean(stack)))

    def _mean(self, stack: RawStack) -> Result:
        camera = self._settings.of_channel(stack.index.channel).camera
        counts = stack.pixels.mean(axis=(0, 1), dtype=np.float32)
        mean = np.asarray((counts - camera.offset) / camera.gain, np.float32)
        return Result(
            stream=stack.stream,
            index=stack.index,
            image=mean,
            widefield=mean,
            last_received_ns=stack.last_received_ns,
            rolling=stack.rolling,
            searching=True,
        )
