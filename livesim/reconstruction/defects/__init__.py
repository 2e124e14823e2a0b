"""Find the pixels that show what no optics can, and replace them by what their neighbours say."""
