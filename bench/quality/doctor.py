"""Count advice of the doctor that is right, wrong, and wrong but certain.

Recordings with a planted fault and sound ones, of all kinds of specimens, layouts, microscopes and
light (`bench/quality/planted`). It is long, so it is measured in parts, and these are put
together, with the real recordings if LIVESIM_DATA names their folder:

    python -m bench.quality.doctor --part 0 --parts 6 --folder pieces
    …
    python -m bench.quality.doctor --folder pieces
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from bench.quality.planted.faults import FAULTS
from bench.quality.planted.recording import Planted
from bench.quality.planted.sound import SOUND
from bench.report import Row, by, report, show
from livesim.api.doctor import doctor
from livesim.commands.doctor.command import examine_file
from livesim.config.settings import load_settings
from livesim.values.finding import Finding, in_words

FIRST_SEED = 50000
"""Of the first table, whose recordings some thresholds have seen since; from 200000 on none has."""
REAL = ("data/*.tif", "faults/51-*.tif")


@dataclass(frozen=True, slots=True)
class Said:
    """One finding."""

    fault: str
    sureness: float
    words: str
    right: bool

    @property
    def certainty(self) -> str:
        """The word that stands for how sure it is."""
        return in_words(self.sureness).partition(" (")[0]


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the doctor said of one recording."""

    kind: str
    seed: int
    faulty: bool
    specimen: str
    layout: str
    size: int
    photons: float
    named: bool
    said: tuple[Said, ...]
    undecided: tuple[str, ...]
    seconds: float


def main() -> None:
    """Measure a part, or put the parts together."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True, help="of the parts")
    parser.add_argument("--part", type=int, help="which one to measure; none: put all together")
    parser.add_argument("--parts", type=int, default=6)
    parser.add_argument("--seeds", type=int, default=16, help="recordings of every fault")
    parser.add_argument("--sound", type=int, default=40, help="recordings of every sound kind")
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED, help="of the recordings")
    parser.add_argument("--name", default="doctor", help="of the file of results")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.part is None:
        _put_together(options.folder, options.name)
        return
    every = list(_cases(options.seeds, options.sound, options.first_seed))
    cases = every[options.part :: options.parts]
    found = [asdict(_recorded(*case)) for case in cases]
    options.folder.mkdir(parents=True, exist_ok=True)
    (options.folder / f"{options.part}.json").write_text(json.dumps(found), encoding="utf-8")


def _cases(
    seeds: int, sound: int, first: int
) -> Iterator[tuple[str, Callable[[int], Planted], int, bool]]:
    for kinds, count, faulty in ((SOUND, sound, False), (FAULTS, seeds, True)):
        for number, (kind, make) in enumerate(kinds.items()):
            for seed in range(count):  # every kind has specimens of its own
                yield kind, make, first + 1000 * number + seed, faulty


def _recorded(kind: str, make: Callable[[int], Planted], seed: int, faulty: bool) -> Recorded:
    planted = make(seed)
    start = time.process_time()
    seen = doctor(planted.frames.numpy(), planted.settings)
    spent = time.process_time() - start
    scene = planted.scene
    return Recorded(
        kind=kind,
        seed=seed,
        faulty=faulty,
        specimen=scene.kind,
        layout=scene.layout,
        size=scene.size,
        photons=scene.photons,
        named=any(planted.right(one) and one.fault in planted.wanted for one in seen.findings),
        said=tuple(_said(one, planted) for one in seen.findings),
        undecided=seen.undecided,
        seconds=spent,
    )


def _said(finding: Finding, planted: Planted) -> Said:
    words = finding.words + (f" -> {' '.join(finding.mend.splitlines())}" if finding.mend else "")
    return Said(finding.fault.value, finding.sureness, words, planted.right(finding))


def _put_together(folder: Path, name: str) -> None:
    found = [
        Recorded(**{**one, "said": tuple(Said(**said) for said in one["said"])})
        for path in sorted(folder.glob("*.json"))
        for one in json.loads(path.read_text(encoding="utf-8"))
    ]
    tables = {
        "certainty": _by_certainty(found),
        "specimen": by(found, "specimen", _summary, lambda one: one.specimen),
        "photons": by(found, "photons", _summary, lambda one: one.photons),
        "layout": by(found, "layout", _summary, lambda one: one.layout),
        "field": by(found, "field", _summary, lambda one: one.size),
    }
    for quality, rows in tables.items():
        show(f"By {quality}", rows)
    wrong = list(_wrong(found))
    if wrong:
        show("Wrong advice", wrong)
    recordings = list(_recordings())
    if recordings:
        show("Recordings", recordings)
    report(
        name,
        "What the doctor says of planted faults and of sound recordings",
        [
            {"kind": kind, **_summary([one for one in found if one.kind == kind])}
            for kind in dict.fromkeys(one.kind for one in found)  # sound ones first
        ],
        all=[_summary(found)],
        sound=[_summary([one for one in found if not one.faulty])],
        faulty=[_summary([one for one in found if one.faulty])],
        by=tables,
        wrong=wrong,
        recordings=recordings,
        first_seed=min(one.seed for one in found),
        median_cpu_s=float(np.median([one.seconds for one in found])),
    )


def _summary(found: Sequence[Recorded]) -> Row:
    said = [one for each in found for one in each.said]
    faulty = [one for one in found if one.faulty]
    certain = [one for one in said if one.certainty == "certain"]
    return {
        "recordings": len(found),
        "faulty": len(faulty),
        "named": sum(one.named for one in faulty),
        "advice": len(said),
        "right": sum(one.right for one in said),
        "wrong": sum(not one.right for one in said),
        "certain": len(certain),
        "certain and wrong": sum(not one.right for one in certain),
        "sound ones accused": sum(bool(one.said) for one in found if not one.faulty),
    }


def _by_certainty(found: Sequence[Recorded]) -> list[Row]:
    said = [one for each in found for one in each.said]
    rows: list[Row] = []
    for word in ("likely", "very likely", "certain"):
        own = [one for one in said if one.certainty == word]
        rows.append(
            {
                "stated": word,
                "advice": len(own),
                "mean stated %": 100.0 * float(np.mean([one.sureness for one in own] or [0.0])),
                "right": sum(one.right for one in own),
                "right %": 100.0 * sum(one.right for one in own) / max(len(own), 1),
            }
        )
    return rows


def _wrong(found: Sequence[Recorded]) -> Iterator[Row]:
    for each in found:
        for one in each.said:
            if not one.right:
                yield {
                    "kind": f"{each.kind}, {each.seed}",
                    "of": f"{each.specimen}, {each.layout}, {each.size}, {each.photons:g}",
                    "said": f"{one.fault} ({100 * one.sureness:.1f} %): {one.words}",
                }


def _recordings() -> Iterator[Row]:
    """Say what the doctor finds in the real recordings, with the settings beside them."""
    folder = os.environ.get("LIVESIM_DATA")
    paths = [p for one in REAL if folder for p in sorted(Path(folder).parent.glob(one))]
    for path in paths:
        seen = examine_file(path, load_settings(path.with_suffix(".toml")), quiet=True).seen
        mends = [" ".join(one.mend.splitlines()) for one in seen.findings if one.mend]
        yield {
            "recording": path.stem,
            "said": "; ".join(one.sentence for one in seen.findings) or "no fault found",
            "mends": "; ".join(mends) or None,
            "undecided": "; ".join(seen.undecided) or None,
        }


if __name__ == "__main__":
    main()
