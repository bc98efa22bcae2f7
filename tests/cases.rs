//! Runs the collection of upload denials in `tests/cases` (its README has the meaning of each field).
//!
//! A `bad/` must give a finding at the place that decides, with an accepted outcome; a `good/` must be quiet.
//! `IACLINT_CASES` names a folder with further cases of the same form.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use iaclint::analysis::{self, Request};
use iaclint::files::Limits;
use iaclint::files::disk::DiskFiles;
use iaclint::report::sarif;
use rayon::prelude::*;
use serde::Deserialize;
use serde_json::Value as Json;

/// Cases that this version gets wrong, each with its cause. The test fails when one of them starts to pass, and
/// when a case fails that is not listed.
const EXPECTED_FAILURES: &[(&str, &str)] = &[];

#[derive(Debug, Deserialize)]
struct Case {
    verdict: String,
    #[serde(default)]
    accept_verdicts: Vec<String>,
    #[serde(default)]
    decisive_span: String,
    #[serde(default)]
    also: Vec<String>,
    max_level: Option<String>,
}

/// Lines of a file, first and last.
type Lines = (String, u64, u64);

#[test]
fn every_case_is_decided_as_described() {
    let results: BTreeMap<String, Result<(), String>> = folders()
        .into_par_iter()
        .map(|(name, folder)| (name, judge(&folder)))
        .collect::<Vec<_>>()
        .into_iter()
        .collect();
    assert!(!results.is_empty(), "no case was found");
    let mut wrong = Vec::new();
    for (name, result) in &results {
        let expected = EXPECTED_FAILURES.iter().find(|(listed, _)| listed == name);
        match (result, expected) {
            (Err(why), None) => wrong.push(format!("{name}: {why}")),
            (Ok(()), Some(_)) => wrong.push(format!("{name}: passes now; take it off the list")),
            _ => {}
        }
    }
    for (listed, _) in EXPECTED_FAILURES {
        if !results.contains_key(*listed) {
            wrong.push(format!("{listed}: listed, but there is no such case"));
        }
    }
    let passed = results.values().filter(|r| r.is_ok()).count();
    println!("{passed} of {} cases", results.len());
    assert!(
        wrong.is_empty(),
        "{passed} of {} cases pass; unexpected:\n{}",
        results.len(),
        wrong.join("\n")
    );
}

/// Every case by name: those of the repository, then those that the environment adds.
fn folders() -> BTreeMap<String, PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let added = std::env::var_os("IACLINT_CASES").map(PathBuf::from);
    let mut out = BTreeMap::new();
    for collection in [Some(own), added].into_iter().flatten() {
        let entries = std::fs::read_dir(&collection)
            .unwrap_or_else(|e| panic!("{}: {e}", collection.display()));
        for entry in entries {
            let folder = entry.unwrap().path();
            if folder.join("case.toml").is_file() {
                let name = folder.file_name().unwrap().to_string_lossy().into_owned();
                out.entry(name).or_insert(folder);
            }
        }
    }
    out
}

fn judge(folder: &Path) -> Result<(), String> {
    let text = std::fs::read_to_string(folder.join("case.toml")).map_err(|e| e.to_string())?;
    let case: Case = toml::from_str(&text).map_err(|e| format!("case.toml: {e}"))?;
    let clean = case.verdict == "clean";
    if !clean {
        judge_bad(&case, &results(&folder.join("bad"))).map_err(|why| format!("bad/: {why}"))?;
    }
    let limit = match &case.max_level {
        Some(level) if clean => rank(level),
        _ => rank("note"),
    };
    let over: Vec<String> = results(&folder.join("good"))
        .iter()
        .filter(|r| level(r) > limit)
        .map(shown)
        .collect();
    if over.is_empty() {
        Ok(())
    } else {
        Err(format!("good/: {}", over.join("; ")))
    }
}

fn judge_bad(case: &Case, results: &[Json]) -> Result<(), String> {
    let decisive = vec![lines(&case.decisive_span)];
    let also: Vec<Lines> = case
        .also
        .iter()
        .map(|s| lines(s))
        .chain(decisive.clone())
        .collect();
    let (hits, others): (Vec<&Json>, Vec<&Json>) = results.iter().partition(|result| {
        meet(&regions(result, "locations", 1), &also)
            || meet(&regions(result, "relatedLocations", usize::MAX), &decisive)
    });
    let names = |results: &[&Json]| {
        let shown: Vec<String> = results.iter().take(4).map(|r| shown(r)).collect();
        shown.join("; ")
    };
    if hits.is_empty() {
        return Err(format!(
            "nothing at {}; elsewhere: {}",
            case.decisive_span,
            names(&others)
        ));
    }
    let right = hits.iter().any(|result| {
        let outcome = outcome(result);
        let least = if ["shape-denied", "other-failure"].contains(&outcome) {
            rank("note")
        } else {
            rank("warning")
        };
        case.accept_verdicts.iter().any(|v| v == outcome) && level(result) >= least
    });
    if !right {
        return Err(format!(
            "{} at the place; accepted: {}",
            names(&hits),
            case.accept_verdicts.join(", ")
        ));
    }
    let strangers: Vec<&Json> = others
        .into_iter()
        .filter(|r| level(r) > rank("note"))
        .collect();
    if strangers.len() > 2 {
        return Err(format!("{} others: {}", strangers.len(), names(&strangers)));
    }
    Ok(())
}

/// The results of a folder as its reader in code scanning gets them.
fn results(folder: &Path) -> Vec<Json> {
    let files = DiskFiles::new(folder, Limits::default()).unwrap();
    let report = analysis::run(&files, &Request::default());
    let log: Json = serde_json::from_str(&sarif::render(&report)).unwrap();
    log.pointer("/runs/0/results")
        .and_then(Json::as_array)
        .cloned()
        .unwrap_or_default()
}

fn rank(level: &str) -> u8 {
    match level {
        "none" => 0,
        "note" => 1,
        "warning" => 2,
        _ => 3,
    }
}

fn level(result: &Json) -> u8 {
    rank(result["level"].as_str().unwrap_or("warning"))
}

fn outcome(result: &Json) -> &str {
    result["properties"]["outcome"].as_str().unwrap_or("")
}

fn shown(result: &Json) -> String {
    let place = regions(result, "locations", 1);
    let place = place
        .first()
        .map_or(String::new(), |(f, a, b)| format!(" {f}:{a}-{b}"));
    format!(
        "{} {}/{}{place}",
        result["ruleId"].as_str().unwrap_or("?"),
        result["level"].as_str().unwrap_or("?"),
        outcome(result)
    )
}

/// `main.tf:3-7`, `main.tf:3`.
fn lines(text: &str) -> Lines {
    let (file, range) = text
        .rsplit_once(':')
        .unwrap_or_else(|| panic!("`{text}` names no line"));
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    (
        file.to_string(),
        first.parse().unwrap(),
        last.parse().unwrap(),
    )
}

fn regions(result: &Json, field: &str, at_most: usize) -> Vec<Lines> {
    let locations = result[field]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    locations
        .iter()
        .take(at_most)
        .filter_map(|location| {
            let physical = &location["physicalLocation"];
            let first = physical["region"]["startLine"].as_u64()?;
            let last = physical["region"]["endLine"].as_u64().unwrap_or(first);
            Some((
                physical["artifactLocation"]["uri"].as_str()?.to_string(),
                first,
                last,
            ))
        })
        .collect()
}

fn meet(found: &[Lines], wanted: &[Lines]) -> bool {
    found.iter().any(|(file, first, last)| {
        wanted
            .iter()
            .any(|(f, a, b)| f == file && first <= b && a <= last)
    })
}
