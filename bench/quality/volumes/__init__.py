"""Three-dimensional SIM against simulated truth."""
