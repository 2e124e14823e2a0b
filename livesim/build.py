"""Settings in, a ready pipeline out: the only place where networks meet the engine."""
