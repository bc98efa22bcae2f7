//! The request space: per variable, the classes that patterns and conditions cut it into.
//!
//! Within a class every test at hand answers alike; each class has a short, readable witness. Class 0 is
//! the plain one.

mod automaton;
mod cuts;
mod keys;
mod points;
mod signature;

use std::net::IpAddr;
use std::sync::Arc;

use super::compare::{read_date, read_number};
use super::{ContextValue, RequestContext, condition};
use crate::policy::{ConditionOperator, ConditionTest};
use crate::value::Text;

use cuts::texts_of;
pub use keys::{Keys, key_classes};
use points::{addresses, dates, literal_values, numbers};

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
    /// What the operators at hand compare: the key is not AWS's, and its name says nothing.
    AsTested,
    Ip,
    Number,
    Date,
    Bool,
    /// Any text, several at once.
    Texts,
}

/// Witnesses of one condition key beyond which the space is too large.
const CLASS_LIMIT: usize = 256;
/// Single values of a multivalued key of which every set is tried.
const SET_LIMIT: usize = 6;

/// The classes of a variable. Where they are not `complete`, a search that finds nothing proves nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct Classes {
    pub classes: Vec<Class>,
    pub complete: bool,
}

/// Texts with the word whether they stand for all.
pub struct Points {
    texts: Vec<Text>,
    complete: bool,
}

/// Cuts a condition key into classes: absent (if allowed), a witness for every reachable combination of the
/// listed values, patterns, intervals and blocks, and a value that none of them matches. `context` gives the
/// values of policy variables.
pub fn classes_of(tests: &[&ConditionTest], domain: &Domain, context: &RequestContext) -> Classes {
    let mut values: Vec<ContextValue> = Vec::new();
    let mut complete = true;
    if domain.may_be_absent {
        values.push(ContextValue::Absent);
    }
    let single = points_of(tests, &domain.values, context);
    complete &= single.complete;
    let mut add = |texts: Vec<Text>| {
        let value = ContextValue::Present(texts);
        if values.contains(&value) {
            return;
        }
        if values.len() < CLASS_LIMIT {
            values.push(value);
        } else {
            complete = false;
        }
    };
    for text in &single.texts {
        add(vec![text.clone()]);
    }
    if domain.values == DomainValues::Texts {
        // A set operator answers by which classes its values are in: every set of them is another case.
        if single.texts.len() <= SET_LIMIT {
            for chosen in 1..(1usize << single.texts.len()) {
                let picked = single.texts.iter().enumerate();
                add(picked
                    .filter(|(at, _)| chosen >> at & 1 == 1)
                    .map(|(_, text)| text.clone())
                    .collect());
            }
        } else {
            for (position, first) in single.texts.iter().enumerate() {
                for second in single.texts.iter().skip(position + 1) {
                    add(vec![first.clone(), second.clone()]);
                }
            }
            add(single.texts.clone());
            complete = false;
        }
    }
    let classes = values
        .into_iter()
        .enumerate()
        .map(|(position, value)| Class {
            value,
            cost: u32::from(position > 0),
        })
        .collect();
    Classes { classes, complete }
}

/// What kind of value an operator compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Compared {
    Text,
    Number,
    Date,
    Bool,
    Bytes,
    Address,
    /// Presence only, or nothing that is understood: every value answers alike.
    Nothing,
}

fn compared(operator: ConditionOperator) -> Compared {
    use ConditionOperator::*;
    match operator {
        StringEquals
        | StringNotEquals
        | StringEqualsIgnoreCase
        | StringNotEqualsIgnoreCase
        | StringLike
        | StringNotLike
        | ArnEquals
        | ArnLike
        | ArnNotEquals
        | ArnNotLike => Compared::Text,
        NumericEquals
        | NumericNotEquals
        | NumericLessThan
        | NumericLessThanEquals
        | NumericGreaterThan
        | NumericGreaterThanEquals => Compared::Number,
        DateEquals
        | DateNotEquals
        | DateLessThan
        | DateLessThanEquals
        | DateGreaterThan
        | DateGreaterThanEquals => Compared::Date,
        Bool => Compared::Bool,
        BinaryEquals => Compared::Bytes,
        IpAddress | NotIpAddress => Compared::Address,
        Null | Unrecognized => Compared::Nothing,
    }
}

/// Single values of a key. Operators of several kinds on one key are tried each for itself only.
fn points_of(tests: &[&ConditionTest], values: &DomainValues, context: &RequestContext) -> Points {
    let of_kind = |kind: Compared| -> Vec<&ConditionTest> {
        tests
            .iter()
            .copied()
            .filter(|t| compared(t.operator) == kind)
            .collect()
    };
    let mut kinds: Vec<Compared> = tests.iter().map(|t| compared(t.operator)).collect();
    kinds.retain(|kind| *kind != Compared::Nothing);
    kinds.sort_unstable();
    kinds.dedup();
    let literals = |texts: &[&str]| texts.iter().map(|t| Text::literal(*t)).collect::<Vec<_>>();
    let (texts, own) = match values {
        DomainValues::Fixed(legal) => {
            return Points {
                texts: legal.clone(),
                complete: true,
            };
        }
        DomainValues::Bool => {
            return Points {
                texts: literals(&["true", "false"]),
                complete: true,
            };
        }
        DomainValues::Ip => (addresses(tests), Compared::Address),
        DomainValues::Number => (numbers(tests), Compared::Number),
        DomainValues::Date => (dates(tests), Compared::Date),
        DomainValues::AnyText | DomainValues::AsTested | DomainValues::Texts => {
            let typed = !kinds.is_empty() && !kinds.contains(&Compared::Text);
            let mut found = match *values == DomainValues::AsTested && typed {
                true => Points {
                    texts: Vec::new(),
                    complete: true,
                },
                false => texts_of(&of_kind(Compared::Text), context),
            };
            found.complete &= kinds.len() <= 1;
            for kind in &kinds {
                let tests = of_kind(*kind);
                found.texts.extend(match kind {
                    Compared::Text | Compared::Nothing => Vec::new(),
                    Compared::Number => numbers(&tests),
                    Compared::Date => dates(&tests),
                    Compared::Bool => literals(&["true", "false"]),
                    Compared::Bytes => {
                        let mut listed: Vec<&str> = literal_values(&tests).collect();
                        listed.sort_unstable();
                        listed.push("eA==");
                        literals(&listed)
                    }
                    Compared::Address => addresses(&tests),
                });
                found.complete &= *kind == Compared::Text || tests.iter().all(|t| is_literal(t));
            }
            return found;
        }
    };
    // A listed text that is a value of the domain as it is written is among the points already.
    let plain = |test: &&ConditionTest| {
        let exact = matches!(
            test.operator,
            ConditionOperator::StringEquals | ConditionOperator::StringNotEquals
        );
        let known = |text: &Text| {
            texts.contains(text) || text.as_literal().is_some_and(|t| !in_domain(own, t))
        };
        compared(test.operator) == own && is_literal(test)
            || compared(test.operator) == Compared::Nothing
            || exact && is_literal(test) && test.values.iter().all(|v| known(&v.text))
    };
    let complete = tests.iter().all(plain);
    Points { texts, complete }
}

fn in_domain(kind: Compared, text: &str) -> bool {
    match kind {
        Compared::Number => read_number(text).is_some(),
        Compared::Date => read_date(text).is_some(),
        Compared::Address => text.trim().parse::<IpAddr>().is_ok(),
        _ => true,
    }
}

/// Every listed value is known and holds no policy variable.
fn is_literal(test: &ConditionTest) -> bool {
    test.values
        .iter()
        .all(|v| v.text.as_literal().is_some_and(|t| !t.contains("${")))
}

/// The tests on one condition key, among many.
pub fn tests_on<'t>(tests: &[&'t ConditionTest], key: &str) -> Vec<&'t ConditionTest> {
    tests
        .iter()
        .copied()
        .filter(|t| {
            t.key
                .as_literal()
                .is_some_and(|k| k.eq_ignore_ascii_case(key))
        })
        .collect()
}

/// What a key holds by its name: several texts, a truth value, an address, a number, a date, or any text. A key that is
/// not AWS's holds what it is tested as.
pub fn domain_values(key: &str) -> DomainValues {
    let key = key.to_ascii_lowercase();
    match key.as_str() {
        "aws:sourceip" | "aws:vpcsourceip" => DomainValues::Ip,
        "aws:securetransport"
        | "aws:principalisawsservice"
        | "aws:viaawsservice"
        | "aws:multifactorauthpresent"
        | "s3:objectcreationoperation" => DomainValues::Bool,
        "aws:currenttime" | "aws:tokenissuetime" | "s3:object-lock-retain-until-date" => {
            DomainValues::Date
        }
        "s3:tlsversion"
        | "s3:signatureage"
        | "s3:object-lock-remaining-retention-days"
        | "aws:epochtime"
        | "aws:multifactorauthage" => DomainValues::Number,
        key if condition::is_multivalued(key) => DomainValues::Texts,
        key if ["aws:", "s3:", "kms:"].iter().any(|p| key.starts_with(p)) => DomainValues::AnyText,
        _ => DomainValues::AsTested,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn test(written: &str, values: &[&str]) -> ConditionTest {
        let place = crate::value::Place::at(crate::value::Span::new(crate::value::FileId(0), 0, 0));
        let (set, operator, if_exists) = crate::policy::operator::read_operator(written);
        ConditionTest {
            operator,
            if_exists,
            set,
            key: Text::literal("k"),
            key_place: place.clone(),
            values: values
                .iter()
                .map(|v| crate::policy::PlacedText {
                    text: Text::literal(*v),
                    place: place.clone(),
                    guards: Vec::new(),
                })
                .collect(),
            open: false,
            written: written.into(),
            place,
        }
    }

    #[test]
    fn classes() {
        use DomainValues::*;
        for (tests, values, wanted, complete) in [
            (
                vec![("StringEquals", &["a", "b"][..])],
                AnyText,
                vec!["x", "a", "b"],
                true,
            ),
            (
                vec![("ArnLike", &["arn:aws:kms:*:1:key/*"])],
                AnyText,
                vec!["x", "arn:aws:s3:::x", "arn:aws:kms:x:1:key/x"],
                true,
            ),
            (
                vec![("NumericLessThan", &["10"])],
                AnyText,
                vec!["x", "11", "9", "10"],
                true,
            ),
            (
                vec![("NumericLessThan", &["10"])],
                AsTested,
                vec!["11", "9", "10"],
                true,
            ),
            (
                vec![("BinaryEquals", &["YQ=="])],
                AsTested,
                vec!["YQ==", "eA=="],
                true,
            ),
            (
                vec![("NumericLessThan", &["10"]), ("StringLike", &["1*"])],
                AnyText,
                vec!["x", "1x", "11", "9", "10"],
                false,
            ),
            (
                vec![("IpAddress", &["10.0.0.0/8"])],
                Ip,
                vec!["198.51.100.1", "10.0.0.1"],
                true,
            ),
            (
                vec![("StringLike", &["10.*"])],
                Ip,
                vec!["198.51.100.1"],
                false,
            ),
            (
                vec![("NumericLessThan", &["1.2"])],
                Number,
                vec!["2", "0.7", "1.2"],
                true,
            ),
            (
                vec![("StringEquals", &["1.2"])],
                Number,
                vec!["2", "0.7", "1.2"],
                true,
            ),
            (
                vec![("ForAnyValue:StringEquals", &["a"])],
                Texts,
                vec!["x", "a", "x,a"],
                true,
            ),
        ] {
            let tests: Vec<ConditionTest> = tests.iter().map(|(o, v)| test(o, v)).collect();
            let domain = Domain {
                may_be_absent: false,
                values,
            };
            let found = classes_of(
                &tests.iter().collect::<Vec<_>>(),
                &domain,
                &RequestContext::default(),
            );
            let shown: Vec<String> = found
                .classes
                .iter()
                .map(|c| match &c.value {
                    ContextValue::Present(v) => {
                        v.iter().map(Text::display).collect::<Vec<_>>().join(",")
                    }
                    other => format!("{other:?}"),
                })
                .collect();
            assert_eq!(
                shown,
                wanted,
                "{:?}",
                tests.iter().map(|t| &t.written).collect::<Vec<_>>()
            );
            assert_eq!(found.complete, complete, "{wanted:?}");
        }
    }
}
