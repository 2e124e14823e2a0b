"""Cause the faults of a soak; each says by which result it is over."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
import zmq

from bench.soak.disk import Disk
from bench.soak.frames import STACK_FRAMES, KnownFrames, axes_of
from bench.soak.rig import Rig
from bench.soak.watch import Seen, Watch
from livesim.values.frames import RawFrame
from livesim.wire.codec import Buffer, encode

REFUSED_S = 60.0
STALL_S = (1.0, 4.0)

Parts = list[Buffer]


@dataclass(frozen=True, slots=True)
class Harm:
    """A fault that was done."""

    since_ns: int
    """When, by the wall clock; where it lasts, when it was over."""
    is_over: Callable[[Seen], bool]
    """Whether a result could not have come without recovery."""
    back_ns: int = 0
    """When what was killed was back, where that is not the source of results."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What faults work on."""

    rig: Rig
    watch: Watch
    disk: Disk
    frames: KnownFrames
    random: np.random.Generator


Fault = Callable[[Scene], Harm]


def _of_another_stream(scene: Scene) -> Callable[[Seen], bool]:
    known = scene.rig.places.streams()
    return lambda seen: seen.stream not in known


def _received_since(since_ns: int) -> Callable[[Seen], bool]:
    return lambda seen: seen.received_ns > since_ns


def kill_source(scene: Scene) -> Harm:
    """Kill the source in the middle of a stack, and start it again at once."""
    scene.rig.kill("source")
    harm = Harm(time.time_ns(), _of_another_stream(scene))
    scene.rig.start("source")
    return harm


def kill_engine(scene: Scene) -> Harm:
    """Kill the engine while it writes, and start it again at once."""
    scene.rig.kill("engine")
    harm = Harm(time.time_ns(), _of_another_stream(scene))
    scene.rig.start("engine")
    scene.watch.begin(scene.rig.pid("engine"))
    return harm


def kill_viewer(scene: Scene) -> Harm:
    """Kill the viewer, and wait until a new one has its window."""
    scene.rig.kill("viewer")
    since = time.time_ns()
    scene.rig.start("viewer")
    return Harm(since, _received_since(since), back_ns=time.time_ns())


def stall_disk(scene: Scene) -> Harm:
    """Let nothing be written for some seconds."""
    scene.disk.stall(scene.random.uniform(*STALL_S))
    since = time.time_ns()
    return Harm(since, _received_since(since))


def spoil(word: str) -> Fault:
    """Return the fault that the source does itself with some of its next frames."""

    def spoilt(scene: Scene) -> Harm:
        since = time.time_ns()
        scene.rig.tell("source", word)
        stream, number = scene.rig.line("source").split()
        later, last = _of_another_stream(scene), int(number) // STACK_FRAMES
        return Harm(since, lambda one: later(one) or (one.stream == stream and one.time > last))

    return spoilt


def corrupt(scene: Scene) -> Harm:
    """Send what cannot be used, among the source's own messages, until the engine says so."""
    status = scene.watch.status
    stream = status.stream if status is not None and status.stream is not None else "soak"
    refused = 0 if status is None else status.faults.malformed_messages
    sequence = int(scene.random.integers(100, 1 << 20))
    pixels = scene.frames.frame(stream, sequence)
    whole = encode(RawFrame(stream, sequence, axes_of(sequence), pixels))
    messages = corrupted(whole, scene.random)
    words = list(messages)[int(scene.random.integers(len(messages)))]
    _send(scene.rig.places.frames, messages[words])
    since = time.time_ns()
    if not scene.watch.wait_for(lambda s: s.faults.malformed_messages > refused, REFUSED_S):
        raise RuntimeError(f"expected the engine to refuse {words}, found that it did not")
    return Harm(since, _received_since(since))


def corrupted(whole: Parts, random: np.random.Generator) -> dict[str, Parts]:
    """Return a frame's message, spoilt in all ways: what it is -> its parts."""
    header, pixels = bytes(whole[0]), bytes(whole[1])
    return {
        "garbage": [random.bytes(100), random.bytes(1000)],
        "a pickle": [b"\x80\x04\x95\x0f\x00\x00\x00\x00\x00\x00\x00\x8c\x02os\x94.", pixels],
        "half a header": [header[: len(header) // 2], pixels],
        "another version": [header.replace(b'"version":', b'"version":99'), pixels],
        "another kind": [header.replace(b'"frame"', b'"movie"'), pixels],
        "another dtype": [header.replace(b'"uint16"', b'"object"'), pixels],
        "a negative place": [header.replace(b'"time":', b'"time":-'), pixels],
        "too few pixels": [header, pixels[:-1]],
        "too many pixels": [header, pixels + b"\0"],
        "no pixels": [header],
        "two buffers": [header, pixels, pixels],
        "a huge size": [header.replace(b'"shape":[', b'"shape":[99999999,'), pixels],
    }


def _send(endpoint: str, parts: Parts) -> None:
    """Send a message of our own making, and what is no message at all."""
    host, port = endpoint.removeprefix("tcp://").split(":")
    with socket.create_connection((host, int(port))) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\n\r\n" + bytes(1000))
    with ExitStack() as opened:
        context = opened.enter_context(zmq.Context())
        pusher = opened.enter_context(context.socket(zmq.PUSH))
        pusher.connect(endpoint)
        pusher.send_multipart(parts)


FAULTS: dict[str, tuple[Fault, float]] = {
    "kill -9 the source in mid-stack": (kill_source, 1.0),
    "kill -9 the engine": (kill_engine, 0.15),
    "kill -9 the viewer": (kill_viewer, 0.5),
    "drop frames": (spoil("drop"), 1.0),
    "repeat frames": (spoil("repeat"), 1.0),
    "reorder frames": (spoil("reorder"), 1.0),
    "corrupt a message": (corrupt, 1.0),
    "stall the disk": (stall_disk, 1.0),
}
"""Name -> (fault, how often compared with others)."""
