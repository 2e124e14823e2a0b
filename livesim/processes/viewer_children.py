"""Start and end the engine and the simulated microscope that the viewer asks for."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from livesim.io.recording_files import raw_of
from livesim.io.settings_beside import settings_for
from livesim.processes.child import own_group, wait_or_kill
from livesim.processes.engine import EngineProcess
from livesim.processes.looking import LookingProcess
from livesim.wire.endpoints import CONTROL_PORT, FRAMES_PORT, RESULTS_PORT
from livesim_acquisition.microscope.demo import demo_settings

SIZE = 256
PHOTONS = 300.0
TIME_POINTS = 300
FRAMES_PER_S = "45"
END_S = 15.0
"""How long the simulated microscope may take to end its stream."""


class Children:
    """What a viewer has started, ended with it: a `livesim_gui.children.launcher.Launcher`."""

    def __init__(self) -> None:
        self._engines = ExitStack()
        self._engine: EngineProcess | None = None
        self._address: str | None = None
        self._simulator: subprocess.Popen[bytes] | None = None
        self._looking: LookingProcess | None = None
        self._folder = TemporaryDirectory(prefix="livesim-view-")

    @property
    def engine(self) -> str | None:
        """Control address of the engine that was started here and still runs."""
        runs = self._engine is not None and self._engine.running
        return self._address if runs else None

    @property
    def simulating(self) -> bool:
        """Whether a simulated microscope that was started here still runs."""
        return self._simulator is not None and self._simulator.poll() is None

    def start_engine(self, record: Path | None, config: Path | None, *, at_once: bool) -> str:
        """Start an engine; return its control address once it listens.

        It listens where `livesim replay` looks for it, unless another engine does already.

        Parameters
        ----------
        record
            Folder for recordings; None = none.
        at_once
            Whether it records from the first stack on, or when it is asked to.

        Raises
        ------
        DataError
            If it ends before.
        """
        self.stop_engine()
        flags = [] if record is None else ["--record", str(record)]
        flags += [] if record is None or at_once else ["--record-later"]
        flags += [] if config is None else ["--config", str(config)]
        self._engine = self._engines.enter_context(EngineProcess(*flags, *_addresses()))
        self._address = self._engine.control()
        return self._address

    def stop_engine(self) -> None:
        """End the engine in order; what it records is whole afterwards."""
        self._engines.close()
        self._engine = None

    def start_simulator(self, engine: str, config: Path | None) -> None:
        """Stream a simulation to an engine; without a file, gliding filaments."""
        self.stop_simulator()
        flags = ["--config", str(config or self._filaments()), "--to", engine]
        flags += [] if config is not None else ["--rate", FRAMES_PER_S]
        self._simulator = subprocess.Popen(
            [sys.executable, "-m", "livesim", "simulate", *flags],
            stdin=subprocess.DEVNULL,
            **own_group(),
        )

    def stop_simulator(self) -> None:
        """End the simulated microscope in order."""
        if self._simulator is None or not self.simulating:
            return
        self._simulator.send_signal(signal.SIGINT if os.name == "posix" else signal.SIGTERM)
        wait_or_kill(self._simulator, END_S)

    def find_recording(self, chosen: Path) -> Path:
        """Return what can be replayed of a file or folder that the user has chosen.

        Raises
        ------
        SettingsError
            If no settings belong to it.
        """
        raw = raw_of(chosen)
        settings_for(raw, None)
        return raw

    def open_file(self, raw: Path, config: Path | None) -> LookingProcess:
        """Open a recording to look at it; what was opened before is closed.

        Raises
        ------
        DataError
            If it cannot be opened.
        """
        self.close_file()
        self._looking = LookingProcess(raw, config)
        return self._looking

    def close_file(self) -> None:
        """Look at no recording any more."""
        if self._looking is not None:
            self._looking.close()
            self._looking = None

    def close(self) -> None:
        """End everything that was started, the source first."""
        self.close_file()
        self.stop_simulator()
        self.stop_engine()
        self._folder.cleanup()

    def _filaments(self) -> Path:
        """Write the settings of the demo's microscope."""
        path = Path(self._folder.name) / "filaments.toml"
        settings = demo_settings(SIZE, PHOTONS, TIME_POINTS)
        path.write_text(settings.to_toml(), encoding="utf-8")
        return path


def _addresses() -> list[str]:
    """Return flags for the usual ports where they are free; otherwise for none."""
    ports = {"frames": FRAMES_PORT, "results": RESULTS_PORT, "control": CONTROL_PORT}
    if not all(_is_free(port) for port in ports.values()):
        return []
    return [f"--{name}=tcp://127.0.0.1:{port}" for name, port in ports.items()]


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
