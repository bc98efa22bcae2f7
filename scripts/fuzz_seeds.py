#!/usr/bin/env python3
"""Seeds of the fuzz targets that take no file as it is: policies, conditions, expressions, names, tables.

Usage: scripts/fuzz_seeds.py FOLDER
"""
import hashlib
import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def write(folder: pathlib.Path, content: bytes) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / hashlib.sha1(content).hexdigest()[:16]).write_bytes(content)


def main() -> None:
    out = pathlib.Path(sys.argv[1])
    texts = [p.read_text() for p in sorted((ROOT / "tests/cases").rglob("*.tf"))]
    expressions = set()
    for text in texts:
        expressions.update(re.findall(r"=\s*(jsonencode\(.*?\n  ?\}\))", text, re.S))
        expressions.update(re.findall(r"^\s*\w+\s*=\s*(.+)$", text, re.M))
    for expression in sorted(expressions)[:400]:
        write(out / "expression", expression.encode())

    def policy(effect: str, condition: dict) -> dict:
        return {"Version": "2012-10-17", "Statement": [{"Effect": effect, "Principal": "*", "Action": ["s3:PutObject*", "kms:*"],
                "Resource": ["arn:aws:s3:::fuzzed/*", "*"], "Condition": condition}]}

    operators = ["StringEquals", "StringNotEqualsIfExists", "StringLike", "NumericLessThan", "DateGreaterThan", "Bool", "Null",
                 "IpAddress", "NotIpAddress", "ArnLike", "ArnNotEquals", "BinaryEquals", "ForAllValues:StringLike", "ForAnyValue:StringEquals"]
    keys = {"s3:x-amz-acl": "private", "aws:SourceIp": "203.0.113.0/24", "aws:PrincipalArn": "arn:aws:iam::111122223333:role/*",
            "s3:TlsVersion": "1.2", "aws:CurrentTime": "2026-01-01T00:00:00Z", "aws:SecureTransport": "false", "aws:TagKeys": "team"}
    for operator in operators:
        for key, value in keys.items():
            write(out / "condition", "\n".join([operator, key, value, value, "*"]).encode())
        key, value = list(keys.items())[len(operator) % len(keys)]
        documents = [policy("Allow", {}), policy("Deny", {operator: {key: value}}), policy("Allow", {operator: {key: [value, "*"]}}), policy("Allow", {})]
        write(out / "policies", b"\0".join(json.dumps(d).encode() for d in documents))
    for name in ["plain-name", "a\u202eb", "<b>x</b>", "`x`", "::error::x", "\x1b[31mred", "${x}", "|a|", '"quoted"', "]-->[", "a'b;c"]:
        write(out / "reports", name.encode())
    for n in range(8):
        write(out / "search", bytes([n, 1, 2] * 4) + bytes([255 >> n, 1 << n] * 8))


main()
