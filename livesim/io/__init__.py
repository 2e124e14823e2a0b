"""Read and write files: recordings, results, patterns and logs."""
