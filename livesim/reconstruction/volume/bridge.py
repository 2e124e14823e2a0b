"""Continue a stack beyond its last plane, so that its transform along z has no jump."""

from __future__ import annotations

import torch
from torch import Tensor

_SLOPE = 0.35
"""Of that between the outermost plane and the one `_OVER` further inside: what lies beyond a stack
goes on as it begins, but not for the whole way back to the other end."""
_OVER = 2


def bridge_length(planes: int) -> int:
    """Return by how many planes a stack is continued before its transform along z.

    The point spread function is as long as the stack; without a bridge its tails are cut, and the
    jump between the last plane and the first counts as object. As many planes again gain 1 to 5 dB
    in objects inside the stack and beyond it, sparse and dense; half as many more 0.3 to 0.5 dB,
    still more nothing.
    """
    return planes + planes // 2


def bridged(planes: Tensor, count: int) -> Tensor:
    """Return planes [count, ...] that lead from the last of `planes` [z, ...] back to the first.

    They lie on a cubic curve that leaves and arrives with a share of the slopes at both ends; even
    steps lose 0.2 dB in much light.
    """
    share = torch.arange(1, count + 1, dtype=torch.float64, device=planes.device) / (count + 1)
    over = min(_OVER, len(planes) - 1)
    reach = _SLOPE * (count + 1) / max(over, 1)
    left, arrived = (1.0 - share).square(), share.square()
    up, down = reach * share * left, reach * (1.0 - share) * arrived
    last, first = left * (1.0 + 2.0 * share), arrived * (3.0 - 2.0 * share)
    curve = torch.stack((last + up, -up, first + down, -down), dim=1).to(planes.dtype)
    return torch.tensordot(curve, planes[[-1, -1 - over, 0, over]], dims=1)
