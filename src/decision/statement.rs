//! Does one statement apply to one request, and which of its elements said so.

use std::sync::Arc;

use super::principal::{Circumstances, GrantForm, PrincipalAnswer, principal_answer};
use super::{Element, ElementAnswer, EndpointKind, Match, Request, StatementAnswer, World, condition};
use crate::pattern::{self, PatternOptions};
use crate::policy::{PatternElement, PolicyType, PolicyVersion, Statement};

/// What surrounds a statement when it meets a request.
#[derive(Clone, Copy)]
pub struct Surroundings<'w> {
    pub policy_type: PolicyType,
    pub version: PolicyVersion,
    /// For endpoint policies.
    pub endpoint: EndpointKind,
    /// The caller has a permissions boundary.
    pub bounded: bool,
    pub world: &'w World,
}

/// The answer per form in which the caller is named; policies that name nobody answer as [`GrantForm::Direct`].
pub fn applies(statement: &Statement, request: &Request, around: Surroundings) -> PrincipalAnswer {
    let mut rest = around.world.all(&statement.guards);
    if rest == Match::No {
        return no_answer();
    }
    rest = rest.and(action_answer(&statement.actions, request, around.world));
    if rest == Match::No {
        return no_answer();
    }
    rest = rest.and(resource_answer(statement, request, around));
    if rest == Match::No {
        return no_answer();
    }
    let principal = named_answer(statement, request, around);
    if principal.any() == Match::No {
        return no_answer();
    }
    for test in &statement.conditions {
        rest = rest.and(condition::test_answer(test, around.version, &request.context, around.world));
        if rest == Match::No {
            return no_answer();
        }
    }
    if !statement.unknown.is_empty() {
        rest = rest.and(Match::Unknown);
    }
    principal.and(rest)
}

/// The same with the answer of every element.
pub fn statement_answer(statement: &Statement, request: &Request, around: Surroundings) -> StatementAnswer {
    let mut elements = Vec::with_capacity(4 + statement.conditions.len());
    let mut push = |element: Element, answer: Match, because: &dyn Fn() -> Option<Arc<str>>| {
        let because = if answer == Match::Unknown { because() } else { None };
        elements.push(ElementAnswer { element, answer, because });
    };
    let doubt = |names: &[&str]| {
        statement.unknown.iter().find(|(element, _)| names.contains(&&**element)).map(|(_, why)| why.clone())
    };
    let weaken = |answer: Match, names: &[&str]| match doubt(names) {
        Some(_) => answer.and(Match::Unknown),
        None => answer,
    };
    if around.policy_type.names_principals() {
        push(Element::Principal, named_answer(statement, request, around).any(), &|| {
            let entries = statement.principals.iter().flat_map(|p| &p.entries);
            entries.map(|e| pattern::because(&e.text)).next().flatten().or_else(|| Some("who the caller is".into()))
        });
    }
    let action = weaken(action_answer(&statement.actions, request, around.world), &["Action", "NotAction", "Effect"]);
    push(Element::Action, action, &|| {
        doubt(&["Action", "NotAction", "Effect"])
            .or_else(|| statement.actions.patterns.iter().find_map(|p| pattern::because(&p.text)))
    });
    let resource = weaken(resource_answer(statement, request, around), &["Resource", "NotResource"]);
    push(Element::Resource, resource, &|| {
        doubt(&["Resource", "NotResource"]).or_else(|| pattern::because(&request.resource)).or_else(|| {
            statement.resources.iter().flat_map(|r| &r.patterns).find_map(|p| pattern::because(&p.text))
        })
    });
    for (position, test) in statement.conditions.iter().enumerate() {
        let answer = condition::test_answer(test, around.version, &request.context, around.world);
        push(Element::Condition(position), answer, &|| Some(condition::because(test, &request.context)));
    }
    if let Some(why) = doubt(&["Condition"]) {
        push(Element::Condition(statement.conditions.len()), Match::Unknown, &|| Some(why.clone()));
    }
    if !statement.guards.is_empty() {
        push(Element::Guard, around.world.all(&statement.guards), &|| {
            statement.guards.iter().find(|g| around.world.holds(g) == Match::Unknown).map(|g| g.label.clone())
        });
    }
    let mut answer = elements.iter().fold(Match::Yes, |all, e| all.and(e.answer));
    if !statement.unknown.is_empty() {
        answer = answer.and(Match::Unknown);
    }
    StatementAnswer { answer, elements }
}

fn no_answer() -> PrincipalAnswer {
    PrincipalAnswer { account: Match::No, role: Match::No, direct: Match::No }
}

fn everybody() -> PrincipalAnswer {
    PrincipalAnswer { account: Match::No, role: Match::No, direct: Match::Yes }
}

/// Is the caller named, in which form?
pub fn named_answer(statement: &Statement, request: &Request, around: Surroundings) -> PrincipalAnswer {
    if !around.policy_type.names_principals() {
        return everybody();
    }
    match &statement.principals {
        Some(element) => principal_answer(
            element,
            &request.principal,
            Circumstances {
                effect: statement.effect,
                policy_type: around.policy_type,
                endpoint: around.endpoint,
                bounded: around.bounded,
                world: around.world,
            },
        ),
        // These only limit; without a principal they speak of everybody. AWS stores no other policy without one.
        None if matches!(around.policy_type, PolicyType::Endpoint | PolicyType::Rcp) => everybody(),
        None => no_answer(),
    }
}

/// The strongest form in which a statement's answer reaches `least`.
pub fn strongest(answer: PrincipalAnswer, least: Match) -> Option<GrantForm> {
    if answer.direct >= least {
        Some(GrantForm::Direct)
    } else if answer.role >= least {
        Some(GrantForm::Role)
    } else if answer.account >= least {
        Some(GrantForm::Account)
    } else {
        None
    }
}

/// Action patterns against the request's action.
pub fn action_answer(element: &PatternElement, request: &Request, world: &World) -> Match {
    let mut any = if element.open { Match::Unknown } else { Match::No };
    for entry in &element.patterns {
        let answer = match entry.text.as_literal() {
            Some("*") => Match::Yes,
            Some(written) => literal_action(written, &request.action),
            None => pattern::matches(&entry.text, &(&*request.action).into(), &PatternOptions::ACTION),
        };
        any = any.or(answer.and(world.all(&entry.guards)));
        if any == Match::Yes {
            break;
        }
    }
    if element.negated { !any } else { any }
}

/// A wildcard in the service prefix is not settled (spec A3), unless it does not match at all.
fn literal_action(written: &str, action: &str) -> Match {
    if !pattern::literal_matches(written, action, &PatternOptions::ACTION) {
        return Match::No;
    }
    match written.split_once(':') {
        Some((service, _)) if service.contains(['*', '?']) => Match::Unknown,
        None if written.contains(['*', '?']) && !written.bytes().all(|b| b == b'*') => Match::Unknown,
        _ => Match::Yes,
    }
}

/// Resource patterns against the request's resource.
pub fn resource_answer(statement: &Statement, request: &Request, around: Surroundings) -> Match {
    let Some(element) = &statement.resources else {
        return if around.policy_type == PolicyType::Trust { Match::Yes } else { Match::Unknown };
    };
    let mut any = if element.open { Match::Unknown } else { Match::No };
    for entry in &element.patterns {
        let mut answer = condition::with_variables(
            around.version,
            &request.context,
            PatternOptions::GLOB,
            |options| pattern::arn_matches(&entry.text, &request.resource, options),
        );
        if around.policy_type == PolicyType::Key && answer == Match::No {
            // The resource of a key policy is its own key, however it is written.
            answer = Match::Unknown;
        }
        any = any.or(answer.and(around.world.all(&entry.guards)));
        if any == Match::Yes {
            break;
        }
    }
    if element.negated { !any } else { any }
}
