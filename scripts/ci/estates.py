"""The estates that the checks of outputs run over: the examples of every rule's page, the collected cases, hostile names."""

import pathlib
import re
import subprocess

HOUSE = pathlib.Path(__file__).resolve().parents[2]

# Names that mean something to Markdown, HTML, Mermaid, SARIF messages, shells or terminals.
HOSTILE = [
    '"quoted" [link](http://example.com)', "<img src=x onerror=alert(1)>", "`code` `", "end", "a|b|c", "x]; y[z",
    "#quot;&quot;&lt;b&gt;", "%%{init: {}}%%", "-->|x|", "${jndi} $(id) `id`", "{{x}} {x}", "ünï 日本 \u202egnp",
    "@org/team #1 GH-1", "click A href", "subgraph x", "\\\"\\n\\", "</script><script>alert(1)</script>", "~~~ ``` ===",
]


def examples(page, title):
    """Path and text of each example under a heading of a page."""
    section = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", page.read_text(), re.S | re.M)
    return re.findall(r"^```\w+ file=(\S+)\n(.*?)^```$", section.group(1), re.S | re.M) if section else []


def hostile_template(name):
    text = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'''{{"Resources": {{
  "Files": {{"Type": "AWS::S3::Bucket", "Properties": {{"BucketName": "{text}"}}}},
  "Policy": {{"Type": "AWS::S3::BucketPolicy", "Properties": {{"Bucket": {{"Ref": "Files"}}, "PolicyDocument": {{
    "Version": "2012-10-17", "Statement": [{{"Sid": "{text}", "Effect": "Deny", "Principal": "*", "Action": "s3:PutObject",
      "Resource": {{"Fn::Sub": "${{Files.Arn}}/*"}}}}]}}}}}},
  "Role": {{"Type": "AWS::IAM::Role", "Properties": {{"RoleName": "{text}", "AssumeRolePolicyDocument": {{}},
    "Policies": [{{"PolicyName": "x", "PolicyDocument": {{"Version": "2012-10-17", "Statement": [
      {{"Effect": "Allow", "Action": "s3:PutObject", "Resource": {{"Fn::Sub": "${{Files.Arn}}/*"}}}}]}}}}]}}}}}}}}
'''


def hostile_root(name):
    text = name.replace("\\", "\\\\").replace('"', '\\"').replace("${", "$${").replace("%{", "%%{")
    return f'''resource "aws_s3_bucket" "b" {{
  for_each = toset(["{text}"])
  bucket   = each.value
}}
resource "aws_s3_bucket_policy" "b" {{
  bucket = aws_s3_bucket.b["{text}"].id
  policy = jsonencode({{ Version = "2012-10-17", Statement = [{{ Sid = "{text}", Effect = "Deny", Principal = "*",
    Action = "s3:PutObject", Resource = "${{aws_s3_bucket.b["{text}"].arn}}/*" }}] }})
}}
resource "aws_iam_user" "u" {{
  for_each = toset(["{text}"])
  name     = each.value
}}
resource "aws_iam_user_policy" "u" {{
  user   = aws_iam_user.u["{text}"].name
  policy = jsonencode({{ Version = "2012-10-17", Statement = [{{ Effect = "Allow", Action = "s3:PutObject",
    Resource = "${{aws_s3_bucket.b["{text}"].arn}}/*" }}] }})
}}
'''


def write(top):
    """Writes every estate into a folder of its own below `top`; yields their names and folders."""
    for page in sorted((HOUSE / "rules").glob("*.md")):
        for title in ("Denied", "Allowed"):
            folder = top / f"{page.stem}-{title.lower()}"
            for path, text in examples(page, title):
                target = folder / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text)
            if folder.is_dir():
                yield folder.name, folder
    for index, name in enumerate(HOSTILE):
        for kind, text, file in [("template", hostile_template(name), "template.json"), ("root", hostile_root(name), "main.tf")]:
            folder = top / f"hostile-{index}-{kind}"
            folder.mkdir()
            (folder / file).write_text(text)
            yield folder.name, folder
    for case in sorted(f for f in (HOUSE / "tests/cases").iterdir() if f.is_dir()):
        for folder in sorted(case.iterdir()):
            if folder.is_dir():
                yield f"case-{case.name}-{folder.name}", folder


def run(binary, folder, *arguments):
    """What the program says of an estate; its fail level is out of the way."""
    done = subprocess.run([binary, "check", "--fail-on", "never", *arguments], cwd=folder, capture_output=True)
    if done.returncode != 0 or b"panicked" in done.stderr:
        raise SystemExit(f"{folder}: {done.returncode}\n{done.stderr.decode()}")
    return done.stdout.decode()
