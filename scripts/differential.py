#!/usr/bin/env python3
"""Asks `iaclint simulate` and an independent simulator the same generated questions and compares the decisions.

    cargo build && IACLINT_ORACLE=<folder> scripts/differential.py [--cases N] [--seed N]

The other program is the npm package below (AGPL: asked as a program, never linked or shipped), installed into
`target/differential`. Where it cannot be asked, the script says so and passes; with `--required` that is a failure. Where the two part, the other program is asked again in other words (DIFFERENCES); the script fails on
any difference that remains.
"""

import argparse
import collections
import copy
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys

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


def as_list(value):
    return value if isinstance(value, list) else [value]


def tests(question):
    """Every operator block of every condition: the statement, the operator, its keys."""
    for _, statement in statements(question):
        for operator, keys in list(statement.get("Condition", {}).items()):
            yield statement, operator, keys


def without_value(question, text):
    """Is the text a variable of which the request has no value?"""
    present = {key.lower() for key, value in question["request"]["context"].items() if value != []}
    names = [name for name in VARIABLES if "${" + name + "}" in text]
    return any(name.lower() not in present for name in names)


VARIABLES = ["aws:username", "aws:PrincipalTag/team"]


# Each of these says the same question in words that the other program reads as AWS's page says they are meant. It
# answers whether it changed anything.

def every_address(question):
    changed = False
    for _, operator, keys in tests(question):
        if "IpAddress" in operator:
            for key, listed in keys.items():
                if "0.0.0.0/0" in as_list(listed):
                    others = [v for v in as_list(listed) if v != "0.0.0.0/0"]
                    keys[key] = others + ["0.0.0.0/1", "128.0.0.0/1"]
                    changed = True
    return changed


def other_family(question):
    address = question["request"]["context"].get("aws:SourceIp", "")
    changed = False
    for statement, operator, keys in tests(question):
        if "NotIpAddress" in operator and ":" in address:
            for key, listed in list(keys.items()):
                same = [v for v in as_list(listed) if ":" in v]
                changed |= same != as_list(listed)
                keys[key] = same
                if not same:
                    del keys[key]
            if not keys:
                del statement["Condition"][operator]
    return changed


def every_arn(question):
    changed = False
    for _, operator, keys in tests(question):
        if "Arn" in operator:
            for key, listed in keys.items():
                if "*" in as_list(listed):
                    keys[key] = ["arn:*:*:*:*:*" if v == "*" else v for v in as_list(listed)]
                    changed = True
    return changed


def exempts_nothing(question):
    changed = False
    for _, statement in statements(question):
        if "NotResource" in statement:
            listed = as_list(statement["NotResource"])
            kept = [v for v in listed if not without_value(question, v)]
            if kept != listed:
                changed = True
                statement["NotResource"] = kept
                if not kept:
                    del statement["NotResource"]
                    statement["Resource"] = "*"
    return changed


def equals_nothing(question):
    changed = False
    for statement, operator, keys in tests(question):
        if "Not" in operator:
            for key, listed in list(keys.items()):
                kept = [v for v in as_list(listed) if not without_value(question, v)]
                if kept != as_list(listed):
                    changed = True
                    keys[key] = kept
                    if not kept:
                        del keys[key]
            if not keys:
                del statement["Condition"][operator]
    return changed


def null_set(question):
    context = question["request"]["context"]
    empty = [key for key, value in context.items() if value == []]
    for key in empty:
        del context[key]
    return bool(empty)


def every_form(question):
    principal = question["request"]["principal"]
    changed = False
    for _, statement in statements(question):
        if "NotPrincipal" in statement and statement["Effect"] == "Deny":
            listed = as_list(statement.pop("NotPrincipal")["AWS"])
            statement["Principal"] = "*"
            changed = True
            if spares(principal, listed, "boundary" in question["policies"]):
                statement.pop("NotAction", None)
                statement["Action"] = "iam:GetUser"
    return changed


def spares(principal, listed, bounded):
    if not principal.startswith("arn:"):
        return False
    account = principal.split(":")[4]
    forms = [principal in listed, account in listed or f"arn:aws:iam::{account}:root" in listed]
    if ":assumed-role/" in principal:
        forms.append(f"arn:aws:iam::{account}:role/{principal.split('/')[1]}" in listed)
    return not bounded and (all(forms) or "*" in listed)


def by_that_session(question):
    """What everybody or that very session is granted, alone: the session policy takes no part but by its Denies."""
    policies, principal = question["policies"], question["request"]["principal"]
    if "session" not in policies or "resource" not in policies:
        return False
    denies = [s for s in policies["session"]["Statement"] if s["Effect"] == "Deny"]
    policies["session"]["Statement"] = denies + [{"Effect": "Allow", "Action": "*", "Resource": "*"}]
    for document in policies["identity"]:
        document["Statement"] = [s for s in document["Statement"] if s["Effect"] == "Deny"] or [
            {"Effect": "Allow", "Action": "iam:GetUser", "Resource": "*"}
        ]
    own = policies["resource"]
    for statement in own["Statement"]:
        named = statement.get("Principal")
        aws = as_list(named.get("AWS", [])) if isinstance(named, dict) else [named]
        if statement["Effect"] == "Allow" and "*" not in aws and principal not in aws:
            statement["Action"] = "iam:GetUser"
            statement.pop("NotAction", None)
    return True


GUIDE = "https://docs.aws.amazon.com/IAM/latest/UserGuide/"
OPERATORS_PAGE = GUIDE + "reference_policies_elements_condition_operators.html"

# Where the two part, and the page of AWS that decides. A difference counts as explained only where the other program,
# asked the question in the words of the third column, gives our answer; the fourth names the only answer of ours that
# the page speaks of, where it speaks of one.
DIFFERENCES = [
    ("the block 0.0.0.0/0 holds every IPv4 address", OPERATORS_PAGE + "#Conditions_IPAddress", every_address, None),
    ("an IPv6 address is in no IPv4 block", OPERATORS_PAGE + "#Conditions_IPAddress", other_family, None),
    ("a bare `*` takes every ARN (spec 1.5)", OPERATORS_PAGE + "#Conditions_ARN", every_arn, None),
    ("Null takes a key with an empty list of values for absent", OPERATORS_PAGE + "#Conditions_Null", null_set, None),
    ("a variable without a value makes a negated operator match (spec 1.6)",
     GUIDE + "reference_policies_variables.html", equals_nothing, None),
    ("an entry of NotResource whose variable has no value exempts nothing (spec 1.6)",
     GUIDE + "reference_policies_variables.html", exempts_nothing, None),
    ("NotPrincipal spares only who is listed in every form (spec 1.4)",
     GUIDE + "reference_policies_elements_notprincipal.html", every_form, None),
    ("a session policy does not limit what everybody or that very session is granted (spec 2.3)",
     GUIDE + "access_policies.html#policies_session", by_that_session, "Allowed"),
]


def reworded(question, ours):
    """The question in other words: with each difference alone, then with all of them, by the names of those."""
    every, names = copy.deepcopy(question), []
    for name, _, reword, only in DIFFERENCES:
        alone = copy.deepcopy(question)
        if ours == (only or ours) and reword(alone):
            yield [name], alone
            reword(every)
            names.append(name)
    if len(names) > 1:
        yield names, every


def run(command, questions, **more):
    """The answers of a program that takes and gives a line of JSON each."""
    lines = "".join(json.dumps(question) + "\n" for question in questions)
    done = subprocess.run(command, input=lines, capture_output=True, text=True, **more)
    if done.returncode:
        sys.exit(f"{command[0]} failed: {done.stderr[-2000:]}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--cases", type=int, default=20_000)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--scratch", default="target/differential", help="the folder of the package")
    arguments.add_argument("--required", action="store_true", help="fail where the other program cannot be asked")
    arguments.add_argument("--binary", default="target/debug/iaclint")
    arguments.add_argument("--show", type=int, default=5, help="unexplained differences to print")
    given = arguments.parse_args()
    os.chdir(pathlib.Path(__file__).resolve().parent.parent)

    def skip(why):
        print(f"skipped: {given.cases} questions to an independent simulator, since {why}")
        sys.exit(given.required)

    if not os.environ.get("IACLINT_ORACLE"):
        skip("IACLINT_ORACLE names no folder")
    oracle = pathlib.Path(os.environ["IACLINT_ORACLE"]) / "iam-simulate.mjs"
    scratch = pathlib.Path(given.scratch).absolute()
    if not oracle.exists():
        skip(f"{oracle} does not exist")
    for tool in ("node", "npm"):
        if shutil.which(tool) is None:
            skip(f"{tool} is not installed")
    lock = scratch / "node_modules" / "@cloud-copilot" / "iam-simulate" / "package.json"
    if not lock.exists() or json.loads(lock.read_text())["version"] != PACKAGE.rpartition("@")[2]:
        scratch.mkdir(parents=True, exist_ok=True)
        if subprocess.run(["npm", "install", "--silent", "--prefix", str(scratch), PACKAGE]).returncode:
            skip(f"npm does not install {PACKAGE}")
    maker = Maker(given.seed)
    questions = [maker.question(number) for number in range(given.cases)]
    own = run([given.binary, "simulate"], questions)

    def ask_other(asked):
        found = run(["node", str(oracle)], asked, env={**os.environ, "ORACLE_NODE_HOME": str(scratch)})
        return [answer.get("result", {}).get("decision", answer.get("error")) for answer in found]

    counts, decisions, parted = collections.Counter(), collections.Counter(), []
    for question, a, theirs in zip(questions, own, ask_other(questions), strict=True):
        decisions[theirs] += 1
        if a.get("decision") == theirs:
            counts["agree"] += 1
        else:
            parted.append((question, a, theirs))
    again = [
        (at, names, words)
        for at, (question, a, _) in enumerate(parted)
        for names, words in reworded(question, a.get("decision"))
    ]
    explained = {}
    for (at, names, _), theirs in zip(again, ask_other([words for _, _, words in again]), strict=True):
        if theirs == parted[at][1].get("decision"):
            explained.setdefault(at, " + ".join(names))
    unexplained = [found for at, found in enumerate(parted) if at not in explained]
    counts.update(explained.values())
    counts["unexplained"] = len(unexplained)
    print(f"{given.cases} questions, seed {given.seed}: {dict(decisions)}")
    for reason, count in counts.most_common():
        pages = [page for name, page, *_ in DIFFERENCES if name == reason]
        print(f"{count:7} {reason}", *pages)
    unexplained.sort(key=lambda found: len(json.dumps(found[0])))
    for question, a, theirs in unexplained[: given.show]:
        print(json.dumps({"question": question, "iaclint": a, "other": theirs}))
    sys.exit(bool(unexplained))


if __name__ == "__main__":
    main()
