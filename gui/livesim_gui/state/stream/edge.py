"""Say of the picture at the live edge how old it is, and how the networks keep up."""

from __future__ import annotations

from livesim.wire.networks import NEWEST, networks_words
from livesim.wire.status import EngineStatus
from livesim.wire.stream_status import NetworksStatus
from livesim_gui.state.stream.feed import News
from livesim_gui.state.time.ring import Shot
from livesim_gui.state.time.timeline import Mode

OLD_S = 0.5
"""From this age on it is said."""


def edge_words(news: News, shot: Shot, mode: Mode, now_s: float) -> str:
    """Return what is said of a result beside its name; empty where nothing needs to be."""
    words = []
    age_s = shot.age_s(now_s)
    if mode is Mode.LIVE and not news.ended and age_s >= OLD_S:
        words.append(f"{age_s:.1f} s old" if age_s < 10.0 else f"{age_s:.0f} s old")
    part = shot.result.volume
    if part is not None:
        words.append("3D" if part.whole else f"{part.have} of {part.of} planes of the volume")
    if shot.result.searching:
        words.append("the pattern is searched for")
    networks = networks_at_work(news.status)
    if networks is not None and (shot.result.provisional or networks.behind):
        words.append(_of_networks(networks))
    return ", ".join(words)


def networks_at_work(status: EngineStatus | None) -> NetworksStatus | None:
    """Return how the networks of the running stream keep up; None where it has none beside it."""
    if status is None or status.in_use is None or not status.in_use.models:
        return None
    return status.networks


def _of_networks(networks: NetworksStatus) -> str:
    if networks.run != NEWEST:
        return f"networks {networks_words(networks.run)}"
    return f"networks {_rate(networks.per_second)} of {_rate(networks.of_per_second)}"


def _rate(per_second: float) -> str:
    return f"{per_second:.1f}/s" if per_second < 10.0 else f"{per_second:.0f}/s"
