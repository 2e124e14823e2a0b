"""Compare what was asked for, row by row, with what was found."""

from __future__ import annotations

from bench.report import Row

BARS_DB = {1000.0: 29.5, 100.0: 25.3, 50.0: 24.3, 20.0: 22.6}
GAINS_DB = {1000.0: 6.0, 50.0: 3.0}
"""Over single planes."""
LOSSES_DB = {100.0: 0.2, 20.0: 0.5}
"""To the estimated pattern."""


class Accepted:
    """What was asked for, row by row, with what was found."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def _row(self, what: str, bar: str, found: str, *, met: bool) -> None:
        self.rows.append({"what": what, "bar": bar, "found": found, "met": "yes" if met else "no"})

    def add_beads(self, found: Row) -> None:
        """Add width and bias."""
        wide, deep = found["lateral"], found["axial"]
        met = wide <= 105.0 and deep <= 320.0
        self._row("beads, lateral / axial nm", "105 / 320", f"{wide:.0f} / {deep:.0f}", met=met)
        off = (found["bias lateral"], found["bias axial"])
        both = f"{off[0]:.1f} / {off[1]:.1f}"
        self._row("beads, bias lateral / axial nm", "2", both, met=max(off) <= 2.0)

    def add_dense(self, lines: list[Row]) -> None:
        """Compare volumes with truth, single planes, and the true pattern."""
        light = {line["photons"]: line for line in lines}
        for photons, bar in BARS_DB.items():
            found = light[photons]["volume"]
            what = f"dense, {photons:g} photons, dB"
            self._row(what, f"{bar}", f"{found:.1f}", met=found >= bar)
        for photons, bar in GAINS_DB.items():
            gain = light[photons]["volume"] - light[photons]["plane by plane"]
            what = f"over single planes, {photons:g} photons, dB"
            self._row(what, f"{bar:g}", f"{gain:.1f}", met=gain >= bar)
        for photons, bar in LOSSES_DB.items():
            loss = light[photons]["true pattern"] - light[photons]["volume"]
            what = f"lost to the estimate, {photons:g} photons, dB"
            self._row(what, f"{bar}", f"{loss:.2f}", met=loss <= bar)

    def add_pattern(self, one: Row) -> None:
        """Add what was found at 100 photons."""
        for name, bar, unit in (("k rms", 0.02, "pixels"), ("phase rms", 3.0, "degrees")):
            what = f"{name}, 100 photons, {unit}"
            self._row(what, f"{bar:g}", f"{one[name]:.2g}", met=one[name] <= bar)
        most = one["psi most"]
        self._row("axial phase, at most, degrees", "10", f"{most:.1f}", met=most <= 10.0)
        both = f"{one['m1 %']:+.1f} / {one['m2 %']:+.1f}"
        met = max(abs(one["m1 %"]), abs(one["m2 %"])) <= 5.0
        self._row("modulations, 100 photons, %", "5", both, met=met)

    def add_fixture(self, one: Row) -> None:
        """Add the reference program's own volume."""
        met = one["rad"] <= 0.002 and one["nm"] <= 0.5
        found = f"{one['rad']:.4f} / {one['nm']:.2f}"
        self._row(f"fixture, OTF {one['otf']}, rad / nm", "0.002 / 0.5", found, met=met)

    def add_speed(self, one: Row, peer_bar: float | None) -> None:
        """Compare a volume with transforms."""
        name = one["volume"]
        ratio, text, peer = one["of floor"], one["textbook"], one["cudasirecon's order"]
        self._row(f"{name}, times the floor", "1.6", f"{ratio:.2f}", met=ratio <= 1.6)
        self._row(f"{name}, times faster than textbook", "4", f"{text:.1f}", met=text >= 4.0)
        if peer_bar is not None:
            what = f"{name}, times faster than cudasirecon's order"
            self._row(what, f"{peer_bar:g}", f"{peer:.1f}", met=peer >= peer_bar)

    def add_seconds(self, what: str, bar: float, found: float) -> None:
        """Add a time."""
        self._row(what, f"{bar:g}", f"{found:.2f}", met=found <= bar)

    def add_order(self, found: float) -> None:
        """Add what the order of the planes changes."""
        self._row("planes in any order = whole", "1e-5", f"{found:.0e}", met=found <= 1e-5)
