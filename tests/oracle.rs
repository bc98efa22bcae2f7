//! The decision cases of the folder that `IACLINT_ORACLE` names, asked of `iaclint simulate`, and values that
//! Terraform computed, asked of the evaluator.
//!
//! Each case comes from elsewhere (the folder's README says from where). Without the variable nothing is asked
//! and the test says so; with it, a folder that cannot be read is a failure.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test may panic, and says how many cases ran"
)]

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use iaclint::files::Limits;
use iaclint::files::disk::DiskFiles;
use iaclint::source::{Evaluated, Inputs, show, terraform};
use iaclint::value::ValueKind;
use serde_json::Value as Json;

#[path = "oracle/templates.rs"]
mod templates;

/// Files of the folder that hold decisions, requests and matches.
const FILES: [&str; 3] = [
    "iam-simulate-cases.jsonl",
    "s3-tests-cases.jsonl",
    "aws-docs-cases.jsonl",
];

const KINDS: [&str; 7] = [
    "decision",
    "operator",
    "condition",
    "resource_match",
    "action_match",
    "principal_match",
    "public_policy",
];

/// Cases that are answered otherwise, each with the reason. A listed case that agrees is a failure too.
const DISAGREEMENTS: &[(&str, &str)] = &[
    (
        "iam-simulate/boundaryNotPrincipalDenyResource/0",
        "NotPrincipal naming a role without its account and session spares nobody for certain (spec 1.4)",
    ),
    (
        "iam-simulate/integration/resourcePatterns/denyInteractions/1",
        "a request that names several resources is answered as a whole, in favour of the request",
    ),
    (
        "iam-simulate/operator/ArnNotLike/11",
        "a variable without a value makes a negated operator match (spec 1.6, item 6)",
    ),
    (
        "iam-simulate/operator/StringNotEquals/5",
        "a variable without a value makes a negated operator match (spec 1.6, item 6)",
    ),
    (
        "iam-simulate/operator/StringNotEqualsIgnoreCase/4",
        "a variable without a value makes a negated operator match (spec 1.6, item 6)",
    ),
    (
        "iam-simulate/operator/StringNotLike/6",
        "a variable without a value makes a negated operator match (spec 1.6, item 6)",
    ),
    (
        "iam-simulate/operator/Bool/4",
        "whether Bool takes variables is a conflict in AWS's pages: unknown (spec 1.6, item 2)",
    ),
    (
        "iam-simulate/operator/Bool/5",
        "whether Bool takes variables is a conflict in AWS's pages: unknown (spec 1.6, item 2)",
    ),
    (
        "iam-simulate/public-policy/8",
        "whether aws:PrincipalArn binds a statement is not documented: unknown, so never called public (spec 6.2)",
    ),
    (
        "iam-simulate/resource/15",
        "a wildcard in place of the kind of resource is matched like any other (spec 1.5)",
    ),
];

#[test]
fn oracle_decisions() {
    let Some(folder) = std::env::var_os("IACLINT_ORACLE").map(PathBuf::from) else {
        println!("0 oracle cases ran: IACLINT_ORACLE is not set");
        return;
    };
    let mut cases: Vec<Json> = Vec::new();
    for file in FILES {
        let path = folder.join(file);
        let text =
            std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        cases.extend(
            text.lines()
                .map(|line| serde_json::from_str::<Json>(line).unwrap()),
        );
    }
    cases.retain(|case| KINDS.iter().any(|kind| case["kind"] == *kind));
    assert!(!cases.is_empty(), "no case in {}", folder.display());

    let answers = ask(&cases);
    assert_eq!(answers.len(), cases.len());
    let mut wrong: Vec<String> = Vec::new();
    let mut agreeing = 0;
    for (case, answer) in cases.iter().zip(&answers) {
        let id = case["id"].as_str().unwrap();
        let listed = DISAGREEMENTS.iter().any(|(name, _)| *name == id);
        match (agrees(case, answer), listed) {
            (true, false) => agreeing += 1,
            (false, true) => {}
            (true, true) => wrong.push(format!("{id}: agrees now, take it off the list")),
            (false, false) => wrong.push(format!("{id}: want {}, got {answer}", case["expect"])),
        }
    }
    for (name, _) in DISAGREEMENTS {
        if !cases.iter().any(|case| case["id"] == *name) {
            wrong.push(format!("{name}: listed, but there is no such case"));
        }
    }
    println!(
        "{} oracle cases ran: {agreeing} agree, {} disagree as listed",
        cases.len(),
        DISAGREEMENTS.len()
    );
    assert!(
        wrong.is_empty(),
        "{} unexpected:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

fn ask(cases: &[Json]) -> Vec<Json> {
    let mut child = Command::new(env!("CARGO_BIN_EXE_iaclint"))
        .arg("simulate")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let lines: String = cases.iter().map(|case| format!("{case}\n")).collect();
    let writer = std::thread::spawn(move || stdin.write_all(lines.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn agrees(case: &Json, answer: &Json) -> bool {
    let expect = &case["expect"];
    if answer.get("error").is_some() {
        return false;
    }
    match case["kind"].as_str() {
        Some("decision") => {
            let decision = match expect.get("decision") {
                Some(wanted) => answer["decision"] == *wanted,
                None => (answer["decision"] == "Allowed") == (expect["allowed"] == true),
            };
            decision
                && expect
                    .get("blocked_by")
                    .is_none_or(|wanted| answer["blocked_by"] == *wanted)
        }
        Some("public_policy") => answer["public"] == expect["public"],
        _ => answer["match"] == expect["match"],
    }
}

/// Values of Terraform that are answered otherwise, each with the reason.
const VALUES: &[(&str, &str)] = &[
    (
        "terraform/encode/23",
        "compressed bytes are never part of a policy; `base64gzip` is not computed",
    ),
    (
        "terraform/jsonencode/24",
        "a quotient that never ends is kept as a binary fraction, not to 154 digits",
    ),
    (
        "terraform/jsonencode/5",
        "there is no negative zero among the numbers here",
    ),
    (
        "terraform/operators/14",
        "lists and tuples are one kind of value here, so that equal members make them equal",
    ),
    (
        "unknown-values/compact",
        "the id of a declared resource is neither null nor empty, so it stays",
    ),
    (
        "unknown-values/conditional_same",
        "both results are the same text, whatever the test says",
    ),
    (
        "unknown-values/false_and",
        "`false && x` is false for every x",
    ),
    (
        "unknown-values/jsondecode_unknown",
        "decoding an encoding gives what was encoded, and of that the shape is known",
    ),
    ("unknown-values/true_or", "`true || x` is true for every x"),
];

#[test]
fn terraform_values() {
    let Some(folder) = std::env::var_os("IACLINT_ORACLE").map(PathBuf::from) else {
        println!("0 values ran: IACLINT_ORACLE is not set");
        return;
    };
    let mut results: Vec<(String, bool, String)> = Vec::new();
    let inputs = Inputs::default();
    let scope = DiskFiles::new(&folder.join("terraform-functions"), Limits::default()).unwrap();
    let text = std::fs::read_to_string(folder.join("terraform-functions.jsonl")).unwrap();
    for line in text.lines() {
        let case: Json = serde_json::from_str(line).unwrap();
        let expression = case["expr"].as_str().unwrap();
        let (got, value) = match terraform::evaluate_expression(&scope, "", &inputs, expression) {
            Evaluated::Error(message) => (message, None),
            Evaluated::Value(value) => match &value.kind {
                ValueKind::Unknown(unknown) => (unknown.reason.to_string(), None),
                _ => (String::new(), Some(show::to_json(&value))),
            },
        };
        let agrees = match (&value, case["expect"].get("error")) {
            (value, Some(_)) => value.is_none(),
            (Some(value), None) => same(value, &case["expect"]["value"]),
            (None, None) => false,
        };
        let got = value.map_or(got, |v| v.to_string());
        results.push((case["id"].as_str().unwrap().to_string(), agrees, got));
    }
    let modules = std::fs::read_dir(folder.join("terraform-modules")).unwrap();
    let mut modules: Vec<PathBuf> = modules.map(|entry| entry.unwrap().path()).collect();
    modules.sort();
    for module in modules {
        let Ok(text) = std::fs::read_to_string(module.join("expected.json")) else {
            continue;
        };
        let expected: Json = serde_json::from_str(&text).unwrap();
        let files = DiskFiles::new(&module, Limits::default()).unwrap();
        let (outputs, _) = terraform::evaluate_names(&files, "", &inputs);
        for (name, output) in expected["outputs"].as_object().unwrap() {
            let got = outputs.get(name).map_or(Json::Null, show::to_json);
            let agrees = same_or_unknown(&got, &output["after"], &output["after_unknown"]);
            let of = module.file_name().unwrap().to_string_lossy();
            results.push((format!("{of}/{name}"), agrees, got.to_string()));
        }
    }
    assert!(!results.is_empty());
    let listed = |name: &str| VALUES.iter().any(|(listed, _)| *listed == name);
    let wrong: Vec<String> = results
        .iter()
        .filter(|(name, agrees, _)| *agrees == listed(name))
        .map(|(name, agrees, got)| format!("{name}: agrees: {agrees}, got {got}"))
        .collect();
    println!(
        "{} values ran: {} disagree as listed",
        results.len(),
        VALUES.len()
    );
    assert!(wrong.is_empty(), "unexpected:\n{}", wrong.join("\n"));
    for (name, _) in VALUES {
        assert!(
            results.iter().any(|(known, ..)| known == name),
            "no value `{name}`"
        );
    }
}

/// Equal values; a number is equal however it is written.
fn same(a: &Json, b: &Json) -> bool {
    match (a, b) {
        (Json::Number(a), Json::Number(b)) => a.as_f64() == b.as_f64(),
        (Json::Array(a), Json::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Json::Object(a), Json::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(k, a)| b.get(k).is_some_and(|b| same(a, b)))
        }
        (a, b) => a == b,
    }
}

/// What is known after apply must not be claimed.
fn same_or_unknown(got: &Json, after: &Json, unknown: &Json) -> bool {
    match unknown {
        Json::Bool(true) => ["$unknown", "$text", "$choice"]
            .iter()
            .any(|mark| got.get(mark).is_some()),
        Json::Object(marks) if after.is_object() || after.is_null() => {
            let empty = serde_json::Map::new();
            let after = after.as_object().unwrap_or(&empty);
            let mut keys = marks.keys().chain(after.keys());
            got.is_object()
                && keys.all(|k| {
                    let at = |map: &serde_json::Map<String, Json>| {
                        map.get(k).cloned().unwrap_or(Json::Null)
                    };
                    same_or_unknown(&got[k], &at(after), &at(marks))
                })
        }
        Json::Array(marks) => {
            let empty = Vec::new();
            let after = after.as_array().unwrap_or(&empty);
            let length = marks.len().max(after.len());
            let at = |list: &[Json], i: usize| list.get(i).cloned().unwrap_or(Json::Null);
            got.as_array().is_some_and(|got| {
                got.len() == length
                    && (0..length).all(|i| same_or_unknown(&got[i], &at(after, i), &at(marks, i)))
            })
        }
        _ => same(got, after),
    }
}
