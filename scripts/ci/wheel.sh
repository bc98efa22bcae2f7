#!/usr/bin/env bash
# Builds the wheel that a release publishes (without its optimisations, so that the tests' build is used again), installs it
# into an environment of its own, and runs it. Installs maturin from PyPI into a temporary folder.
set -euo pipefail
house="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

python3 -m venv "$work/tools"
"$work/tools/bin/pip" install --quiet "maturin==1.16.0"
(cd "$house" && "$work/tools/bin/maturin" build --quiet --locked --compatibility linux --out "$work/wheels")
python3 -m venv "$work/clean"
"$work/clean/bin/pip" install --quiet --no-index "$work"/wheels/iaclint-*.whl
version="$(sed -n 's/^version = "\(.*\)"/\1/p' "$house/Cargo.toml" | head -n 1)"
said="$("$work/clean/bin/iaclint" --version)"
[ "$said" = "iaclint $version" ] || { echo "FAILED: the wheel's program says $said"; exit 1; }
code=0
(cd "$house" && "$work/clean/bin/iaclint" check tests/estates/first --format concise) > "$work/log" || code=$?
if [ "$code" -ne 1 ] || ! grep -q 'bucket-policy-denies-missing-encryption-header' "$work/log"; then
  echo "FAILED: the wheel's program found something else"
  cat "$work/log"
  exit 1
fi
"$work/clean/bin/pip" show --files iaclint > "$work/files"
grep -q 'bin/iaclint' "$work/files" || { echo "FAILED: no program in the wheel"; exit 1; }

# What a release packs, and that the action would find the program in it.
archive="$("$house/scripts/release/archive.sh" "$work/clean/bin/iaclint" x86_64-unknown-linux-musl "$work/dist")"
(cd "$work/dist" && sha256sum --check --quiet ./*.sha256 && tar -xzf "$archive")
packed="$work/dist/iaclint-$version-x86_64-unknown-linux-musl"
for file in iaclint README.md LICENSE-MIT LICENSE-APACHE man/iaclint.1 man/iaclint-check.1 completions/iaclint.bash; do
  [ -s "$packed/$file" ] || { echo "FAILED: no $file in the archive"; exit 1; }
done
[ "$("$packed/iaclint" --version)" = "$said" ] || { echo "FAILED: the archive's program"; exit 1; }
echo "wheel: $(basename "$work"/wheels/iaclint-*.whl) says $said and finds what it should"
