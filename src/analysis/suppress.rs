//! Suppressions: `# iaclint: ignore[rule] reason`, on the line itself or on the line before a block; in templates
//! also `Metadata: {iaclint: {ignore: {rule: reason}}}` of a resource, for its whole block; and those of the
//! configuration, by rule, path and address. A reason that begins with `until 2027-01-31` names the last day.
//!
//! A suppression that silences nothing, names no rule or has expired is itself reported, as a note.
//!
//! With [`Honoured`] only those count that an earlier commit has too: a change cannot silence its own findings.

pub mod asked;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::report::Suppression;
use crate::rule::registry;
use crate::rule::{Finding, Level, Outcome, Step};
use crate::source::Sources;
use crate::value::{Place, Span};
use asked::Asked;

/// Name of the rule about suppressions that do nothing.
const RULE: &str = "unused-suppression";

/// How suppressions are taken.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    pub configured: Vec<Configured>,
    /// A suppression without a reason silences nothing.
    pub require_reason: bool,
    /// `2026-11-25`; without it nothing expires.
    pub today: Option<String>,
    /// Only what an earlier commit has counts.
    pub honoured: Option<Honoured>,
}

/// A suppression of the configuration: what it leaves open fits everything.
#[derive(Debug, Clone, Default)]
pub struct Configured {
    /// A rule's name, or the beginning of names.
    pub rule: Option<String>,
    /// Glob, as in an ignore file, for the file of the finding.
    pub path: Option<String>,
    /// Address of the document or resource that refuses, `*` for any characters.
    pub address: Option<String>,
    pub reason: String,
    /// The last day, `2027-01-31`.
    pub expires: Option<String>,
    /// Boundary-relative path of the configuration, its text, and where in it this one stands.
    pub file: Option<(Arc<str>, Arc<str>, std::ops::Range<usize>)>,
}

/// The suppressions of an earlier commit.
#[derive(Debug, Clone, Default)]
pub struct Honoured {
    /// How often each stands there.
    keys: BTreeMap<String, usize>,
    /// Fingerprints of the findings that they silence.
    silenced: BTreeSet<String>,
}

impl Honoured {
    /// What counted in a run over the earlier commit.
    pub fn of(suppressions: &[Suppression]) -> Honoured {
        let mut out = Honoured::default();
        for suppression in suppressions {
            *out.keys.entry(suppression.key.clone()).or_default() += 1;
            out.silenced.extend(suppression.silenced.iter().cloned());
        }
        out
    }
}

/// Takes the silenced findings out, adds a note for each suppression without effect, and says what each silenced,
/// and how many were silenced in all.
pub fn apply(
    findings: &mut Vec<Finding>,
    sources: &mut Sources,
    settings: &Settings,
) -> (Vec<Suppression>, usize) {
    let before = findings.len();
    let mut asked = asked::all(sources, settings);
    if let Some(honoured) = &settings.honoured {
        let mut left = honoured.keys.clone();
        for one in asked.iter_mut().filter(|one| one.configured.is_none()) {
            let known = left.get_mut(&one.key).filter(|count| **count > 0);
            one.new = known.is_none();
            if let Some(count) = known {
                *count -= 1;
            }
        }
    }
    // Per suppression: the rules that it silenced, and the findings.
    let mut used: Vec<BTreeSet<&'static str>> = vec![BTreeSet::new(); asked.len()];
    let mut silenced: Vec<Vec<String>> = vec![Vec::new(); asked.len()];
    findings.retain(|finding| {
        let mut gone = false;
        for ((one, used), silenced) in asked.iter().zip(&mut used).zip(&mut silenced) {
            if !one.covers(finding, sources, settings) {
                continue;
            }
            used.insert(finding.rule);
            let known = |h: &Honoured| h.silenced.contains(&finding.fingerprint);
            let counts = !one.new || settings.honoured.as_ref().is_some_and(known);
            silenced.push(finding.fingerprint.clone());
            gone |= counts;
        }
        !gone
    });
    let gone = before - findings.len();
    for (one, used) in asked.iter().zip(&used) {
        for message in one.faults(used, settings) {
            findings.extend(note(one, message));
        }
    }
    let suppressions = asked
        .iter()
        .zip(silenced)
        .filter(|(one, _)| one.fault(settings).is_none())
        .map(|(one, silenced)| Suppression {
            span: one.span,
            rules: one.names(),
            reason: one.reason.clone(),
            key: one.key.clone(),
            counts: !one.new,
            silenced,
        })
        .collect();
    (suppressions, gone)
}

fn note(asked: &Asked, message: String) -> Option<Finding> {
    Some(Finding {
        rule: registry::find(RULE)?.name,
        level: Level::Note,
        outcome: Outcome::Allowed,
        fingerprint: format!("{RULE}|{}", asked.text),
        message,
        primary: Step {
            place: Place::at(asked.span),
            text: "this silences nothing".into(),
            label: None,
            address: "".into(),
        },
        steps: Vec::new(),
        callers: Vec::new(),
        bucket: "".into(),
        fix: None,
        also: Vec::new(),
        environments: Vec::new(),
        only_with: None,
    })
}

/// Nothing: for suppressions of a configuration that is no file.
pub(crate) fn nowhere() -> Span {
    Span::new(crate::value::FileId(u32::MAX), 0, 0)
}
