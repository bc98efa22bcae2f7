# shellcheck shell=bash
# Sourced: a release build that is quick to make, in a target folder that the checks of packages share.
export CARGO_TARGET_DIR="${IACLINT_CI_TARGET:-$house/target/ci}"
export CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16
export CARGO_PROFILE_RELEASE_INCREMENTAL=false
