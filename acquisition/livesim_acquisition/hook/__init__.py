"""Stream the images of a pycromanager acquisition to the engine.

Two lines in a script that has a `pycromanager.Acquisition`::

    from livesim_acquisition.hook import BackgroundSender, make_hook
    with BackgroundSender() as sender, Acquisition(..., image_process_fn=make_hook(sender)) as acq:

Importing this does not import pycromanager, so it runs with whatever version the microscope has.
"""

from livesim_acquisition.hook.background_sender import BackgroundSender, Counts
from livesim_acquisition.hook.hook import make_hook, make_saved_hook

__all__ = ["BackgroundSender", "Counts", "make_hook", "make_saved_hook"]
