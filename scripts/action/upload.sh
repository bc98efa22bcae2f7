#!/usr/bin/env bash
# Hands the SARIF log to code scanning. A token that may not (a fork's, or one without `security-events: write`) is no
# failure: verdict.sh then writes annotations instead. This step alone sees the token.
#
# Reads IACLINT_TOKEN, IACLINT_SARIF_FILE, IACLINT_WORKING_DIRECTORY, GITHUB_API_URL, GITHUB_REPOSITORY, GITHUB_SHA,
# GITHUB_REF, GITHUB_WORKSPACE, GITHUB_OUTPUT, RUNNER_TEMP. Writes the output `uploaded`.
set -euo pipefail

work="$RUNNER_TEMP/iaclint/upload"
rm -rf "$work"
mkdir -p "$work"

finish() {
  echo "uploaded=$1" >> "$GITHUB_OUTPUT"
  exit 0
}

instead() {
  echo "::notice title=iaclint::$1; findings are annotated instead"
  finish false
}

cd "$GITHUB_WORKSPACE"
cd -- "${IACLINT_WORKING_DIRECTORY:-.}"
if [ -z "${IACLINT_SARIF_FILE:-}" ] || [ ! -f "$IACLINT_SARIF_FILE" ]; then finish false; fi
if [ -z "${IACLINT_TOKEN:-}" ]; then instead "there is no token for code scanning"; fi
case "$GITHUB_SHA$GITHUB_REF" in
  *[\"\\[:cntrl:]]*) instead "the ref has a name that cannot be sent" ;;
esac

{
  printf '{"commit_sha":"%s","ref":"%s","tool_name":"iaclint","sarif":"' "$GITHUB_SHA" "$GITHUB_REF"
  gzip -c -- "$IACLINT_SARIF_FILE" | base64 | tr -d '\n'
  printf '"}'
} > "$work/body"

# The token goes through standard input, so that no list of processes shows it.
api() {
  printf 'header = "Authorization: Bearer %s"\n' "$IACLINT_TOKEN" | curl --config - --silent --show-error \
    --max-time 120 --header 'Accept: application/vnd.github+json' --header 'X-GitHub-Api-Version: 2022-11-28' \
    --output "$work/answer" --write-out '%{http_code}' "$@" || echo 000
}

# What the service answers is shown, but commands the runner nothing.
answer() {
  tr -d '\r\n' < "$work/answer" 2> /dev/null | tr -c '[:print:]' ' ' | sed 's/##\[/# [/g' | cut -c 1-500
}

url="$GITHUB_API_URL/repos/$GITHUB_REPOSITORY/code-scanning/sarifs"
status="$(api --request POST --header 'Content-Type: application/json' --data-binary "@$work/body" "$url")"
case "$status" in
  202) ;;
  401 | 403 | 404) instead "this token may not write to code scanning ($status)" ;;
  *)
    echo "code scanning answered: $(answer)"
    instead "code scanning did not take the log ($status)"
    ;;
esac

id="$(sed -n 's/.*"id" *: *"\([0-9A-Za-z-]*\)".*/\1/p' < "$work/answer" | head -n 1)"
for _ in 1 2 3 4 5 6 7 8 9 10; do
  if [ -z "$id" ] || [ "$(api "$url/$id")" != 200 ]; then break; fi
  if grep -q '"processing_status" *: *"failed"' "$work/answer"; then
    echo "code scanning answered: $(answer)"
    instead "code scanning could not process the log"
  fi
  if grep -q '"processing_status" *: *"complete"' "$work/answer"; then break; fi
  sleep "${IACLINT_POLL_SECONDS:-3}"
done
echo "the log is in code scanning"
finish true
