//! What a suppression asks for, read from comments, metadata and the configuration.

use std::collections::BTreeSet;

use super::{Configured, Settings, nowhere};
use crate::files::SourceFile;
use crate::files::globs::Globs;
use crate::pattern::{PatternOptions, literal_matches};
use crate::report::plain::shorten;
use crate::rule::Finding;
use crate::rule::registry;
use crate::source::{Comment, Resource, Sources};
use crate::value::{Span, ValueKind};

/// What a suppression asks for.
pub struct Asked {
    pub span: Span,
    /// As it is written, for the fingerprint.
    pub text: String,
    /// Each name as written, with the rule that it means; empty where there is none.
    rules: Vec<(String, &'static str)>,
    /// False where the brackets are missing.
    well_formed: bool,
    pub reason: String,
    /// The last day that it counts.
    until: Option<String>,
    /// First and last line that it speaks of.
    first: u32,
    last: u32,
    /// The same for the same suppression in another revision: no line number.
    pub key: String,
    /// True where the earlier commit that decides does not have it.
    pub new: bool,
    /// A suppression of the configuration, and its path.
    pub configured: Option<(Configured, Option<Globs>)>,
}

/// Every suppression of the sources and the configuration.
pub fn all(sources: &mut Sources, settings: &Settings) -> Vec<Asked> {
    let mut out: Vec<Asked> = sources
        .comments
        .iter()
        .map(|c| Asked::read(c, sources))
        .collect();
    for resource in &sources.resources {
        out.extend(Asked::metadata(resource, sources));
    }
    // Instances of one block state the same suppression.
    let mut seen = BTreeSet::new();
    out.retain(|one| seen.insert((one.span, one.text.clone())));
    for configured in &settings.configured {
        out.push(Asked::configured(configured, sources));
    }
    out
}

impl Asked {
    fn read(comment: &Comment, sources: &Sources) -> Asked {
        let file = sources.files.get(comment.span.file);
        let (first, last) = file.map_or((0, 0), |file| lines(file, comment));
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
            .map(|name| (name.to_string(), known(name)))
            .collect();
        let (until, reason) = dated(reason);
        // Where it stands: the blocks around its line, or else the line itself.
        let mut around: Vec<&str> = sources
            .resources
            .iter()
            .filter(|r| r.block.file == comment.span.file)
            .filter(|r| {
                file.is_some_and(|file| {
                    file.line_column(r.block.start).0 <= first
                        && first <= file.line_column(r.block.end).0
                })
            })
            .map(|r| &*r.address)
            .collect();
        around.sort_unstable();
        around.dedup();
        let stands = match (around.is_empty(), file) {
            (true, Some(file)) => {
                format!("{} {}", file.path, file.line(first).unwrap_or("").trim())
            }
            _ => around.join(","),
        };
        Asked {
            span: comment.span,
            text: comment.text.to_string(),
            rules,
            well_formed: inside.is_some(),
            reason,
            until,
            first,
            last,
            key: format!("{stands}\u{0}{}", comment.text),
            new: false,
            configured: None,
        }
    }

    /// The suppressions in a resource's metadata.
    fn metadata(resource: &Resource, sources: &Sources) -> Vec<Asked> {
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
            .map(|(name, entry)| {
                let written = entry.value.as_str().unwrap_or_default().to_string();
                let (until, reason) = dated(&written);
                Asked {
                    span: entry.key_place.span,
                    text: name.to_string(),
                    rules: vec![(name.to_string(), known(name))],
                    well_formed: true,
                    reason,
                    until,
                    first: file.line_column(resource.block.start).0,
                    last: file.line_column(resource.block.end).0,
                    key: format!("{}\u{0}{name}\u{0}{written}", resource.address),
                    new: false,
                    configured: None,
                }
            })
            .collect()
    }

    fn configured(configured: &Configured, sources: &mut Sources) -> Asked {
        let span = match &configured.file {
            Some((path, text, range)) => {
                let known = sources.files.iter().find(|(_, f)| f.path == *path);
                let id = known.map(|(id, _)| id);
                let id = id.unwrap_or_else(|| {
                    sources
                        .files
                        .add(SourceFile::new(path.clone(), text.clone()))
                });
                Span::new(id, range.start, range.end)
            }
            None => nowhere(),
        };
        let rules = match &configured.rule {
            None => Vec::new(),
            Some(name) => {
                let meant = registry::select(name);
                if meant.is_empty() {
                    vec![(name.clone(), "")]
                } else {
                    meant.into_iter().map(|rule| (name.clone(), rule)).collect()
                }
            }
        };
        let path = configured.path.clone();
        let globs = path.and_then(|path| Globs::new(&[path]).ok());
        let described: Vec<&str> = [&configured.rule, &configured.path, &configured.address]
            .into_iter()
            .map(|part| part.as_deref().unwrap_or("*"))
            .collect();
        Asked {
            span,
            text: described.join(" "),
            rules,
            well_formed: true,
            reason: configured.reason.clone(),
            until: configured.expires.clone(),
            first: 0,
            last: 0,
            key: described.join("\u{0}"),
            new: false,
            configured: Some((configured.clone(), globs)),
        }
    }

    /// True for a finding that this one silences, as far as its place, its rule and its own faults go.
    pub fn covers(&self, finding: &Finding, sources: &Sources, settings: &Settings) -> bool {
        let span = finding.primary.place.span;
        let Some(file) = sources.files.get(span.file) else {
            return false;
        };
        let here = match &self.configured {
            Some((configured, globs)) => {
                let path = configured.path.is_none()
                    || globs.as_ref().is_some_and(|globs| globs.name(&file.path));
                let address = configured.address.as_ref().is_none_or(|pattern| {
                    literal_matches(pattern, &finding.primary.address, &PatternOptions::GLOB)
                });
                path && address
            }
            None => {
                let (line, _) = file.line_column(span.start);
                self.span.file == span.file && self.first <= line && line <= self.last
            }
        };
        let any = self.rules.is_empty() && self.configured.is_some();
        here && self.fault(settings).is_none()
            && (any || self.rules.iter().any(|(_, rule)| *rule == finding.rule))
    }

    /// Why it silences nothing, wherever it stands.
    pub fn fault(&self, settings: &Settings) -> Option<String> {
        if !self.well_formed || (self.rules.is_empty() && self.configured.is_none()) {
            return Some(
                "suppression names no rule: write `iaclint: ignore[rule] reason`".to_string(),
            );
        }
        if settings.require_reason && self.reason.is_empty() {
            return Some("suppression gives no reason, so it silences nothing".into());
        }
        match (&self.until, &settings.today) {
            (Some(until), _) if !is_day(until) => Some(format!(
                "suppression until `{}`, which is no day: write it as 2027-01-31",
                shorten(until, 40)
            )),
            // Days in this form are ordered as text.
            (Some(until), Some(today)) if until < today => {
                Some(format!("suppression expired on {until}"))
            }
            _ => None,
        }
    }

    /// What is to be said of it, when the rules that it silenced are known.
    pub fn faults(&self, used: &BTreeSet<&'static str>, settings: &Settings) -> Vec<String> {
        if let Some(fault) = self.fault(settings) {
            return vec![fault];
        }
        if self.configured.is_some() {
            let unknown = self.rules.iter().find(|(_, rule)| rule.is_empty());
            return match unknown {
                Some((name, _)) => vec![no_rule(name)],
                None if used.is_empty() => {
                    vec![format!(
                        "suppression of `{}`, which is not reported",
                        shorten(&self.text, 200)
                    )]
                }
                None => Vec::new(),
            };
        }
        self.rules
            .iter()
            .filter(|(_, rule)| !used.contains(rule))
            .map(|(name, rule)| match *rule {
                "" => no_rule(name),
                _ => format!("suppression of `{name}`, which is not reported here"),
            })
            .collect()
    }

    /// The rules as they are written.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.rules.iter().map(|(name, _)| name.clone()).collect();
        names.dedup();
        names
    }
}

fn no_rule(name: &str) -> String {
    let hint =
        registry::nearest(name).map_or(String::new(), |n| format!("; `{n}` is the nearest name"));
    format!(
        "suppression of `{}`, which is no rule{hint}",
        shorten(name, 80)
    )
}

/// The rule of a name; empty for none.
fn known(name: &str) -> &'static str {
    registry::find(name).map_or("", |page| page.name)
}

/// `until 2027-01-31 reason`: the day and the rest.
fn dated(reason: &str) -> (Option<String>, String) {
    let reason = reason.trim();
    match reason.strip_prefix("until ").map(str::trim_start) {
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_digit()) => {
            let (day, words) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
            let day = day.trim_end_matches([':', ',']);
            (Some(day.to_string()), words.trim().to_string())
        }
        _ => (None, reason.to_string()),
    }
}

/// `2027-01-31`, as far as its form goes.
fn is_day(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts[..] else {
        return false;
    };
    let number = |text: &str, digits: usize, last: u32| {
        text.len() == digits
            && text.bytes().all(|b| b.is_ascii_digit())
            && text.parse().is_ok_and(|n: u32| (1..=last).contains(&n))
    };
    number(year, 4, 9999) && number(month, 2, 12) && number(day, 2, 31)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_may_begin_with_its_last_day() {
        for (written, day, reason) in [
            ("the uploader sends it", None, "the uploader sends it"),
            (
                " until 2027-01-31 after the move",
                Some("2027-01-31"),
                "after the move",
            ),
            (
                "until 2027-01-31: after the move",
                Some("2027-01-31"),
                "after the move",
            ),
            ("until 2027-1-3", Some("2027-1-3"), ""),
            ("until the move is done", None, "until the move is done"),
        ] {
            let (until, rest) = dated(written);
            assert_eq!(
                (until.as_deref(), rest.as_str()),
                (day, reason),
                "{written}"
            );
        }
        assert!(is_day("2027-01-31") && !is_day("2027-1-3") && !is_day("2027-13-01"));
    }
}
