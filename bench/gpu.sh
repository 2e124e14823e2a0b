#!/usr/bin/env bash
# Everything that is asked of a machine with a GPU, in ten minutes: whether its images are right, then
# how fast they come, then a training for whatever is left.
#
#   bash bench/gpu.sh OUT               python3 is the one that has livesim and a CUDA build of PyTorch
#   bash bench/gpu.sh OUT --rehearsal   the same on a CPU: tiny fields, a double of the GPU, every step
#
# Each step has a limit and writes part by part to a file under OUT, eight files of at most 15 MB in
# all, so that what was found stays when a step fails or time runs out; no step keeps the next one
# from running. The training's checkpoint comes in pieces: cat OUT/training.pt.* > checkpoint.pt.
# In the end the seconds and the exit status of every step are printed; they are in
# OUT/environment.jsonl too.
# Steps can be chosen: STEPS="environment sections" bash bench/gpu.sh OUT
out=${1:?expected a folder for the results, found none}
rehearsal=${2:-}
slower=1
[ -n "$rehearsal" ] && slower=6  # the limits are those of a GPU
limit=${LIMIT_S:-$((570 * slower))}
mkdir -p "$out" && out=$(realpath "$out") || exit 1
cd "$(dirname "$0")/.." || exit 1
export PYTHONPATH="$PWD:$PWD/acquisition:$PWD/gui:$PWD/models${PYTHONPATH:+:$PYTHONPATH}"
export PYTHONUNBUFFERED=1 QT_QPA_PLATFORM=offscreen
began=$SECONDS
summary=""

step() {  # NAME SECONDS COMMAND...: run a command for that long at most, and keep what became of it
    local name=$1 most=$(($2 * slower)) left=$((limit - SECONDS + began)) status begin=$SECONDS
    shift 2
    case " ${STEPS:-$name} " in *" $name "*) ;; *) return ;; esac
    if [ "$left" -lt 5 ]; then
        summary+="$name: left out, no time"$'\n'
        return
    fi
    [ "$most" -gt "$left" ] && most=$left
    echo "== $name, $most s at most"
    timeout -k 5 "$most" "$@"
    status=$?
    summary+="$name: $((SECONDS - begin)) of $most s, exit status $status"$'\n'
    printf '{"step": "%s", "seconds": %d, "limit_s": %d, "status": %d}\n' \
        "$name" $((SECONDS - begin)) "$most" "$status" >> "$out/environment.jsonl"
}

part() {  # NAME SECONDS [FILE]: a step of bench.gpu; it begins nothing new in its last fifth
    step "$1" "$2" python3 -m bench.gpu "$1" "$out/${3:-$1}.jsonl" --most $(($2 * slower * 4 / 5)) $rehearsal
}

tests() {  # what the steps before have not asked; interrupted, pytest still says what has failed
    local asked="every_section or images_of_a_cpu or float64_s or tiles_are or one_by_one or take_turns"
    timeout -s INT -k 5 "$2" python3 -m pytest -q -p no:cacheprovider --timeout 60 --tb=short \
        -k "not ($asked)" \
        tests/gpu tests/unit/pipeline/test_cuda.py tests/unit/models/test_precision.py \
        tests/unit/models/test_fused_attention.py > "$1" 2>&1
    local status=$?
    tail -n 25 "$1"
    return "$status"
}
export -f tests

training() {  # a recipe for as long as there is time; a checkpoint comes along every minute
    local folder
    folder=$(mktemp -d)
    sed -e "s/^save_every = .*/save_every = $3/" models/livesim_models/recipes/universal.toml \
        > "$folder/recipe.toml"
    (while sleep 60; do
        [ -f "$folder/run/checkpoint.pt" ] && split -b 15M -d "$folder/run/checkpoint.pt" "$1."
    done) &
    local copying=$!
    timeout -s INT -k 20 "$2" python3 -m livesim train "$folder/recipe.toml" --out "$folder/run"
    local status=$?
    kill "$copying"
    split -b 15M -d "$folder/run/checkpoint.pt" "$1." || status=1
    [ -f "$folder/run/log.csv" ] && tail -n 3 "$folder/run/log.csv"
    rm -r "$folder"
    return "$status"
}
export -f training

part environment 20
part sections 90
part captures 60
step tests 120 bash -c 'tests "$@"' tests "$out/tests.txt" $((110 * slower))
part times 100
part live 60 times
part volumes 40 times
part variants 40
part profiled 40 variants
left=$((limit - SECONDS + began - 30))
[ -n "$rehearsal" ] && left=120
[ "$left" -gt 10 ] && step training $((left + 25)) bash -c 'training "$@"' training "$out/training.pt" "$left" \
    $([ -n "$rehearsal" ] && echo 1 || echo 50)
echo "== by step"
printf '%s' "$summary"
echo "in all: $((SECONDS - began)) s"
