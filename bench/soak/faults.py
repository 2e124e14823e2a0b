"""Cause the faults of a soak; each says by which result it is over."""

from __future__ import annotations

import shutil
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import zmq

from bench.soak.disk import Disk
from bench.soak.frames import CLOCKS, STACK_FRAMES, KnownFrames, axes_of, kind_of
from bench.soak.rig import Rig
from bench.soak.watch import Seen, Watch
from livesim.values.frames import RawFrame
from livesim.wire.codec import Buffer, encode
from livesim.wire.control_client import ControlClient
from livesim.wire.status import EngineStatus

REFUSED_S = 60.0
STALL_S = (1.0, 4.0)
STRANGERS = 1500
"""Connections at once; most systems let a process have 1024 files, unless it asks for more."""
FLOOD_S = 3.0

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
    unrecorded: set[str] = field(default_factory=set)
    """Streams that were not recorded to their end, since the disk was full."""
    still_acknowledged: list[int] = field(default_factory=list)
    """For every folder that was removed, the stacks that the engine claimed to be there later."""


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
        if kind_of(stream) in CLOCKS:  # its results are numbered as they come
            return Harm(since, _received_since(time.time_ns()))
        later, last = _of_another_stream(scene), int(number) // STACK_FRAMES
        return Harm(since, lambda one: later(one) or (one.stream == stream and one.time > last))

    return spoilt


def begin(kind: str) -> Fault:
    """Return the fault that a stream of that kind follows on the present one."""

    def begun(scene: Scene) -> Harm:
        since, another = time.time_ns(), _of_another_stream(scene)
        scene.rig.tell("source", kind)
        return Harm(since, lambda one: another(one) and kind_of(one.stream) == kind)

    return begun


def flood(scene: Scene) -> Harm:
    """Connect many times, say nothing, and go after a while."""
    places = scene.rig.places
    addresses = (places.frames, places.results, places.control)
    end = time.monotonic() + FLOOD_S
    with ExitStack() as held:
        for number in range(STRANGERS):
            with suppress(OSError):  # there may be no room
                held.enter_context(_connection(addresses[number % len(addresses)]))
        time.sleep(max(0.0, end - time.monotonic()))
    since = time.time_ns()
    return Harm(since, _received_since(since))


def remove_folder(scene: Scene) -> Harm:
    """Remove the folder of the recording while it grows, then have another stream recorded."""
    _recorded_anew(scene)  # one that does not end just now, so that the next folder is the last
    status = _recording_status(scene)
    stream, folder = status.stream, Path(status.recording or "")
    while folder.exists():  # the engine may make a file in it meanwhile
        shutil.rmtree(folder, ignore_errors=True)
    since = time.time_ns()
    _expect(scene, lambda s: s.stream != stream or s.recording_fault is not None, "a fault")
    if scene.watch.first(_received_since(time.time_ns()), REFUSED_S) is None:
        raise RuntimeError("expected results without the recording's folder, found none")
    with ControlClient(scene.rig.places.control) as client:
        scene.still_acknowledged.append(client.ready(stream or "", REFUSED_S).recorded)
    return Harm(since, lambda seen: True, back_ns=_recorded_anew(scene))


def fill_disk(scene: Scene) -> Harm:
    """Leave no room until the engine says so, then have another stream recorded."""
    status, before = _recording_status(scene), scene.rig.places.streams()
    with scene.disk.full():
        _expect(
            scene,
            lambda s: s.recording_fault is not None or "refused" in (s.last_fault or ""),
            "that the disk is full",
        )
    since = time.time_ns()
    scene.unrecorded.update({status.stream or ""}, scene.rig.places.streams() - before)
    return Harm(since, lambda seen: True, back_ns=_recorded_anew(scene))


def _recording_status(scene: Scene) -> EngineStatus:
    """Return the status of an engine whose stream is recorded, as this one will be."""
    _expect(
        scene,
        lambda s: s.recording is not None and scene.watch.said(s.stream).recorded > 0,
        "a recording",
    )
    status = scene.watch.status
    assert status is not None
    return status


def _recorded_anew(scene: Scene) -> int:
    """Begin another stream, and return when the first stack of it was acknowledged."""
    known = scene.rig.places.streams()
    scene.rig.tell("source", "counts")
    _expect(
        scene,
        lambda s: s.stream not in known and scene.watch.said(s.stream).recorded > 0,
        "another stream recorded",
    )
    return time.time_ns()


def _expect(scene: Scene, condition: Callable[[EngineStatus], bool], what: str) -> None:
    if not scene.watch.wait_for(condition, REFUSED_S):
        raise RuntimeError(f"expected {what}, found none after {REFUSED_S:g} s")


def corrupt(scene: Scene) -> Harm:
    """Send what cannot be used, among the source's own messages, until the engine says so."""
    status = scene.watch.status
    stream = status.stream if status is not None and status.stream is not None else "soak"
    refused = 0 if status is None else status.faults.malformed_messages
    sequence = int(scene.random.integers(100, 1 << 20))
    pixels = scene.frames.frame(stream, sequence)
    whole = encode(RawFrame(stream, sequence, axes_of(stream, sequence), pixels))
    messages = corrupted(whole, scene.random)
    words = list(messages)[int(scene.random.integers(len(messages)))]
    _send(scene.rig.places.frames, messages[words])
    since = time.time_ns()
    _expect(
        scene,  # which counts from 0 with every stream
        lambda s: s.faults.malformed_messages > refused or s.stream != stream,
        f"{words} refused",
    )
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
    with _connection(endpoint) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\n\r\n" + bytes(1000))
    with ExitStack() as opened:
        context = opened.enter_context(zmq.Context())
        pusher = opened.enter_context(context.socket(zmq.PUSH))
        pusher.connect(endpoint)
        pusher.send_multipart(parts)


def _connection(endpoint: str) -> socket.socket:
    host, port = endpoint.removeprefix("tcp://").split(":")
    return socket.create_connection((host, int(port)), REFUSED_S)


FAULTS: dict[str, tuple[Fault, float]] = {
    "kill -9 the source in mid-stack": (kill_source, 1.0),
    "kill -9 the engine": (kill_engine, 0.15),
    "kill -9 the viewer": (kill_viewer, 0.5),
    "drop frames": (spoil("drop"), 1.0),
    "repeat frames": (spoil("repeat"), 1.0),
    "reorder frames": (spoil("reorder"), 1.0),
    "corrupt a message": (corrupt, 1.0),
    "stall the disk": (stall_disk, 1.0),
    "fill the disk": (fill_disk, 0.4),
    "remove the recording's folder": (remove_folder, 0.4),
    "1500 bare connections": (flood, 0.6),
    "NaN, infinity and 1e30 in frames": (spoil("odd"), 1.0),
    "time axis in Unix seconds": (begin("seconds"), 0.5),
    "time axis in Unix milliseconds": (begin("milliseconds"), 0.5),
}
"""Name -> (fault, how often compared with others)."""
