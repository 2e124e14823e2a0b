"""Send frames, results and control messages between processes, on one machine or several."""
