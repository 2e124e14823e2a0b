"""Look at a recording through a child process that restores its raw stacks one by one."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import BinaryIO, cast

from livesim.processes.child import own_group, wait_or_kill
from livesim.values.errors import DataError
from livesim.values.frames import StackIndex
from livesim.values.results import Result
from livesim.wire.header import WireError
from livesim.wire.looking import Opened, Wanted, read_answer
from livesim.wire.stream_status import InUse

STACKS_PER_S = 20.0
"""At which a recording is played that states no times."""
END_S = 10.0
COMMAND = (sys.executable, "-m", "livesim", "look")


class LookingProcess:
    """An opened recording. Implements `livesim_gui.state.time.archive.Past`; for one thread a time.

    The child ends when this is closed, and with the program that started it: its stdin closes.

    Parameters
    ----------
    raw
        File or folder.
    config
        Its settings; None = those that belong to it.

    Raises
    ------
    DataError
        If it cannot be opened; the child has said why.
    """

    def __init__(
        self, raw: Path, config: Path | None = None, command: Sequence[str] = COMMAND
    ) -> None:
        self.folder = str(raw)
        flags = [] if config is None else ["--config", str(config)]
        self._process = subprocess.Popen(
            [*command, str(raw), *flags],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            **own_group(),
        )
        self._said: list[str] = []
        self._listener = threading.Thread(target=self._listen, name="livesim-look", daemon=True)
        self._listener.start()
        self._opened = self._first_answer()
        self.results = self._placed()

    @property
    def in_use(self) -> InUse:
        """What its images depend on."""
        return self._opened.in_use

    @property
    def has_networks(self) -> bool:
        """Whether its raw stacks can be restored with networks."""
        return self._opened.has_networks

    def read(self, index: StackIndex, received_ns: int) -> Result:
        """Reconstruct one raw stack without networks, which takes a part of a second.

        Raises
        ------
        DataError
            If it cannot be restored.
        """
        return self._ask(Wanted(index=index), received_ns)

    def restore(self, index: StackIndex, received_ns: int) -> Result:
        """Restore one raw stack with the networks, which takes seconds on a CPU; as `read`."""
        return self._ask(Wanted(index=index, networks=True), received_ns)

    def close(self) -> None:
        """End the child, whatever it is at; any thread may call it."""
        if self._process.poll() is None:
            self._process.terminate()
            wait_or_kill(self._process, END_S)
        self._listener.join(END_S)
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                with suppress(OSError):  # what it was still asked cannot be sent any more
                    pipe.close()

    def _ask(self, wanted: Wanted, received_ns: int) -> Result:
        try:
            self._stdin.write(wanted.model_dump_json().encode() + b"\n")
            self._stdin.flush()
            answer = read_answer(self._stdout)
        except (OSError, WireError) as error:
            raise DataError(self._why(str(error))) from error
        if not isinstance(answer, Result):
            raise DataError(str(answer))
        return replace(answer, last_received_ns=received_ns)

    def _first_answer(self) -> Opened:
        try:
            answer = read_answer(self._stdout)
        except WireError as error:
            self.close()
            raise DataError(self._why(str(error))) from error
        if not isinstance(answer, Opened):
            self.close()
            raise DataError(str(answer))
        return answer

    def _placed(self) -> list[tuple[StackIndex, int]]:
        """Return every raw stack and its moment, ns: as the file states it, else 20 a second."""
        interval_s = self._opened.interval_s or 1.0 / STACKS_PER_S
        seen = count(1)
        if self._opened.interval_s is None:
            return [(index, round(next(seen) * 1e9 * interval_s)) for index in self._opened.stacks]
        # Within a time point they follow each other; a nanosecond keeps them apart.
        return [
            (index, round(1e9 * index.time * interval_s) + next(seen))
            for index in self._opened.stacks
        ]

    def _why(self, otherwise: str) -> str:
        """Return the child's last words, without the command's name."""
        self._listener.join(END_S)
        return self._said[-1].removeprefix("livesim: ") if self._said else otherwise

    def _listen(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            words = line.decode(errors="replace").strip()
            if words:
                self._said.append(words)

    @property
    def _stdin(self) -> BinaryIO:
        return cast(BinaryIO, self._process.stdin)

    @property
    def _stdout(self) -> BinaryIO:
        return cast(BinaryIO, self._process.stdout)
