"""Write results, recordings and pictures; a file appears under its name only when it is whole."""
