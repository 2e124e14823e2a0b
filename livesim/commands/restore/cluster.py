"""Restore a recording on a running Dask cluster, however that was started."""

from __future__ import annotations

import re
import time
from dataclasses import replace

from livesim.commands.progress import interrupts_held, progress_bar, words_console
from livesim.commands.restore.part import Part
from livesim.commands.restore.parts import restore_part
from livesim.commands.restore.request import RestoreRequest
from livesim.commands.restore.workers import finish, plan_parts
from livesim.config.settings import SettingsError
from livesim.values.errors import DataError
from livesim.values.extras import install_command

PARTS_PER_WORKER = 4
"""So that a worker that is slow, or comes late, does not keep the others waiting."""
ADDRESS = re.compile(r"((tcp|tls|ws|wss|ucx)://)?([^/\s:\[\]]+|\[[^/\s]+\]):\d+")
"""What Dask takes for a scheduler's; of others it speaks in tracebacks."""
CONNECT_S = 30
POLL_S = 1.0


def restore_on_cluster(asked: RestoreRequest, address: str) -> None:
    """Restore a recording into one OME-Zarr by all workers of a cluster.

    The recording and the folder of the result have to have the same path on every node.

    Raises
    ------
    SettingsError, DataError
        As `livesim.commands.restore.command.restore_file`, or if there is no such cluster, no
        worker, or workers die with the same part again and again.
    """
    if not ADDRESS.fullmatch(address):
        found = address or "nothing"
        raise SettingsError(f"--cluster: expected an address as tcp://10.0.0.5:8786, found {found}")
    try:
        from distributed import Client
    except ImportError as error:
        raise DataError(
            f"expected dask.distributed, found none: {install_command('cluster')}"
        ) from error
    pattern = None if asked.pattern_file is None else asked.pattern_file.absolute()
    asked = replace(asked, raw=asked.raw.absolute(), out=asked.out.absolute(), pattern_file=pattern)
    console = words_console()
    try:
        client = Client(address, timeout=CONNECT_S, set_as_default=False)
    except OSError as error:
        raise DataError(f"{address}: expected a Dask scheduler, found: {error}") from error
    with client:
        of = PARTS_PER_WORKER * len(client.scheduler_info(n_workers=-1)["workers"])
        if not of:
            raise DataError(f"{address}: expected workers at the scheduler, found none")
        plan_parts(asked)
        parts = [Part(number, of) for number in range(1, of + 1)]
        with (
            interrupts_held() as check_interrupt,
            progress_bar("restore, parts", of, console) as bar,
        ):
            futures = client.map(_restore, parts, asked=asked, pure=False)
            while any(not future.done() for future in futures):
                check_interrupt()
                bar.show(sum(future.done() for future in futures))
                time.sleep(POLL_S)
        for future, part in zip(futures, parts, strict=True):
            if future.status != "finished":
                raise DataError(f"part {part}: {future.exception()}")
    finish(asked)


def _restore(part: Part, asked: RestoreRequest) -> None:
    """Run on a node: restore one part."""
    restore_part(asked, part, words_console(), lambda: None)
