"""Micro-Manager's demonstration camera, acquired by pycromanager, and livesim looking on.

python -m livesim_acquisition.examples.two_lines FOLDER [ENGINE]

Any script with a `pycromanager.Acquisition` is changed in the same way: the lines that end in
"livesim" are all that it takes. An engine has to run (`livesim engine --config microscope.toml
--record recordings`); where none does, the acquisition goes on without it.
"""

import sys
from typing import Any

import mm_test_adapters
from pycromanager import Acquisition, start_headless

from livesim_acquisition.hook import BackgroundSender, make_hook  # livesim

TIME_POINTS = 5


def events() -> list[dict[str, Any]]:
    """Nine frames a time point: all in one list, so that the camera takes them as one sequence."""
    return [
        {"axes": {"time": time, "angle": angle, "phase": phase}, "exposure": 5.0}
        for time in range(TIME_POINTS)
        for angle in range(3)
        for phase in range(3)
    ]


def main(folder: str, engine: str = "tcp://127.0.0.1:5603") -> None:
    """Acquire a time-lapse into `folder`."""
    adapters = mm_test_adapters.device_adapter_path()
    start_headless(adapters, adapters + "/MMConfig_demo.cfg", python_backend=True)
    with (
        BackgroundSender(engine) as sender,  # livesim
        Acquisition(
            directory=folder,
            name="demo",
            show_display=False,
            image_process_fn=make_hook(sender),  # livesim
        ) as acquisition,
    ):
        acquisition.acquire(events())
    print(sender.counts)


if __name__ == "__main__":
    main(*sys.argv[1:])
