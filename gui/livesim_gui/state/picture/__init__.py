"""What of a result is shown, and how."""
