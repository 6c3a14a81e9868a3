#!/usr/bin/env bash
# tests/fuzz/run.sh SECONDS [TARGET...]
#
# Lets libFuzzer look for input that makes a target panic, hang or take too much memory: all
# targets or those named, SECONDS each, as many at a time as there are processors. Fails if it
# finds one; the input is then in target/fuzz/found/TARGET. What was found is tried first the
# next time, so `run.sh 0 TARGET` shows it again. Once mended, it belongs in corpus/TARGET.
set -euo pipefail

seconds=${1:?usage: run.sh SECONDS [TARGET...]}
shift
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
work=${CARGO_TARGET_DIR:-target}/fuzz
mkdir -p "$work"
work=$(cd "$work" && pwd)

# Stable Rust has all that coverage guidance takes, only under no name of its own. The flags
# are cargo-fuzz's, without a sanitizer: there is no unsafe code of ours to watch over.
coverage=(
    -Cpasses=sancov-module
    -Cllvm-args=-sanitizer-coverage-level=4
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
    -Cllvm-args=-sanitizer-coverage-pc-table
    -Cllvm-args=-sanitizer-coverage-trace-compares
    --cfg fuzzing
)
# With --target, build scripts and procedural macros are spared these flags.
host=$(rustc -vV | sed -n 's/^host: //p')
RUSTFLAGS="${coverage[*]}" CARGO_TARGET_DIR=$work cargo build --quiet \
    --package peerstream-fuzz --features libfuzzer --profile fuzz --target "$host"

# A test holds the folders of the corpus to the list of targets.
targets=("$@")
[ ${#targets[@]} = 0 ] && mapfile -t targets < <(ls "$here/corpus")

fuzz() {
    local target=$1 found=$work/found/$1 learned=$work/learned/$1 limit
    mkdir -p "$found" "$learned"
    # To libFuzzer 0 seconds are no limit.
    [ "$seconds" = 0 ] && limit=-runs=0 || limit=-max_total_time=$seconds
    PEERSTREAM_FUZZ_TARGET=$target "$work/$host/fuzz/peerstream-fuzz" "$limit" \
        -timeout=10 -rss_limit_mb=512 -max_len=8192 -print_final_stats=1 \
        -artifact_prefix="$found/" "$learned" "$found" "$here/corpus/$target" \
        >"$work/$target.log" 2>&1
}

pids=()
for target in "${targets[@]}"; do
    while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do wait -n || true; done
    fuzz "$target" &
    pids+=($!)
done
passed=0 failed=0
for i in "${!targets[@]}"; do
    target=${targets[i]}
    if wait "${pids[i]}"; then
        passed=$((passed + 1))
        runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$work/$target.log")
        coverage=$(sed -n 's/^.*DONE *cov: \([0-9]*\).*$/\1/p' "$work/$target.log")
        echo "fuzz: $target: ok, $runs inputs, $coverage edges"
    else
        failed=$((failed + 1))
        echo "fuzz: $target: FAILED, as $work/$target.log says:"
        tail -n 40 "$work/$target.log"
    fi
done
echo "test result: fuzzing $seconds s each; $passed passed; $failed failed"
[ "$failed" = 0 ]
