"""Run the engine under faults, for minutes or hours."""
