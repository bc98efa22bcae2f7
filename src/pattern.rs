//! Wildcards, ARN patterns and policy variables, matched against texts of which parts may be symbolic.
//!
//! `Yes` and `No` hold for every completion of the symbols; everything else is `Unknown`.
//! Two literal texts are compared byte by byte without allocation.

pub mod address;
pub(crate) mod sequence;

use crate::value::{Piece, SymbolKind, Text};
use sequence::Token;

/// `Match`, `NoMatch` or unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Match {
    No,
    Unknown,
    Yes,
}

impl Match {
    pub fn of(value: bool) -> Match {
        if value { Match::Yes } else { Match::No }
    }

    /// Conjunction.
    pub fn and(self, other: Match) -> Match {
        self.min(other)
    }

    /// Disjunction.
    pub fn or(self, other: Match) -> Match {
        self.max(other)
    }
}

impl std::ops::Not for Match {
    type Output = Match;

    /// Negation of unknown is unknown.
    fn not(self) -> Match {
        match self {
            Match::No => Match::Yes,
            Match::Unknown => Match::Unknown,
            Match::Yes => Match::No,
        }
    }
}

/// What a policy variable stands for in one request.
#[derive(Debug, Clone, PartialEq)]
pub enum VariableValue {
    /// Matched literally, wildcards in it too.
    Value(Text),
    /// The key has no value: the default counts, else the whole entry matches nothing.
    Absent,
    Unknown,
}

/// Resolves the key of a policy variable.
pub type Resolver<'r> = &'r dyn Fn(&str) -> VariableValue;

/// How a pattern is read.
#[derive(Clone, Copy)]
pub struct PatternOptions<'r> {
    /// `*` and `?` are wildcards.
    pub wildcards: bool,
    pub ignore_case: bool,
    /// `${…}` is a policy variable; `None` takes it literally.
    pub variables: Option<Resolver<'r>>,
}

impl PatternOptions<'_> {
    /// Wildcards, case-sensitive, without variables.
    pub const GLOB: PatternOptions<'static> = PatternOptions {
        wildcards: true,
        ignore_case: false,
        variables: None,
    };
    /// Wildcards without regard to case, as actions are compared.
    pub const ACTION: PatternOptions<'static> = PatternOptions {
        wildcards: true,
        ignore_case: true,
        variables: None,
    };
    /// Letter by letter.
    pub const LITERAL: PatternOptions<'static> = PatternOptions {
        wildcards: false,
        ignore_case: false,
        variables: None,
    };
}

/// Does the whole of `subject` match the whole of `pattern`?
pub fn matches(pattern: &Text, subject: &Text, options: &PatternOptions) -> Match {
    if let (Some(p), Some(s)) = (pattern.as_literal(), subject.as_literal()) {
        if options.variables.is_none() || !p.contains("${") {
            return Match::of(literal_matches(p, s, options));
        }
    }
    let Some(pattern) = sequence::pattern_tokens(pattern, options) else {
        return Match::No;
    };
    let subject = sequence::subject_tokens(subject, options.ignore_case);
    sequence::compare(&pattern, &subject)
}

/// The same for two plain strings without variables.
pub fn literal_matches(pattern: &str, subject: &str, options: &PatternOptions) -> bool {
    if !options.wildcards {
        return if options.ignore_case {
            pattern == subject
                || if pattern.is_ascii() && subject.is_ascii() {
                    pattern.eq_ignore_ascii_case(subject)
                } else {
                    pattern.to_lowercase() == subject.to_lowercase()
                }
        } else {
            pattern == subject
        };
    }
    glob(pattern.as_bytes(), subject.as_bytes(), options.ignore_case)
}

/// Backtracking to the last `*` only, so linear for real patterns. `?` takes one whole UTF-8 character.
fn glob(pattern: &[u8], subject: &[u8], ignore_case: bool) -> bool {
    let (mut p, mut s) = (0usize, 0usize);
    let mut retry: Option<(usize, usize)> = None;
    loop {
        match (pattern.get(p), subject.get(s)) {
            (Some(b'*'), _) => {
                p += 1;
                if p == pattern.len() {
                    return true;
                }
                retry = Some((p, s));
                continue;
            }
            (Some(b'?'), Some(_)) => {
                s += 1;
                while subject.get(s).is_some_and(|b| b & 0xC0 == 0x80) {
                    s += 1;
                }
                p += 1;
                continue;
            }
            (Some(a), Some(b)) if a == b || ignore_case && a.eq_ignore_ascii_case(b) => {
                p += 1;
                s += 1;
                continue;
            }
            (None, None) => return true,
            _ => {}
        }
        match retry {
            Some((after, from)) if from < subject.len() => {
                retry = Some((after, from + 1));
                p = after;
                s = from + 1;
            }
            _ => return false,
        }
    }
}

/// The six fields of an ARN: the sixth keeps its own colons. `None` where there are fewer.
pub fn arn_fields(arn: &str) -> Option<[&str; 6]> {
    let mut parts = arn.splitn(6, ':');
    Some([
        parts.next()?,
        parts.next()?,
        parts.next()?,
        parts.next()?,
        parts.next()?,
        parts.next()?,
    ])
}

/// Does an ARN match an ARN pattern, field by field (spec A5, A6)?
///
/// A bare `*` matches all. A pattern with fewer than six fields is unknown where a reading of it as a
/// prefix could match. Variables count only in the sixth field; an earlier one is never a certain match.
pub fn arn_matches(pattern: &Text, subject: &Text, options: &PatternOptions) -> Match {
    if let (Some(p), Some(s)) = (pattern.as_literal(), subject.as_literal()) {
        if p == "*" {
            return Match::Yes;
        }
        if options.variables.is_none() || !p.contains("${") {
            return match (arn_fields(p), arn_fields(s)) {
                (Some(p), Some(s)) => Match::of(
                    p.iter()
                        .zip(s.iter())
                        .all(|(p, s)| literal_matches(p, s, options)),
                ),
                (None, _) => short_pattern(p, s, options),
                (Some(_), None) => Match::No,
            };
        }
    }
    symbolic_arn_matches(pattern, subject, options)
}

/// A pattern of fewer than six fields: certain only where no reading of it as a prefix matches.
fn short_pattern(pattern: &str, subject: &str, options: &PatternOptions) -> Match {
    let mut subject_fields = subject.split(':');
    let mut pattern_fields = pattern.split(':').peekable();
    while let (Some(p), Some(s)) = (pattern_fields.next(), subject_fields.next()) {
        let last = pattern_fields.peek().is_none();
        let may_go_on = last && p.contains('*');
        if !may_go_on && !literal_matches(p, s, options) {
            return Match::No;
        }
    }
    Match::Unknown
}

fn symbolic_arn_matches(pattern: &Text, subject: &Text, options: &PatternOptions) -> Match {
    let Some(pattern) = sequence::pattern_tokens(pattern, options) else {
        return Match::No;
    };
    if matches!(pattern.as_slice(), [Token::Many]) {
        return Match::Yes;
    }
    let subject = sequence::subject_tokens(subject, options.ignore_case);
    match (sequence::fields(&pattern), sequence::fields(&subject)) {
        (sequence::Fields::Six(p), sequence::Fields::Six(s)) => p
            .iter()
            .zip(s.iter())
            .map(|(p, s)| sequence::compare(p, s))
            .min()
            .unwrap_or(Match::Unknown),
        (sequence::Fields::Six(_), sequence::Fields::Fewer) => Match::No,
        (sequence::Fields::Fewer, _) => Match::Unknown,
        _ => match sequence::compare(&pattern, &subject) {
            // A wildcard of the whole-text comparison could have crossed a colon; what follows a shared
            // symbol that holds the fields cannot.
            Match::Yes if !sequence::shares_hidden_fields(&pattern, &subject) => Match::Unknown,
            answer => answer,
        },
    }
}

/// True where a symbol of this kind may stand for text with colons, such as a whole ARN.
pub(crate) fn may_hide_colons(kind: SymbolKind) -> bool {
    matches!(
        kind,
        SymbolKind::Resource | SymbolKind::Data | SymbolKind::Input | SymbolKind::Import
    )
}

/// What the symbolic parts of a text hang on, for a reader: the first reason.
pub fn because(text: &Text) -> Option<std::sync::Arc<str>> {
    text.pieces().iter().find_map(|piece| match piece {
        Piece::Unknown(unknown) => Some(unknown.reason.clone()),
        Piece::Literal(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{ScopeId, Symbol, Unknown};

    fn symbol(kind: SymbolKind, subject: &str) -> Symbol {
        Symbol {
            scope: ScopeId(0),
            kind,
            subject: subject.into(),
            attribute: "".into(),
        }
    }

    /// `<n:a>` is a generated name, `<i:x>` an input, `<r:x>` a resource attribute, `<a>` the account,
    /// `<g>` the region, `<p>` the partition.
    fn text(written: &str) -> Text {
        let mut text = Text::default();
        let mut rest = written;
        while let Some((before, after)) = rest.split_once('<') {
            let (name, tail) = after.split_once('>').unwrap();
            text.push_str(before);
            let (kind, subject) = match name.split_once(':') {
                Some(("n", s)) => (SymbolKind::GeneratedName, s),
                Some(("i", s)) => (SymbolKind::Input, s),
                Some((_, s)) => (SymbolKind::Resource, s),
                None if name == "a" => (SymbolKind::Account, ""),
                None if name == "g" => (SymbolKind::Region, ""),
                None => (SymbolKind::Partition, ""),
            };
            text.push_unknown(Unknown::symbol(symbol(kind, subject), "unknown"));
            rest = tail;
        }
        text.push_str(rest);
        text
    }

    #[test]
    fn globs() {
        for (pattern, subject, answer) in [
            ("*", "", true),
            ("a*c", "abbc", true),
            ("a*c", "abbd", false),
            ("a?c", "aéc", true),
            ("a?c", "ac", false),
            ("*a*b", "xaxxb", true),
            ("**", "x", true),
            ("a*", "", false),
            ("", "", true),
        ] {
            assert_eq!(
                literal_matches(pattern, subject, &PatternOptions::GLOB),
                answer,
                "{pattern} {subject}"
            );
        }
    }

    #[test]
    fn symbols_in_globs() {
        for (pattern, subject, answer) in [
            ("<n:b>/*", "<n:b>/k", Match::Yes),
            ("<n:b>/q/*", "<n:b>/k/1", Match::No),
            ("<i:b>/q/*", "<i:b>/k/1", Match::No),
            ("<n:a>/*", "<n:b>/k", Match::No),
            ("<n:a>/*", "lit/k", Match::No),
            ("lit-*", "<n:b>", Match::Unknown),
            ("lit/*", "<n:b>", Match::No),
            ("*", "<n:b>/x", Match::Yes),
            ("<i:x>", "anything", Match::Unknown),
            ("<a>", "123456789012", Match::Unknown),
            ("<a>", "bucket", Match::No),
            ("<g>", "us-east-1", Match::Unknown),
            ("<g>", "US", Match::No),
            ("<p>", "aws-cn", Match::Unknown),
            ("<p>", "gcp", Match::No),
            ("*/<n:a>", "x/<n:b>", Match::No),
            ("x*<i:a>", "x/<i:a>", Match::Yes),
        ] {
            assert_eq!(
                matches(&text(pattern), &text(subject), &PatternOptions::GLOB),
                answer,
                "{pattern} {subject}"
            );
        }
    }

    #[test]
    fn arns() {
        for (pattern, subject, answer) in [
            ("arn:aws:s3:::b*", "arn:aws:s3:::b/k", Match::Yes),
            ("arn:aws:s3:::b", "arn:aws:s3:::b/k", Match::No),
            ("arn:*:s3:::b/*", "arn:aws-cn:s3:::b/k", Match::Yes),
            ("arn:*/k", "arn:aws:s3:::b/k", Match::Unknown),
            ("arn:aws:s3*", "arn:aws:s3:::b/k", Match::Unknown),
            ("arn:aws:sqs*", "arn:aws-x:s3:::b/k", Match::No),
            ("arn:aws:s3:::<n:b>/*", "arn:aws:s3:::<n:b>/k", Match::Yes),
            ("<r:b.arn>/*", "<r:b.arn>/k", Match::Yes),
            ("<r:b.arn>", "<r:b.arn>/k", Match::No),
            ("<r:b.arn>/*", "arn:aws:s3:::b/k", Match::Unknown),
            (
                "arn:aws:iam::<a>:role/x",
                "arn:aws:iam::<a>:role/x",
                Match::Yes,
            ),
            (
                "arn:aws:iam::<a>:role/x",
                "arn:aws:iam::111122223333:role/y",
                Match::No,
            ),
            (
                "arn:<p>:s3:::<n:b>/*",
                "arn:aws:s3:::<n:b>/k",
                Match::Unknown,
            ),
            ("arn:aws:s3:::<i:x>-b/*", "arn:aws:s3:::lit/k", Match::No),
            (
                "arn:aws:s3:::<i:x>-b/*",
                "arn:aws:s3:::lit-b/k",
                Match::Unknown,
            ),
            ("arn:aws:s3:::<i:x>/*", "arn:aws:s3:::lit", Match::No),
        ] {
            assert_eq!(
                arn_matches(&text(pattern), &text(subject), &PatternOptions::GLOB),
                answer,
                "{pattern} {subject}"
            );
        }
    }

    #[test]
    fn variables() {
        let resolver = |key: &str| match key.to_ascii_lowercase().as_str() {
            "aws:username" => VariableValue::Value(Text::literal("u*")),
            "aws:userid" => VariableValue::Unknown,
            _ => VariableValue::Absent,
        };
        let options = PatternOptions {
            variables: Some(&resolver),
            ..PatternOptions::GLOB
        };
        for (pattern, subject, answer) in [
            ("${aws:username}/*", "u*/k", Match::Yes),
            ("${AWS:username}/*", "ux/k", Match::No),
            ("${aws:x, 'team'}/*", "team/k", Match::Yes),
            ("${aws:x}/*", "team/k", Match::No),
            ("*${aws:x}", "team/k", Match::No),
            ("${aws:userid}/k", "team/k", Match::Unknown),
            ("${aws:userid}/k", "team/q", Match::No),
            ("a${*}b", "a*b", Match::Yes),
            ("a${*}b", "axb", Match::No),
            ("a${$}b${?}", "a$b?", Match::Yes),
            ("a${open", "a${open", Match::Yes),
        ] {
            assert_eq!(
                matches(&text(pattern), &text(subject), &options),
                answer,
                "{pattern} {subject}"
            );
        }
        assert_eq!(
            matches(
                &text("${aws:username}"),
                &text("${aws:username}"),
                &PatternOptions::GLOB
            ),
            Match::Yes
        );
    }
}
