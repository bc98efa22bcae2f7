#!/usr/bin/env bash
# Runs the commit hook for real: `pre-commit try-repo` builds this repository's hook and runs it on repositories of its own.
# Installs pre-commit from PyPI into a temporary folder.
set -euo pipefail
house="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

# shellcheck source=scripts/ci/quick.sh
. "$house/scripts/ci/quick.sh"
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet "pre-commit==4.7.0"
export PRE_COMMIT_HOME="$work/home"
export GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@example.com GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t@example.com

# Two roots: `app` sends to a bucket of `platform`, whose policy refuses it; `other` has a fault of its own.
estate="$work/estate"
mkdir -p "$estate/app" "$estate/platform" "$estate/other" "$estate/.github"
cat > "$estate/platform/main.tf" << 'TF'
resource "aws_s3_bucket" "invoices" {
  bucket = "example-invoices"
}

resource "aws_s3_bucket_policy" "invoices" {
  bucket = aws_s3_bucket.invoices.id
  policy = file("${path.module}/policy.json")
}
TF
cat > "$estate/platform/policy.json" << 'JSON'
{"Version": "2012-10-17", "Statement": [
  {"Sid": "Frozen", "Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::example-invoices/*"}
]}
JSON
cat > "$estate/app/main.tf" << 'TF'
resource "aws_iam_user" "billing" {
  name = "billing"
}

resource "aws_iam_user_policy" "billing" {
  user = aws_iam_user.billing.name
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "s3:PutObject", Resource = "arn:aws:s3:::example-invoices/*" }]
  })
}
TF
# shellcheck disable=SC2016 # Terraform's, not the shell's.
sed -e 's/invoices/copies/g; s/policy = file.*/policy = replace(file("${path.module}\/..\/platform\/policy.json"), "invoices", "copies")/' \
  "$estate/platform/main.tf" > "$estate/other/main.tf"
printf 'a: 1\n' > "$estate/.github/values.yaml"
printf 'a: 1\n' > "$estate/values.yaml"
git -C "$estate" init --quiet
git -C "$estate" add -A
git -C "$estate" -c commit.gpgsign=false commit --quiet -m base

# try NAME CODE TEXT FILE…: the hook over these files ends with the code and says the text.
try() {
  local name="$1" code=0 wanted="$2" text="$3"
  shift 3
  (cd "$estate" && "$work/venv/bin/pre-commit" try-repo "$house" iaclint --color never --verbose --files "$@") > "$work/log" 2>&1 || code=$?
  if [ "$code" -ne "$wanted" ] || ! grep -qF -- "$text" "$work/log"; then
    echo "FAILED $name: exit code $code"
    cat "$work/log"
    exit 1
  fi
  echo "hook: $name"
}

# The changed file is an anchor: its finding needs the other root, which is loaded too.
try "a grant meets a policy of another root" 1 'bucket-policy-denies-upload' app/main.tf
try "a policy that a root reads from a file" 1 'platform/policy.json' platform/policy.json
try "files that are no sources are passed over" 0 '0 findings' values.yaml .github/values.yaml
sed -i 's/"Deny"/"Allow"/' "$estate/platform/policy.json"
git -C "$estate" add -A
try "a mended policy" 0 '0 findings' app/main.tf platform/policy.json
# What pre-commit would take, without naming files.
try "every file" 0 '0 findings' app/main.tf platform/main.tf platform/policy.json other/main.tf values.yaml
