"""Hold livesim beside ML-SIM's comparison (Christensen et al., Biomed. Opt. Express 12, 2720)."""
