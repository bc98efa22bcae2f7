#!/usr/bin/env bash
# Shows the report and ends the job as the analysis ended.
#
# Reads IACLINT_EXIT_CODE, IACLINT_FORMAT, IACLINT_UPLOADED, RUNNER_TEMP.
set -euo pipefail

reports="$RUNNER_TEMP/iaclint/reports"
format="${IACLINT_FORMAT:-github}"
if [ "$format" = github ] && [ "${IACLINT_UPLOADED:-false}" != true ]; then
  # Written by the program for the runner: every text from the sources is escaped in it.
  if [ -f "$reports/log" ]; then cat "$reports/log"; fi
else
  log="$reports/log"
  # Code scanning annotates what was uploaded.
  if [ "$format" = github ]; then log="$reports/concise"; fi
  token="iaclint-$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')"
  echo "::stop-commands::$token"
  if [ -f "$log" ]; then cat "$log"; fi
  echo "::$token::"
fi
exit "${IACLINT_EXIT_CODE:-2}"
