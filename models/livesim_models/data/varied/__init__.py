"""Draw training fields in which everything varies: objects, optics, light, camera."""
