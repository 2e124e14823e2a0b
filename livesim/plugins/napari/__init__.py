"""livesim in napari: what `napari.yaml` contributes."""
