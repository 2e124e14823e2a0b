"""One raw stack through all that is computed of it, on a CPU or replayed on a GPU."""
