#!/usr/bin/env python3
"""Renders the job summary of every estate as GitHub does: each picture with the real Mermaid in Debian's Chromium, which
must draw it with the names as they are; the Markdown around it with a reader of GitHub's dialect, which must find no markup
that is not ours.

Usage: mermaid.py BINARY [PICTURE.png]   (a built iaclint; where a picture of some drawings is to be kept).
Installs into a temporary folder with npm, and chromium with apt-get where it is not there.
"""

import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import estates

BINARY = pathlib.Path(sys.argv[1]).resolve()
PICTURE = str(pathlib.Path(sys.argv[2]).resolve()) if len(sys.argv) > 2 else ""
PACKAGES = ["mermaid@12.3.0", "playwright-core@1.65.1", "marked@18.2.1"]
BROWSER = r"""
import { chromium } from "playwright-core";
import { marked } from "marked";
import fs from "fs";
const [file, profile, picture] = process.argv.slice(2);
const summaries = JSON.parse(fs.readFileSync(file, "utf8"));
const context = await chromium.launchPersistentContext(profile, {
  executablePath: "/usr/bin/chromium", headless: true, timeout: 120000,
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--no-first-run", "--no-default-browser-check", "--disable-dev-shm-usage"],
});
const page = await context.newPage();
await page.route("**", (route) => route.request().url().startsWith("file:") ? route.continue() : route.abort());
await page.goto("file://" + process.cwd() + "/page.html");
await page.addScriptTag({ path: "node_modules/mermaid/dist/mermaid.min.js" });
await page.evaluate(() => mermaid.initialize({ startOnLoad: false, securityLevel: "strict", suppressErrorRendering: true }));
const out = [];
for (const { name, markdown } of summaries) {
  for (const [, code] of markdown.matchAll(/^```mermaid\n(.*?)^```$/gms)) {
    out.push(await page.evaluate(async ({ name, code, number }) => {
      try {
        const { svg } = await mermaid.render("drawing" + number, code);
        const holder = document.createElement("div");
        holder.innerHTML = svg;
        document.body.append(holder);
        const labels = [...holder.querySelectorAll(".nodeLabel")].map((label) => label.textContent);
        const edges = holder.querySelectorAll("path.flowchart-link").length;
        const foreign = [...holder.querySelectorAll("img, script, a, iframe, b")].map((e) => e.outerHTML);
        if (number > 40) holder.remove();
        return { name, code, labels, edges, foreign };
      } catch (fault) {
        return { name, code, fault: String(fault) };
      }
    }, { name, code, number: out.length }));
  }
}
if (picture) await page.screenshot({ path: picture, fullPage: true });
const pages = summaries.map(({ name, markdown }) => ({ name, html: marked.parse(markdown, { gfm: true }) }));
await context.close();
fs.writeFileSync("answer.json", JSON.stringify({ drawings: out, pages }));
"""

if not shutil.which("chromium"):
    subprocess.run("apt-get update -qq; apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core", shell=True,
                   check=True, stdout=subprocess.DEVNULL)

with tempfile.TemporaryDirectory(prefix="iaclint-mermaid-") as name:
    top = pathlib.Path(name)
    subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", name, *PACKAGES],
                   check=True)
    (top / "estates").mkdir()
    summaries, expected = [], {}
    for estate, folder in estates.write(top / "estates"):
        summaries.append({"name": estate, "markdown": estates.run(BINARY, folder, "--format", "markdown")})
        report = json.loads(estates.run(BINARY, folder, "--format", "json"))
        expected[estate] = [f for f in report["findings"] if f["callers"]][:10]
    # A drawing with a fault in it, so that silence says something.
    summaries.append({"name": "broken", "markdown": "```mermaid\nflowchart LR\n  end[\"x\n```\n"})
    (top / "summaries.json").write_text(json.dumps(summaries))
    (top / "browser.mjs").write_text(BROWSER)
    (top / "page.html").write_text('<!doctype html><meta charset="utf-8"><body></body>')
    subprocess.run(["node", "browser.mjs", "summaries.json", str(top / "profile"), PICTURE], cwd=top, check=True)
    answer = json.loads((top / "answer.json").read_text())

drawings = answer["drawings"]
if not any(d["name"] == "broken" and d.get("fault") for d in drawings):
    raise SystemExit("a drawing with a fault passes")
drawings = [d for d in drawings if d["name"] != "broken"]
faults = [f"{d['name']}: {d['fault']}\n{d['code']}" for d in drawings if d.get("fault")]
for drawing in drawings:
    if drawing.get("fault"):
        continue
    labels = drawing["labels"]
    refusing = sum(label.endswith("REFUSES") for label in labels)
    if not 3 <= len(labels) <= 4 or drawing["edges"] != len(labels) - 1 or refusing != 1 or drawing["foreign"]:
        faults.append(f"{drawing['name']}: not the journey: {drawing}")
for estate, findings in expected.items():
    drawn = [d for d in drawings if d["name"] == estate]
    if len(drawn) != len(findings):
        faults.append(f"{estate}: {len(findings)} journeys, {len(drawn)} drawings")
# Names stand there as they were written; what a reader cannot see is shown by a stand-in.
for index, hostile in enumerate(estates.HOSTILE):
    for kind in ("template", "root"):
        drawn = [d for d in drawings if d["name"] == f"hostile-{index}-{kind}"]
        visible = re.sub(r"\s+", "", hostile.replace("\u202e", "\ufffd"))
        # A bucket's name that holds a slash is one with a key, so that nothing is refused there.
        if kind == "root" and "/" not in hostile and not any(visible in re.sub(r"\s+", "", label) for d in drawn for label in d.get("labels", [])):
            faults.append(f"hostile-{index}-{kind}: {hostile!r} is not in {[d.get('labels') for d in drawn]}")
tags = re.compile(r"<(/?)([a-zA-Z][\w-]*)")
ours = {"h2", "h3", "p", "pre", "code", "table", "thead", "tbody", "tr", "th", "td", "br", "ul", "li"}
for page in answer["pages"]:
    strange = {tag for _, tag in tags.findall(page["html"])} - ours
    if strange and page["name"] != "broken":
        faults.append(f"{page['name']}: markup that is not ours: {strange}")
for fault in faults[:20]:
    print("FAILED", fault)
if faults:
    raise SystemExit(f"{len(faults)} faults")
print(f"mermaid: {len(drawings)} drawings of {len(expected)} summaries, each drawn with its names and one refusing gate")
