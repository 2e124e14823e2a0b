"""Sources of raw frames: the simulated microscope and replay of a recording."""
