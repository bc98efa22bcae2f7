//! What GitHub's code scanning asks of a SARIF log, checked on every collected case and rule page.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use std::collections::BTreeSet;
use std::path::Path;

use iaclint::analysis::{self, Request};
use iaclint::files::disk::DiskFiles;
use iaclint::files::{Limits, MemoryFiles};
use iaclint::report::{Report, json, sarif};
use iaclint::rule::registry;
use serde_json::Value as Json;

#[test]
fn logs_are_what_code_scanning_takes() {
    let mut results = 0;
    for (name, report) in reports() {
        let text = sarif::render(&report);
        let log: Json = serde_json::from_str(&text).unwrap();
        let typed: serde_sarif::sarif::Sarif = serde_json::from_str(&text)
            .unwrap_or_else(|e| panic!("{name}: not of the types of SARIF: {e}"));
        assert_eq!(
            serde_json::to_value(typed).unwrap(),
            log,
            "{name}: has fields that SARIF does not know"
        );
        results += check(&name, &log);
        assert_eq!(results_of(&log).len(), report.findings.len(), "{name}");
    }
    println!("{results} results checked");
}

/// An edit that lets more in is told in words: a viewer would apply it with one click.
#[test]
fn only_safe_edits_are_offered() {
    let (mut offered, mut told) = (0, 0);
    for page in registry::all() {
        if offered > 0 && told > 0 {
            break;
        }
        let name = page.name;
        let mut files = MemoryFiles::new();
        for example in page.examples("Denied") {
            files.insert(example.path, example.text);
        }
        let request = Request {
            mends: true,
            ..Request::default()
        };
        let report = analysis::run(&files, &request);
        let log: Json = serde_json::from_str(&sarif::render(&report)).unwrap();
        let whole: Json = serde_json::from_str(&json::render(&report)).unwrap();
        for (i, finding) in report.findings.iter().enumerate() {
            let Some(fix) = finding.fix.as_ref().filter(|f| !f.edits.is_empty()) else {
                continue;
            };
            let result = &results_of(&log)[i];
            assert_eq!(result["fixes"].is_array(), fix.safe, "{name}: {result}");
            let labelled = &whole["findings"][i]["fix"];
            assert_eq!(labelled["safe"], fix.safe, "{name}");
            assert_eq!(labelled["gains"], serde_json::json!(fix.gains), "{name}");
            let text = result["message"]["text"].as_str().unwrap();
            assert_eq!(text.contains("This also lets in: "), !fix.safe, "{name}");
            *(if fix.safe { &mut offered } else { &mut told }) += 1;
        }
    }
    assert!(offered > 0 && told > 0, "{offered} offered, {told} told");
}

/// Every estate that lies in the repository.
fn reports() -> Vec<(String, Report)> {
    let mut out = vec![("empty".to_string(), Report::default())];
    for page in registry::all() {
        for title in ["Denied", "Allowed"] {
            let mut files = MemoryFiles::new();
            for example in page.examples(title) {
                files.insert(example.path, example.text);
            }
            out.push((
                format!("{} {title}", page.name),
                analysis::run(&files, &Request::default()),
            ));
        }
    }
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut folders: Vec<_> = std::fs::read_dir(cases)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    folders.sort();
    for folder in folders
        .into_iter()
        .map(|f| f.join("bad"))
        .filter(|f| f.is_dir())
    {
        let files = DiskFiles::new(&folder, Limits::default()).unwrap();
        out.push((
            folder.display().to_string(),
            analysis::run(&files, &Request::default()),
        ));
    }
    out
}

fn results_of(log: &Json) -> &Vec<Json> {
    log["runs"][0]["results"].as_array().unwrap()
}

/// The number of results.
fn check(name: &str, log: &Json) -> usize {
    assert_eq!(log["version"], "2.1.0", "{name}");
    assert!(log["$schema"].as_str().unwrap().contains("sarif"), "{name}");
    let runs = log["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 1, "{name}: one run per file");
    let run = &runs[0];
    assert_eq!(run["columnKind"], "unicodeCodePoints", "{name}");
    let driver = &run["tool"]["driver"];
    for field in ["name", "semanticVersion", "informationUri"] {
        assert!(driver[field].is_string(), "{name}: {field}");
    }
    let rules = driver["rules"].as_array().unwrap();
    let ids: BTreeSet<&str> = rules.iter().map(|r| r["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), rules.len(), "{name}: a rule is listed twice");
    rules.iter().for_each(|r| check_rule(name, r));
    let results = results_of(log);
    for result in results {
        match result["ruleIndex"].as_u64() {
            Some(index) => assert_eq!(rules[index as usize]["id"], result["ruleId"], "{name}"),
            // tests/rules.rs lists the names that have no page.
            None => assert!(!ids.contains(result["ruleId"].as_str().unwrap()), "{name}"),
        }
        check_result(name, result);
    }
    results.len()
}

fn check_rule(name: &str, rule: &Json) {
    for field in ["/shortDescription/text", "/fullDescription/text"] {
        let text = rule.pointer(field).and_then(Json::as_str).unwrap();
        assert!(
            !text.is_empty() && text.chars().count() <= 1024,
            "{name}: {} {field}",
            rule["id"]
        );
    }
    assert!(rule["name"].as_str().unwrap().len() <= 255);
    assert!(!rule["help"]["text"].as_str().unwrap().is_empty());
    assert!(!rule["help"]["markdown"].as_str().unwrap().is_empty());
    assert!(
        ["note", "warning", "error"]
            .contains(&rule["defaultConfiguration"]["level"].as_str().unwrap())
    );
    assert!(rule["properties"]["tags"].as_array().unwrap().len() <= 10);
    assert!(rule["properties"]["problem.severity"].is_string());
    assert!(
        rule["properties"]["security-severity"].is_null(),
        "an outage is no vulnerability"
    );
}

fn check_result(name: &str, result: &Json) {
    assert!(
        ["note", "warning", "error"].contains(&result["level"].as_str().unwrap()),
        "{name}"
    );
    let locations = result["locations"].as_array().unwrap();
    assert_eq!(locations.len(), 1, "{name}: exactly one primary location");
    assert!(
        locations[0]["physicalLocation"].is_object(),
        "{name}: the primary location is a place"
    );
    let related = result["relatedLocations"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    assert!(related.len() <= 1000, "{name}");
    let ids: BTreeSet<u64> = related.iter().map(|l| l["id"].as_u64().unwrap()).collect();
    assert_eq!(
        ids.len(),
        related.len(),
        "{name}: ids of related locations are their own"
    );
    let flow = &result["codeFlows"][0]["threadFlows"][0]["locations"];
    let stops: Vec<&Json> = flow
        .as_array()
        .unwrap()
        .iter()
        .map(|l| &l["location"])
        .collect();
    assert!(!stops.is_empty(), "{name}");
    for location in locations.iter().chain(related).chain(stops) {
        check_location(name, location);
    }
    let text = result["message"]["text"].as_str().unwrap();
    assert!(
        !text.is_empty() && !text.chars().any(|c| c.is_control() && c != '\n'),
        "{name}: {text:?}"
    );
    for id in links(text) {
        assert!(
            ids.contains(&id),
            "{name}: the message links to {id}, which is no related location"
        );
    }
    for field in ["primaryLocationLineHash", "iaclint/v1"] {
        assert!(
            result["partialFingerprints"][field].is_string(),
            "{name}: {field}"
        );
    }
    for field in ["outcome", "bucket"] {
        assert!(result["properties"][field].is_string(), "{name}: {field}");
    }
    assert!(result["properties"]["callers"].is_array(), "{name}");
    assert!(
        result["suppressions"].is_null(),
        "{name}: GitHub would open them again"
    );
}

fn check_location(name: &str, location: &Json) {
    let Some(physical) = location.get("physicalLocation") else {
        return;
    };
    let uri = physical["artifactLocation"]["uri"].as_str().unwrap();
    assert!(
        !uri.starts_with('/')
            && !uri.contains("..")
            && !uri.contains("::")
            && !uri.contains(['\\', ' ', ':']),
        "{name}: {uri}"
    );
    assert_eq!(
        physical["artifactLocation"]["uriBaseId"], "%SRCROOT%",
        "{name}"
    );
    let number = |field: &str| physical["region"][field].as_u64().unwrap();
    let start = (number("startLine"), number("startColumn"));
    let end = (number("endLine"), number("endColumn"));
    assert!(
        start.0 >= 1 && start.1 >= 1 && end.1 >= 1 && start < end,
        "{name}: {start:?} to {end:?}"
    );
}

/// Targets of `[text](1)`; an escaped bracket opens none.
fn links(text: &str) -> Vec<u64> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')')?.0.parse().ok())
        .collect()
}
