"""How fast livesim is."""
