#!/usr/bin/env python3
"""Plays pull requests against the action's scripts, as GitHub would run them: the environment files, a shallow checkout,
the event's base commit, a service that takes SARIF logs (or refuses), a release with a pinned checksum (or a wrong one).

Usage: action.py BINARY   (a built iaclint)
"""

import base64
import gzip
import hashlib
import http.server
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading

HOUSE = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(sys.argv[1]).resolve()
RULE = "bucket-policy-denies-missing-encryption-header"

GOOD = '''resource "aws_s3_bucket" "invoices" {
  bucket = "example-invoices"
}

resource "aws_s3_bucket_policy" "invoices" {
  bucket = aws_s3_bucket.invoices.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OnlyEncrypted"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:PutObject"
      Resource  = "${aws_s3_bucket.invoices.arn}/*"
      Condition = { StringEquals = { "s3:x-amz-server-side-encryption" = "aws:kms" } }
    }]
  })
}

resource "aws_iam_user" "billing" {
  name = "billing"
}

resource "aws_iam_user_policy" "billing" {
  user = aws_iam_user.billing.name
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "s3:PutObject", Resource = "${aws_s3_bucket.invoices.arn}/*" }]
  })
}
'''
BAD = GOOD.replace("StringEquals", "StringNotEquals").replace("aws:kms", "AES256")
SILENT = BAD.replace("    Statement = [{\n", f"    # iaclint: ignore[{RULE}] because I say so\n    Statement = [{{\n", 1)

checks = 0


def expect(condition, *shown):
    global checks
    checks += 1
    if not condition:
        print("FAILED", *shown, sep="\n")
        raise SystemExit(1)


class CodeScanning(http.server.BaseHTTPRequestHandler):
    """Takes logs from the token `may`, refuses others, and keeps what it was sent."""

    logs = []
    processing = "complete"

    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.headers["Authorization"] != "Bearer may":
            return self.answer(403, {"message": "Resource not accessible by integration\n::error::x"})
        self.logs.append((self.path, body))
        return self.answer(202, {"id": "0b8e4c1a-1", "url": "x"})

    def do_GET(self):
        self.answer(200, {"processing_status": self.processing, "errors": ["::error::no"]})

    def log_message(self, *_):
        pass


def git(folder, *arguments):
    names = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *names, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def write(folder, files):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


class Run:
    """One job: a checkout of a pull request's commit, and the action's steps over it."""

    def __init__(self, base, head, *, depth=None, event="pull_request", **inputs):
        self.top = pathlib.Path(tempfile.mkdtemp(prefix="iaclint-action-"))
        origin, workspace = self.top / "origin", self.top / "work space"
        origin.mkdir()
        git(origin, "init", "--quiet", "-b", "main")
        write(origin, base)
        git(origin, "add", "-A")
        git(origin, "commit", "--quiet", "-m", "base")
        self.base = git(origin, "rev-parse", "HEAD")
        write(origin, head)
        git(origin, "add", "-A")
        git(origin, "commit", "--quiet", "--allow-empty", "-m", "change")
        clone = ["clone", "--quiet"] + (["--depth", str(depth)] if depth else [])
        git(self.top, *clone, origin.as_uri(), str(workspace))
        if depth:
            git(origin, "config", "uploadpack.allowAnySHA1InWant", "true")
        self.workspace, self.temp = workspace, self.top / "temp"
        self.temp.mkdir()
        self.summary = self.top / "summary"
        self.summary.touch()
        self.log = ""
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": str(self.top), "RUNNER_TEMP": str(self.temp), "RUNNER_OS": "Linux",
            "RUNNER_ARCH": "X64", "GITHUB_WORKSPACE": str(workspace), "GITHUB_STEP_SUMMARY": str(self.summary),
            "GITHUB_ACTION_PATH": str(HOUSE), "GITHUB_EVENT_NAME": event, "GITHUB_REPOSITORY": "o/r",
            "GITHUB_SHA": git(workspace, "rev-parse", "HEAD"), "GITHUB_REF": "refs/pull/1/merge",
            "GITHUB_API_URL": SERVICE, "IACLINT_POLL_SECONDS": "0",
        }
        self.inputs = {"paths": ".", "upload-sarif": "true", "token": "", **inputs}
        self.check_and_rest()

    def step(self, script, **environment):
        output = self.top / f"output-{script}"
        output.touch()
        done = subprocess.run(["bash", str(HOUSE / "scripts/action" / script)], cwd=self.workspace, text=True,
                              env={**self.environment, **environment, "GITHUB_OUTPUT": str(output)},
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.log += done.stdout
        return done.returncode, dict(line.split("=", 1) for line in output.read_text().splitlines())

    def check_and_rest(self):
        """What action.yml says, step by step; a step that fails ends the job."""
        given = {"IACLINT_" + name.upper().replace("-", "_"): value for name, value in self.inputs.items()}
        token = given.pop("IACLINT_TOKEN")
        given |= {"IACLINT_BINARY": str(BINARY)}
        if self.environment["GITHUB_EVENT_NAME"].startswith("pull_request"):
            given["IACLINT_BASE"] = self.base
        self.code, self.outputs = self.step("check.sh", **given)
        if self.code:
            return
        uploaded = ""
        if self.inputs["upload-sarif"] == "true":
            sarif = self.outputs.get("sarif-file", "")
            code, outputs = self.step("upload.sh", IACLINT_TOKEN=token, IACLINT_SARIF_FILE=sarif,
                                      IACLINT_WORKING_DIRECTORY=given.get("IACLINT_WORKING_DIRECTORY", "."))
            expect(code == 0, "an upload never fails the job", self.log)
            uploaded = outputs["uploaded"]
        self.uploaded = uploaded
        self.code, _ = self.step("verdict.sh", IACLINT_EXIT_CODE=self.outputs["exit-code"], IACLINT_UPLOADED=uploaded,
                                 IACLINT_FORMAT=given.get("IACLINT_FORMAT", "github"))

    def commands(self):
        """What the runner would take as commands."""
        found, stopped = [], None
        for line in self.log.splitlines():
            text = line.lstrip()
            if stopped:
                stopped = None if text == f"::{stopped}::" else stopped
            elif text.startswith("::stop-commands::"):
                stopped = text.removeprefix("::stop-commands::")
            elif text.startswith("::"):
                found.append(text)
            else:
                expect("##[" not in text, "an old command in the log", line)
        return found

    def annotations(self):
        return [c for c in self.commands() if c.startswith(("::error", "::warning")) and f"{RULE}" in c]


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), CodeScanning)
threading.Thread(target=server.serve_forever, daemon=True).start()
SERVICE = f"http://127.0.0.1:{server.server_port}"


def findings():
    # From a fork: the token may not upload, so there are annotations and the summary.
    run = Run({"infra/main.tf": GOOD}, {"infra/main.tf": BAD}, token="fork")
    expect(run.code == 1 and run.outputs["exit-code"] == "1", run.log)
    expect(run.outputs["warnings"] == "1" and run.outputs["errors"] == "0" and run.outputs["findings"] == "1", run.outputs)
    expect(run.uploaded == "false", run.log)
    expect(len(run.annotations()) == 1 and "file=infra/main.tf,line=9," in run.annotations()[0], run.log)
    summary = run.summary.read_text()
    expect("```mermaid" in summary and "infra/main.tf:9" in summary and "1 finding" in summary, summary)
    # With a token that may: no second annotation for the same finding, and the log holds what was sent.
    run = Run({"infra/main.tf": GOOD}, {"infra/main.tf": BAD}, token="may", category="infra")
    expect(run.code == 1 and run.uploaded == "true" and not run.annotations(), run.log)
    path, body = CodeScanning.logs[-1]
    log = json.loads(gzip.decompress(base64.b64decode(body["sarif"])))
    expect(path == "/repos/o/r/code-scanning/sarifs" and body["ref"] == "refs/pull/1/merge", body)
    expect(body["commit_sha"] == run.environment["GITHUB_SHA"], body)
    expect(log["runs"][0]["results"][0]["ruleId"] == RULE, log["runs"][0]["results"])
    expect(log["runs"][0]["automationDetails"]["id"] == "iaclint/infra/", log["runs"][0]["automationDetails"])
    # A log that the service cannot process is annotated, and its answer commands nothing.
    CodeScanning.processing = "failed"
    run = Run({"main.tf": GOOD}, {"main.tf": BAD}, token="may")
    CodeScanning.processing = "complete"
    expect(run.uploaded == "false" and len(run.annotations()) == 1, run.log)
    expect(not any(c.startswith("::error::") for c in run.commands()), run.commands())
    # Nothing to report is still a log, and passes.
    run = Run({"main.tf": GOOD}, {"main.tf": GOOD}, token="may")
    expect(run.code == 0 and run.outputs["findings"] == "0" and run.uploaded == "true", run.log)
    # On a push nothing is compared.
    run = Run({"main.tf": GOOD}, {"main.tf": SILENT}, event="push")
    expect(run.code == 0 and run.outputs["silenced"] == "1", run.log)


def gate():
    # A pull request cannot silence its own findings; what it brings is listed.
    for change in [{"main.tf": SILENT}, {"main.tf": BAD, "iaclint.toml": 'exclude = ["*.tf"]\n'},
                   {"main.tf": BAD, ".gitignore": "*.tf\n"}, {"main.tf": BAD, ".github/iaclint.toml": 'fail-on = "never"\n'}]:
        if ".gitignore" in change:
            # What git tracks already stays in the checkout.
            run = Run({"main.tf": GOOD}, {".gitignore": "*.tf\n", "main.tf": BAD})
        else:
            run = Run({"main.tf": GOOD}, change)
        expect(run.code == 1, change, run.log)
        listed = "### New suppressions" in run.summary.read_text()
        expect(listed == (change["main.tf"] == SILENT), run.summary.read_text())
        expect(run.outputs["new-suppressions"] == str(int(listed)), run.outputs)
        head = Run({"main.tf": GOOD}, change, **{"config-from": "head"})
        expect(head.code == 0, change, head.log)
    # A suppression of the base counts, also from a checkout that lacks the base.
    for depth in (None, 1):
        run = Run({"main.tf": SILENT}, {"main.tf": "# a comment\n" + SILENT}, depth=depth)
        expect(run.code == 0 and run.outputs["silenced"] == "1", run.log)
    # Only what the change refuses, while the log for code scanning holds everything.
    run = Run({"main.tf": BAD}, {"other.tf": "locals {}\n"}, token="may", **{"changes-only": "true"})
    expect(run.code == 0 and run.outputs["findings"] == "0", run.log)
    log = json.loads(gzip.decompress(base64.b64decode(CodeScanning.logs[-1][1]["sarif"])))
    expect(len(log["runs"][0]["results"]) == 1, "code scanning closes what a log leaves out")
    run = Run({"main.tf": GOOD}, {"main.tf": BAD}, **{"changes-only": "true"})
    expect(run.code == 1 and "can no longer make a plain upload" in run.summary.read_text(), run.log)
    run = Run({"main.tf": GOOD}, {"main.tf": BAD}, event="pull_request_target")
    expect(run.code == 2, run.log)


def inputs():
    marker = pathlib.Path(tempfile.gettempdir()) / "iaclint-action-marker"
    marker.unlink(missing_ok=True)
    hostile = [f"$(touch {marker})", f"`touch {marker}`", f"; touch {marker}", f"\" && touch {marker} && \"", "--no-such-option"]
    for text in hostile:
        for name in ("paths", "args", "fail-on", "working-directory", "category", "config-from", "sarif-file", "format"):
            run = Run({"main.tf": GOOD}, {"main.tf": GOOD}, **{name: text})
            expect(not marker.exists(), name, text)
            if name not in ("category", "sarif-file"):
                expect(run.code != 0, name, text, run.log)
    run = Run({"main.tf": GOOD}, {"main.tf": BAD}, args="--var\nname=a b'\"$x\n\n--ignore\n" + RULE)
    expect(run.code == 0, run.log)
    run = Run({"a b/main.tf": GOOD, "c.tf": BAD}, {"d.tf": "locals {}\n"}, paths="a b\n")
    expect(run.code == 0 and run.outputs["findings"] == "0", run.log)
    run = Run({"a/main.tf": BAD}, {"b": ""}, **{"working-directory": "a", "sarif-file": "out.sarif", "fail-on": "error"})
    expect(run.code == 0 and (run.workspace / "a/out.sarif").is_file(), run.log)
    # A broken configuration is wrong use, and says so.
    run = Run({"main.tf": GOOD, "iaclint.toml": "no-such-key = 1\n"}, {"b": ""})
    expect(run.code == 2 and "no-such-key" in run.log and "could not analyse" in run.summary.read_text(), run.log)
    # Names in the sources command nothing.
    path = 'x\n::error::boo/##[error]a%0A"`$(id).tf'.replace("/", "_")
    run = Run({"main.tf": GOOD}, {path: BAD, "main.tf": ""}, format="concise")
    expect(run.code == 1 and not [c for c in run.commands() if "boo" in c], run.log)
    run = Run({"main.tf": GOOD}, {path: BAD, "main.tf": ""})
    expect(len(run.annotations()) == 1 and not [c for c in run.commands() if c.startswith("::error::boo")], run.log)


def install():
    top = pathlib.Path(tempfile.mkdtemp(prefix="iaclint-install-"))
    action, releases, bin_folder = top / "action", top / "releases", top / "bin"
    (action / "scripts").mkdir(parents=True)
    shutil.copytree(HOUSE / "scripts/action", action / "scripts/action")
    bin_folder.mkdir()
    # In place of a build of several minutes: a cargo that says where it was started and with what.
    cargo = bin_folder / "cargo"
    cargo.write_text('#!/usr/bin/env bash\nset -e\necho "cargo in $PWD: $*"\n[ "$1" = install ]\n'
                     'while [ "$1" != --root ]; do shift; done\nmkdir -p "$2/bin"\n'
                     f'cp "{BINARY}" "$2/bin/iaclint"\n')
    cargo.chmod(0o755)
    name = "iaclint-9.9.9-x86_64-unknown-linux-musl"
    archive = releases / "v9.9.9" / f"{name}.tar.gz"
    archive.parent.mkdir(parents=True)
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(BINARY, f"{name}/iaclint")
    good = hashlib.sha256(archive.read_bytes()).hexdigest()

    def run(pins, version="", architecture="X64", releases=releases.as_uri()):
        (action / "scripts/action/checksums.txt").write_text("# comment\n" + pins)
        output = top / "output"
        output.write_text("")
        workspace = top / "workspace"
        workspace.mkdir(exist_ok=True)
        temp = pathlib.Path(tempfile.mkdtemp(dir=top))
        done = subprocess.run(["bash", str(action / "scripts/action/install.sh")], cwd=workspace, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              env={"PATH": f"{bin_folder}:{os.environ['PATH']}", "HOME": str(top), "RUNNER_TEMP": str(temp),
                                   "RUNNER_OS": "Linux", "RUNNER_ARCH": architecture, "GITHUB_OUTPUT": str(output),
                                   "GITHUB_ACTION_PATH": str(action), "IACLINT_VERSION": version,
                                   "IACLINT_RELEASES": releases})
        return done.returncode, dict(l.split("=", 1) for l in output.read_text().splitlines()), done.stdout

    pins = f"{good}  {name}.tar.gz\n"
    for version in ("", "9.9.9", "v9.9.9"):
        code, outputs, log = run(pins, version)
        expect(code == 0 and outputs["installed"] == "9.9.9" and pathlib.Path(outputs["binary"]).is_file(), log)
    # Not what is pinned: never used, never passed over.
    code, outputs, log = run(f"{'0' * 64}  {name}.tar.gz\n")
    expect(code == 2 and not outputs and "checksum" in log, log)
    # Not pinned, not there, another machine: built in the action's folder.
    for arguments in [("",), (pins, "source"), (pins, "", "ARM64"), (pins, "", "X64", "file:///nowhere")]:
        code, outputs, log = run(*arguments)
        expect(code == 0 and outputs["installed"] == "source", log)
        expect(f"cargo in {action}: install --quiet --locked --path ." in log, log)
    for version in ("8.8.8", "../../x", "1.0.0\n2", "$(id)"):
        code, outputs, log = run(pins, version)
        expect(code == 2 and not outputs, version, log)


for part in (findings, gate, inputs, install):
    part()
    print(f"action: {part.__name__}: {checks} checks held")
