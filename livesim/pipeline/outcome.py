"""Say of what was computed of a raw stack what an engine publishes, and what it needs beside it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import Tensor

from livesim.engine.seams import Reconstructed, Tell
from livesim.pipeline.networks import Networks
from livesim.pipeline.review import Reviewer
from livesim.pipeline.work import Work
from livesim.values.frames import RawStack
from livesim.values.results import Image, Result
from livesim.values.verdict import Trust


def outcome(
    stack: RawStack, work: Work, hits: int, networks: Networks, reviewer: Reviewer | None
) -> Reconstructed:
    """Return what has become of a raw stack in which so many hits were replaced.

    Parameters
    ----------
    networks
        That took part.
    reviewer
        Of their work; None where nothing can be measured.
    """
    result = Result(
        stream=stack.stream,
        index=stack.index,
        image=work.image.numpy(),
        widefield=work.widefield.numpy(),
        plain=work.plain.numpy() if networks.any else None,
        last_received_ns=stack.last_received_ns,
    )
    return Reconstructed(
        result,
        step_one=_reader(work.between) if networks.both else None,
        network=_reader(work.network) if networks.any else None,
        review=None if reviewer is None else partial(_trust, reviewer, work),
        steps_ms=work.steps_ms,
        hits=hits,
    )


def _reader(image: Tensor | None) -> Callable[[], Image] | None:
    return None if image is None else image.numpy


def _trust(reviewer: Reviewer, work: Work, tell: Tell) -> Trust:
    """Judge what the networks are granted from now on; the maps are of the image that is shown."""
    return reviewer(work, tell, shown=work.image).trust
