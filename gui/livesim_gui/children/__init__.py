"""Child processes that the viewer starts."""
