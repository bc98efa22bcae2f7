//! One condition test against one request: operators, set operators, missing keys (spec 1.7).

use std::sync::Arc;

use super::compare::{compare_binary, compare_bool, compare_date, compare_ip, compare_number};
use super::{ContextValue, Match, RequestContext, World};
use crate::pattern::{self, PatternOptions, VariableValue};
use crate::policy::{ConditionOperator, ConditionTest, PolicyVersion, SetOperator};
use crate::value::{Text, Unknown};

/// Keys that may hold several values; a plain operator on one of them is not settled by documentation.
const MULTIVALUED: [&str; 10] = [
    "aws:calledvia",
    "aws:principalorgpaths",
    "aws:principalservicenameslist",
    "aws:resourceorgpaths",
    "aws:sourceorgpaths",
    "aws:tagkeys",
    "aws:vpceorgpaths",
    "kms:encryptioncontextkeys",
    "s3:requestobjecttagkeys",
    "dynamodb:attributes",
];

/// True for a key that may hold several values in one request; `key` in any case.
pub fn is_multivalued(key: &str) -> bool {
    MULTIVALUED.iter().any(|k| k.eq_ignore_ascii_case(key))
}

/// The answer of one test.
pub fn test_answer(
    test: &ConditionTest,
    version: PolicyVersion,
    context: &RequestContext,
    world: &World,
) -> Match {
    if test.operator == ConditionOperator::Unrecognized {
        return Match::Unknown;
    }
    let Some(key) = test.key.as_literal() else {
        return Match::Unknown;
    };
    let value = context.get(key);
    if test.operator == ConditionOperator::Null {
        return null_answer(test, value, world);
    }
    let state = Test {
        test,
        version,
        context,
        world,
    };
    match test.set {
        None => {
            let absent = Match::of(test.if_exists || test.operator.is_negated());
            let present = |values: &[Text]| match values {
                [] => absent,
                [value] if !is_multivalued(key) => state.passes(value),
                _ => state.plain_on_many(values),
            };
            let anything = std::slice::from_ref(&*ANYTHING);
            match value {
                ContextValue::Absent => absent,
                ContextValue::Present(values) => present(values),
                ContextValue::PresentUnknown => present(anything),
                ContextValue::Unknown => agree(absent, present(anything)),
            }
        }
        Some(SetOperator::ForAllValues) => match value {
            ContextValue::Absent => Match::Yes,
            ContextValue::Present(values) => values
                .iter()
                .fold(Match::Yes, |all, value| all.and(state.passes(value))),
            ContextValue::PresentUnknown | ContextValue::Unknown => {
                agree(Match::Yes, state.passes(&ANYTHING))
            }
        },
        Some(SetOperator::ForAnyValue) => {
            let absent = if test.if_exists {
                Match::Unknown
            } else {
                Match::No
            };
            match value {
                ContextValue::Absent => absent,
                ContextValue::Present(values) => values
                    .iter()
                    .fold(Match::No, |any, value| any.or(state.passes(value))),
                ContextValue::PresentUnknown => state.passes(&ANYTHING),
                ContextValue::Unknown => agree(absent, state.passes(&ANYTHING)),
            }
        }
    }
}

/// Why a test is unknown, for a reader.
pub fn because(test: &ConditionTest, context: &RequestContext) -> Arc<str> {
    if test.operator == ConditionOperator::Unrecognized {
        return format!("the operator `{}` is not known", test.written).into();
    }
    let key = test.key.display();
    match context.get(&key) {
        ContextValue::Unknown | ContextValue::PresentUnknown => {
            return format!("the value of `{key}`").into();
        }
        ContextValue::Present(values) => {
            if let Some(reason) = values.iter().find_map(pattern::because) {
                return reason;
            }
        }
        ContextValue::Absent => {}
    }
    if let Some(reason) = test.values.iter().find_map(|v| pattern::because(&v.text)) {
        return reason;
    }
    format!("`{}` on `{key}`", test.written).into()
}

/// A value of which nothing is known.
static ANYTHING: std::sync::LazyLock<Text> =
    std::sync::LazyLock::new(|| Text::unknown(Unknown::because("")));

fn agree(a: Match, b: Match) -> Match {
    if a == b { a } else { Match::Unknown }
}

fn null_answer(test: &ConditionTest, value: &ContextValue, world: &World) -> Match {
    let absent = match value {
        ContextValue::Absent => Match::Yes,
        ContextValue::Present(values) => Match::of(values.is_empty()),
        ContextValue::PresentUnknown => Match::No,
        ContextValue::Unknown => Match::Unknown,
    };
    let mut any = if test.open { Match::Unknown } else { Match::No };
    for wanted in &test.values {
        let answer = match wanted.text.as_literal() {
            Some(text) if text.eq_ignore_ascii_case("true") => absent,
            Some(text) if text.eq_ignore_ascii_case("false") => !absent,
            Some(_) => Match::Unknown,
            None => Match::Unknown,
        };
        any = any.or(answer.and(world.all(&wanted.guards)));
    }
    any
}

struct Test<'t> {
    test: &'t ConditionTest,
    version: PolicyVersion,
    context: &'t RequestContext,
    world: &'t World,
}

impl Test<'_> {
    /// One value of the request against the listed ones: OR, or NOR for a negated operator.
    fn passes(&self, value: &Text) -> Match {
        let mut any = if self.test.open {
            Match::Unknown
        } else {
            Match::No
        };
        for listed in &self.test.values {
            any = any.or(self
                .compare(&listed.text, value)
                .and(self.world.all(&listed.guards)));
            if any == Match::Yes {
                break;
            }
        }
        if !self.test.operator.is_negated() {
            return any;
        }
        match self.test.values.iter().any(|v| self.is_no_arn(&v.text)) {
            // Whether a pattern that is no ARN makes a negated test hold or fail is not documented.
            true => (!any).and(Match::Unknown),
            false => !any,
        }
    }

    fn is_no_arn(&self, listed: &Text) -> bool {
        use ConditionOperator::{ArnNotEquals, ArnNotLike};
        matches!(self.test.operator, ArnNotEquals | ArnNotLike)
            && listed
                .as_literal()
                .is_some_and(|text| text != "*" && pattern::arn_fields(text).is_none())
    }

    /// A plain operator on several values: certain only where no reading of it could match.
    fn plain_on_many(&self, values: &[Text]) -> Match {
        if self.test.operator.is_negated() || values.iter().any(|v| self.passes(v) != Match::No) {
            Match::Unknown
        } else {
            Match::No
        }
    }

    fn compare(&self, listed: &Text, value: &Text) -> Match {
        use ConditionOperator::*;
        let operator = self.test.operator;
        match operator {
            StringEquals | StringNotEquals => {
                self.text(listed, value, PatternOptions::LITERAL, pattern::matches)
            }
            StringEqualsIgnoreCase | StringNotEqualsIgnoreCase => {
                let options = PatternOptions {
                    ignore_case: true,
                    ..PatternOptions::LITERAL
                };
                self.text(listed, value, options, pattern::matches)
            }
            StringLike | StringNotLike => {
                self.text(listed, value, PatternOptions::GLOB, pattern::matches)
            }
            ArnEquals | ArnLike | ArnNotEquals | ArnNotLike => {
                self.text(listed, value, PatternOptions::GLOB, arn)
            }
            NumericEquals
            | NumericNotEquals
            | NumericLessThan
            | NumericLessThanEquals
            | NumericGreaterThan
            | NumericGreaterThanEquals => {
                literals(listed, value, |l, v| compare_number(operator, l, v))
            }
            DateEquals
            | DateNotEquals
            | DateLessThan
            | DateLessThanEquals
            | DateGreaterThan
            | DateGreaterThanEquals => literals(listed, value, |l, v| compare_date(operator, l, v)),
            Bool => literals(listed, value, compare_bool),
            BinaryEquals => literals(listed, value, compare_binary),
            IpAddress | NotIpAddress => literals(listed, value, compare_ip),
            Null | Unrecognized => Match::Unknown,
        }
    }

    /// Compares texts, with policy variables where the version has them.
    fn text(
        &self,
        listed: &Text,
        value: &Text,
        options: PatternOptions<'static>,
        compare: fn(&Text, &Text, &PatternOptions) -> Match,
    ) -> Match {
        with_variables(self.version, self.context, options, |options| {
            compare(listed, value, options)
        })
    }
}

/// An ARN operator wants an ARN; another value is not settled, except that `*` takes it.
fn arn(listed: &Text, value: &Text, options: &PatternOptions) -> Match {
    let answer = pattern::arn_matches(listed, value, options);
    match value.as_literal() {
        Some(text) if answer == Match::No && pattern::arn_fields(text).is_none() => Match::Unknown,
        _ => answer,
    }
}

fn literals(listed: &Text, value: &Text, compare: impl Fn(&str, &str) -> Match) -> Match {
    match (listed.as_literal(), value.as_literal()) {
        (Some(listed), Some(value)) => compare(listed, value),
        _ => Match::Unknown,
    }
}

/// Runs a comparison with the policy variables of that version.
pub fn with_variables(
    version: PolicyVersion,
    context: &RequestContext,
    options: PatternOptions<'static>,
    compare: impl Fn(&PatternOptions) -> Match,
) -> Match {
    let resolver = |key: &str| match context.get(key) {
        ContextValue::Present(values) => match values.as_slice() {
            [value] => VariableValue::Value(value.clone()),
            [] => VariableValue::Absent,
            _ => VariableValue::Unknown,
        },
        ContextValue::Absent => VariableValue::Absent,
        ContextValue::Unknown | ContextValue::PresentUnknown => VariableValue::Unknown,
    };
    let with = PatternOptions {
        variables: Some(&resolver),
        ..options
    };
    match version {
        PolicyVersion::V2012 => compare(&with),
        PolicyVersion::V2008 => compare(&options),
        PolicyVersion::Unknown => agree(compare(&with), compare(&options)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::PlacedText;
    use crate::policy::operator::read_operator;
    use crate::value::{FileId, Place, Span};

    fn place() -> Place {
        Place::at(Span::new(FileId(0), 0, 0))
    }

    fn test(written: &str, key: &str, values: &[&str]) -> ConditionTest {
        let (set, operator, if_exists) = read_operator(written);
        ConditionTest {
            operator,
            if_exists,
            set,
            key: Text::literal(key),
            key_place: place(),
            values: values
                .iter()
                .map(|v| PlacedText {
                    text: Text::literal(*v),
                    place: place(),
                    guards: Vec::new(),
                })
                .collect(),
            open: false,
            written: written.into(),
            place: place(),
        }
    }

    #[test]
    fn missing_keys_and_values() {
        use ContextValue::*;
        let one = |v: &str| Present(vec![Text::literal(v)]);
        for (operator, listed, value, answer) in [
            ("StringEquals", &["a"][..], Absent, Match::No),
            ("StringEqualsIfExists", &["a"], Absent, Match::Yes),
            ("StringNotEquals", &["a"], Absent, Match::Yes),
            ("StringNotEqualsIfExists", &["a"], Absent, Match::Yes),
            ("Null", &["true"], Absent, Match::Yes),
            ("Null", &["false"], Absent, Match::No),
            ("ForAllValues:StringNotEquals", &["a"], Absent, Match::Yes),
            ("ForAnyValue:StringEquals", &["a"], Absent, Match::No),
            (
                "ForAnyValue:StringEqualsIfExists",
                &["a"],
                Absent,
                Match::Unknown,
            ),
            ("StringNotEquals", &["a", "b"], one("b"), Match::No),
            ("StringNotEquals", &["a", "b"], one("c"), Match::Yes),
            ("StringLike", &["*"], PresentUnknown, Match::Yes),
            ("StringLike", &["*"], Unknown, Match::Unknown),
            ("StringLikeIfExists", &["*"], Unknown, Match::Yes),
            ("StringEquals", &["a*"], one("ab"), Match::No),
            (
                "StringEquals",
                &["a"],
                Present(vec!["a".into(), "b".into()]),
                Match::Unknown,
            ),
            (
                "StringEquals",
                &["c"],
                Present(vec!["a".into(), "b".into()]),
                Match::No,
            ),
            (
                "ForAllValues:StringEquals",
                &["a"],
                Present(vec!["a".into(), "b".into()]),
                Match::No,
            ),
            (
                "ForAnyValue:StringEquals",
                &["a"],
                Present(vec!["a".into(), "b".into()]),
                Match::Yes,
            ),
            ("Nonsense", &["a"], one("a"), Match::Unknown),
            ("Bool", &["false"], Absent, Match::No),
            ("BoolIfExists", &["false"], Absent, Match::Yes),
            (
                "ArnEquals",
                &["arn:aws:iam::1:role/*"],
                one("arn:aws:iam::1:role/x"),
                Match::Yes,
            ),
            (
                "ArnLike",
                &["arn:aws:iam::1:role/*"],
                one("x"),
                Match::Unknown,
            ),
        ] {
            let mut context = RequestContext::default();
            context.set("k", value.clone());
            let test = test(operator, "K", listed);
            assert_eq!(
                test_answer(&test, PolicyVersion::V2012, &context, &World::default()),
                answer,
                "{operator} {listed:?} {value:?}"
            );
        }
    }

    #[test]
    fn what_is_not_known_of_a_key_of_several_values_stays_so() {
        let none = test("NotIpAddress", "aws:TagKeys", &[]);
        let answer = |value: ContextValue| {
            let mut context = RequestContext::default();
            context.set("aws:TagKeys", value);
            test_answer(&none, PolicyVersion::V2012, &context, &World::default())
        };
        let one = ContextValue::Present(vec!["team".into()]);
        assert_eq!(answer(one), Match::Unknown);
        assert_eq!(answer(ContextValue::PresentUnknown), Match::Unknown);
        assert_eq!(answer(ContextValue::Unknown), Match::Unknown);
        assert_eq!(answer(ContextValue::Absent), Match::Yes);
    }
}
