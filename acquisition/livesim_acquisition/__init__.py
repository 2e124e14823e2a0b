"""Send raw frames to the engine: from Micro-Manager, from a recording, or simulated."""
