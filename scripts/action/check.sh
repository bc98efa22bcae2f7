#!/usr/bin/env bash
# Analyses the workspace once and writes every report; the verdict is given by verdict.sh, after the upload.
#
# Reads IACLINT_BINARY, the inputs as IACLINT_*, IACLINT_BASE (the commit that a pull request is merged into; empty
# elsewhere), GITHUB_EVENT_NAME, GITHUB_WORKSPACE, GITHUB_OUTPUT, GITHUB_STEP_SUMMARY, RUNNER_TEMP.
# Writes the outputs `exit-code`, `sarif-file` and the counts, and the job summary.
set -euo pipefail

reports="$RUNNER_TEMP/iaclint/reports"
rm -rf "$reports"
mkdir -p "$reports"

fail() {
  echo "::error title=iaclint::$1"
  exit 2
}

if [ "${GITHUB_EVENT_NAME:-}" = pull_request_target ]; then
  fail "pull_request_target gives a stranger's change the rights of the repository: use pull_request"
fi
for name in FAIL_ON FORMAT SARIF_FILE WORKING_DIRECTORY CONFIG_FROM CHANGES_ONLY CATEGORY BASE; do
  variable="IACLINT_$name"
  value="${!variable:-}"
  case "$value" in
    *[[:cntrl:]]*) fail "the input $name is more than one line" ;;
  esac
done

# Lists come one a line; a line is one argument, whatever stands in it.
arguments=() paths=()
while IFS= read -r line || [ -n "$line" ]; do
  line="${line%$'\r'}"
  if [ -n "$line" ]; then arguments+=("$line"); fi
done <<< "${IACLINT_ARGS:-}"
while IFS= read -r line || [ -n "$line" ]; do
  line="${line%$'\r'}"
  if [ -n "$line" ]; then paths+=("$line"); fi
done <<< "${IACLINT_PATHS:-.}"

cd "$GITHUB_WORKSPACE"
cd -- "${IACLINT_WORKING_DIRECTORY:-.}"

options=()
if [ -n "${IACLINT_FAIL_ON:-}" ]; then options+=("--fail-on=$IACLINT_FAIL_ON"); fi
if [ -n "${IACLINT_CATEGORY:-}" ]; then options+=("--category=$IACLINT_CATEGORY"); fi

base="${IACLINT_BASE:-}"
since=()
if [ -n "$base" ]; then
  [[ "$base" =~ ^[0-9a-f]{40,64}$ ]] || fail "the base of the pull request is no commit"
  ours() { git -c safe.directory='*' "$@"; }
  if ! ours cat-file -e "$base^{commit}" 2> /dev/null; then
    # A shallow checkout lacks the base.
    ours fetch --quiet --no-tags --depth=1 origin "$base" 2> /dev/null \
      || fail "the base of the pull request is not in the checkout: check out with fetch-depth: 0"
  fi
  case "${IACLINT_CONFIG_FROM:-base}" in
    base) options+=("--config-from=$base") ;;
    head) ;;
    *) fail "config-from is base or head" ;;
  esac
  case "${IACLINT_CHANGES_ONLY:-false}" in
    true) since=("--since=$base") ;;
    false) ;;
    *) fail "changes-only is true or false" ;;
  esac
fi

sarif="${IACLINT_SARIF_FILE:-}"
if [ -z "$sarif" ]; then sarif="$reports/iaclint.sarif"; fi

check() {
  "$IACLINT_BINARY" check ${options[@]+"${options[@]}"} "$@" ${arguments[@]+"${arguments[@]}"} -- "${paths[@]}"
}

# Between these two lines nothing in the log is a command to the runner.
token="iaclint-$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')"
echo "::stop-commands::$token"
code=0
# Code scanning closes the alerts that a log leaves out, so its log always holds all findings.
if [ "${#since[@]}" -gt 0 ]; then
  check --format sarif --output "$sarif" || code=$?
  if [ "$code" -lt 2 ]; then code=0; fi
  also=()
else
  also=("--also=sarif=$sarif")
fi
if [ "$code" -eq 0 ]; then
  check "--format=${IACLINT_FORMAT:-github}" --output "$reports/log" \
    "--also=concise=$reports/concise" "--also=markdown=$reports/summary" "--also=counts=$reports/counts" \
    ${also[@]+"${also[@]}"} ${since[@]+"${since[@]}"} || code=$?
fi
echo "::$token::"

if [ -f "$reports/summary" ]; then
  cat "$reports/summary" >> "$GITHUB_STEP_SUMMARY"
else
  echo "iaclint could not analyse this: the log says why." >> "$GITHUB_STEP_SUMMARY"
fi
{
  if [ -f "$reports/counts" ]; then cat "$reports/counts"; fi
  echo "exit-code=$code"
  if [ -f "$sarif" ]; then echo "sarif-file=$sarif"; fi
} >> "$GITHUB_OUTPUT"
