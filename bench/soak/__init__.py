"""How it fares under faults, for minutes or hours."""
