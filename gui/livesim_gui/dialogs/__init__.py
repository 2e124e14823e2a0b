"""The dialogs of the viewer, one a file."""
