"""The engine process: assemble, reconstruct, record, publish."""
