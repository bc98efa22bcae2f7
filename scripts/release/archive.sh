#!/usr/bin/env bash
# Packs a built program as a release has it: the program, licences, README, completions, manual; and its checksum beside it.
#
# Usage: archive.sh BINARY TARGET FOLDER. The program must run on this machine, or RUNS names one of the same version that does.
set -euo pipefail
house="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
binary="$1" target="$2" out="$3"
runs="${RUNS:-$binary}"
version="$("$runs" --version)"
version="${version#iaclint }"
name="iaclint-$version-$target"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

folder="$work/$name"
mkdir -p "$folder/completions" "$folder/man" "$out"
cp "$binary" "$folder/"
cp "$house"/LICENSE-* "$house/README.md" "$house/CHANGELOG.md" "$folder/"
for shell in bash zsh fish elvish powershell; do
  "$runs" completions "$shell" > "$folder/completions/iaclint.$shell"
done
"$runs" manual "$folder/man"
tar -czf "$out/$name.tar.gz" -C "$work" "$name"
cd "$out"
if command -v sha256sum > /dev/null; then
  sha256sum "$name.tar.gz" > "$name.tar.gz.sha256"
else
  shasum -a 256 "$name.tar.gz" > "$name.tar.gz.sha256"
fi
echo "$out/$name.tar.gz"
