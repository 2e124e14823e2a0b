"""How good its images, patterns and verdicts are."""
