"""What runs beside the frame path, in threads that nothing waits for."""
