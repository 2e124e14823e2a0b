"""A recording restored by several processes: how much faster, how much memory, and under kills."""
