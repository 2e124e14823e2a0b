"""Send streams of plausible values: `python -m bench.soak.plausible [--streams N] [--seed N]`.

In some streams good stacks are mixed with odd messages of all kinds; there every good stack must be
recorded with the right bytes. In others everything is odd; there what the engine has acknowledged
must be on the disk, readable, and one of the stacks that were sent. Exit status 1 says that it is
not so, or that the engine is gone.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import zmq
from numpy.typing import NDArray

from bench.soak.plausible_values import MESSAGES, REQUESTS, Draw
from livesim.config.settings import Settings
from livesim.io.read.open import open_recording
from livesim.io.read.recording import Recording
from livesim.io.read.result_time_lapse import open_result
from livesim.io.recording_files import RAW_NAME, RESULTS_NAME
from livesim.values.errors import DataError
from livesim.values.frames import FrameAxes, RawFrame, StackIndex
from livesim.wire.control_client import ControlClient
from livesim.wire.header import WireError
from livesim.wire.messages import FrameHeader, StreamStart
from livesim_acquisition.sender import Sender

WAIT_S = 120.0
"""For what an engine does at once, on a machine that others keep busy."""
STACKS = 3
Frame = NDArray[Any]


@dataclass
class Tally:
    """What became of all streams."""

    streams: int = 0
    good: int = 0
    """Streams with good stacks among odd messages."""
    refused: int = 0
    odd_messages: int = 0
    acknowledged: int = 0
    """Raw stacks that the engine said are on the disk."""
    disturbed: int = 0
    """Good streams of which a stack is missing or has other bytes."""
    unreadable: int = 0
    """Acknowledged stacks that cannot be read, or were never sent so."""
    memory_mb: list[float] = field(default_factory=list)
    """Of the engine, every so many streams."""
    peak_mb: float = 0.0
    words: Counter[str] = field(default_factory=Counter)
    """Beginnings of the last faults that the engine told."""


class Plausible:
    """Sends streams to one engine that records below a folder.

    Parameters
    ----------
    control
        Where the engine answers.
    records
        Where it records.
    light
        [angle, phase, y, x] counts that its pipeline can reconstruct.
    settings
        That fit them.
    seed
        Of all that is drawn.
    """

    def __init__(
        self, control: str, records: Path, light: Frame, settings: dict[str, Any], seed: int
    ) -> None:
        self._seed, self.tally = seed, Tally()
        self.draw = Draw(np.random.default_rng(seed))
        self._records, self._light, self._settings = records, light, settings
        self._pattern = Settings.model_validate(settings).pattern
        self._address, self._control = control, ControlClient(control)
        frames = self._control.status(WAIT_S).endpoints.frames
        self._odd = zmq.Context.instance().socket(zmq.PUSH)
        self._odd.setsockopt(zmq.LINGER, 0)
        self._odd.connect(frames)
        self._asking = zmq.Context.instance().socket(zmq.DEALER)
        self._asking.setsockopt(zmq.LINGER, 0)
        self._asking.connect(control)
        self._good_indices = {(0, time_, 0, 0) for time_ in range(STACKS)}

    def close(self) -> None:
        """Close all connections."""
        self._odd.close()
        self._asking.close()
        self._control.close()

    def stream(self) -> None:
        """Send one stream, and check what was recorded of it; its number alone says what it is."""
        name = f"stream {self.tally.streams}"
        self.draw = Draw(np.random.default_rng((self._seed, self.tally.streams)))
        self.tally.streams += 1
        with Sender(self._address, answer_s=WAIT_S) as sender:
            if self.draw.chance(0.6):
                self._good_stream(sender, name)
            else:
                self._odd_stream(sender, name)
        status = self._control.status(WAIT_S)
        self.tally.words[" ".join((status.last_fault or "").split()[:6])[:60]] += 1
        for folder in self._records.iterdir():
            shutil.rmtree(folder)

    # Streams of good stacks

    def _good_stream(self, sender: Sender, name: str) -> None:
        start = StreamStart(stream=name, source="plausible", settings=self._settings)
        sender.start(start)
        sent = {}
        for time_ in range(STACKS):
            stack = sent[time_] = self._stack(self._light.astype(np.uint16))
            for number, frame in enumerate(_frames(name, stack, time=time_)):
                while self.draw.chance(0.4):
                    self._say_something_odd(name, before=time_ == 0)
                sender.send(frame)
                if number == 0 and time_:
                    self._ask_something_odd()
        sender.finish()
        self.tally.good += 1
        written = self._written(name)
        right = all(any(np.array_equal(one, two) for two in written) for one in sent.values())
        self.tally.disturbed += not (right and len(written) >= STACKS)

    def _say_something_odd(self, name: str, *, before: bool) -> None:
        """Send a message that is not one of the good ones; `before` the first stack is whole."""
        parts = self._odd_parts(name)
        if self._could_be_good(parts, name, before=before):
            return
        self.tally.odd_messages += 1
        try:
            self._odd.send_multipart(parts, zmq.NOBLOCK)
        except zmq.Again:
            time.sleep(0.01)

    def _odd_parts(self, name: str) -> list[bytes]:
        kind = self.draw.one(MESSAGES)
        if self.draw.chance(0.05):
            return [_json(self._refused_start())]
        if kind is FrameHeader or self.draw.chance(0.6):
            header = self.draw.changed(FrameHeader, self._frame_header(name), most=3)
            return [_json(header), self._pixels_for(header)]
        values = {"version": 4, "kind": kind.model_fields["kind"].default, "stream": "another"}
        header = self.draw.changed(kind, values, most=4)
        if header.get("stream") == name or kind is StreamStart:
            header["stream"], header["version"] = "another", 5
        return [_json(header), *[b"12345678"] * int(self.draw.one((0, 1, 2, 5)))]

    def _refused_start(self) -> dict[str, Any]:
        """Return the start of another stream that no engine takes, so that this one goes on."""
        values = {"version": 4, "kind": "start", "stream": "another"}
        sizes = {self.draw.one(("position", "channel", "z")): 10**6}
        unknown = self._settings | {"optics": {self.draw.one(("", "x", "pixel")): self.draw.real()}}
        return values | self.draw.one(({"sizes": sizes}, {"settings": unknown}, {}))

    def _frame_header(self, name: str) -> dict[str, Any]:
        axes = FrameAxes(time=int(self.draw.random.integers(STACKS, 100)))
        shape = list(self._light.shape[-2:])
        return {
            "version": 4,
            "kind": "frame",
            "stream": name,
            "sequence": 0,
            "axes": asdict(axes),
            "shape": shape,
            "dtype": "uint16",
        }

    def _pixels_for(self, header: dict[str, Any]) -> bytes:
        """Return as many bytes as a header says, where that is possible; floats of any size."""
        try:
            y, x = header["shape"]
            count = int(y) * int(x)
            dtype = np.dtype(header["dtype"])
        except (TypeError, ValueError, OverflowError):
            return b"1234"
        if not 0 < count < 1_000_000:
            return b"1234"
        if dtype.kind == "f":
            return self._with_odd_pixel(np.full(count, 100.0, dtype)).tobytes()
        return self.draw.random.bytes(count * dtype.itemsize)

    def _with_odd_pixel(self, values: Frame) -> Frame:
        """Put a number of any size into one place, infinity where the type has none so large."""
        with np.errstate(over="ignore"):
            values[self.draw.random.integers(values.size)] = self.draw.real()
        return values

    def _could_be_good(self, parts: list[bytes], name: str, *, before: bool) -> bool:
        """Whether a message would be a frame of a good stack, or the end of a good stream."""
        header = json.loads(parts[0])
        if header.get("stream") != name:
            return False
        if header.get("kind") != "frame":
            return True
        axes = header.get("axes")
        if not isinstance(axes, dict):
            return False
        index = tuple(axes.get(axis, 0) for axis in ("position", "time", "channel", "z"))
        alike = header.get("shape") == list(self._light.shape[-2:])
        alike = alike and header.get("dtype", "") == "uint16"
        return any(isinstance(one, list | dict) for one in index) or (
            index in self._good_indices and (before or alike)
        )

    def _ask_something_odd(self) -> None:
        kind = self.draw.one(REQUESTS)
        values = {"version": 4, "kind": kind.model_fields["kind"].default}
        fields = set(kind.model_fields) - {"version", "kind"}
        asked = self.draw.changed(kind, values, most=3) if fields else values
        self._asking.send_multipart([b"odd", _json(asked)])
        self.tally.odd_messages += 1
        while self._asking.poll(0):
            self._asking.recv_multipart()

    # Streams in which all is odd

    def _odd_stream(self, sender: Sender, name: str) -> None:
        values = {"version": 4, "kind": "start", "stream": name, "settings": self._settings}
        if self.draw.chance(0.5):
            values["settings"] = self.draw.settings(self._settings)
        if self.draw.chance(0.5):
            values = self.draw.changed(StreamStart, values) | {"stream": name}
        try:
            start = StreamStart.model_validate_json(_json(values))
        except ValueError:
            self._odd.send_multipart([_json(values)])
            self.tally.refused += 1
            return
        try:
            sender.start(start)
        except WireError:
            self.tally.refused += 1
            return
        sent: dict[FrameAxes, list[Frame]] = defaultdict(list)
        for place, stack in self._odd_stacks(sender, name):
            sent[place].append(stack)
        sender.finish(aborted=self.draw.chance(0.2))
        written = self._written(name)
        strange = sum(not _sent(one, sent.values()) for one in written)
        self._cannot_read(strange, name, f"stacks that nobody sent; {_json(values)!r}")

    def _odd_stacks(self, sender: Sender, name: str) -> Iterator[tuple[FrameAxes, Frame]]:
        """Send whole stacks: odd axes, types, sizes and values."""
        dtype = self.draw.one(("uint8", "uint16", "int16", "uint32", "int32", "float32", "float64"))
        light = self._light[..., : int(self.draw.one((64, 64, 9, 8, 7, 1))), :].astype(dtype)
        steps = {axis: self._step(odd=0.2) for axis in ("position", "channel", "z")}
        steps["time"] = self._step(odd=0.6)
        for number in range(STACKS):
            axes = {axis: first + number * step for axis, (first, step) in steps.items()}
            stack = self._stack(light)
            if stack.dtype.kind == "f" and self.draw.chance(0.5):
                self._with_odd_pixel(stack.reshape(-1))
            try:
                frames = list(_frames(name, stack, **axes))
            except ValueError:
                continue  # no array has such a place: our own sender refuses it
            for frame in frames:
                sender.send(frame)
            yield FrameAxes(**axes), stack

    def _step(self, odd: float) -> tuple[int, int]:
        """Return where an axis begins and by how much each stack is further on."""
        if not self.draw.chance(odd):
            return 0, int(self.draw.one((0, 1)))
        return abs(self.draw.whole()), int(self.draw.one((0, 1, 5, 137, 1000, 10**6)))

    # What was recorded

    def _stack(self, light: Frame) -> Frame:
        """Return a stack that is like no other."""
        noise = self.draw.random.integers(0, 16, light.shape).astype(light.dtype)
        return light + noise

    def _written(self, name: str) -> list[Frame]:
        """Return the stacks that the engine has acknowledged, as livesim reads them."""
        deadline = time.monotonic() + WAIT_S
        while self._control.status(WAIT_S).stream is not None:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{name}: expected its end, found it open after {WAIT_S} s")
            time.sleep(0.005)
        recorded = self._control.ready(name, WAIT_S).recorded
        self.tally.acknowledged += recorded
        if not recorded:
            return []
        (raw,) = self._records.glob(f"*/{RAW_NAME}")
        try:
            with open_recording(raw, self._pattern_of(raw)) as recording:
                read = [_as_sent(recording, index) for index in recording.indices]
                for index in recording.indices:
                    recording.stack(index)  # as every later restoration reads it
            self._read_results(raw.with_name(RESULTS_NAME), name)
        except DataError as error:
            self._cannot_read(recorded, name, str(error))
            return []
        self._cannot_read(max(0, recorded - len(read)), name, "fewer stacks than acknowledged")
        return read

    def _cannot_read(self, count: int, name: str, why: str) -> None:
        """Count what is not as it was sent, and say why."""
        if count:
            self.tally.unreadable += count
            print(f"{name}: {count} unreadable: {why}", file=sys.stderr, flush=True)

    def _read_results(self, path: Path, name: str) -> None:
        """Read every image that was recorded, if any was."""
        if not path.exists():
            return
        with open_result(path) as results:
            for place in np.argwhere(results.written):
                image = results.read(StackIndex(*map(int, place)))
                self._cannot_read(int(np.isnan(image).any()), name, f"NaN in the image of {place}")

    def _pattern_of(self, raw: Path) -> Any:
        """Return the settings' own pattern, as the recipe in the recording says."""
        attributes = json.loads((raw / "zarr.json").read_text())["attributes"]
        values = attributes["livesim"]["recipe"]["settings"]
        return Settings.model_validate(values).pattern


def _as_sent(recording: Recording, index: StackIndex) -> Frame:
    """Return a raw stack as it was stored, whatever its type."""
    planes = recording.numbers[index.position, index.time, index.channel, index.z]
    return np.stack([[recording.file.read(int(number)) for number in row] for row in planes])


def _sent(stack: Frame, sent: Iterable[Sequence[Frame]]) -> bool:
    """Whether a raw stack was sent; of several of one index a later one may fill an earlier one."""
    return any(
        all(
            any(np.array_equal(stack[place], one[place]) for one in alike)
            for place in np.ndindex(*stack.shape[:2])
        )
        for alike in sent
    )


def _frames(name: str, stack: Frame, **axes: int) -> Iterator[RawFrame]:
    for number, (angle, phase) in enumerate(np.ndindex(*stack.shape[:2])):
        place = FrameAxes(**axes, angle=angle, phase=phase)
        yield RawFrame(name, number, place, stack[angle, phase], 5.0)


def _json(values: Any) -> bytes:
    return json.dumps(values).encode()
