#!/usr/bin/env python3
"""Asks `iaclint simulate` and an independent simulator the same generated questions and compares the decisions.

    cargo build && IACLINT_ORACLE=<folder> scripts/differential.py [--cases N] [--seed N] [--scratch FOLDER]

The other program is the npm package below (AGPL: asked as a program, never linked or shipped), installed into a
scratch folder. Where the two part for a known reason, the difference is counted under that reason; the script
fails on any other.
"""

import argparse
import collections
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile

PACKAGE = "@cloud-copilot/iam-simulate@0.1.173"
OWN, OTHER = "111111111111", "222222222222"

VALUES = {
    "s3:x-amz-acl": ["private", "bucket-owner-full-control", "public-read"],
    "s3:x-amz-server-side-encryption": ["AES256", "aws:kms", "aws:kms:dsse"],
    "s3:x-amz-storage-class": ["STANDARD", "GLACIER"],
    "s3:object-lock-remaining-retention-days": ["1", "30", "365"],
    "aws:SourceIp": ["203.0.113.7", "10.1.2.3", "2001:db8::1", "198.51.100.1"],
    "aws:SourceVpce": ["vpce-1a2b3c4d", "vpce-11111111"],
    "aws:SecureTransport": ["true", "false"],
    "aws:CurrentTime": ["2026-01-01T00:00:00Z", "2027-06-01T12:00:00Z"],
    "aws:PrincipalOrgID": ["o-aaaaaaaaaa", "o-bbbbbbbbbb"],
    "aws:PrincipalTag/team": ["blue", "red"],
    "aws:username": ["ann", "bob"],
    "aws:SourceArn": ["arn:aws:s3:::src", f"arn:aws:sns:eu-west-1:{OWN}:topic"],
    "aws:CalledVia": [["s3.amazonaws.com"], ["athena.amazonaws.com", "s3.amazonaws.com"], []],
    "kms:ViaService": ["s3.eu-west-1.amazonaws.com", "s3.us-east-1.amazonaws.com"],
    "kms:EncryptionContext:aws:s3:arn": ["arn:aws:s3:::b", "arn:aws:s3:::b/k"],
    "s3:RequestObjectTag/team": ["blue", "red"],
    "s3:RequestObjectTagKeys": [["team"], ["team", "cost"], ["cost"]],
}
LISTED = {
    "aws:SourceIp": ["203.0.113.0/24", "10.0.0.0/8", "2001:db8::/32", "198.51.100.1", "0.0.0.0/0"],
    "aws:SourceArn": ["arn:aws:s3:::*", f"arn:aws:sns:*:{OWN}:*", "arn:aws:s3:::src", "*"],
    "aws:PrincipalTag/team": ["blue", "red", "b*", "${aws:username}"],
    "s3:RequestObjectTag/team": ["blue", "${aws:PrincipalTag/team}", "r?d"],
    "kms:ViaService": ["s3.*.amazonaws.com", "s3.eu-west-1.amazonaws.com"],
    "kms:EncryptionContext:aws:s3:arn": ["arn:aws:s3:::b", "arn:aws:s3:::b/*"],
    "aws:CurrentTime": ["2026-06-01T00:00:00Z", "2027-12-31"],
    "aws:CalledVia": ["s3.amazonaws.com", "athena*", "*"],
    "s3:RequestObjectTagKeys": ["team", "cost", "c*"],
}
STRING = ["StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "StringEqualsIgnoreCase",
          "StringNotEqualsIgnoreCase"]
NUMERIC = ["NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericLessThanEquals", "NumericGreaterThan",
           "NumericGreaterThanEquals"]
OPERATORS = {
    "aws:SourceIp": ["IpAddress", "NotIpAddress"],
    "aws:SecureTransport": ["Bool"],
    "aws:CurrentTime": ["DateLessThan", "DateGreaterThan", "DateLessThanEquals", "DateGreaterThanEquals",
                        "DateEquals", "DateNotEquals"],
    "aws:SourceArn": ["ArnLike", "ArnNotLike", "ArnEquals", "ArnNotEquals", "StringLike"],
    "s3:object-lock-remaining-retention-days": NUMERIC,
}
MULTIVALUED = ["aws:CalledVia", "s3:RequestObjectTagKeys"]


class Maker:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def pick(self, items):
        return self.random.choice(items)

    def some(self, items, most=2):
        found = self.random.sample(items, self.random.randint(1, min(most, len(items))))
        return found[0] if len(found) == 1 and self.random.random() < 0.6 else found

    def chance(self, share):
        return self.random.random() < share

    def condition(self, kms):
        block = {}
        for _ in range(self.random.choices([0, 1, 2, 3], [45, 35, 15, 5])[0]):
            keys = [k for k in VALUES if k.startswith("aws:") or k.startswith("kms:" if kms else "s3:")]
            key = self.pick(keys)
            if self.chance(0.15):
                block.setdefault("Null", {})[self.case(key)] = self.pick(["true", "false"])
                continue
            operator = self.pick(OPERATORS.get(key, STRING))
            if key in MULTIVALUED:
                operator = self.pick(["ForAnyValue:", "ForAllValues:"]) + operator
            if self.chance(0.25) and not operator.startswith("ForAnyValue"):
                operator += "IfExists"
            block.setdefault(operator, {})[self.case(key)] = self.some(LISTED.get(key, VALUES[key]), 3)
        return block

    def case(self, key):
        return key.lower() if self.chance(0.1) and "/" not in key else key

    def action(self, kms):
        if kms:
            names = ["kms:*", "kms:GenerateDataKey", "kms:Decrypt", "kms:GenerateDataKey*", "*", "kms:decrypt", "s3:*"]
        else:
            names = ["s3:*", "s3:PutObject", "s3:Put*", "s3:PutObject*", "*", "s3:GetObject", "S3:putobject",
                     "s3:PutObjectAcl", "s3:????bject", "kms:*"]
        return self.some(names)

    def resource(self, kms, key_policy):
        if key_policy:
            return "*"
        if kms:
            names = ["*", f"arn:aws:kms:eu-west-1:{OWN}:key/k1", f"arn:aws:kms:*:{OWN}:key/*", "arn:aws:s3:::b/*"]
        else:
            names = ["*", "arn:aws:s3:::b/*", "arn:aws:s3:::b/logs/*", "arn:aws:s3:::b*", "arn:aws:s3:::b/*.gz",
                     "arn:aws:s3:::other/*", "arn:*:s3:::b/?", "arn:aws:s3:::b/${aws:username}/*",
                     "arn:aws:s3:::*/logs/*", "arn:aws:s3:::b/${aws:PrincipalTag/team, 'x'}/*"]
        return self.some(names)

    def principal(self):
        names = ["*", f"arn:aws:iam::{OWN}:root", OTHER, f"arn:aws:iam::{OWN}:user/ann", f"arn:aws:iam::{OWN}:role/app",
                 f"arn:aws:iam::{OTHER}:role/app", f"arn:aws:sts::{OWN}:assumed-role/app/s", OWN]
        return self.pick([
            "*", {"AWS": self.some(names)}, {"AWS": self.some(names)}, {"Service": "logging.s3.amazonaws.com"},
            {"AWS": self.pick(names), "Service": "logging.s3.amazonaws.com"},
        ])

    def document(self, kind, kms):
        key_policy = kms and kind == "resource"
        statements = []
        for number in range(self.random.choices([1, 2, 3], [50, 35, 15])[0]):
            deny = kind == "rcp" or self.chance(0.3)
            statement = {"Sid": f"S{number}", "Effect": "Deny" if deny else "Allow"}
            if kind in ("resource", "rcp", "vpce"):
                name, value = "Principal", "*"
                if kind == "resource":
                    value = self.principal()
                    if deny and self.chance(0.1):
                        name, value = "NotPrincipal", {"AWS": value.get("AWS", OWN) if value != "*" else OWN}
                statement[name] = value
            element = "NotAction" if self.chance(0.08) else "Action"
            statement[element] = self.action(kms)
            element = "NotResource" if self.chance(0.08) and not key_policy else "Resource"
            statement[element] = self.resource(kms, key_policy)
            condition = self.condition(kms)
            if condition:
                statement["Condition"] = condition
            statements.append(statement)
        if kind != "rcp" and self.chance(0.4):
            wide = {"Sid": "Wide", "Effect": "Allow", "Action": "kms:*" if kms else "s3:*", "Resource": "*"}
            if kind in ("resource", "vpce"):
                wide["Principal"] = "*" if kind == "vpce" else self.principal()
            statements.append(wide)
        return {"Version": "2012-10-17", "Statement": statements}

    def broad(self):
        return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}

    def question(self, number):
        kms = self.chance(0.3)
        principal = self.pick([
            f"arn:aws:iam::{OWN}:user/ann", f"arn:aws:iam::{OWN}:user/bob", f"arn:aws:sts::{OWN}:assumed-role/app/s",
            f"arn:aws:sts::{OWN}:assumed-role/other/s", f"arn:aws:sts::{OTHER}:assumed-role/app/s",
            f"arn:aws:iam::{OTHER}:user/ann", "logging.s3.amazonaws.com",
        ])
        service = not principal.startswith("arn:")
        context = {}
        for key, values in VALUES.items():
            if key == "aws:username" and ":user/" not in principal:
                continue
            if self.chance(0.5):
                context[key] = self.pick(values)
        policies = {"identity": []}
        if not service:
            policies["identity"] = [self.document("identity", kms) for _ in range(self.random.randint(1, 2))]
            if self.chance(0.2):
                policies["boundary"] = [self.document("boundary", kms)]
            if "assumed-role" in principal and self.chance(0.2):
                policies["session"] = self.document("session", kms)
            if self.chance(0.25):
                policies["scp"] = [
                    [self.broad()] + ([self.document("scp", kms)] if self.chance(0.5) else [])
                    if self.chance(0.7) else [self.document("scp", kms)]
                    for _ in range(self.random.randint(1, 2))
                ]
        if self.chance(0.2):
            policies["rcp"] = [[self.document("rcp", kms)]]
        if self.chance(0.2):
            policies["vpce"] = [self.document("vpce", kms)]
        if kms or self.chance(0.7):
            policies["resource"] = self.document("resource", kms)
        key = self.pick(["k", "logs/k", "a.gz", "logs/a.gz", "ann/k", "blue/k", "x/k"])
        return {
            "id": f"generated/{number}",
            "kind": "decision",
            "engine": "core",
            "request": {
                "principal": principal,
                "action": self.pick(["kms:GenerateDataKey", "kms:Decrypt"]) if kms
                else self.pick(["s3:PutObject", "s3:PutObject", "s3:PutObjectAcl", "s3:GetObject"]),
                "resource": f"arn:aws:kms:eu-west-1:{OWN}:key/k1" if kms else f"arn:aws:s3:::b/{key}",
                "resource_account": OWN,
                "context": context,
            },
            "policies": policies,
            "settings": {"mode": "strict"},
        }


def statements(question):
    for kind, documents in question["policies"].items():
        stack = [documents]
        while stack:
            item = stack.pop()
            if isinstance(item, list):
                stack.extend(item)
            elif item:
                for statement in item["Statement"]:
                    yield kind, statement


def explained(question):
    """The known reason why the two may part on this question, if there is one."""
    principal, context = question["request"]["principal"], question["request"]["context"]
    present = {key.lower() for key, value in context.items() if value != []}
    for kind, statement in statements(question):
        if "NotPrincipal" in statement and statement["Effect"] == "Deny":
            return "NotPrincipal spares only who is listed in every form (spec 1.4)"
        for name in ("aws:username", "aws:PrincipalTag/team"):
            if "${" + name + "}" in json.dumps(statement.get("NotResource", "")) and name.lower() not in present:
                return "an entry of NotResource whose variable has no value exempts nothing (spec 1.6)"
        for operator, keys in statement.get("Condition", {}).items():
            if operator == "Null" and any(
                key.lower() == name.lower() and value == [] for key in keys for name, value in context.items()
            ):
                return "Null takes a key with an empty list of values for absent"
            if "IpAddress" in operator and "/0" in json.dumps(keys):
                return "the block 0.0.0.0/0 holds every address"
            if "Arn" in operator and '"*"' in json.dumps(keys):
                return "a bare `*` takes every ARN (spec 1.5)"
            if "NotIpAddress" in operator and ":" in context.get("aws:SourceIp", ""):
                return "an IPv6 address is in no IPv4 block"
            for value in keys.values():
                texts = json.dumps(value)
                for name in ("aws:username", "aws:PrincipalTag/team"):
                    if "${" + name + "}" in texts and name.lower() not in present and "Not" in operator:
                        return "a variable without a value makes a negated operator match (spec 1.6)"
    for kind, statement in statements(question):
        named = json.dumps(statement.get("Principal", ""))
        if "session" in question["policies"] and kind == "resource" and ('"*"' in named or principal in named):
            return "a session policy does not limit what everybody or that very session is granted (spec 2.3)"
    return None


def run(command, lines, **more):
    done = subprocess.run(command, input=lines, capture_output=True, text=True, **more)
    if done.returncode:
        sys.exit(f"{command[0]} failed: {done.stderr[-2000:]}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--cases", type=int, default=20_000)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--scratch", help="a folder that keeps the package between runs")
    arguments.add_argument("--binary", default="target/debug/iaclint")
    arguments.add_argument("--show", type=int, default=5, help="unexplained differences to print")
    given = arguments.parse_args()
    oracle = pathlib.Path(os.environ["IACLINT_ORACLE"]) / "iam-simulate.mjs"
    scratch = pathlib.Path(given.scratch or tempfile.mkdtemp(prefix="iam-simulate-"))
    if not (scratch / "node_modules" / "@cloud-copilot" / "iam-simulate").exists():
        subprocess.run(["npm", "install", "--silent", "--prefix", str(scratch), PACKAGE], check=True)
    maker = Maker(given.seed)
    questions = [maker.question(number) for number in range(given.cases)]
    lines = "".join(json.dumps(question) + "\n" for question in questions)
    own = run([given.binary, "simulate"], lines)
    other = run(["node", str(oracle)], lines, env={**os.environ, "ORACLE_NODE_HOME": str(scratch)})
    counts, decisions, unexplained = collections.Counter(), collections.Counter(), []
    for question, a, b in zip(questions, own, other, strict=True):
        theirs = b.get("result", {}).get("decision", b.get("error"))
        decisions[theirs] += 1
        if a.get("decision") == theirs:
            counts["agree"] += 1
        elif reason := explained(question):
            counts[reason] += 1
        else:
            counts["unexplained"] += 1
            unexplained.append((question, a, b))
    print(f"{given.cases} questions, seed {given.seed}: {dict(decisions)}")
    for reason, count in counts.most_common():
        print(f"{count:7} {reason}")
    unexplained.sort(key=lambda found: len(json.dumps(found[0])))
    for question, a, b in unexplained[: given.show]:
        print(json.dumps({"question": question, "iaclint": a, "other": b.get("result", b)}))
    sys.exit(bool(unexplained))


if __name__ == "__main__":
    main()
