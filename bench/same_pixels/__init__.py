"""Whether two checkouts make the same pixels: `python -m bench.same_pixels`."""
