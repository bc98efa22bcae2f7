#!/bin/sh
# Compares the search over requests with an SMT solver: `smt.sh` with z3, `smt.sh cvc5` with cvc5. Installs it
# into a scratch virtual environment, or takes the solver that IACLINT_SMT names, and runs tests/smt.rs.
set -eu
cd "$(dirname "$0")/.."
if [ -z "${IACLINT_SMT:-}" ]; then
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    python3 -m venv "$scratch/venv"
    if [ "${1:-z3}" = cvc5 ]; then
        "$scratch/venv/bin/pip" install --quiet cvc5==1.4.2
        printf '#!/bin/sh\nexec "%s" "%s"\n' "$scratch/venv/bin/python" "$PWD/scripts/smt.py" >"$scratch/solver"
        chmod +x "$scratch/solver"
        IACLINT_SMT=$scratch/solver
    else
        "$scratch/venv/bin/pip" install --quiet z3-solver==5.4.1.0
        IACLINT_SMT=$scratch/venv/bin/z3
    fi
    export IACLINT_SMT
fi
cargo test --test smt -- --nocapture
