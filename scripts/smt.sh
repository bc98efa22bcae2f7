#!/bin/sh
# Compares the search over requests with an SMT solver: installs cvc5 into a scratch virtual environment,
# or takes the solver that IACLINT_SMT names, and runs tests/smt.rs.
set -eu
cd "$(dirname "$0")/.."
if [ -z "${IACLINT_SMT:-}" ]; then
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    python3 -m venv "$scratch/venv"
    "$scratch/venv/bin/pip" install --quiet cvc5==1.4.2
    printf '#!/bin/sh\nexec "%s" "%s"\n' "$scratch/venv/bin/python" "$PWD/scripts/smt.py" >"$scratch/solver"
    chmod +x "$scratch/solver"
    IACLINT_SMT=$scratch/solver
    export IACLINT_SMT
fi
cargo test --test smt -- --nocapture
