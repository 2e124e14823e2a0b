"""Networks on the planes of volumes: what they are told, and how their answer is weighed."""
