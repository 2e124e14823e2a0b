#!/usr/bin/env bash
# Collect what a bare machine with a CUDA build of PyTorch lacks, as wheels to carry along.
#
#   bash bench/gpu/wheels.sh FOLDER                here, where a package index can be reached
#   python3 -m pip install --no-index --no-deps --target SITE FOLDER/*.whl           there
#   PYTHONPATH=SITE bash bench/gpu.sh OUT          there, in a checkout of livesim
#
# The machine has torch, numpy, scipy, scikit-image, tifffile, safetensors, Pillow, rich, typer,
# prometheus-client, pytest with its time limits, and lightning; with PYTHON=3.13 wheels are those of
# another Python. livesim's own wheel is among them, for it looks up its version and what it requires.
# What reads compressed TIFFs is left out: 26 MB that nothing here needs.
set -euo pipefail
folder=${1:?expected a folder for the wheels, found none}
python=${PYTHON:-3.12}
cd "$(dirname "$0")/../.."
mkdir -p "$folder"
lacking="annotated-types cmap dask donfig google-crc32c locket mrc ndstorage numcodecs partd pydantic
    pydantic_core pyzmq tomli_w typing-inspection yaozarrs zarr"
platforms=()
for glibc in 28 27 26 24 17 12 5; do
    platforms+=(--platform "manylinux_2_${glibc}_x86_64")
done
pinned=()
for name in $lacking; do
    pinned+=("$(grep -i "^${name}==" constraints.txt)")
done
python3 -m pip download --quiet --no-deps --only-binary=:all: --implementation cp \
    --python-version "$python" "${platforms[@]}" --platform manylinux2014_x86_64 \
    --platform manylinux1_x86_64 -d "$folder" "${pinned[@]}"
rm -f "$folder"/livesim-*.whl
python3 -m pip wheel --quiet --no-deps -w "$folder" .
ls "$folder" | wc -l
du -sh "$folder"
