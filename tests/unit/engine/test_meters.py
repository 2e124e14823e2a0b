"""What is counted of a stream, and of all of them."""

from __future__ import annotations

from livesim.engine.assemble import AssemblyCounts
from livesim.engine.meters import Gauges


def test_a_stream_begins_without_the_faults_of_the_one_before_and_the_total_keeps_them():
    gauges = Gauges()
    for stream in (1, 2):
        gauges.begin()
        assert gauges.faults.status(AssemblyCounts()).failed_stacks == 0
        assert gauges.faults.last is None
        assert [stage.status().done for stage in gauges.stages] == [0] * len(gauges.stages)
        gauges.faults.report("failed_stacks", "expected light, found none", 2)
        for stage in gauges.stages:
            stage.meter.tick()
        assert gauges.faults.status(AssemblyCounts()).failed_stacks == 2
        assert gauges.faults.total.failed_stacks == 2 * stream
