"""Settings: one TOML file, parsed once into frozen values."""
