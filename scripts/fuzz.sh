#!/usr/bin/env bash
# Runs the fuzz targets: scripts/fuzz.sh [SECONDS-PER-TARGET] [TARGET…]
# Seeds come from the cases of tests/; what a target finds stays in fuzz/artifacts, its corpus in fuzz/corpus.
# Runs on the stable toolchain, without a sanitizer: the crate forbids unsafe code. Installs cargo-fuzz where it is missing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
cargo fuzz --version >/dev/null 2>&1 || cargo install --locked --quiet cargo-fuzz
seconds="${1:-60}"
shift || true
if [ "$#" -gt 0 ]; then
  targets=("$@")
else
  mapfile -t targets < <(cargo fuzz list)
fi

seed() { # seed TARGET GLOB: copies small files as seeds
  local target="$1" glob="$2" folder="fuzz/seeds/$1" file
  mkdir -p "$folder"
  while IFS= read -r file; do
    cp "$file" "$folder/$(printf '%s' "$file" | sha1sum | cut -c1-16)"
  done < <(find tests/cases rules -name "$glob" -size -24k -type f)
}
seed terraform '*.tf'
seed yaml '*.yaml'
seed json '*.json'
for target in expression policies condition reports search; do mkdir -p "fuzz/seeds/$target"; done
python3 scripts/fuzz_seeds.py fuzz/seeds

for target in "${targets[@]}"; do
  mkdir -p "fuzz/corpus/$target"
  echo "== $target, $seconds s"
  cargo fuzz run --sanitizer none "$target" "fuzz/corpus/$target" "fuzz/seeds/$target" -- \
    -max_total_time="$seconds" -max_len=16384 -timeout=20 -rss_limit_mb=4096 -print_final_stats=1 -dict=fuzz/words.dict \
    2>&1 | grep -E '^(stat::|==|SUMMARY|artifact_prefix|thread|Done|Test unit)|ERROR|panicked' || { echo "$target failed"; exit 1; }
done
