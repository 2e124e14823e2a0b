"""Hold the measured noise of cameras against the true one."""
