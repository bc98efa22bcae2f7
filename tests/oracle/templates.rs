//! Templates of the folder that `IACLINT_ORACLE` names: what their nodes resolve to, and the policies they hold.
//!
//! The tool whose cases these are makes names and ARNs of logical ids, and values of stores and exports of its own
//! test data. Where this program says "known at deployment" instead, the case agrees if the known parts agree.

use std::path::{Path, PathBuf};
use std::process::Command;

use iaclint::facts::CallerKind;
use iaclint::facts::build::build;
use iaclint::files::MemoryFiles;
use iaclint::source::{Inputs, Sources, cloudformation};
use serde_json::Value as Json;

const FILE: &str = "cfn-policy-validator-cases.jsonl";

const PERMISSION: &str = "the tool makes a document of the resource's properties; the template holds none, and no upload meets it";
const MANAGED: &str = "the text of the managed policy is the tool's own test data, not AWS's";
const STORE: &str =
    "the value of the parameter store is the tool's own test data; known at deployment only";
const SECRET: &str = "the tool leaves the reference as it is written; CloudFormation puts the secret in its place at deployment";
const LOGICAL: &str = "the tool makes a name or an ARN of the logical id; CloudFormation generates another one at deployment";
const EXPORT: &str = "the export is the tool's own test data; no template of the case exports it";
const STACK: &str = "the tool makes up the stack's name; known at deployment only";
const LITERAL: &str =
    "Fn::Sub writes `${!Name}` as `${Name}` (AWS's page of the function); the tool keeps the mark";
const ZONES: &str =
    "the tool leaves the function as it is written; the zones are known to AWS only";

/// Cases that are answered otherwise, each with the reason. A listed case that agrees is a failure too.
const DISAGREEMENTS: &[(&str, &str)] = &[
    ("cfn-policy-validator/resource_policies/20", PERMISSION),
    ("cfn-policy-validator/resource_policies/21", PERMISSION),
    ("cfn-policy-validator/resource_policies/22", PERMISSION),
    ("cfn-policy-validator/resource_policies/25", PERMISSION),
    ("cfn-policy-validator/resource_policies/26", PERMISSION),
    ("cfn-policy-validator/resource_policies/27", PERMISSION),
    ("cfn-policy-validator/resource_policies/28", PERMISSION),
    ("cfn-policy-validator/resource_policies/29", PERMISSION),
    ("cfn-policy-validator/resource_policies/30", PERMISSION),
    ("cfn-policy-validator/resource_policies/31", PERMISSION),
    ("cfn-policy-validator/resource_policies/32", PERMISSION),
    ("cfn-policy-validator/resource_policies/33", PERMISSION),
    ("cfn-policy-validator/resource_policies/34", PERMISSION),
    ("cfn-policy-validator/resource_policies/35", PERMISSION),
    ("cfn-policy-validator/resource_policies/36", PERMISSION),
    ("cfn-policy-validator/identity_policies/12", MANAGED),
    ("cfn-policy-validator/identity_policies/51", MANAGED),
    ("cfn-policy-validator/identity_policies/66", MANAGED),
    ("cfn-policy-validator/eval/12", STORE),
    ("cfn-policy-validator/eval/14", STORE),
    ("cfn-policy-validator/eval/15", STORE),
    ("cfn-policy-validator/eval/16", SECRET),
    ("cfn-policy-validator/eval/17", SECRET),
    ("cfn-policy-validator/eval/28", LOGICAL),
    ("cfn-policy-validator/eval/53", LOGICAL),
    ("cfn-policy-validator/eval/54", LOGICAL),
    ("cfn-policy-validator/eval/57", LOGICAL),
    ("cfn-policy-validator/eval/64", LOGICAL),
    ("cfn-policy-validator/eval/40", EXPORT),
    ("cfn-policy-validator/eval/41", EXPORT),
    ("cfn-policy-validator/eval/51", STACK),
    ("cfn-policy-validator/eval/52", STACK),
    ("cfn-policy-validator/eval/63", LITERAL),
    ("cfn-policy-validator/eval/102", ZONES),
];

fn cases(folder: &Path) -> Vec<Json> {
    let path = folder.join(FILE);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn folder() -> Option<PathBuf> {
    std::env::var_os("IACLINT_ORACLE").map(PathBuf::from)
}

#[test]
fn oracle_templates() {
    let Some(folder) = folder() else {
        println!("0 oracle templates ran: IACLINT_ORACLE is not set");
        return;
    };
    let cases = cases(&folder);
    assert!(!cases.is_empty(), "no case in {}", folder.display());
    let work = tempfile::tempdir().unwrap();
    let mut wrong: Vec<String> = Vec::new();
    let mut agreeing = 0;
    for case in &cases {
        let id = case["id"].as_str().unwrap();
        let answer = match case["kind"].as_str() {
            Some("cfn_eval") => node(case, work.path()),
            Some("cfn_resource_policies") => resource_policies(case, work.path()),
            Some("cfn_identity_policies") => identity_policies(case, work.path()),
            other => Err(format!("no such kind: {other:?}")),
        };
        let listed = DISAGREEMENTS.iter().any(|(name, _)| *name == id);
        match (answer, listed) {
            (Ok(()), false) => agreeing += 1,
            (Err(_), true) => {}
            (Ok(()), true) => wrong.push(format!("{id}: agrees now, take it off the list")),
            (Err(why), false) => wrong.push(format!("{id}: {why}")),
        }
    }
    for (name, _) in DISAGREEMENTS {
        if !cases.iter().any(|case| case["id"] == *name) {
            wrong.push(format!("{name}: listed, but there is no such case"));
        }
    }
    println!(
        "{} oracle templates ran: {agreeing} agree, {} disagree as listed",
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

/// Templates that a generator makes: nothing in them is unknown but what AWS makes at deployment.
#[test]
fn generated_templates_are_understood_in_full() {
    let Some(folder) = folder() else {
        println!("0 generated templates ran: IACLINT_ORACLE is not set");
        return;
    };
    let mut ran = 0;
    for entry in std::fs::read_dir(folder.join("cdk")).unwrap() {
        let path = entry.unwrap().path();
        if !path.to_string_lossy().ends_with(".template.json") {
            continue;
        }
        let output = Command::new(env!("CARGO_BIN_EXE_iaclint"))
            .args(["eval", "cloudformation"])
            .arg(&path)
            .output()
            .unwrap();
        let answer: Json = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(
            answer["not_understood"],
            serde_json::json!([]),
            "{}",
            path.display()
        );
        assert!(!answer["resources"].as_object().unwrap().is_empty());
        let mut unknown = Vec::new();
        unknowns(&answer["resources"], &mut unknown);
        // The account's zones and what a stack that is not here exports.
        unknown.retain(|why| !why.contains("known to AWS only"));
        assert!(unknown.is_empty(), "{}: {unknown:?}", path.display());
        ran += 1;
    }
    println!("{ran} generated templates ran");
    assert!(ran > 0);
}

fn unknowns(value: &Json, out: &mut Vec<String>) {
    match value {
        Json::Object(map) => {
            if let Some(why) = map.get("$unknown").and_then(Json::as_str) {
                out.push(why.into());
            }
            map.values().for_each(|v| unknowns(v, out));
        }
        Json::Array(items) => items.iter().for_each(|v| unknowns(v, out)),
        _ => {}
    }
}

/// The template of a case as a file, and the options that give its account and parameters.
fn ask(case: &Json, work: &Path, node: Option<&Json>) -> Json {
    let path = work.join("template.json");
    std::fs::write(&path, case["template"].to_string()).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_iaclint"));
    command.args(["eval", "cloudformation"]).arg(&path);
    command.args(["--account", case["account"]["id"].as_str().unwrap()]);
    command.args(["--region", case["account"]["region"].as_str().unwrap()]);
    for (name, value) in parameters(case) {
        command.args(["--parameter", &format!("{name}={value}")]);
    }
    if let Some(node) = node {
        command.args(["--node", &node.to_string()]);
    }
    let output = command.output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or(Json::Null)
}

fn parameters(case: &Json) -> Vec<(String, String)> {
    let given = case["parameters"].as_object().cloned().unwrap_or_default();
    given
        .into_iter()
        .map(|(name, value)| {
            let text = match &value {
                Json::Array(items) => {
                    let items: Vec<&str> = items.iter().filter_map(Json::as_str).collect();
                    items.join(",")
                }
                Json::String(text) => text.clone(),
                other => other.to_string(),
            };
            (name, text)
        })
        .collect()
}

fn node(case: &Json, work: &Path) -> Result<(), String> {
    let answer = ask(case, work, Some(&case["node"]));
    let expect = &case["expect"];
    let agrees = if expect.get("error").is_some() {
        answer.get("error").is_some() || answer.get("unknown").is_some()
    } else {
        let value = answer.get("value");
        value.is_some_and(|v| same(v, &expect["value"]) && says_something(v))
    };
    if agrees {
        Ok(())
    } else {
        Err(format!("want {expect}, got {answer}"))
    }
}

/// A node whose whole text is a reference has no value yet.
fn says_something(value: &Json) -> bool {
    match value {
        Json::Object(map) => match map.get("$text").and_then(Json::as_array) {
            Some(pieces) => pieces.len() > 1,
            None => map.values().all(says_something),
        },
        Json::Array(items) => items.iter().all(says_something),
        _ => true,
    }
}

/// Equal, where a text of ours with references stands for any text that agrees in its known parts.
fn same(ours: &Json, wanted: &Json) -> bool {
    match (ours, wanted) {
        (Json::Object(map), Json::String(wanted)) if map.contains_key("$text") => {
            let pieces = map["$text"].as_array().cloned().unwrap_or_default();
            fits(&pieces, wanted)
        }
        (Json::Object(a), Json::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(k, v)| b.get(k).is_some_and(|w| same(v, w)))
        }
        (Json::Array(a), Json::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(v, w)| same(v, w))
        }
        (Json::Number(a), Json::Number(b)) => a.as_f64() == b.as_f64(),
        _ => ours == wanted,
    }
}

/// True where the text is the pieces in their order, with something for each reference.
fn fits(pieces: &[Json], text: &str) -> bool {
    match pieces.split_first() {
        None => text.is_empty(),
        Some((Json::String(literal), rest)) => text
            .strip_prefix(literal.as_str())
            .is_some_and(|t| fits(rest, t)),
        Some((_, rest)) => text
            .char_indices()
            .skip(1)
            .map(|(at, _)| at)
            .chain([text.len()])
            .any(|at| text.get(at..).is_some_and(|t| fits(rest, t))),
    }
}

/// Every policy document of an evaluated template, in the order of its resources.
fn documents(value: &Json, out: &mut Vec<Json>) {
    match value {
        Json::Object(map) if map.contains_key("Statement") => out.push(value.clone()),
        Json::Object(map) => map.values().for_each(|v| documents(v, out)),
        Json::Array(items) => items.iter().for_each(|v| documents(v, out)),
        Json::String(text) => {
            if let Ok(parsed @ Json::Object(_)) = serde_json::from_str(text) {
                documents(&parsed, out);
            }
        }
        _ => {}
    }
}

fn held(answer: &Json, wanted: &Json) -> bool {
    let mut found = Vec::new();
    documents(&answer["resources"], &mut found);
    found.iter().any(|ours| same(ours, wanted))
}

fn resource_policies(case: &Json, work: &Path) -> Result<(), String> {
    let answer = ask(case, work, None);
    let wanted = case["expect"]["policies"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let estate = estate_of(case);
    for policy in &wanted {
        if let Some(acl) = policy["configuration"]["AccessControl"].as_str() {
            let ours = estate.buckets.iter().filter_map(|b| b.acl.as_ref());
            let canned = ours.filter_map(|a| a.canned.as_ref()?.as_literal());
            let plain = |c: &str| c.replace('-', "").to_ascii_lowercase();
            if !canned.into_iter().any(|c| plain(c) == plain(acl)) {
                return Err(format!("no bucket has the ACL {acl}"));
            }
        }
        if !policy["policy"].is_null() && !held(&answer, &policy["policy"]) {
            return Err(format!(
                "want {}, got {}",
                policy["policy"], answer["resources"]
            ));
        }
    }
    // Bucket and key policies are also what the estate holds.
    let count = |kinds: &[&str]| {
        let of = |p: &&Json| {
            !p["policy"].is_null() && kinds.contains(&p["type"].as_str().unwrap_or_default())
        };
        wanted.iter().filter(of).count()
    };
    let buckets = estate.buckets.iter().filter_map(|b| b.policy.as_ref());
    let buckets: usize = buckets.map(|p| p.attached.len()).sum();
    let keys = estate.keys.iter().filter(|k| k.policy.is_some()).count();
    let points = estate
        .access_points
        .iter()
        .filter(|a| a.policy.is_some())
        .count();
    for (what, ours, wanted) in [
        ("bucket policies", buckets, count(&["AWS::S3::Bucket"])),
        ("key policies", keys, count(&["AWS::KMS::Key"])),
        (
            "access point policies",
            points,
            count(&["AWS::S3::AccessPoint"]),
        ),
    ] {
        if ours != wanted {
            return Err(format!("{what}: want {wanted}, got {ours}"));
        }
    }
    Ok(())
}

fn estate_of(case: &Json) -> iaclint::facts::Estate {
    let mut files = MemoryFiles::new();
    files.insert("template.json", case["template"].to_string());
    let inputs = Inputs {
        parameters: parameters(case),
        account: case["account"]["id"].as_str().map(str::to_string),
        region: case["account"]["region"].as_str().map(str::to_string),
        ..Inputs::default()
    };
    let mut sources = Sources::default();
    cloudformation::read(&files, &["template.json".into()], &inputs, &mut sources);
    build(&sources, &inputs, &Default::default())
}

fn identity_policies(case: &Json, work: &Path) -> Result<(), String> {
    let answer = ask(case, work, None);
    let estate = estate_of(case);
    let expect = &case["expect"];
    let list = |value: &Json| value.as_array().cloned().unwrap_or_default();
    let groups = list(&expect["groups"]);
    let documents_of = |holder: &Json| -> Vec<Json> {
        let policies = list(&holder["policies"]);
        policies.iter().map(|p| p["policy"].clone()).collect()
    };
    for holder in groups.iter().chain(&list(&expect["orphaned"])) {
        let orphan = holder.get("policy").cloned();
        for document in documents_of(holder).into_iter().chain(orphan) {
            if !held(&answer, &document) {
                return Err(format!("want {document}, got {}", answer["resources"]));
            }
        }
    }
    for (kind, holders) in [("role", &expect["roles"]), ("user", &expect["users"])] {
        for holder in list(holders) {
            let name = holder["name"].as_str().unwrap_or_default();
            let caller = estate.callers.iter().find(|c| {
                let this = match c.kind {
                    CallerKind::Role => kind == "role",
                    CallerKind::User => kind == "user",
                };
                this && !c.open && (c.name.as_literal() == Some(name) || &*c.address == name)
            });
            let Some(caller) = caller else {
                return Err(format!("no {kind} {name}"));
            };
            let path = holder["path"].as_str().unwrap_or("/");
            let arn = caller.arn.display();
            if !arn.contains(&format!(":{kind}{path}")) {
                return Err(format!("{kind} {name}: want the path {path}, got {arn}"));
            }
            let wanted = documents_of(&holder);
            for document in wanted.iter().chain(holder.get("trust")) {
                if !held(&answer, document) {
                    return Err(format!("want {document}, got {}", answer["resources"]));
                }
            }
            let statements = |documents: &[Json]| -> usize {
                let count = |d: &Json| d["Statement"].as_array().map_or(1, Vec::len);
                documents.iter().map(count).sum()
            };
            let attached = &caller.identity.attached;
            let ours: usize = attached.iter().map(|a| a.policy.statements.len()).sum();
            if attached.len() != wanted.len() || ours != statements(&wanted) {
                return Err(format!(
                    "{kind} {name}: want {} policies, got {}; not at hand: {:?}",
                    wanted.len(),
                    attached.len(),
                    caller.identity.open
                ));
            }
        }
    }
    Ok(())
}
