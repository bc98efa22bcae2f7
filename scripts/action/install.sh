#!/usr/bin/env bash
# Finds the program for the steps that follow: a released binary whose checksum the action pins, else a build of the
# action's own sources, never of the workspace.
#
# Reads IACLINT_VERSION (empty: the newest pinned release; `source`: build), GITHUB_ACTION_PATH, RUNNER_TEMP, RUNNER_OS,
# RUNNER_ARCH, GITHUB_OUTPUT. Writes the outputs `binary` and `installed`.
set -euo pipefail

version="${IACLINT_VERSION:-}"
version="${version#v}"
releases="${IACLINT_RELEASES:-https://github.com/iaclint/iaclint/releases/download}"
home="$RUNNER_TEMP/iaclint"
mkdir -p "$home"

fail() {
  echo "::error title=iaclint::$1"
  exit 2
}

finish() {
  "$1" --version
  {
    echo "binary=$1"
    echo "installed=$2"
  } >> "$GITHUB_OUTPUT"
  exit 0
}

sum() {
  if command -v sha256sum > /dev/null; then
    sha256sum "$1" | cut -d ' ' -f 1
  else
    shasum -a 256 "$1" | cut -d ' ' -f 1
  fi
}

build() {
  command -v cargo > /dev/null || fail "no released binary is pinned for this machine, and cargo is not installed to build one"
  # In the action's folder, so that no toolchain file and no cargo configuration of the workspace counts.
  cd "$GITHUB_ACTION_PATH"
  CARGO_TARGET_DIR="$home/build" cargo install --quiet --locked --path . --root "$home"
  finish "$home/bin/iaclint$suffix" source
}

suffix=""
case "${RUNNER_OS:-}-${RUNNER_ARCH:-}" in
  Linux-X64) target=x86_64-unknown-linux-musl ;;
  Linux-ARM64) target=aarch64-unknown-linux-musl ;;
  macOS-X64) target=x86_64-apple-darwin ;;
  macOS-ARM64) target=aarch64-apple-darwin ;;
  Windows-X64) target=x86_64-pc-windows-msvc suffix=.exe ;;
  Windows-*) target="" suffix=.exe ;;
  *) target="" ;;
esac

if [ "$version" = source ]; then
  build
fi
if [ -n "$version" ] && ! [[ "$version" =~ ^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.]+)?$ ]]; then
  fail "the input version is no version"
fi

# The pinned line of the version, or of the newest.
pinned="" archive=""
while read -r listed name; do
  case "$name" in
    "iaclint-${version:-*}-$target.tar.gz" | "iaclint-"*"-$target.tar.gz")
      if [ -z "$version" ] || [ "$name" = "iaclint-$version-$target.tar.gz" ]; then
        pinned="$listed" archive="$name"
        break
      fi
      ;;
  esac
done < <(grep -E '^[0-9a-f]{64}  ' "$GITHUB_ACTION_PATH/scripts/action/checksums.txt" || true)

if [ -z "$target" ] || [ -z "$pinned" ]; then
  if [ -n "$version" ]; then
    fail "this action pins no checksum of version $version for this machine: use a newer commit of the action, or the version \`source\`"
  fi
  echo "no released binary is pinned for this machine: building the action's own sources"
  build
fi

release="${archive#iaclint-}"
release="${release%-"$target".tar.gz}"
if ! curl --fail --silent --show-error --location --proto '=https,file' --retry 3 --max-time 300 \
  --output "$home/$archive" "$releases/v$release/$archive"; then
  echo "::notice title=iaclint::$archive cannot be fetched: building the action's own sources"
  build
fi
# What was fetched and is not what is pinned is never used, and never passed over.
if [ "$(sum "$home/$archive")" != "$pinned" ]; then
  rm -f "$home/$archive"
  fail "$archive is not the file whose checksum this action pins"
fi
tar -xzf "$home/$archive" -C "$home"
finish "$home/iaclint-$release-$target/iaclint$suffix" "$release"
