"""What the fringes say of the order of the frames in, findings about it out."""

from __future__ import annotations

import itertools
import math

import torch

from livesim.config import PatternSettings
from livesim.reconstruction.doctor.evidence import Verdict
from livesim.reconstruction.doctor.finding import Fault, Finding
from livesim.reconstruction.doctor.sequence import Layout, Order
from livesim.reconstruction.doctor.signature import Peak, Signature

DOUBTFUL = 0.05
"""A fault is named where the probability that there is none is below this."""
MOST_SURE = 0.999
_ANGLE_ERROR_DEG = 3.0
_ANGLE_PRIOR = 0.97  # that the expected angles are in order
_FAR_DEG = 12.0


def order_findings(
    verdict: Verdict, signature: Signature, pattern: PatternSettings, number: int
) -> list[Finding]:
    """Return the fault of the order of the frames, if there is one; `number` is the first's."""
    best = verdict.best
    directions = angle_directions(verdict, signature)
    if best.fault is None or _probability(verdict, None) > DOUBTFUL:
        return _against_expected(best, directions, pattern)
    if best.fault is Fault.ROTATED:
        return [_rotated(verdict, directions, pattern)]
    return [_WORDS[best.fault](verdict, signature, number)]


def _probability(verdict: Verdict, fault: Fault | None, layout: Layout | None = None) -> float:
    same = [order.fault is fault and layout in (None, order.layout) for order in verdict.orders]
    return min(float(verdict.probability[torch.tensor(same)].sum()), MOST_SURE)


def angle_directions(verdict: Verdict, signature: Signature) -> list[float | None]:
    """Return the direction of k of every angle in degrees, None for one without fringes."""
    return [
        None if peak is None else math.degrees(math.atan2(peak.k[1], peak.k[0]))
        for peak in angle_peaks(verdict, signature)
    ]


def angle_peaks(verdict: Verdict, signature: Signature) -> list[Peak | None]:
    """Return the strongest peak of every angle in the most probable order."""
    found: list[Peak | None] = [None] * verdict.best.layout.angles
    for peak, angle in zip(signature.peaks, verdict.angle.tolist(), strict=True):
        if angle >= 0 and found[angle] is None:
            found[angle] = peak
    return found


def _rotated(verdict: Verdict, directions: list[float | None], pattern: PatternSettings) -> Finding:
    layout, start = verdict.best.layout, verdict.best.start
    turn, more = _turned_by(directions, pattern), ""
    if turn is None:
        others = [(start + n * layout.phases) % layout.frames for n in range(1, layout.angles)]
        more = f" (or {' or '.join(map(str, others))}: the fringes of whole angles look alike)"
    start = (start + layout.phases * (turn or 0)) % layout.frames
    return _rotation(start, more, _probability(verdict, Fault.ROTATED))


def _rotation(start: int, more: str, sureness: float) -> Finding:
    return Finding(
        Fault.ROTATED,
        f"the first frame is frame {start} of the sequence, counted from 0{more}",
        sureness,
        f"[pattern] first_frame = {start}",
        "if the file names angle and phase itself, start the camera and the pattern together",
        value=start,
    )


def _turned_by(directions: list[float | None], pattern: PatternSettings) -> int | None:
    """Return by how many angles the directions lag behind the expected ones, if that is clear."""
    order = _expected_order(directions, pattern)
    if order is None:
        return None
    turns = [(found - number) % len(order[0]) for number, found in enumerate(order[0])]
    return turns[0] if len(set(turns)) == 1 else None


def _expected_order(
    directions: list[float | None], pattern: PatternSettings
) -> tuple[tuple[int, ...], float] | None:
    """Return (which expected angle each one is, how sure); None where none fits."""
    expected = pattern.expected_angles_deg
    if expected is None or len(expected) != len(directions) or None in directions:
        return None
    choices = list(itertools.permutations(range(len(expected))))
    away = torch.tensor(
        [[_apart(d, expected[n]) for d, n in zip(directions, one, strict=True)] for one in choices],
        dtype=torch.float64,
    )
    if float(away.abs().amax(dim=1).min()) > _FAR_DEG:
        return None
    prior = torch.full((len(choices),), (1.0 - _ANGLE_PRIOR) / max(len(choices) - 1, 1)).double()
    prior[0] = _ANGLE_PRIOR
    probability = (prior.log() - 0.5 * (away / _ANGLE_ERROR_DEG).square().sum(dim=1)).softmax(0)
    best = int(probability.argmax())
    return choices[best], min(float(probability[best]), MOST_SURE)


def _apart(one: float | None, other: float) -> float:
    """Return the angle between two fringe directions, which have no sign."""
    return ((one or 0.0) - other + 90.0) % 180.0 - 90.0


def _against_expected(
    best: Order, directions: list[float | None], pattern: PatternSettings
) -> list[Finding]:
    if pattern.layout == "hexagonal" or len(directions) < 2:
        return []
    found = _expected_order(directions, pattern)
    if found is None or found[0] == tuple(range(len(directions))):
        return []
    order, sureness = found
    turn = _turned_by(directions, pattern)
    if turn is not None:
        start = (best.start + turn * best.layout.phases) % best.layout.frames
        return [_rotation(start, "", sureness)]
    assert pattern.expected_angles_deg is not None
    line = ", ".join(f"{pattern.expected_angles_deg[n]:g}" for n in order)
    words = ", ".join(map(str, order))
    reversed_ = order == tuple(reversed(range(len(order))))
    return [
        Finding(
            Fault.REVERSED if reversed_ else Fault.SWAPPED_ANGLES,
            "the frames come backwards, the last angle first"
            if reversed_
            else f"the angles come in the order {words} of the expected ones",
            sureness,
            f"[pattern] expected_angles_deg = [{line}]",
            "the result is the same; only the expected angles stand at the wrong places",
        )
    ]


def _transposed(verdict: Verdict, _: Signature, __: int) -> Finding:
    first = "phase" if verdict.best.layout.phase_first else "angle"
    order = '["phase", "angle"]' if first == "phase" else '["angle", "phase"]'
    return Finding(
        Fault.TRANSPOSED,
        f"the {first} changes from frame to frame, not the other way round",
        _probability(verdict, Fault.TRANSPOSED),
        f"[pattern] order = {order}",
        "if the file names angle and phase itself, exchange them where it is written",
    )


def _swapped(verdict: Verdict, _: Signature, number: int) -> Finding:
    best = verdict.best
    one, other = divmod(best.amount, best.layout.angles)
    first = number + best.at * best.layout.frames
    return Finding(
        Fault.SWAPPED_ANGLES,
        f"angles {one} and {other} have changed places in stack {first // best.layout.frames}",
        _probability(verdict, Fault.SWAPPED_ANGLES),
        None,
        f"look at the sequence that was loaded for frames {first} to "
        f"{first + best.layout.frames - 1}; leave that stack out",
        tuple(range(first, first + best.layout.frames)),
    )


def _lost(verdict: Verdict, _: Signature, number: int) -> Finding:
    best, at = verdict.best, number + verdict.best.at
    what = "a frame is" if best.amount == 1 else f"{best.amount} frames are"
    return Finding(
        Fault.LOST_FRAME,
        f"{what} missing between frames {at - 1} and {at}: from there on all frames have moved up",
        _probability(verdict, Fault.LOST_FRAME),
        None,
        "delete the rest of that stack from the file, or record with axes "
        "(OME-TIFF, NDTiff, a stream), where a lost frame costs its own stack only",
        (at,),
        best.amount,
    )


def _repeated(verdict: Verdict, _: Signature, number: int) -> Finding:
    at = number + verdict.best.at
    return Finding(
        Fault.REPEATED_FRAME,
        f"frame {at} shows the pattern of frame {at - 1} once more: "
        "from there on all frames have moved down",
        _probability(verdict, Fault.REPEATED_FRAME),
        None,
        f"delete frame {at} from the file; let the pattern wait for the camera",
        (at,),
        -1.0,
    )


def _wrong_count(verdict: Verdict, signature: Signature, _: int) -> Finding:
    layout = verdict.best.layout
    steps = {abs(step) for step in verdict.step.tolist() if step}
    hexagonal = (layout.angles, layout.phases) == (1, 7) and len(steps) == 3
    if hexagonal:
        mend = '[pattern] layout = "hexagonal"'
    else:
        mend = f"[pattern] angles = {layout.angles}, phases = {layout.phases}"
    return Finding(
        Fault.WRONG_COUNT,
        "every frame shows three wave vectors: seven hexagonal frames"
        if hexagonal
        else f"the frames belong together as {layout.words}",
        _probability(verdict, Fault.WRONG_COUNT, layout),
        mend,
    )


_WORDS = {
    Fault.TRANSPOSED: _transposed,
    Fault.SWAPPED_ANGLES: _swapped,
    Fault.LOST_FRAME: _lost,
    Fault.REPEATED_FRAME: _repeated,
    Fault.WRONG_COUNT: _wrong_count,
}
