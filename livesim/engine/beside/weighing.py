"""Follow the weights of a pipeline: what a review finds is used from the next raw stack on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from livesim.engine.seams import Reconstructed, Review, Tell
from livesim.values.verdict import Trust
from livesim.values.weights import BandWeights


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """Weights that a review has found, and with which settings."""

    era: object
    weights: BandWeights


class Weighing:
    """The weights in use; reviews propose others in a thread of their own.

    The first ones are used as they are, later ones are mixed half and half with those in use: what
    a single raw stack says of a weight is noise in part. Nobody waits here: a proposal is one
    attribute, which the frame path looks at before every stack.
    """

    def __init__(self) -> None:
        self.weights: BandWeights | None = None
        """In use; None = nothing of the networks' change is shown."""
        self._found: _Found | None = None
        self._era = object()

    # The processor's thread.

    def adopt(self, shapes: tuple[tuple[int, int], ...]) -> BandWeights | None:
        """Return the weights of the next stack.

        Parameters
        ----------
        shapes
            Of the weights that fit the reconstruction; others are those of other bands.
        """
        found, self._found = self._found, None
        if self.weights is not None and self.weights.shapes != shapes:
            self.weights = None
        if found is not None and found.era is self._era and found.weights.shapes == shapes:
            new = found.weights
            self.weights = new if self.weights is None else self.weights.mixed(new)
        return self.weights

    def restart(self) -> None:
        """Show nothing of other networks or settings until reviews have measured them."""
        self.weights, self._era = None, object()

    def watch(self) -> Callable[[Reconstructed], Reconstructed]:
        """Return what lets the review of the next result propose the weights that it finds."""
        return partial(self._watched, self._era)

    def _watched(self, era: object, made: Reconstructed) -> Reconstructed:
        if made.review is None:
            return made
        return replace(made, review=partial(self._review, made.review, era))

    # The thread of the reviews.

    def _review(self, review: Review, era: object, tell: Tell) -> Trust:
        trust = review(tell)
        if trust.weights is not None:
            self._found = _Found(era, trust.weights)
        return trust
