"""Stream one raw stack again and again to an engine, as a process that is asked by JSON lines.

A process of its own. It says "ready" once everything is loaded, as in a microscope that waits, and
"sent" after every stream.
"""

from __future__ import annotations

import json
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from livesim.config.settings import Settings
from livesim.values.frames import FrameAxes, Pixels, RawFrame
from livesim.wire.messages import StreamStart
from livesim_acquisition.sender import Sender
from livesim_acquisition.streaming import on_time, stream_frames


def frames(counts: Pixels, stream: str, stacks: int) -> Iterator[RawFrame]:
    """Yield the frames of the stack [angle, phase, y, x], `stacks` times over."""
    angles, phases = counts.shape[:2]
    places = [(angle, phase) for angle in range(angles) for phase in range(phases)]
    for time in range(stacks):
        for number, (angle, phase) in enumerate(places):
            axes = FrameAxes(time=time, angle=angle, phase=phase)
            sequence = time * len(places) + number
            yield RawFrame(stream, sequence, axes, counts[angle, phase], exposure_ms=1.0)


def send(counts: Pixels, settings: Settings, control: str, stacks: int, rate: float | None) -> None:
    """Stream `stacks` raw stacks, `rate` frames a second or as fast as they are taken."""
    name = f"bench-{uuid.uuid4().hex[:8]}"
    start = StreamStart(
        stream=name, source="livesim bench", settings=settings.model_dump(mode="json")
    )
    made = frames(counts, name, stacks)
    if rate is not None:
        made = on_time(made, lambda frame: frame.sequence / rate)
    with Sender(control) as sender:
        stream_frames(made, sender, start)


def main() -> None:
    """Say that all is loaded, then stream once for every line on stdin."""
    counts = np.load(sys.argv[1])
    settings = Settings.model_validate_json(Path(sys.argv[2]).read_text(encoding="utf-8"))
    print("ready", flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        send(counts, settings, request["control"], request["stacks"], request["rate"])
        print("sent", flush=True)


if __name__ == "__main__":
    main()
