//! The decision cases of the folder that `IACLINT_ORACLE` names, asked of `iaclint simulate`.
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
