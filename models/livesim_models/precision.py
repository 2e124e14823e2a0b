"""Choose the precision in which networks compute, and keep float32 free of shortcuts."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn.functional import conv2d

Precision = Literal["float32", "float16", "bfloat16"]
"""From what every device takes to what the newest are made for."""

_log = logging.getLogger("livesim.engine")

_WORTH = 1.2
"""Times that a shorter precision has to be faster than float32."""
_TRIED, _ROUNDS = (1, 32, 512, 512), 20
"""What is timed on a GPU: features as a network has them, and how often."""
_TRIED_ON_CPU = (1, 32, 32, 128)
"""On a processor: as much as its caches hold, which is how `StripRcan` works."""

_lock = threading.Lock()
_exact = 0
"""Threads that compute in true float32 now."""
_allowed = True
"""What was allowed before the first of them came."""


@contextmanager
def true_float32() -> Iterator[None]:
    """Convolve in float32 as it is written: cuDNN rounds the factors to 10 bits (TF32) unasked.

    The switch is one for the process. So the first thread that comes turns it off, and the last one
    that goes puts it back.
    """
    global _exact, _allowed
    with _lock:
        if _exact == 0:
            _allowed = torch.backends.cudnn.allow_tf32
            torch.backends.cudnn.allow_tf32 = False
        _exact += 1
    try:
        yield
    finally:
        with _lock:
            _exact -= 1
            if _exact == 0:
                torch.backends.cudnn.allow_tf32 = _allowed


@cache
def preferred_precision(device: torch.device) -> Precision:
    """Return the fastest precision of a device that does not show; the first call measures.

    A device is asked for what its generation is made for, and that is timed against float32: among
    processors with instructions for bfloat16 some are twice as fast in it, and some slower.
    """
    cuda = device.type == "cuda"
    short = made_for(torch.cuda.get_device_capability(device)) if cuda else _made_for_here()
    if short == "float32":
        return short
    timed = _milliseconds if cuda else _milliseconds_on_cpu
    try:
        exact_ms, short_ms = timed(device, ("float32", short))
    except RuntimeError as error:
        _log.warning("%s: networks compute in float32, since %s failed: %s", device, short, error)
        return "float32"
    faster = exact_ms / short_ms
    _log.info("%s: %s is %.1f times as fast as float32", device, short, faster)
    return short if faster >= _WORTH else "float32"


def _made_for_here() -> Precision:
    """Return the shortest precision that this processor has instructions for."""
    return "bfloat16" if torch.cpu._is_avx512_bf16_supported() else "float32"


def made_for(capability: tuple[int, int]) -> Precision:
    """Return the precision that GPUs of a compute capability multiply in fastest.

    NVIDIA's CUDA C++ programming guide, "Arithmetic Instructions" and "Compute Capabilities":
    matrix units take bfloat16 from 8.0 (Ampere) on, float16 from 7.0 (Volta, Turing) on; before,
    halves are mostly slower than float32.
    """
    if capability >= (8, 0):
        return "bfloat16"
    return "float16" if capability >= (7, 0) else "float32"


def common_precision(preferred: Sequence[Precision]) -> Precision:
    """Return the precision for devices that are to give the same images, by what each prefers.

    A GPU that multiplies bfloat16 fast is as fast in float16, and every one computes in float32.
    """
    return min(preferred, key=get_args(Precision).index)


def _milliseconds(device: torch.device, precisions: Sequence[Precision]) -> list[float]:
    """Return how long some convolutions take on a GPU in each precision."""
    return [_on_gpu(device, precision) for precision in precisions]


def _on_gpu(device: torch.device, precision: Precision) -> float:
    features, weights = _layer(_TRIED, device, precision)
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    stream = torch.cuda.current_stream(device)
    with torch.inference_mode(), true_float32():
        for number in range(2 * _ROUNDS):
            if number == _ROUNDS:  # the first ones choose kernels, and wake the clocks
                begin.record(stream)
            conv2d(features, weights, padding=1)
    end.record(stream)
    end.synchronize()
    return float(begin.elapsed_time(end))


def _milliseconds_on_cpu(device: torch.device, precisions: Sequence[Precision]) -> list[float]:
    """Return how long a convolution takes at best in each precision, which take turns.

    On one core, in a thread of its own: two that wait for each other tell how busy the machine is.
    """
    layers = [_layer(_TRIED_ON_CPU, device, precision) for precision in precisions]
    taken: list[list[float]] = [[] for _ in layers]

    def measure() -> None:
        all_cores = torch.get_num_threads()
        torch.set_num_threads(1)
        with torch.inference_mode():
            for times, (features, weights) in _ROUNDS * list(zip(taken, layers, strict=True)):
                begin = time.perf_counter()
                conv2d(features, weights, padding=1)
                times.append(1000.0 * (time.perf_counter() - begin))
        torch.set_num_threads(all_cores)  # else threads that begin later had one, too

    with ThreadPoolExecutor(1) as own:
        own.submit(measure).result()
    return [min(times) for times in taken]


def _layer(
    size: tuple[int, ...], device: torch.device, precision: Precision
) -> tuple[Tensor, Tensor]:
    """Return features, and the weights of one convolution of a network."""
    features = torch.rand(size, device=device).to(getattr(torch, precision))
    features = features.to(memory_format=torch.channels_last)
    return features, torch.rand(32, 32, 3, 3, device=device).to(features)
