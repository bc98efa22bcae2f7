//! The statement that comes nearest to allowing a request: which of its elements failed, and why, as far as that can be
//! said in more than their names.

use super::statement::{Surroundings, statement_answer};
use super::{ContextValue, Element, Match, Miss, NearMiss, Request};
use crate::pattern::{self, PatternOptions};
use crate::policy::actions;
use crate::policy::{Effect, Statement, StatementRef};
use crate::value::Text;

/// An Allow statement as a near miss of a request, with its distance. An element fails below `least`.
pub(super) fn near_miss(
    reference: StatementRef,
    request: &Request,
    around: Surroundings,
    least: Match,
) -> Option<(usize, NearMiss)> {
    let statement = reference.get().filter(|s| s.effect == Effect::Allow)?;
    let failed: Vec<Element> = statement_answer(statement, request, around)
        .elements
        .iter()
        .filter(|e| e.answer < least)
        .map(|e| e.element)
        .collect();
    let far = failed
        .iter()
        .map(|e| distance(statement, *e, &failed, request))
        .sum();
    let near = NearMiss {
        statement: reference,
        failed,
        misses: Vec::new(),
    };
    Some((far, near))
}

/// Why the elements of a near miss failed.
pub(super) fn explain(near: &mut NearMiss, request: &Request) {
    let Some(statement) = near.statement.get() else {
        return;
    };
    near.misses = near
        .failed
        .iter()
        .filter_map(|element| Some((*element, miss(statement, *element, request)?)))
        .collect();
}

fn miss(statement: &Statement, element: Element, request: &Request) -> Option<Miss> {
    match element {
        Element::Action => misspelt(statement, request).map(|(written, meant)| Miss::Misspelt {
            written: written.into(),
            meant,
        }),
        Element::Resource => {
            let resources = statement.resources.as_ref().filter(|r| !r.negated)?;
            let reaches = |text: &Text, options: &PatternOptions| {
                pattern::arn_matches(text, &request.resource, options) == Match::Yes
            };
            let any_case = PatternOptions {
                ignore_case: true,
                ..PatternOptions::GLOB
            };
            resources.patterns.iter().find_map(|entry| {
                let mut objects = entry.text.clone();
                objects.push_str("/*");
                if reaches(&objects, &PatternOptions::GLOB) {
                    Some(Miss::BucketOnly(entry.text.clone()))
                } else if reaches(&entry.text, &any_case) {
                    Some(Miss::Case(entry.text.clone()))
                } else {
                    None
                }
            })
        }
        Element::Condition(at) => {
            let key = statement.conditions.get(at)?.key.as_literal()?;
            if actions::has_key(&request.action, key) == Some(false) {
                return Some(Miss::KeyForeign {
                    key: key.into(),
                    meant: actions::suggest_key(key),
                });
            }
            let absent = *request.context.get(key) == ContextValue::Absent;
            absent.then(|| Miss::KeyAbsent(key.into()))
        }
        Element::Principal | Element::Guard => None,
    }
}

/// The listed action that is no action, but near the one that is asked for.
fn misspelt<'s>(statement: &'s Statement, request: &Request) -> Option<(&'s str, &'static str)> {
    let listed = statement
        .actions
        .patterns
        .iter()
        .filter(|_| !statement.actions.negated);
    listed.filter_map(|p| p.text.as_literal()).find_map(|name| {
        let meant = actions::suggest_action(name)?;
        meant
            .eq_ignore_ascii_case(&request.action)
            .then_some((name, meant))
    })
}

/// How far an element that failed keeps a statement from a request to this target. A statement that names the
/// caller is nearer than one for others, and nearer still where it misses only the resource or a condition. A
/// statement about other actions is far, however little else differs, unless it was written for this caller and
/// target, or misspells the action.
fn distance(
    statement: &Statement,
    element: Element,
    failed: &[Element],
    request: &Request,
) -> usize {
    let misses_only_the_action = failed == [Element::Action]
        && statement.principals.as_ref().is_some_and(|p| {
            !p.negated && !p.entries.iter().any(|e| e.text.as_literal() == Some("*"))
        });
    match element {
        Element::Condition(_) | Element::Guard => 1,
        Element::Resource if names_same_bucket(statement, &request.resource) => 2,
        Element::Resource => 3,
        Element::Action if misspelt(statement, request).is_some() => 3,
        Element::Action if misses_only_the_action => 6,
        Element::Principal => 16,
        Element::Action => 100,
    }
}

/// A resource of the statement lies in the bucket of the target, or is that bucket.
fn names_same_bucket(statement: &Statement, target: &Text) -> bool {
    let bucket = |text: &Text| {
        text.split_once("/")
            .map_or_else(|| text.identity(), |(before, _)| before.identity())
    };
    let Some(wanted) = bucket(target) else {
        return false;
    };
    statement.resources.as_ref().is_some_and(|resources| {
        !resources.negated
            && resources
                .patterns
                .iter()
                .any(|p| bucket(&p.text).as_ref() == Some(&wanted))
    })
}
