"""The viewer: state without Qt, widgets that only show."""
