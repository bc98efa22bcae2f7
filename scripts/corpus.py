#!/usr/bin/env python3
"""Runs the binary over every folder below a folder and sums up what it said.

usage: corpus.py BINARY FOLDER [--seconds N]

Each subfolder of FOLDER is one repository and is analysed as one estate. Prints for each what was read, the
outcomes of the uploads that were played, every error and warning with its place, and the share of policy
documents that were understood in full; exits with 1 where a run crashed or met the time limit. Nothing of
the folders is kept.
"""
import argparse, collections, json, pathlib, subprocess, sys, time

arguments = argparse.ArgumentParser()
arguments.add_argument("binary")
arguments.add_argument("folder")
arguments.add_argument("--seconds", type=int, default=120)
arguments = arguments.parse_args()
binary = str(pathlib.Path(arguments.binary).resolve())
total, levels, failed = collections.Counter(), collections.Counter(), []
for folder in sorted(p for p in pathlib.Path(arguments.folder).iterdir() if p.is_dir()):
    began = time.monotonic()
    try:
        run = subprocess.run(
            [binary, "check", ".", "--root", ".", "--no-config", "--format", "json", "--fail-on", "never"],
            cwd=folder, capture_output=True, text=True, timeout=arguments.seconds)
        report = json.loads(run.stdout)
    except (subprocess.TimeoutExpired, json.JSONDecodeError) as why:
        failed.append(folder.name)
        print(f"## {folder.name}: {type(why).__name__}")
        continue
    total.update(report["read"])
    outcomes = collections.Counter(upload["outcome"] for upload in report["decided"])
    print(f"## {folder.name}: {time.monotonic() - began:.1f} s, {report['read']}, {dict(outcomes)}, "
          f"{len(report['not_understood'])} not understood")
    for finding in report["findings"]:
        levels[finding["level"]] += 1
        if finding["level"] != "note":
            place = finding.get("location") or {}
            print(f"   {finding['level']}[{finding['rule']}] {place.get('path')}:{place.get('line')} {finding['message']}")
print(f"\n{dict(total)}\nfindings {dict(levels)}; failed: {failed or 'none'}")
if total["policies"]:
    print(f"policy documents understood in full: {100 * total['policies_understood'] / total['policies']:.1f} %")
sys.exit(1 if failed else 0)
