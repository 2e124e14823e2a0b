"""What a machine with a GPU is asked at its first run; `bash bench/gpu.sh` runs all of it."""
