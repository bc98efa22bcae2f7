//! The request space: per variable, the classes that patterns and conditions cut it into.
//!
//! Within a class every test at hand answers alike; each class has a short, readable witness. Class 0 is
//! the plain one.

mod signature;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use super::compare::{read_date, read_network, read_number};
use super::{ContextValue, condition};
use crate::policy::{ConditionOperator, ConditionTest};
use crate::value::{Piece, Text};

pub use signature::{SignatureLimit, witnesses};

/// One dimension of a request: a header, a key, an address.
#[derive(Debug, Clone, PartialEq)]
pub struct Variable {
    /// `x-amz-acl`, `key`, `aws:SourceIp`.
    pub name: Arc<str>,
    pub classes: Vec<Class>,
}

impl Variable {
    pub fn cost(&self, class: usize) -> u32 {
        self.classes.get(class).map_or(0, |c| c.cost)
    }
}

/// Values of a variable that every test at hand treats alike.
#[derive(Debug, Clone, PartialEq)]
pub struct Class {
    /// The witness.
    pub value: ContextValue,
    /// 0 for the plain one.
    pub cost: u32,
}

/// Which values a variable may take at all.
#[derive(Debug, Clone, PartialEq)]
pub struct Domain {
    pub may_be_absent: bool,
    pub values: DomainValues,
}

#[derive(Debug, Clone, PartialEq)]
pub enum DomainValues {
    /// Only these, such as the canned ACLs.
    Fixed(Vec<Text>),
    AnyText,
    Ip,
    Number,
    Date,
    Bool,
    /// Any text, several at once.
    Texts,
}

/// Witnesses of one condition key beyond which the space is too large.
const CLASS_LIMIT: usize = 256;

/// Cuts a condition key into classes: absent (if allowed), a witness for every reachable combination of the
/// listed values, patterns, intervals and blocks, and a value that none of them matches.
pub fn classes_of(tests: &[&ConditionTest], domain: &Domain) -> Vec<Class> {
    let mut values: Vec<ContextValue> = Vec::new();
    if domain.may_be_absent {
        values.push(ContextValue::Absent);
    }
    let mut one = |text: Text| {
        let value = ContextValue::Present(vec![text]);
        if !values.contains(&value) && values.len() < CLASS_LIMIT {
            values.push(value);
        }
    };
    match &domain.values {
        DomainValues::Fixed(legal) => legal.iter().cloned().for_each(&mut one),
        DomainValues::AnyText => texts_of(tests).into_iter().for_each(&mut one),
        DomainValues::Bool => ["true", "false"].into_iter().map(Text::literal).for_each(&mut one),
        DomainValues::Ip => addresses(tests).into_iter().for_each(&mut one),
        DomainValues::Number => numbers(tests).into_iter().for_each(&mut one),
        DomainValues::Date => dates(tests).into_iter().for_each(&mut one),
        DomainValues::Texts => {
            let single = texts_of(tests);
            single.iter().cloned().for_each(&mut one);
            // Pairs and the whole: set operators tell combinations of values apart.
            for (position, first) in single.iter().enumerate() {
                for second in single.iter().skip(position + 1) {
                    if values.len() >= CLASS_LIMIT {
                        break;
                    }
                    values.push(ContextValue::Present(vec![first.clone(), second.clone()]));
                }
            }
            if single.len() > 2 && values.len() < CLASS_LIMIT {
                values.push(ContextValue::Present(single));
            }
        }
    }
    values
        .into_iter()
        .enumerate()
        .map(|(position, value)| Class { value, cost: u32::from(position > 0) })
        .collect()
}

/// Witnesses for text: the symbolic values as they are, and one text per reachable combination of the literal ones.
fn texts_of(tests: &[&ConditionTest]) -> Vec<Text> {
    use ConditionOperator::*;
    let mut symbolic: Vec<Text> = Vec::new();
    let mut patterns: Vec<(String, bool, bool)> = Vec::new();
    for test in tests {
        let (wildcards, ignore_case) = match test.operator {
            StringLike | StringNotLike | ArnLike | ArnEquals | ArnNotLike | ArnNotEquals => (true, false),
            StringEqualsIgnoreCase | StringNotEqualsIgnoreCase => (false, true),
            Null | Unrecognized => continue,
            _ => (false, false),
        };
        for value in &test.values {
            match value.text.as_literal() {
                Some(text) => {
                    let entry = (text.to_string(), wildcards, ignore_case);
                    if !patterns.contains(&entry) {
                        patterns.push(entry);
                    }
                }
                None => {
                    let witness = unwild(&value.text, wildcards);
                    if !symbolic.contains(&witness) {
                        symbolic.push(witness);
                    }
                }
            }
        }
    }
    let mut out: Vec<Text> = symbolic;
    let found = witnesses(&patterns, "");
    out.extend(found.texts.into_iter().map(Text::literal));
    out
}

/// The text with `*` and `?` replaced by a letter.
fn unwild(text: &Text, wildcards: bool) -> Text {
    if !wildcards {
        return text.clone();
    }
    Text::from_pieces(text.pieces().iter().map(|piece| match piece {
        Piece::Literal(literal) => Piece::Literal(literal.replace(['*', '?'], "x").into()),
        unknown => unknown.clone(),
    }))
}

/// Object keys: one for every reachable combination of the resource patterns. `prefix` is the target's ARN up to
/// the key; patterns that do not begin like it only count as far as they cover every key or none.
pub fn key_classes(patterns: &[&Text], prefix: &Text) -> Vec<Text> {
    let mut literal: Vec<(String, bool, bool)> = Vec::new();
    for pattern in patterns {
        if let Some(rest) = key_part(pattern, prefix) {
            let entry = (rest, true, false);
            if !literal.contains(&entry) {
                literal.push(entry);
            }
        }
    }
    witnesses(&literal, "").texts.into_iter().map(Text::literal).collect()
}

/// What a resource pattern says about the key, where it begins with the prefix or a pattern that covers it.
fn key_part(pattern: &Text, prefix: &Text) -> Option<String> {
    let mut pattern_pieces = pattern.pieces().iter();
    let mut rest: &str = "";
    let mut open = false;
    // Letter by letter along the prefix, symbol by symbol; a `*` on the way may reach into the key.
    for piece in prefix.pieces() {
        match piece {
            Piece::Unknown(wanted) => {
                if !rest.is_empty() {
                    return rest.contains('*').then(|| after_star(rest));
                }
                match pattern_pieces.next() {
                    Some(Piece::Unknown(found)) if found.symbol.is_some() && found.symbol == wanted.symbol => {}
                    Some(Piece::Literal(literal)) if literal.contains('*') => return Some(after_star(literal)),
                    _ => return None,
                }
            }
            Piece::Literal(literal) => {
                let mut wanted: &str = literal;
                if rest.is_empty() {
                    rest = match pattern_pieces.next() {
                        Some(Piece::Literal(literal)) => literal,
                        // Another symbol: it may cover anything.
                        _ => return None,
                    };
                }
                while let Some(c) = wanted.chars().next() {
                    let Some(p) = rest.chars().next() else { break };
                    if p == '*' {
                        open = true;
                        break;
                    }
                    if p != c && p != '?' {
                        return None;
                    }
                    wanted = wanted.get(c.len_utf8()..).unwrap_or("");
                    rest = rest.get(p.len_utf8()..).unwrap_or("");
                }
                if open {
                    // The rest of the fields may lie under the star; the sixth field decides about the key.
                    let tail = rest.rsplit(':').next().unwrap_or(rest);
                    return Some(match tail.split_once('/') {
                        Some((bucket, key)) if bucket.contains('*') && !key.is_empty() => key.to_string(),
                        _ => after_star(rest),
                    });
                }
                if !wanted.is_empty() {
                    return None;
                }
            }
        }
    }
    let mut out = rest.to_string();
    for piece in pattern_pieces {
        match piece {
            Piece::Literal(literal) => out.push_str(literal),
            Piece::Unknown(_) => out.push('*'),
        }
    }
    Some(out)
}

fn after_star(rest: &str) -> String {
    rest.rfind('*').and_then(|at| rest.get(at..)).unwrap_or("*").to_string()
}

fn literal_values<'t>(tests: &'t [&ConditionTest]) -> impl Iterator<Item = &'t str> {
    tests
        .iter()
        .filter(|t| t.operator != ConditionOperator::Null)
        .flat_map(|t| t.values.iter())
        .filter_map(|v| v.text.as_literal())
}

/// An address outside every block first, then one inside each, then the points around the blocks.
fn addresses(tests: &[&ConditionTest]) -> Vec<Text> {
    let networks: Vec<IpNet> = literal_values(tests).filter_map(read_network).collect();
    let mut points: Vec<IpAddr> = vec![IpAddr::from([198, 51, 100, 1])];
    for network in &networks {
        // The first host, where there is one, reads better than the network's own address.
        points.extend(network.hosts().next());
        points.push(network.network());
        points.push(network.broadcast());
        for (edge, up) in [(network.network(), false), (network.broadcast(), true)] {
            points.extend(neighbour(edge, up));
        }
    }
    points.push(IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1]));
    points.extend(["192.0.2.1", "8.8.8.8", "2600::1"].iter().filter_map(|a| a.parse::<IpAddr>().ok()));
    let signature = |address: &IpAddr| -> Vec<bool> { networks.iter().map(|n| n.contains(address)).collect() };
    let mut seen = BTreeSet::new();
    points.retain(|point| seen.insert(signature(point)));
    // Outside everything is the plain case.
    points.sort_by_key(|point| signature(point).iter().any(|b| *b));
    points.into_iter().map(|p| Text::literal(p.to_string())).collect()
}

fn neighbour(address: IpAddr, up: bool) -> Option<IpAddr> {
    match address {
        IpAddr::V4(a) => {
            let n = u32::from(a);
            let n = if up { n.checked_add(1)? } else { n.checked_sub(1)? };
            Some(IpAddr::V4(n.into()))
        }
        IpAddr::V6(a) => {
            let n = u128::from(a);
            let n = if up { n.checked_add(1)? } else { n.checked_sub(1)? };
            Some(IpAddr::V6(n.into()))
        }
    }
}

/// Every bound, and a point in each interval between and outside.
fn numbers(tests: &[&ConditionTest]) -> Vec<Text> {
    let mut bounds: Vec<f64> = literal_values(tests).filter_map(read_number).collect();
    bounds.sort_by(f64::total_cmp);
    bounds.dedup();
    let mut points = vec![bounds.last().map_or(1.0, |last| last.floor() + 1.0)];
    for (position, bound) in bounds.iter().enumerate() {
        let before = match position.checked_sub(1).and_then(|p| bounds.get(p)) {
            None => (bound - 1.0).ceil().min(bound - 0.5),
            Some(previous) => {
                let whole = previous.floor() + 1.0;
                if whole < *bound { whole } else { previous + (bound - previous) / 2.0 }
            }
        };
        points.push(before);
        points.push(*bound);
    }
    points.into_iter().map(|n| Text::literal(n.to_string())).collect()
}

/// As [`numbers`], in epoch seconds or the date as written.
fn dates(tests: &[&ConditionTest]) -> Vec<Text> {
    let mut bounds: Vec<(i128, String)> =
        literal_values(tests).filter_map(|t| Some((read_date(t)?, t.to_string()))).collect();
    bounds.sort();
    bounds.dedup_by_key(|(millis, _)| *millis);
    let seconds = |millis: i128| Text::literal((millis.div_euclid(1000)).to_string());
    let mut points = vec![seconds(bounds.last().map_or(1_767_225_600_000, |(last, _)| last + 86_400_000))];
    for (position, (millis, written)) in bounds.iter().enumerate() {
        points.push(match position.checked_sub(1).and_then(|p| bounds.get(p)) {
            None => seconds(millis - 86_400_000),
            Some((previous, _)) => seconds(previous + (millis - previous) / 2),
        });
        points.push(Text::literal(written.as_str()));
    }
    points
}

/// The tests on one condition key, among many.
pub fn tests_on<'t>(tests: &[&'t ConditionTest], key: &str) -> Vec<&'t ConditionTest> {
    tests.iter().copied().filter(|t| t.key.as_literal().is_some_and(|k| k.eq_ignore_ascii_case(key))).collect()
}

/// What a key holds by its name: several texts, a truth value, an address, a number, a date, or any text.
pub fn domain_values(key: &str) -> DomainValues {
    let key = key.to_ascii_lowercase();
    match key.as_str() {
        "aws:sourceip" | "aws:vpcsourceip" => DomainValues::Ip,
        "aws:securetransport"
        | "aws:principalisawsservice"
        | "aws:viaawsservice"
        | "aws:multifactorauthpresent"
        | "s3:objectcreationoperation" => DomainValues::Bool,
        "aws:currenttime" | "aws:tokenissuetime" | "s3:object-lock-retain-until-date" => DomainValues::Date,
        "s3:tlsversion"
        | "s3:signatureage"
        | "s3:object-lock-remaining-retention-days"
        | "aws:epochtime"
        | "aws:multifactorauthage" => DomainValues::Number,
        key if condition::is_multivalued(key) => DomainValues::Texts,
        _ => DomainValues::AnyText,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(patterns: &[&str]) -> Vec<String> {
        let texts: Vec<Text> = patterns.iter().map(|p| Text::literal(*p)).collect();
        let texts: Vec<&Text> = texts.iter().collect();
        let mut found: Vec<String> =
            key_classes(&texts, &"arn:aws:s3:::b/".into()).iter().map(Text::display).collect();
        found.sort();
        found
    }

    #[test]
    fn object_keys() {
        assert_eq!(keys(&["arn:aws:s3:::b/*"]), ["x"]);
        assert_eq!(keys(&["*"]), ["x"]);
        assert_eq!(keys(&["arn:aws:s3:::b/logs/*"]), ["logs/x", "x"]);
        assert_eq!(keys(&["arn:aws:s3:::b/logs/*", "arn:aws:s3:::b/*.gz"]), ["logs/x", "logs/x.gz", "x", "x.gz"]);
        assert_eq!(keys(&["arn:aws:s3:::other/*"]), ["x"]);
        assert_eq!(keys(&[]), ["x"]);
    }
}
