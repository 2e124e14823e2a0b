"""The settings: one TOML file, checked once and frozen."""
