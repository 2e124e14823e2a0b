"""Networks on small volumes that no training saw."""
