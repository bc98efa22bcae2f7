//! Laws of the decision, on small random policies and requests.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test may panic, and says how many cases ran"
)]

use std::sync::Arc;

use iaclint::decision::evaluate::{allows, evaluate};
use iaclint::decision::search::{SearchResult, search};
use iaclint::decision::space::{
    Class, Domain, DomainValues, Variable, classes_of, key_classes, tests_on,
};
use iaclint::decision::{
    AccountRelation, ContextValue, EndpointKind, Layer, Match, PolicySet, Principal, Reading,
    Request, RequestContext, TargetKind, World,
};
use iaclint::pattern::{PatternOptions, arn_matches, matches};
use iaclint::policy::{ConditionTest, Policy, PolicyType, PolicyVersion, parse::parse};
use iaclint::value::{FileId, Place, ScopeId, Span, Symbol, SymbolKind, Text, Value};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value as Json, json};

const ROLE: &str = "arn:aws:iam::111122223333:role/app";
const ACL: &str = "s3:x-amz-acl";
const SSE: &str = "s3:x-amz-server-side-encryption";
const READINGS: [Reading; 2] = [Reading::Favourable, Reading::Unfavourable];

/// Statements of one document.
type Document = Vec<Json>;

/// Documents of every type, by the names of [`TYPES`].
#[derive(Debug, Clone)]
struct Estate {
    documents: Vec<Option<Vec<Document>>>,
    relation: AccountRelation,
    target: TargetKind,
}

const TYPES: [PolicyType; 7] = [
    PolicyType::Identity,
    PolicyType::Boundary,
    PolicyType::Session,
    PolicyType::Scp,
    PolicyType::Endpoint,
    PolicyType::Rcp,
    PolicyType::Bucket,
];

fn statement() -> impl Strategy<Value = Json> {
    let condition = (
        select(vec![
            ("StringEquals", ACL, json!("private")),
            (
                "StringNotEquals",
                ACL,
                json!(["private", "bucket-owner-full-control"]),
            ),
            ("StringLike", ACL, json!("bucket-owner-*")),
            ("Null", ACL, json!("true")),
            ("StringNotEquals", SSE, json!("aws:kms")),
            ("StringNotEqualsIfExists", SSE, json!("aws:kms")),
            ("StringEqualsIfExists", SSE, json!(["AES256", "aws:kms"])),
            ("Null", SSE, json!("false")),
            ("IpAddress", "aws:SourceIp", json!("203.0.113.0/24")),
            (
                "NotIpAddress",
                "aws:SourceIp",
                json!(["203.0.113.0/28", "10.0.0.0/8"]),
            ),
            ("ForAnyValue:StringLike", "aws:CalledVia", json!("a*")),
            (
                "ForAllValues:StringNotEquals",
                "aws:CalledVia",
                json!(["a", "b"]),
            ),
            (
                "ArnLike",
                "aws:PrincipalArn",
                json!("arn:aws:iam::111122223333:role/*"),
            ),
            ("Bool", "aws:SecureTransport", json!("false")),
        ]),
        any::<bool>(),
    );
    (
        select(vec!["Allow", "Allow", "Deny"]),
        select(vec![
            json!("*"),
            json!({"AWS": "*"}),
            json!({"AWS": ROLE}),
            json!({"AWS": "111122223333"}),
            json!({"AWS": "arn:aws:iam::111122223333:role/*"}),
            json!({"AWS": ["444455556666", ROLE]}),
        ]),
        select(vec![
            json!("s3:PutObject"),
            json!("*"),
            json!(["s3:Get*", "s3:Put*"]),
            json!("s3:GetObject"),
        ]),
        select(vec![
            json!("*"),
            json!("arn:aws:s3:::b/*"),
            json!("arn:aws:s3:::b/logs/*"),
            json!(["arn:aws:s3:::b/*.gz", "arn:aws:s3:::c/*"]),
            json!("arn:aws:s3:::*logs/*"),
            json!("arn:aws:s3:::b/${aws:username}/*"),
        ]),
        prop::collection::vec(condition, 0..3),
        prop::array::uniform3(prop::bool::weighted(0.15)),
    )
        .prop_map(
            |(effect, principal, action, resource, conditions, [p, a, r])| {
                let name = |negated: bool, name: &str| {
                    format!("{}{name}", if negated { "Not" } else { "" })
                };
                let mut block = serde_json::Map::new();
                for ((operator, key, values), _) in conditions {
                    let keys = block.entry(operator).or_insert_with(|| json!({}));
                    keys[key] = values;
                }
                json!({
                    "Effect": effect,
                    name(p, "Principal"): principal,
                    name(a, "Action"): action,
                    name(r, "Resource"): resource,
                    "Condition": block,
                })
            },
        )
}

fn documents() -> impl Strategy<Value = Vec<Document>> {
    prop::collection::vec(prop::collection::vec(statement(), 0..4), 1..3)
}

fn estate() -> impl Strategy<Value = Estate> {
    let rarely = || prop::option::weighted(0.3, documents());
    (
        (
            documents().prop_map(Some),
            rarely(),
            rarely(),
            rarely(),
            rarely(),
            rarely(),
        ),
        prop::option::weighted(0.7, documents()),
        select(vec![
            AccountRelation::Same,
            AccountRelation::Cross,
            AccountRelation::Unknown,
        ]),
        select(vec![TargetKind::Bucket, TargetKind::Key]),
    )
        .prop_map(|((a, b, c, d, e, f), g, relation, target)| Estate {
            documents: vec![a, b, c, d, e, f, g],
            relation,
            target,
        })
}

fn policy(document: &Document, policy_type: PolicyType) -> Arc<Policy> {
    let mut statements = document.clone();
    if !policy_type.names_principals() {
        for statement in &mut statements {
            let statement = statement.as_object_mut().unwrap();
            statement.retain(|name, _| !name.ends_with("Principal"));
        }
    }
    let text = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
    let place = Place::at(Span::new(FileId(0), 0, 0));
    Arc::new(parse(&Value::text(text, place), policy_type, "document"))
}

fn set_of(estate: &Estate) -> PolicySet {
    let layer = |at: usize| {
        estate.documents[at]
            .as_ref()
            .map(|all| Layer::of(all.iter().map(|d| policy(d, TYPES[at])).collect()))
    };
    PolicySet {
        identity: layer(0).unwrap_or_default(),
        boundary: layer(1),
        session: layer(2),
        scp: layer(3).into_iter().collect(),
        endpoint: layer(4).map(|l| (EndpointKind::Interface, l)),
        rcp: layer(5).into_iter().collect(),
        resource: layer(6),
        target: estate.target,
        relation: estate.relation,
    }
}

fn context() -> impl Strategy<Value = RequestContext> {
    let one = |values: &'static [&'static str]| {
        prop_oneof![
            Just(ContextValue::Absent),
            Just(ContextValue::Unknown),
            Just(ContextValue::PresentUnknown),
            select(values).prop_map(|v| ContextValue::Present(vec![v.into()])),
        ]
    };
    (
        one(&["private", "bucket-owner-full-control", "public-read"]),
        one(&["AES256", "aws:kms"]),
        one(&["203.0.113.1", "203.0.113.99", "10.1.1.1", "8.8.8.8"]),
        one(&["a", "b", "c"]),
        one(&["ann"]),
    )
        .prop_map(|(acl, sse, ip, via, user)| {
            let mut context = RequestContext::default();
            context.set(ACL, acl);
            context.set(SSE, sse);
            context.set("aws:SourceIp", ip);
            context.set("aws:CalledVia", via);
            context.set("aws:username", user);
            context.present("aws:PrincipalArn", ROLE);
            context.present("aws:SecureTransport", "true");
            context
        })
}

fn request(context: RequestContext, resource: Text) -> Request {
    Request {
        principal: Principal::Role {
            arn: ROLE.into(),
            account: "111122223333".into(),
            session: None,
        },
        action: "s3:PutObject".into(),
        resource,
        resource_account: "111122223333".into(),
        context,
    }
}

fn key() -> impl Strategy<Value = &'static str> {
    select(vec![
        "x",
        "logs/x",
        "a.gz",
        "logs/a.gz",
        "ann/x",
        "logs/logs/x",
    ])
}

fn allowed(request: &Request, estate: &Estate, reading: Reading) -> bool {
    let (set, world) = (set_of(estate), World::default());
    let allowed = evaluate(request, &set, reading, &world).allowed;
    assert_eq!(allowed, allows(request, &set, reading, &world));
    allowed
}

fn object(key: &str) -> Text {
    Text::literal(format!("arn:aws:s3:::b/{key}"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn a_deny_never_allows_and_an_allow_never_denies(
        before in estate(), context in context(), key in key(), more in statement(), at in 0usize..7,
    ) {
        let request = request(context, object(key));
        let mut after = before.clone();
        let at = if before.documents[at].is_some() { at } else { 0 };
        after.documents[at].as_mut().unwrap()[0].push(more.clone());
        for reading in READINGS {
            let (was, is) = (allowed(&request, &before, reading), allowed(&request, &after, reading));
            match more["Effect"] == "Deny" {
                true => prop_assert!(was || !is, "a Deny allowed, {reading:?}"),
                false => prop_assert!(!was || is, "an Allow denied, {reading:?}"),
            }
        }
    }

    #[test]
    fn a_definite_verdict_holds_for_every_value(estate in estate(), context in context(), key in key()) {
        let open = request(context.clone(), object(key));
        let never = !allowed(&open, &estate, Reading::Favourable);
        let always = allowed(&open, &estate, Reading::Unfavourable);
        prop_assert!(!(never && always));
        let some = |values: &[&str]| ContextValue::Present(values.iter().map(|v| (*v).into()).collect());
        for (name, value) in &context.keys {
            let values = match value {
                ContextValue::Unknown => vec![
                    ContextValue::Absent, some(&["private"]), some(&["aws:kms"]), some(&["10.1.1.1"]), some(&["a"]), some(&["ann"]),
                ],
                ContextValue::PresentUnknown => vec![some(&["public-read"]), some(&["AES256"]), some(&["203.0.113.1"]), some(&["b"]), some(&["logs"])],
                _ => continue,
            };
            for value in values {
                let mut closed = open.clone();
                closed.context.set(name, value);
                prop_assert!(!never || !allowed(&closed, &estate, Reading::Favourable));
                prop_assert!(!always || allowed(&closed, &estate, Reading::Unfavourable));
            }
        }
    }

    #[test]
    fn order_changes_nothing(estate in estate(), context in context(), key in key()) {
        let request = request(context, object(key));
        let mut turned = estate.clone();
        for documents in turned.documents.iter_mut().flatten() {
            documents.reverse();
            for document in documents.iter_mut() {
                document.reverse();
                for list in document.iter_mut().flat_map(|s| s.as_object_mut().unwrap().values_mut()) {
                    turn(list);
                }
            }
        }
        for reading in READINGS {
            prop_assert_eq!(allowed(&request, &estate, reading), allowed(&request, &turned, reading));
        }
    }

    #[test]
    fn the_search_agrees_with_enumeration(estate in estate()) {
        let set = set_of(&estate);
        let policies: Vec<Arc<Policy>> = [Some(&set.identity), set.boundary.as_ref(), set.session.as_ref(), set.resource.as_ref()]
            .into_iter().flatten().chain(&set.scp).chain(&set.rcp).chain(set.endpoint.iter().map(|(_, l)| l))
            .flat_map(|l| l.policies.iter().cloned()).collect();
        let tests: Vec<&ConditionTest> = policies.iter().flat_map(|p| &p.statements).flat_map(|s| &s.conditions).collect();
        let mut base = RequestContext::default();
        base.absent("aws:username");
        base.present("aws:PrincipalArn", ROLE);
        base.present("aws:SecureTransport", "true");
        let patterns: Vec<(&Text, PolicyVersion)> = policies.iter().flat_map(|p| &p.statements)
            .filter_map(|s| s.resources.as_ref()).flat_map(|r| &r.patterns).map(|p| (&p.text, PolicyVersion::V2012)).collect();
        let keys = key_classes(&patterns, &"arn:aws:s3:::b/".into(), &base);
        prop_assert!(keys.complete);
        let mut variables = vec![Variable {
            name: "key".into(),
            classes: keys.keys.iter().map(|k| Class { value: ContextValue::Present(vec![k.clone()]), cost: 0 }).collect(),
        }];
        for (name, may_be_absent, values) in [
            (ACL, true, DomainValues::AnyText), (SSE, true, DomainValues::AnyText),
            ("aws:SourceIp", false, DomainValues::Ip), ("aws:CalledVia", true, DomainValues::Texts),
        ] {
            let found = classes_of(&tests_on(&tests, name), &Domain { may_be_absent, values }, &base);
            prop_assert!(found.complete);
            variables.push(Variable { name: name.into(), classes: found.classes });
        }
        let play = |chosen: &[Option<usize>]| {
            let mut context = base.clone();
            for (variable, choice) in variables.iter().zip(chosen).skip(1) {
                context.set(&variable.name, choice.map_or(ContextValue::Unknown, |c| variable.classes[c].value.clone()));
            }
            match chosen[0] {
                None => if chosen.iter().all(Option::is_some) { Match::No } else { Match::Unknown },
                Some(c) => {
                    let mut resource = Text::literal("arn:aws:s3:::b/");
                    resource.push(&keys.keys[c]);
                    let passes = evaluate(&request(context, resource), &set, Reading::Favourable, &World::default()).allowed;
                    match (passes, chosen.iter().all(Option::is_some)) {
                        (false, _) => Match::No,
                        (true, true) => Match::Yes,
                        (true, false) => Match::Unknown,
                    }
                }
            }
        };
        let found = search(&variables, 200_000, &mut |chosen| play(chosen));
        let one = |v: &str| ContextValue::Present(vec![v.into()]);
        let mut some_pass = false;
        'all: for key in ["x", "logs/x", "a.gz", "logs/a.gz", "qlogs/x", "qlogs/x.gz"] {
            for acl in [ContextValue::Absent, one("private"), one("bucket-owner-full-control"), one("bucket-owner-read"), one("public-read")] {
                for sse in [ContextValue::Absent, one("AES256"), one("aws:kms"), one("none")] {
                    for ip in ["203.0.113.1", "203.0.113.99", "10.1.1.1", "8.8.8.8"] {
                        for via in [ContextValue::Absent, one("a"), one("b"), one("ac"), one("c"), ContextValue::Present(vec!["ac".into(), "c".into()])] {
                            let mut context = base.clone();
                            context.set(ACL, acl.clone());
                            context.set(SSE, sse.clone());
                            context.present("aws:SourceIp", ip);
                            context.set("aws:CalledVia", via);
                            if allowed_by(&request(context, object(key)), &set) {
                                some_pass = true;
                                break 'all;
                            }
                        }
                    }
                }
            }
        }
        match found {
            SearchResult::Found { classes, .. } => {
                let full: Vec<Option<usize>> = classes.into_iter().map(Some).collect();
                prop_assert_eq!(play(&full), Match::Yes, "the witness does not replay");
                prop_assert!(some_pass, "no enumerated request passes, but one was found");
            }
            SearchResult::None => prop_assert!(!some_pass, "a passing request was not found"),
            SearchResult::Undecided { .. } => prop_assert!(false, "the budget is enough"),
        }
    }

    #[test]
    fn every_key_has_its_class(patterns in prop::collection::vec("[ab/*?]{1,6}", 1..5), star in any::<bool>()) {
        let patterns: Vec<Text> = patterns.iter().enumerate().map(|(n, p)| match star && n == 0 {
            true => Text::literal(format!("arn:aws:s3:::*{p}")),
            false => Text::literal(format!("arn:aws:s3:::ab/{p}")),
        }).collect();
        let listed: Vec<(&Text, PolicyVersion)> = patterns.iter().map(|p| (p, PolicyVersion::V2012)).collect();
        let found = key_classes(&listed, &"arn:aws:s3:::ab/".into(), &RequestContext::default());
        prop_assert!(found.complete);
        let signature = |key: &str| -> Vec<Match> {
            let subject = Text::literal(format!("arn:aws:s3:::ab/{key}"));
            patterns.iter().map(|p| arn_matches(p, &subject, &PatternOptions::GLOB)).collect()
        };
        let mut known: Vec<Vec<Match>> = found.keys.iter().map(|k| signature(k.as_literal().unwrap())).collect();
        let count = known.len();
        known.sort();
        known.dedup();
        prop_assert_eq!(known.len(), count, "two keys of one class");
        for number in 1..1365u32 {
            // Texts of up to five letters.
            let mut key = String::new();
            let mut rest = number;
            while rest > 0 {
                key.push(['a', 'b', '/', 'x'][(rest - 1) as usize % 4]);
                rest = (rest - 1) / 4;
            }
            prop_assert!(known.contains(&signature(&key)), "{key} has no class in {:?}", found.keys);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn symbols_match_as_their_completions(
        pattern in prop::collection::vec(piece(true), 0..5),
        subject in prop::collection::vec(piece(false), 0..5),
        ignore_case in any::<bool>(),
    ) {
        let options = PatternOptions { ignore_case, ..PatternOptions::GLOB };
        let (symbolic_pattern, symbolic_subject) = (joined(&pattern), joined(&subject));
        let answer = matches(&symbolic_pattern, &symbolic_subject, &options);
        let as_arn = arn_matches(&symbolic_pattern, &symbolic_subject, &options);
        for input in ["", "a", "ab", "a/b", "A", ":a:", "a:b:c:::d"] {
            let written = |pieces: &[Symbolic]| Text::literal(pieces.iter().map(|p| match p {
                Symbolic::Literal(text) => *text,
                Symbolic::Input => input,
                Symbolic::Generated => "zq7",
                Symbolic::Account => "111122223333",
            }).collect::<String>());
            let (pattern, subject) = (written(&pattern), written(&subject));
            // A completion is taken letter by letter: a wildcard in it would be none.
            let concrete = matches(&pattern, &subject, &options);
            prop_assert!(answer == Match::Unknown || answer == concrete, "{answer:?}, but {pattern:?} {subject:?}");
            let concrete = arn_matches(&pattern, &subject, &options);
            prop_assert!(
                as_arn == Match::Unknown || concrete == Match::Unknown || as_arn == concrete,
                "ARN {as_arn:?}, but {pattern:?} {subject:?}"
            );
        }
    }
}

fn allowed_by(request: &Request, set: &PolicySet) -> bool {
    evaluate(request, set, Reading::Favourable, &World::default()).allowed
}

/// Lists in reverse order, at any depth.
fn turn(value: &mut Json) {
    match value {
        Json::Array(items) => items.reverse(),
        Json::Object(map) => map.values_mut().for_each(turn),
        _ => {}
    }
}

#[derive(Debug, Clone)]
enum Symbolic {
    Literal(&'static str),
    Input,
    Generated,
    Account,
}

fn piece(wild: bool) -> impl Strategy<Value = Symbolic> {
    let mut literals = vec![
        "a",
        "b",
        "/",
        "ab",
        "A",
        ":",
        "arn:aws:s3:::",
        "111122223333",
    ];
    if wild {
        literals.extend(["*", "?", "a*", "/*"]);
    }
    prop_oneof![
        4 => select(literals).prop_map(Symbolic::Literal),
        1 => Just(Symbolic::Input),
        1 => Just(Symbolic::Generated),
        1 => Just(Symbolic::Account),
    ]
}

fn joined(pieces: &[Symbolic]) -> Text {
    let symbol = |kind: SymbolKind| {
        let symbol = Symbol {
            scope: ScopeId(0),
            kind,
            subject: "s".into(),
            attribute: "".into(),
        };
        Text::symbol(symbol, "unknown")
    };
    let mut text = Text::default();
    for piece in pieces {
        match piece {
            Symbolic::Literal(literal) => text.push_str(literal),
            Symbolic::Input => text.push(&symbol(SymbolKind::Input)),
            Symbolic::Generated => text.push(&symbol(SymbolKind::GeneratedName)),
            Symbolic::Account => text.push(&symbol(SymbolKind::Account)),
        }
    }
    text
}
