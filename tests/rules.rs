//! Every page of `rules/` is a test: its denied example gives this rule's finding at the marked lines and
//! nothing else, its allowed example an upload that certainly passes, in Terraform and CloudFormation alike.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use std::collections::{BTreeMap, BTreeSet};

use iaclint::analysis::{self, Request};
use iaclint::files::MemoryFiles;
use iaclint::report::{Report, place};
use iaclint::rule::page::{Example, Page};
use iaclint::rule::{Finding, Level, Outcome, registry};

/// Pages whose examples this version does not decide as written, each with its cause. The test fails when one of
/// them starts to pass.
const PENDING: &[(&str, &str)] = &[];

/// Names in the code that have no page yet. The test fails when one of them gets its page.
const WITHOUT_PAGE: &[&str] = &[];

#[test]
fn every_page_is_decided_as_written() {
    let mut wrong = Vec::new();
    for page in registry::all() {
        let faults = faults(page);
        match PENDING.iter().find(|(name, _)| *name == page.name) {
            None if !faults.is_empty() => {
                wrong.push(format!("{}:\n  {}", page.name, faults.join("\n  ")))
            }
            Some(_) if faults.is_empty() => {
                wrong.push(format!("{}: passes now; take it off the list", page.name))
            }
            _ => {}
        }
    }
    for (name, _) in PENDING {
        if registry::find(name).is_none() {
            wrong.push(format!("{name}: pending, but there is no such page"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {} pages:\n{}",
        wrong.len(),
        registry::all().len(),
        wrong.join("\n")
    );
}

#[test]
fn every_name_in_the_code_has_a_page() {
    let pages: BTreeSet<&str> = registry::all().iter().map(|p| p.name).collect();
    let code = include_str!("../src/rule/name.rs")
        .split("#[cfg(test)]")
        .next()
        .unwrap();
    let named: BTreeSet<&str> = code
        .split('"')
        .skip(1)
        .step_by(2)
        .filter(|text| is_rule_name(text))
        .collect();
    let waiting: BTreeSet<&str> = WITHOUT_PAGE.iter().copied().collect();
    let missing: BTreeSet<&str> = named.difference(&pages).copied().collect();
    assert_eq!(
        missing, waiting,
        "left: names of src/rule/name.rs without a page; right: those that are known to have none"
    );
}

/// Lower-case words joined by hyphens, three or more.
fn is_rule_name(text: &str) -> bool {
    let words: Vec<&str> = text.split('-').collect();
    words.len() >= 3
        && words.iter().all(|w| {
            !w.is_empty()
                && w.bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        })
}

fn faults(page: &Page) -> Vec<String> {
    let mut out = Vec::new();
    let mut reasons: BTreeMap<&str, BTreeSet<(&str, &str, &str)>> = BTreeMap::new();
    for (format, files) in estates(page, "Denied") {
        let report = run(&files);
        out.extend(
            denied(page, &files, &report)
                .into_iter()
                .map(|f| format!("denied, {format}: {f}")),
        );
        let found = loud(&report)
            .map(|f| (f.rule, f.outcome.name(), f.level.name()))
            .collect();
        reasons.insert(format, found);
    }
    if let [one, other] = &reasons.values().collect::<Vec<_>>()[..]
        && one != other
    {
        out.push(format!("the formats differ: {reasons:?}"));
    }
    for (format, files) in estates(page, "Allowed") {
        let report = run(&files);
        out.extend(
            allowed(&report)
                .into_iter()
                .map(|f| format!("allowed, {format}: {f}")),
        );
    }
    out
}

/// The files of a section by format.
fn estates(page: &Page, title: &str) -> BTreeMap<&'static str, Vec<Example>> {
    let mut out: BTreeMap<&str, Vec<Example>> = BTreeMap::new();
    let examples = page.examples(title);
    let mixed = examples.iter().any(|e| e.language == "hcl");
    for example in examples {
        let template =
            example.language == "yaml" || example.path.ends_with("template.json") || !mixed;
        out.entry(if template {
            "CloudFormation"
        } else {
            "Terraform"
        })
        .or_default()
        .push(example);
    }
    out
}

fn run(examples: &[Example]) -> Report {
    let mut files = MemoryFiles::new();
    for example in examples {
        files.insert(example.path, example.text);
    }
    analysis::run(&files, &Request::default())
}

fn loud(report: &Report) -> impl Iterator<Item = &Finding> {
    report.findings.iter().filter(|f| f.level > Level::Note)
}

fn denied(page: &Page, files: &[Example], report: &Report) -> Vec<String> {
    let mut out = Vec::new();
    let marks: BTreeMap<(&str, u32), &str> = files
        .iter()
        .flat_map(|e| {
            e.marks
                .iter()
                .map(|(line, rule)| ((e.path, *line), rule.unwrap_or(page.name)))
        })
        .collect();
    let touched = |finding: &Finding| -> Vec<(&str, u32)> {
        let Some(at) = place::position(report, finding.primary.place.span) else {
            return Vec::new();
        };
        marks
            .iter()
            .filter(|((path, line), rule)| {
                *path == at.path
                    && at.line <= *line
                    && *line <= at.end_line
                    && **rule == finding.rule
            })
            .map(|(mark, _)| *mark)
            .collect()
    };
    let mut met = BTreeSet::new();
    for finding in &report.findings {
        let here = touched(finding);
        if here.is_empty() && finding.level > Level::Note {
            let at = place::position(report, finding.primary.place.span);
            let at = at.map_or("nowhere".into(), |p| {
                format!("{}:{}-{}", p.path, p.line, p.end_line)
            });
            out.push(format!("{} at {at}, which no mark expects", finding.rule));
        }
        if finding.level > page.level && finding.rule == page.name {
            out.push(format!(
                "level {} is above the page's",
                finding.level.name()
            ));
        }
        if let Some(fault) = message_fault(&finding.message) {
            out.push(format!("message {fault}: {}", finding.message));
        }
        met.extend(here);
    }
    for ((path, line), rule) in &marks {
        if !met.contains(&(*path, *line)) {
            out.push(format!("no {rule} at {path}:{line}"));
        }
    }
    out
}

fn allowed(report: &Report) -> Vec<String> {
    let mut out: Vec<String> = loud(report)
        .map(|f| format!("{} is reported", f.rule))
        .collect();
    if !report.decided.iter().any(|d| d.outcome == Outcome::Allowed) {
        let shown: Vec<&str> = report.decided.iter().map(|d| d.outcome.name()).collect();
        out.push(format!(
            "no upload is decided as allowed; decided: {shown:?}"
        ));
    }
    out.extend(
        report
            .not_understood
            .iter()
            .map(|g| format!("not understood: {} ({})", g.what, g.why)),
    );
    out
}

/// What is wrong with the form of a message.
fn message_fault(message: &str) -> Option<&'static str> {
    if message.starts_with(char::is_uppercase) {
        return Some("starts with a capital");
    }
    if message.ends_with(['.', '!']) {
        return Some("ends with a full stop");
    }
    if message.contains('\n') {
        return Some("has several lines");
    }
    None
}
