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
) -> Option<((usize, usize), NearMiss)> {
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
        statement: reference.clone(),
        failed,
        misses: Vec::new(),
    };
    let strange = match near.failed.contains(&Element::Action) {
        true => strangeness(statement, &request.action),
        false => 0,
    };
    Some(((far, strange), near))
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
        Element::Action => 100 + foreign(statement, &request.action),
    }
}

/// What a statement is about that names no action of the service: the grant of the upload is nearer to its key than
/// a statement about queues on every resource.
fn foreign(statement: &Statement, action: &str) -> usize {
    let names = |begin: &str| begins(statement, begin);
    match () {
        () if concerns(statement, action) => 0,
        () if ["s3:Put", "s3:Replicate", "s3:*"].into_iter().any(names) => 50,
        () if names("s3:") => 60,
        () => 100,
    }
}

/// True for a statement about actions of the same service.
pub fn concerns(statement: &Statement, action: &str) -> bool {
    statement.actions.negated || begins(statement, action.split_inclusive(':').next().unwrap_or(""))
}

/// An action of the statement begins so, or begins with what is not known.
fn begins(statement: &Statement, begin: &str) -> bool {
    statement.actions.patterns.iter().any(|p| {
        let prefix = p.text.known_prefix();
        let known = prefix.get(..begin.len());
        prefix.is_empty() || prefix == "*" || known.is_some_and(|k| k.eq_ignore_ascii_case(begin))
    })
}

/// How little the actions of a statement have to do with the one that is asked for: of two statements that lack it
/// the one about `s3:PutObject` is nearer to `s3:PutObjectAcl` than one about `s3:GetObject`, or about queues.
fn strangeness(statement: &Statement, action: &str) -> usize {
    const FAR: usize = 64;
    let service = action.find(':').map_or(0, |at| at + 1);
    let alike = |text: &Text| {
        let common = text
            .known_prefix()
            .chars()
            .zip(action.chars())
            .take_while(|(a, b)| a.eq_ignore_ascii_case(b))
            .count();
        if common < service { 0 } else { common }
    };
    let best = statement
        .actions
        .patterns
        .iter()
        .map(|p| alike(&p.text))
        .max();
    FAR.saturating_sub(best.unwrap_or(0))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decision::evaluate::evaluate;
    use crate::decision::{
        AccountRelation, DenyKind, Layer, PolicySet, Principal, Reading, RequestContext,
        TargetKind, World,
    };
    use crate::policy::{PolicyType, parse::parse};
    use crate::value::{FileId, Place, Span, Value};

    /// The nearest statement to an upload of `in/x` to the bucket `b`: its position and why it failed.
    fn nearest(statements: &str) -> (usize, Vec<Miss>) {
        nearest_to("s3:PutObject", statements)
    }

    fn nearest_to(action: &str, statements: &str) -> (usize, Vec<Miss>) {
        let text = format!(r#"{{"Version": "2012-10-17", "Statement": [{statements}]}}"#);
        let place = Place::at(Span::new(FileId(0), 0, 0));
        let policy = parse(&Value::text(text, place), PolicyType::Identity, "document");
        let set = PolicySet {
            identity: Layer::of(vec![policy.into()]),
            boundary: None,
            session: None,
            endpoint: None,
            scp: Vec::new(),
            rcp: Vec::new(),
            resource: None,
            target: TargetKind::Bucket,
            relation: AccountRelation::Same,
        };
        let request = Request {
            principal: Principal::Account {
                account: "111122223333".into(),
            },
            action: action.into(),
            resource: "arn:aws:s3:::b/in/x".into(),
            resource_account: "111122223333".into(),
            context: RequestContext::default(),
        };
        let decision = evaluate(&request, &set, Reading::Favourable, &World::default());
        let DenyKind::Implicit { nearest, .. } = &decision.reasons[0].kind else {
            panic!("{decision:?}");
        };
        let misses = nearest[0].misses.iter().map(|(_, m)| m.clone()).collect();
        (nearest[0].statement.position, misses)
    }

    #[test]
    fn the_grant_of_the_write_is_nearest_to_its_key() {
        let of = |action: &str| {
            format!(
                r#"{{"Effect": "Allow", "Action": "{action}", "Resource": "arn:aws:s3:::o/*"}}"#
            )
        };
        let read = of("s3:GetObjectVersion");
        let queue = of("sqs:SendMessage");
        for (write, position) in [
            ("s3:ReplicateObject", 2),
            ("s3:PutObject", 2),
            ("kms:Decrypt", 2),
        ] {
            let all = [read.clone(), queue.clone(), of(write)].join(", ");
            assert_eq!(nearest_to("kms:Encrypt", &all).0, position, "{write}");
        }
        let all = [queue, read].join(", ");
        assert_eq!(nearest_to("kms:Encrypt", &all).0, 1);
    }

    #[test]
    fn says_why_the_nearest_statement_fails() {
        let read = r#"{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}"#;
        let allow = |action: &str, resource: &str, more: &str| {
            format!(
                r#"{{"Effect": "Allow", "Action": "{action}", "Resource": "arn:aws:s3:::{resource}"{more}}}"#
            )
        };
        let when = |key: &str| format!(r#", "Condition": {{"StringEquals": {{"{key}": "in/"}}}}"#);
        for (statement, miss) in [
            (
                allow("s3:PutObject", "b", ""),
                Some(Miss::BucketOnly("arn:aws:s3:::b".into())),
            ),
            (
                allow("s3:PutObject", "b/In/*", ""),
                Some(Miss::Case("arn:aws:s3:::b/In/*".into())),
            ),
            (allow("s3:PutObject", "b/out/*", ""), None),
            (
                allow("s3:PutObjects", "b/*", ""),
                Some(Miss::Misspelt {
                    written: "s3:PutObjects".into(),
                    meant: "s3:PutObject",
                }),
            ),
            (
                allow("s3:PutObject", "*", &when("s3:x-amz-acl")),
                Some(Miss::KeyAbsent("s3:x-amz-acl".into())),
            ),
            (
                allow("s3:PutObject", "*", &when("s3:prefix")),
                Some(Miss::KeyForeign {
                    key: "s3:prefix".into(),
                    meant: None,
                }),
            ),
            (
                allow("s3:PutObject", "*", &when("s3:x-amz-acll")),
                Some(Miss::KeyForeign {
                    key: "s3:x-amz-acll".into(),
                    meant: Some("s3:x-amz-acl"),
                }),
            ),
        ] {
            let found = nearest(&format!("{read}, {statement}, {read}"));
            assert_eq!(found, (1, miss.into_iter().collect()), "{statement}");
        }
        // Another documented action is no misspelling.
        let other = allow("s3:GetObject", "b/*", "");
        assert_eq!(nearest(&other), (0, Vec::new()));
    }
}
