#!/usr/bin/env python3
"""Writes src/policy/actions.txt from the s3-kms-actions.json of the folder that IACLINT_ORACLE names."""

import json
import os
import pathlib

source = pathlib.Path(os.environ["IACLINT_ORACLE"]) / "s3-kms-actions.json"
data = json.loads(source.read_text())
families = ["kms:RecipientAttestation:"]
AUTH = ["s3:authType", "s3:ResourceAccount", "s3:signatureAge", "s3:signatureversion", "s3:TlsVersion",
        "s3:x-amz-content-sha256"]


def plain(keys):
    """Families of keys by their beginning."""
    out = set()
    for key in keys:
        key = key.split("${")[0].split("<")[0]
        out.add(next((f for f in families if key.startswith(f)), key))
    return out


lines = [
    "# Actions of S3 and KMS: action, kinds of resource (`*` for none), condition keys. Then kinds of resource with theirs.",
    "# `auth` stands for: " + " ".join(AUTH),
    "# A key that ends in `/` or `:` is a family. Written by scripts/actions.py from AWS's service authorization reference",
    f"# as packaged in npm {data['source']['package']} {data['source']['version']} (MIT licence).",
]
for service in data["services"].values():
    for name, action in sorted(service["actions"].items()):
        keys = plain(action["condition_keys"])
        for kind in action["resource_types"]:
            keys |= plain(kind["condition_keys"])
        if keys.issuperset(AUTH):
            keys = (keys - set(AUTH)) | {"auth"}
        kinds = sorted(kind["name"] for kind in action["resource_types"]) or ["*"]
        lines.append(f"{name} {','.join(kinds)} {' '.join(sorted(keys))}".rstrip())
    for name, kind in sorted(service["resource_types"].items()):
        keys = plain(kind.get("condition_keys") or [])
        if keys:
            lines.append(f"{name} {' '.join(sorted(keys))}")
pathlib.Path("src/policy/actions.txt").write_text("\n".join(lines) + "\n")
