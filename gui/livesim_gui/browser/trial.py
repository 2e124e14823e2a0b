"""Restore one recording that was dropped on the page, in a child process within limits."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from starlette.requests import Request

from livesim_gui.browser.upload import UploadError, UploadLimits, receive_upload

ANSWER = "answer.bin"
"""What the child leaves in the folder: one message as `packing` makes it."""
MOST_ANSWER_BYTES = 128 << 20
PLACES = 4
"""Recordings at once: one that is restored, the others uploaded or waiting."""


@dataclass(frozen=True, slots=True)
class TrialLimits:
    """What one recording may cost."""

    upload: UploadLimits = field(default_factory=UploadLimits)
    most_s: float = 180.0


class Trials:
    """Takes recordings and has them restored, one at a time.

    Parameters
    ----------
    command
        Starts what restores the recording in a folder, whose name follows, and leaves its answer
        there. The child keeps to its memory by itself.
    limits
        Of one recording.
    """

    def __init__(self, command: Sequence[str], limits: TrialLimits | None = None) -> None:
        self._command, self.limits = tuple(command), limits or TrialLimits()
        self._taken, self._turn = 0, asyncio.Lock()

    async def answer(self, request: Request) -> bytes:
        """Return the message that answers a request.

        Raises
        ------
        UploadError
            If the recording is refused; the sentence is for the page.
        """
        with self._place(), tempfile.TemporaryDirectory(prefix="livesim-try-") as name:
            folder = Path(name)
            await receive_upload(request, folder, self.limits.upload)
            async with self._turn:
                await self._restore(folder, request)
            return _answer_in(folder)

    @contextmanager
    def _place(self) -> Iterator[None]:
        if self._taken >= PLACES:
            raise UploadError(f"{PLACES} recordings are being tried already: try again soon", 503)
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1

    async def _restore(self, folder: Path, request: Request) -> None:
        """Run the child until it has ended, its time is over, or nobody waits any more."""
        child = await asyncio.create_subprocess_exec(
            *self._command,
            str(folder),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=sys.platform != "win32",
        )
        ended = asyncio.ensure_future(child.wait())
        left = asyncio.ensure_future(_left(request))
        try:
            await asyncio.wait(
                (ended, left), timeout=self.limits.most_s, return_when=asyncio.FIRST_COMPLETED
            )
            if not ended.done() and not left.done():
                words = (
                    f"expected to be done within {self.limits.most_s:.0f} s: try a smaller field"
                )
                raise UploadError(words, 422)
        finally:
            left.cancel()
            _kill(child)
            await ended


def _kill(child: asyncio.subprocess.Process) -> None:
    """End a child and all that it has started."""
    if child.returncode is not None:
        return
    with suppress(ProcessLookupError):
        if sys.platform == "win32":
            child.kill()
        else:
            os.killpg(child.pid, signal.SIGKILL)


async def _left(request: Request) -> None:
    """Return once the page is gone."""
    while not await request.is_disconnected():
        await asyncio.sleep(0.5)


def _answer_in(folder: Path) -> bytes:
    file = folder / ANSWER
    if not file.is_file() or file.stat().st_size > MOST_ANSWER_BYTES:
        words = "expected a recording that can be restored within the limits of this page, found "
        raise UploadError(f"{words}one that cannot: too much memory, or a damaged file", 422)
    return file.read_bytes()
