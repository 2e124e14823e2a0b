#!/usr/bin/env bash
# What a machine with a GPU is asked first: whether its images are right, then how fast they come.
#
#   bash bench/gpu.sh OUT          (python3 is the one that has livesim and a CUDA build of PyTorch)
#
# OUT/tests.txt, and OUT/speed-SIZE.json with its curves for 512 x 512 and 2048 x 2048. Wrong images are not
# timed.
set -euo pipefail
out=${1:?expected a folder for the results, found none}
mkdir -p "$out"
python3 -c 'import torch; assert torch.cuda.is_available(), "expected a GPU, found none"'
python3 -m pytest -q tests/gpu tests/unit/test_frame_path.py tests/unit/test_fused_attention.py \
    | tee "$out/tests.txt"
for size in 512 2048; do
    python3 -m livesim bench --size "$size" --out "$out/speed-$size.json" --overwrite
done
