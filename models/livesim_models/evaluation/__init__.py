"""Hold images against what is known of the truth, in numbers, tables and pictures."""
