"""Places of the code that no test notices are few, and each was judged."""

from __future__ import annotations

import json

from bench.mutants import KINDS, judged
from bench.report import RESULTS


def test_what_survives_is_judged_with_a_reason_and_nothing_else_is():
    kept = json.loads((RESULTS / "mutants.json").read_text(encoding="utf-8"))
    survive = {
        (row["file"], row["text"], row["before"], row["after"])
        for row in kept["tried"]
        if row["noticed by"] is None
    }
    judgements = judged()
    assert set(judgements) == survive
    assert all(one["judged"] in KINDS and one["why"] for one in judgements.values())
