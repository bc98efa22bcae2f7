# shellcheck shell=bash
# Sourced: a release build that is quick to make; its target folder is kept for the next time.
export CARGO_TARGET_DIR="${IACLINT_CI_TARGET:-$house/target/ci}"
export CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16
