"""Connect to engines, start them here, and steer them."""

from __future__ import annotations

from collections.abc import Callable

from livesim_gui.backend import Backend
from livesim_gui.panels.control import ControlPanel
from livesim_gui.panels.steer import SteerPanel
from livesim_gui.state.health.notice import Say
from livesim_gui.state.steering import NONE, ONE, TWO

Tell = Callable[[str], None]
"""Shows words where the user has asked for something."""


class EngineActions:
    """Does what the user asks for with engines and the simulated microscope.

    Parameters
    ----------
    say
        Tells something below the picture.
    """

    def __init__(
        self, backend: Backend, control: ControlPanel, steer: SteerPanel, say: Say
    ) -> None:
        access = backend.access
        self._access, self._local, self._control = access, backend.local, control
        self._steer, self._say = steer, say
        control.connect_asked.connect(self.connect)
        control.engine_asked.connect(self.switch_engine)
        control.simulator_asked.connect(self.switch_simulator)
        steer.wished.connect(lambda key, value: access.wish(key, value, say))
        steer.recalibration_asked.connect(self.recalibrate)
        steer.recording_asked.connect(lambda on: access.record(on, say))

    def keys(self) -> dict[str, Callable[[], None]]:
        """Return the actions by the names of their keys."""
        return {"record": self._steer.switch_recording, "recalibrate": self.recalibrate}

    def connect(self, address: str, keys: str = "") -> None:
        """Listen to another engine."""
        self._control.say(self._access.connect(address, keys) or "")

    def use_network(self, file: str) -> None:
        """Let the running stream use a network on the plain image, and no other."""
        self._access.wish(ONE, NONE, self._say)
        self._access.wish(TWO, file, self._say)

    def recalibrate(self) -> None:
        """Let the engine estimate the pattern again."""
        self._access.recalibrate(self._say)

    def switch_engine(self, start: bool) -> None:
        """Start an engine here, or end it."""
        if start:
            self.start_engine(lambda address: None, self._control.say)
        else:
            self._local.stop_engine()

    def start_engine(self, started: Callable[[str], None], failed: Tell) -> None:
        """Start an engine as the control panel says, and listen to it.

        Parameters
        ----------
        started
            Called with its address once it listens.
        failed
            Called with the reason if it does not come up.
        """

        def connect(address: str) -> None:
            self._access.connect(address)
            self._control.show_address(address)
            started(address)

        self._local.start_engine(self._control.wanted_engine, connect, failed)

    def with_engine(self, use: Callable[[str], None], failed: Tell) -> None:
        """Call `use` with the address of the engine that answers, or of one that is started."""
        address = self._access.address
        own = self._local.engine
        if address is not None and self._access.answers:
            use(address)
        elif own is not None:  # a file was looked at meanwhile
            self._access.connect(own)
            use(own)
        else:
            self.start_engine(use, failed)

    def switch_simulator(self, start: bool) -> None:
        """Start a simulated microscope that streams to an engine, or end it."""
        if not start:
            self._local.stop_simulator()
        else:
            self.with_engine(self._start_simulator, self._control.say)

    def _start_simulator(self, engine: str) -> None:
        config = self._control.wanted_engine.config
        self._local.start_simulator(engine, config, self._control.say)
