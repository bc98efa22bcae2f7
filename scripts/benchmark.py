#!/usr/bin/env python3
"""Times whole checks beside a program that only parses the same files, and beside other linters.

Usage: scripts/benchmark.py [--runs N] [--peers] NAME=FOLDER…

Builds the release binaries, then runs them in turn over each folder, and prints a Markdown table: median CPU seconds
(user and system), wall seconds, peak memory, and the ratios to parsing alone. `--peers` adds those of checkov,
cfn-lint and cfn-guard that are on the PATH, once each. `scripts/benchmark.py growth GENERATOR` times the estates of a
generator that takes `--roles N --buckets M --endpoints K --out DIR` and writes Terraform to `DIR/tf`, each twice as
large as the one before.
"""
import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent


def build() -> tuple[str, str]:
    """Paths of the program and of the parser."""
    said = subprocess.run(
        ["cargo", "build", "--release", "--bin", "iaclint", "--bench", "parse_only", "--message-format=json"],
        cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    found = {}
    for line in said.splitlines():
        message = json.loads(line)
        if message.get("executable"):
            found[message["target"]["name"]] = message["executable"]
    return found["iaclint"], found["parse_only"]


def measure(command: list[str]) -> tuple[float, float, float, int]:
    """CPU seconds, wall seconds, peak MiB and exit status of one run."""
    with tempfile.TemporaryFile() as sink:
        start = time.monotonic()
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink)
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.monotonic() - start
        child.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024, child.returncode


def medians(commands: list[list[str]], runs: int) -> list[tuple[float, float, float]]:
    """Runs the commands in turn; one run of each is for the caches. Per command the medians."""
    taken: list[list[tuple[float, float, float, int]]] = [[] for _ in commands]
    for turn in range(runs + 1):
        for command, results in zip(commands, taken):
            result = measure(command)
            if result[3] not in (0, 1):
                sys.exit(f"{command} ended with {result[3]}")
            if turn:
                results.append(result)
    return [tuple(statistics.median(r[i] for r in results) for i in range(3)) for results in taken]


def check(program: str, folder: str) -> list[str]:
    return [program, "check", folder, "--root", folder, "--no-config", "--format", "concise", "--fail-on", "never"]


def corpora(program: str, parser: str, named: list[str], runs: int, peers: bool) -> None:
    print("| corpus | parsed | parse only: CPU s | check: CPU s | wall s | MiB | CPU ratio | MiB allowed |")
    print("|---|---|---|---|---|---|---|---|")
    for name, folder in (n.split("=", 1) for n in named):
        said = subprocess.run([parser, folder], check=True, stdout=subprocess.PIPE, text=True).stdout
        files, size = (int(w) for w in said.replace(",", "").split() if w.isdigit())
        alone, whole = medians([[parser, folder], check(program, folder)], runs)
        allowed = 10 * size / 2**20 + 40
        print(f"| {name} | {files} files, {size / 2**20:.2f} MiB | {alone[0]:.3f} | {whole[0]:.3f} | {whole[1]:.3f} "
              f"| {whole[2]:.0f} | {whole[0] / max(alone[0], 1e-3):.1f} | {allowed:.0f} |", flush=True)
        if peers:
            others(program, name, folder, whole[0])


def others(program: str, name: str, folder: str, own: float) -> None:
    templates = [str(p) for p in pathlib.Path(folder).rglob("*") if p.suffix in (".yaml", ".yml", ".json", ".template")
                 and p.is_file() and b"AWSTemplateFormatVersion" in p.read_bytes()]
    commands = {"checkov": ["checkov", "-d", folder, "--quiet", "--compact", "--skip-download"]}
    if templates:
        commands["cfn-lint"] = ["cfn-lint", "--", *templates]
    for tool, command in commands.items():
        if not shutil.which(tool):
            continue
        cpu, wall, peak, status = measure(command)
        print(f"| {name}, {tool} (exit {status}) | | | {cpu:.1f} | {wall:.1f} | {peak:.0f} | {cpu / own:.0f} x ours | |", flush=True)


def growth(program: str, generator: str) -> None:
    print("| roles / buckets / endpoints | CPU s | wall s | MiB | CPU to the row before |")
    print("|---|---|---|---|---|")
    before = None
    for roles, buckets, endpoints in [(1250, 125, 12), (2500, 250, 25), (5000, 500, 50), (10000, 1000, 100)]:
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([sys.executable, generator, "--roles", str(roles), "--buckets", str(buckets), "--endpoints",
                            str(endpoints), "--out", folder], check=True, stdout=subprocess.DEVNULL)
            ((cpu, wall, peak),) = medians([check(program, str(pathlib.Path(folder, "tf")))], 3)
        ratio = f"{cpu / before:.2f}" if before else ""
        print(f"| {roles} / {buckets} / {endpoints} | {cpu:.2f} | {wall:.2f} | {peak:.0f} | {ratio} |", flush=True)
        before = cpu


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--runs", type=int, default=5)
    arguments.add_argument("--peers", action="store_true")
    arguments.add_argument("what", nargs="+", metavar="NAME=FOLDER")
    given = arguments.parse_args()
    program, parser = build()
    if given.what[0] == "growth":
        growth(program, given.what[1])
    else:
        corpora(program, parser, given.what, given.runs, given.peers)


main()
