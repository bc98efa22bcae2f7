#!/usr/bin/env python3
"""Validates the SARIF log of every estate: against the schema of SARIF 2.1.0, and with Microsoft's multitool and the rules
that it has for GitHub. The multitool's log is read, for its exit code tells little.

Usage: sarif.py BINARY   (a built iaclint). Installs into a temporary folder with npm.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import estates

BINARY = pathlib.Path(sys.argv[1]).resolve()
PACKAGES = ["@microsoft/sarif-multitool-linux@5.7.0", "ajv@8.17.1", "ajv-formats@3.0.1"]
SCHEMA = r"""
const fs = require("fs"), path = require("path");
const schema = JSON.parse(fs.readFileSync(process.argv[2], "utf8").replace(/^\uFEFF/, ""));
const Ajv = require("ajv/dist/2020").default;
const ajv = new Ajv({ strict: false });
require("ajv-formats")(ajv);
const validate = ajv.compile(schema);
const out = {};
for (const file of fs.readdirSync(process.argv[3])) {
  const good = validate(JSON.parse(fs.readFileSync(path.join(process.argv[3], file), "utf8")));
  if (!good) out[file] = validate.errors;
}
console.log(JSON.stringify(out));
"""


def multitool(tool, folder, log):
    """The complaints of the multitool: errors, warnings, and whatever kept it from its work."""
    subprocess.run([tool, "validate", str(folder / "*.sarif"), "--rule-kind", "Sarif;Ghas", "--output", str(log), "--log",
                    "ForceOverwrite", "--quiet"], capture_output=True)
    runs = json.loads(log.read_text(encoding="utf-8-sig"))["runs"]
    out = []
    for run in runs:
        for result in run.get("results", []):
            # A result without a level has its rule's, and that without one is a warning.
            if result.get("level", "warning") in ("error", "warning") and result.get("kind", "fail") == "fail":
                place = result["locations"][0]["physicalLocation"]["artifactLocation"] if result.get("locations") else {}
                out.append((result["ruleId"], place.get("uri", "").rsplit("/", 1)[-1], result["message"].get("arguments")))
        for invocation in run.get("invocations", []):
            out += [("invocation", n) for kind in ("toolExecutionNotifications", "toolConfigurationNotifications")
                    for n in invocation.get(kind, []) if n.get("level", "warning") != "note"]
            if not invocation.get("executionSuccessful", True):
                out.append(("invocation", invocation))
    return out


with tempfile.TemporaryDirectory(prefix="iaclint-sarif-") as name:
    top = pathlib.Path(name)
    (top / "logs").mkdir()
    (top / "estates").mkdir()
    subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", name, *PACKAGES],
                   check=True)
    package = top / "node_modules/@microsoft/sarif-multitool-linux"
    tool = package / "Sarif.Multitool"
    tool.chmod(0o755)
    results = 0
    for estate, folder in estates.write(top / "estates"):
        log = estates.run(BINARY, folder, "--format", "sarif")
        results += len(json.loads(log)["runs"][0]["results"])
        (top / "logs" / f"{estate}.sarif").write_text(log)
    count = len(list((top / "logs").iterdir()))
    if results < count / 3:
        raise SystemExit(f"{count} logs hold only {results} results: the estates were not understood")
    (top / "schema.js").write_text(SCHEMA)

    def schema(folder):
        done = subprocess.run(["node", "schema.js", str(package / "sarif-2.1.0.json"), str(folder)], cwd=top, check=True,
                              capture_output=True, text=True)
        return json.loads(done.stdout)

    # Both must see faults, or their silence says nothing.
    broken = top / "broken"
    broken.mkdir()
    sample = json.loads(next((top / "logs").glob("*-denied.sarif")).read_text())
    result = sample["runs"][0]["results"][0]
    result["locations"][0]["physicalLocation"]["region"] = {"startLine": 0}
    (broken / "broken.sarif").write_text(json.dumps(sample))
    del result["locations"]
    (broken / "nowhere.sarif").write_text(json.dumps(sample))
    seen = {rule for rule, *_ in multitool(tool, broken, top / "broken.log")}
    if "broken.sarif" not in schema(broken) or not any(r.startswith("SARIF") for r in seen) or not any(r.startswith("GH") for r in seen):
        raise SystemExit(f"a broken log passes: {seen}")
    faults = [*schema(top / "logs").items(), *multitool(tool, top / "logs", top / "multitool.log")]
    for fault in faults[:20]:
        print("FAILED", *fault)
    if faults:
        raise SystemExit(f"{len(faults)} faults in {count} logs")
    print(f"sarif: {count} logs with {results} results: valid by the schema, no error and no warning of the multitool")
