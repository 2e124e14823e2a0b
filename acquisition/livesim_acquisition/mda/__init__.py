"""Stream the frames of a pymmcore-plus acquisition to the engine, from within the same process.

Two lines in a script that has a `CMMCorePlus`::

    from livesim_acquisition.mda import sim_events, stream
    with stream(core, "tcp://127.0.0.1:5603", settings) as streamed:
        core.mda.run(sim_events(sequence, settings.pattern))

The frames are taken from the signals that the core's acquisition runner emits anyway. The runner
is never held: a frame is put into the sender's bounded queue, and all else happens in its thread.
"""

from livesim_acquisition.mda.events import check_mda_events, mda_sequence, sim_events
from livesim_acquisition.mda.signals import MdaStream, stream

__all__ = ["MdaStream", "check_mda_events", "mda_sequence", "sim_events", "stream"]
