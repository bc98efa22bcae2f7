#!/usr/bin/env python3
"""Makes src/facts/managed_policies.json from the data of the Python package moto (Apache-2.0).

    python3 scripts/managed_policies.py moto/iam/aws_managed_policies.py > src/facts/managed_policies.json

Of each policy that AWS publishes, what bears on an upload is kept: statements that reach an action of an upload,
and in their lists of actions only those of the services concerned. A policy that reaches none keeps no statement.
"""

import ast
import fnmatch
import json
import sys

ACTIONS = [
    "s3:PutObject", "s3:PutObjectAcl", "s3:PutObjectTagging", "s3:PutObjectRetention", "s3:PutObjectLegalHold",
    "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts", "s3:GetObject", "s3:GetObjectVersion", "s3:GetBucketAcl",
    "s3:ReplicateObject", "s3:ReplicateTags", "s3:ReplicateDelete", "s3:ObjectOwnerOverrideToBucketOwner",
    "s3express:CreateSession", "kms:GenerateDataKey", "kms:Decrypt", "kms:Encrypt",
]
SERVICES = ("s3:", "s3express:", "kms:")


def listed(value):
    return value if isinstance(value, list) else [value]


def concerns(pattern):
    return any(fnmatch.fnmatchcase(action.lower(), pattern.lower()) for action in ACTIONS)


def kept(statement):
    if "Action" not in statement:
        return statement
    actions = [a for a in listed(statement["Action"]) if a == "*" or a.lower().startswith(SERVICES)]
    if not any(concerns(a) for a in actions):
        return None
    return {**statement, "Action": actions}


def main():
    with open(sys.argv[1], encoding="utf-8") as source:
        tree = ast.parse(source.read())
    text = max((n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)), key=len)
    out = {}
    for name, policy in json.loads(text).items():
        name = (policy["Path"] + name).lstrip("/")
        # The roles of services cannot be made by a configuration.
        if name.startswith("aws-service-role/"):
            continue
        document = policy["Document"]
        statements = [k for s in listed(document["Statement"]) if (k := kept(s))]
        out[name] = {"Version": document.get("Version", "2008-10-17"), "Statement": statements} if statements else None
    lines = [f"{json.dumps(n)}: {json.dumps(out[n], separators=(',', ':'))}" for n in sorted(out)]
    print("{\n" + ",\n".join(lines) + "\n}")


if __name__ == "__main__":
    main()
