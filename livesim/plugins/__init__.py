"""livesim inside of other programs: napari, ndv and Fiji."""
