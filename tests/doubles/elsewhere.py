"""A device that computes as the CPU does, but does not mix with it: what a GPU would refuse fails.

Its tensors are made by `.to(ELSEWHERE)` or `device=ELSEWHERE`, and what is computed from them is
there too. A tensor of the CPU that is no single number cannot be computed with them, only copied to
them or used as an index; numpy sees them after `.cpu()`.
"""

from __future__ import annotations

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves, tree_map_only

ELSEWHERE = torch.device("xpu")
"""A kind of device that no machine of ours has."""
_BRINGS = (torch.Tensor.cpu, torch.Tensor.to, torch.Tensor.copy_)


class _There(torch.Tensor):
    """A tensor of the other device."""

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if function is torch.Tensor.numpy:
            raise TypeError("expected a tensor of the CPU, found one that is elsewhere")
        if function == torch.Tensor.device.__get__:  # a new object whenever it is asked for
            return ELSEWHERE
        with torch._C.DisableTorchFunctionSubclass():
            if function not in _BRINGS:
                _check(function, args, kwargs)
            made = function(*args, **kwargs)
            if function is torch.Tensor.cpu or (
                function is torch.Tensor.to and _names(args, kwargs, "cpu")
            ):
                return made.clone().as_subclass(torch.Tensor)
            return _there(made)


class Elsewhere(TorchFunctionMode):
    """While it lasts there is the other device."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if not _names(args, kwargs, ELSEWHERE):
            return function(*args, **kwargs)
        args = tree_map_only(torch.device, lambda _: torch.device("cpu"), args)
        kwargs = tree_map_only(torch.device, lambda _: torch.device("cpu"), kwargs)
        with torch._C.DisableTorchFunctionSubclass():
            return _there(function(*args, **kwargs))


def _check(function, args, kwargs):
    is_index = function in (torch.Tensor.__getitem__, torch.Tensor.__setitem__)
    tensors = [one for one in tree_leaves((args[:1] if is_index else args, kwargs)) if _is(one)]
    if not all(isinstance(one, _There) for one in tensors):
        raise RuntimeError(
            f"{function.__name__}: expected tensors elsewhere, found some of the CPU"
        )


def _is(one):
    return isinstance(one, torch.Tensor) and one.ndim > 0


def _names(args, kwargs, device):
    named = [one for one in tree_leaves((args, kwargs)) if isinstance(one, torch.device | str)]
    return any(torch.device(one) == torch.device(device) for one in named if _is_device(one))


def _is_device(one):
    return isinstance(one, torch.device) or one in ("cpu", "xpu")


def _there(made):
    return tree_map_only(torch.Tensor, lambda one: one.as_subclass(_There), made)
