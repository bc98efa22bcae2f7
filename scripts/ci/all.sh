#!/usr/bin/env bash
# What people meet outside of the crate, each with the real tools: the action, its linters, SARIF, pictures, the wheel, the hook.
# Each script installs what it needs (PyPI, npm, Debian) into a temporary folder. The program is the tests' build.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

cargo build --quiet
binary=target/debug/iaclint
scripts/ci/action.py "$binary"
scripts/ci/actions.sh
scripts/ci/sarif.py "$binary"
scripts/ci/mermaid.py "$binary"
scripts/ci/wheel.sh
scripts/ci/hook.sh
