//! Suppression comments: `# iaclint: ignore[rule] reason`, on the line itself or on the line before a block;
//! in templates also `Metadata: {iaclint: {ignore: {rule: reason}}}` of a resource, for its whole block.
//!
//! A suppression that silences nothing, names no rule or gives no reason is itself reported, as a note.

use std::collections::BTreeSet;

use crate::files::SourceFile;
use crate::report::plain::shorten;
use crate::rule::registry;
use crate::rule::{Finding, Level, Outcome, Step};
use crate::source::{Comment, Resource, Sources};
use crate::value::{Place, Span, ValueKind};

/// Name of the rule about comments that do nothing.
const RULE: &str = "unused-suppression";

/// Takes the silenced findings out, adds a note for each comment without effect, and says how many were silenced.
pub fn apply(findings: &mut Vec<Finding>, sources: &Sources) -> usize {
    let before = findings.len();
    // (suppression, rule) pairs that silenced something.
    let mut used = BTreeSet::new();
    let comments = sources.comments.iter().map(|c| Asked::read(c, sources));
    let metadata = sources
        .resources
        .iter()
        .flat_map(|resource| Asked::metadata(resource, sources));
    // A template that is read in several environments says the same thing in each.
    let mut said = BTreeSet::new();
    let asked: Vec<Asked> = comments
        .chain(metadata)
        .filter(|a| said.insert((a.span, a.text)))
        .collect();
    findings.retain(|finding| {
        let span = finding.primary.place.span;
        let Some(file) = sources.files.get(span.file) else {
            return true;
        };
        let (line, _) = file.line_column(span.start);
        let mut silenced = false;
        for (index, asked) in asked.iter().enumerate() {
            let covers = asked.span.file == span.file && asked.first <= line && line <= asked.last;
            if covers && asked.reason && asked.rules.iter().any(|(_, rule)| *rule == finding.rule) {
                used.insert((index, finding.rule));
                silenced = true;
            }
        }
        !silenced
    });
    let silenced = before - findings.len();
    for (index, asked) in asked.iter().enumerate() {
        for message in asked.faults(index, &used) {
            findings.extend(note(asked, message));
        }
    }
    silenced
}

/// What a suppression asks for.
struct Asked<'s> {
    span: Span,
    /// As it is written, for the fingerprint.
    text: &'s str,
    /// Each name as written, with the rule that it means; empty where there is none.
    rules: Vec<(&'s str, &'static str)>,
    /// False where the brackets are missing.
    well_formed: bool,
    reason: bool,
    /// First and last line that it speaks of.
    first: u32,
    last: u32,
}

impl<'s> Asked<'s> {
    fn read(comment: &'s Comment, sources: &Sources) -> Asked<'s> {
        let (first, last) = sources
            .files
            .get(comment.span.file)
            .map_or((0, 0), |file| lines(file, comment));
        let inside = comment
            .text
            .split_once("iaclint:")
            .and_then(|(_, rest)| rest.trim_start().strip_prefix("ignore["))
            .and_then(|rest| rest.split_once(']'));
        let (names, reason) = inside.unwrap_or_default();
        let rules = names
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty())
            .map(|name| (name, known(name)))
            .collect();
        Asked {
            span: comment.span,
            text: &comment.text,
            rules,
            well_formed: inside.is_some(),
            reason: !reason.trim().is_empty(),
            first,
            last,
        }
    }

    /// The suppressions in a resource's metadata.
    fn metadata(resource: &'s Resource, sources: &Sources) -> Vec<Asked<'s>> {
        let listed = resource
            .attributes
            .get("Metadata")
            .and_then(|metadata| metadata.get("iaclint"))
            .and_then(|own| own.get("ignore"));
        let (Some(ValueKind::Map(listed)), Some(file)) = (
            listed.map(|l| &l.kind),
            sources.files.get(resource.block.file),
        ) else {
            return Vec::new();
        };
        listed
            .iter()
            .map(|(name, entry)| Asked {
                span: entry.key_place.span,
                text: name,
                rules: vec![(&**name, known(name))],
                well_formed: true,
                reason: entry.value.as_str().is_some_and(|r| !r.trim().is_empty()),
                first: file.line_column(resource.block.start).0,
                last: file.line_column(resource.block.end).0,
            })
            .collect()
    }

    fn faults(&self, index: usize, used: &BTreeSet<(usize, &'static str)>) -> Vec<String> {
        if !self.well_formed || self.rules.is_empty() {
            return vec!["suppression names no rule: write `iaclint: ignore[rule] reason`".into()];
        }
        if !self.reason {
            return vec!["suppression gives no reason, so it silences nothing".into()];
        }
        self.rules
            .iter()
            .filter(|(_, rule)| !used.contains(&(index, *rule)))
            .map(|(name, rule)| match *rule {
                "" => {
                    let hint = registry::nearest(name)
                        .map_or(String::new(), |n| format!("; `{n}` is the nearest name"));
                    format!(
                        "suppression of `{}`, which is no rule{hint}",
                        shorten(name, 80)
                    )
                }
                _ => format!("suppression of `{name}`, which is not reported here"),
            })
            .collect()
    }
}

/// The rule of a name; empty for none.
fn known(name: &str) -> &'static str {
    registry::find(name).map_or("", |page| page.name)
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

/// First and last line that a comment speaks of: its own, or the next one with what is indented below it.
fn lines(file: &SourceFile, comment: &Comment) -> (u32, u32) {
    let (own, _) = file.line_column(comment.span.start);
    if !comment.own_line {
        return (own, own);
    }
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut first = own + 1;
    while file
        .line(first)
        .is_some_and(|l| l.trim().is_empty() || l.trim_start().starts_with(['#', '/']))
    {
        first += 1;
    }
    let depth = file.line(first).map_or(0, indent);
    let mut last = first;
    while file
        .line(last + 1)
        .is_some_and(|l| l.trim().is_empty() || indent(l) > depth)
    {
        last += 1;
    }
    (first, last)
}
