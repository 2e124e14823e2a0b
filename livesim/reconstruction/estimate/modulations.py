"""Let angles whose bands hardly tell their modulation lean on the others, and on what is usual."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from livesim.reconstruction.estimate.parameters import LEAST_MODULATION
from livesim.reconstruction.estimate.refine import Refined

_SCATTER = 0.3
"""Relative: by how much the angles of one instrument differ, as polarisation and mirrors leave
them."""
_USUAL, _USUAL_SCATTER = math.log(0.6), 0.8
"""Of the logarithm, for instruments that nothing is known of: a band that is amplified by far too
much ruins an image, one that is amplified by too little does not."""
_KNOWN = 0.3
"""Standard error from which on nothing is said of others: much noise makes modulation too large."""


def lean_together(found: Sequence[Refined]) -> list[Refined]:
    """Return the patterns with the most probable modulation, given those of all the others.

    The logarithms are normally distributed around what the instrument has, harmonic by harmonic.
    Where the bands tell the modulation it stays as it is; others that hardly know theirs do not
    count.
    """
    if not found:
        return []
    vectors = [len(one.parameters.k) for one in found]
    shape = (sum(vectors), -1)
    modulation = torch.cat([one.parameters.modulation for one in found]).view(shape)
    error = torch.cat([one.errors.modulation for one in found]).view(shape)
    logarithm, error = _posterior(modulation.log(), error)
    return [
        _with_modulation(one, m.flatten().exp(), e.flatten())
        for one, m, e in zip(found, logarithm.split(vectors), error.split(vectors), strict=True)
    ]


def _posterior(value: Tensor, error: Tensor) -> tuple[Tensor, Tensor]:
    """Return values [vector, harmonic] and their errors, each with the others' as its prior."""
    weight = torch.where(error <= _KNOWN, 1.0 / (error.square() + _SCATTER**2), 0.0)
    others = weight.sum(dim=0) - weight
    known = others > 1e-12
    mean = ((weight * value).sum(dim=0) - weight * value) / others.clamp(min=1e-12)
    prior = torch.where(known, 1.0 / (_SCATTER**2 + 1.0 / others.clamp(min=1e-12)), 0.0)
    own = 1.0 / error.square().clamp(min=1e-12)
    usual = 1.0 / _USUAL_SCATTER**2
    precision = own + prior + usual
    return (own * value + prior * mean + usual * _USUAL) / precision, precision.rsqrt()


def _with_modulation(found: Refined, modulation: Tensor, error: Tensor) -> Refined:
    parameters = replace(found.parameters, modulation=modulation.clamp(LEAST_MODULATION, 1.0))
    return replace(found, parameters=parameters, errors=replace(found.errors, modulation=error))
