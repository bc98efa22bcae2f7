//! Patterns of policies as cuts of a variable: with their policy variables, ARNs field by field.

use super::Points;
use super::automaton::Cut;
use super::signature::{SignatureLimit, witnesses};
use crate::decision::{ContextValue, RequestContext};
use crate::pattern::sequence::{self, Token};
use crate::pattern::{PatternOptions, VariableValue};
use crate::policy::{ConditionOperator, ConditionTest, PolicyVersion};
use crate::value::{Piece, Text, Unknown};

/// Values of policy variables as far as a context states them; the rest is open.
fn stated(context: &RequestContext) -> impl Fn(&str) -> VariableValue + '_ {
    |key| match context.listed(&key.to_ascii_lowercase()) {
        Some(ContextValue::Present(values)) => match values.as_slice() {
            [value] => VariableValue::Value(value.clone()),
            _ => VariableValue::Unknown,
        },
        Some(ContextValue::Absent) => VariableValue::Absent,
        _ => VariableValue::Unknown,
    }
}

/// The pattern as a cut: with its policy variables, literally, or in both ways where the version is not known.
pub fn push_cuts(
    cuts: &mut Vec<Cut>,
    text: &Text,
    options: PatternOptions,
    arn: bool,
    version: PolicyVersion,
    context: &RequestContext,
) {
    let resolver = stated(context);
    let has_variables = text
        .pieces()
        .iter()
        .any(|p| matches!(p, Piece::Literal(l) if l.contains("${")));
    let with = PatternOptions {
        variables: Some(&resolver),
        ..options
    };
    let readings: &[PatternOptions] = match version {
        _ if !has_variables => &[options],
        PolicyVersion::V2008 => &[options],
        PolicyVersion::V2012 => &[with],
        PolicyVersion::Unknown => &[with, options],
    };
    for reading in readings {
        // A variable without a value: the pattern matches nothing.
        let Some(tokens) = sequence::pattern_tokens(text, reading) else {
            continue;
        };
        cuts.push(Cut {
            start: Vec::new(),
            tokens,
            ignore_case: options.ignore_case,
            arn,
        });
    }
}

pub fn unknowns_of<'t>(texts: impl IntoIterator<Item = &'t Text>) -> Vec<Unknown> {
    let mut out: Vec<Unknown> = Vec::new();
    for piece in texts.into_iter().flat_map(Text::pieces) {
        match piece {
            Piece::Unknown(unknown) if !out.iter().any(|u| u.symbol == unknown.symbol) => {
                out.push(unknown.clone())
            }
            _ => {}
        }
    }
    out
}

/// Witnesses for text: one for each reachable combination of listed values and patterns; ARNs field by field.
pub fn texts_of(tests: &[&ConditionTest], context: &RequestContext) -> Points {
    use ConditionOperator::*;
    let mut cuts: Vec<Cut> = Vec::new();
    let mut arns = false;
    for test in tests {
        let (options, arn) = match test.operator {
            StringLike | StringNotLike => (PatternOptions::GLOB, false),
            ArnLike | ArnEquals | ArnNotLike | ArnNotEquals => (PatternOptions::GLOB, true),
            StringEqualsIgnoreCase | StringNotEqualsIgnoreCase => (
                PatternOptions {
                    ignore_case: true,
                    ..PatternOptions::LITERAL
                },
                false,
            ),
            _ => (PatternOptions::LITERAL, false),
        };
        arns |= arn;
        for value in &test.values {
            let mut own = Vec::new();
            push_cuts(
                &mut own,
                &value.text,
                options,
                arn,
                PolicyVersion::Unknown,
                context,
            );
            for mut cut in own {
                if arn {
                    as_arn(&mut cut);
                }
                cuts.push(cut);
            }
        }
    }
    if arns {
        // Whether the value is an ARN at all.
        let mut tokens = Vec::new();
        for _ in 0..5 {
            tokens.extend([Token::Many, Token::Letter(':')]);
        }
        tokens.push(Token::Many);
        cuts.push(Cut {
            start: Vec::new(),
            tokens,
            ignore_case: false,
            arn: true,
        });
    }
    let unknowns = unknowns_of(tests.iter().flat_map(|t| &t.values).map(|v| &v.text));
    let found = witnesses(&cuts, &unknowns);
    Points {
        texts: found.texts,
        complete: found.limit == SignatureLimit::Complete,
    }
}

/// A pattern of an ARN operator as it is compared: whole where a symbol may hold fields; one of fewer than
/// six fields by its fields as a beginning.
fn as_arn(cut: &mut Cut) {
    if matches!(cut.tokens.as_slice(), [Token::Many]) {
        cut.arn = false;
        return;
    }
    match sequence::fields(&cut.tokens) {
        sequence::Fields::Six(_) => {}
        sequence::Fields::Hidden => cut.arn = false,
        sequence::Fields::Fewer => {
            let last = cut
                .tokens
                .iter()
                .rposition(|t| *t == Token::Letter(':'))
                .map_or(0, |at| at + 1);
            if cut.tokens.get(last..).unwrap_or(&[]).contains(&Token::Many) {
                cut.tokens.truncate(last);
                cut.tokens.push(Token::Many);
                cut.arn = false;
            } else {
                cut.tokens.extend([Token::Letter(':'), Token::Many]);
            }
        }
    }
}
