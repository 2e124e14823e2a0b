"""What `import livesim` offers: arrays in, arrays out."""
