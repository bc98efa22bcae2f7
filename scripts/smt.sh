#!/bin/sh
# Compares the search over requests with an SMT solver: `smt.sh` with z3, `smt.sh cvc5` with cvc5. Installs it
# into `target/smt`, or takes the solver that IACLINT_SMT names, and runs tests/smt.rs. Where no solver can be
# installed, it says so and passes; with `--required` that is a failure.
set -eu
cd "$(dirname "$0")/.."
solver=z3
required=no
for word; do
    case $word in
    --required) required=yes ;;
    z3 | cvc5) solver=$word ;;
    *) echo "usage: $0 [z3|cvc5] [--required]" >&2 && exit 2 ;;
    esac
done
skip() {
    echo "skipped: sets of policies to a solver, since $1"
    [ "$required" = no ] && exit 0
    exit 1
}
if [ -z "${IACLINT_SMT:-}" ]; then
    case $solver in
    z3) package=z3-solver==5.4.1.0 ;;
    cvc5) package=cvc5==1.4.2 ;;
    esac
    venv=$PWD/target/smt/$package
    if [ ! -e "$venv/installed" ]; then
        rm -rf "$venv"
        python3 -m venv "$venv" || skip "python3 makes no virtual environment"
        "$venv/bin/pip" install --quiet --disable-pip-version-check "$package" || skip "pip does not install $package"
        touch "$venv/installed"
    fi
    if [ "$solver" = cvc5 ]; then
        IACLINT_SMT=$venv/solver
        printf '#!/bin/sh\nexec "%s" "%s"\n' "$venv/bin/python" "$PWD/scripts/smt.py" >"$IACLINT_SMT"
        chmod +x "$IACLINT_SMT"
    else
        IACLINT_SMT=$venv/bin/z3
    fi
    export IACLINT_SMT
fi
cargo test --test smt -- --nocapture
