"""The forward model: what light, optics and camera make of a specimen."""
