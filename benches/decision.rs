//! Speed of one decision over five policies of one statement, and of the search over all requests.

use std::sync::Arc;

use divan::{Bencher, black_box};
use iaclint::decision::evaluate::{allows, evaluate};
use iaclint::decision::search::search;
use iaclint::decision::space::{
    Class, Domain, DomainValues, Variable, classes_of, key_classes, tests_on,
};
use iaclint::decision::{
    AccountRelation, ContextValue, EndpointKind, Layer, Match, PolicySet, Principal, Reading,
    Request, RequestContext, TargetKind, World,
};
use iaclint::policy::{ConditionTest, Policy, PolicyType, PolicyVersion, parse::parse};
use iaclint::value::{FileId, Place, Span, Text, Value};

fn main() {
    divan::main();
}

const ROLE: &str = "arn:aws:iam::111122223333:role/app";

fn policy(policy_type: PolicyType, statement: &str) -> Arc<Policy> {
    let text = format!(r#"{{"Version": "2012-10-17", "Statement": [{{{statement}}}]}}"#);
    let place = Place::at(Span::new(FileId(0), 0, 0));
    Arc::new(parse(&Value::text(text, place), policy_type, "document"))
}

fn policies() -> PolicySet {
    let layer = |policy_type, statement: &str| Layer::of(vec![policy(policy_type, statement)]);
    let bucket = r#""Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::b/*",
        "Condition": {"StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}}"#;
    PolicySet {
        identity: layer(
            PolicyType::Identity,
            r#""Effect": "Allow", "Action": "s3:Put*", "Resource": "arn:aws:s3:::b/in/*""#,
        ),
        boundary: Some(layer(
            PolicyType::Boundary,
            r#""Effect": "Allow", "Action": "s3:*", "Resource": "*""#,
        )),
        session: None,
        endpoint: Some((
            EndpointKind::Gateway,
            layer(
                PolicyType::Endpoint,
                r#""Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::b/*",
                   "Condition": {"StringEquals": {"aws:PrincipalAccount": "111122223333"}}"#,
            ),
        )),
        scp: vec![layer(
            PolicyType::Scp,
            r#""Effect": "Allow", "Action": "*", "Resource": "*""#,
        )],
        rcp: Vec::new(),
        resource: Some(layer(PolicyType::Bucket, bucket)),
        target: TargetKind::Bucket,
        relation: AccountRelation::Same,
    }
}

fn request(sse: Option<&str>) -> Request {
    let mut context = RequestContext::default();
    context.present("aws:PrincipalAccount", "111122223333");
    context.present("aws:PrincipalArn", ROLE);
    context.present("aws:SecureTransport", "true");
    if let Some(sse) = sse {
        context.present("s3:x-amz-server-side-encryption", sse);
    }
    Request {
        principal: Principal::Role {
            arn: ROLE.into(),
            account: "111122223333".into(),
            session: None,
        },
        action: "s3:PutObject".into(),
        resource: "arn:aws:s3:::b/in/report.csv".into(),
        resource_account: "111122223333".into(),
        context,
    }
}

#[divan::bench(args = [Some("aws:kms"), None])]
fn one_decision(bencher: Bencher, sse: Option<&str>) {
    let (set, request, world) = (policies(), request(sse), World::default());
    bencher.bench(|| {
        evaluate(
            black_box(&request),
            black_box(&set),
            Reading::Favourable,
            &world,
        )
    });
}

#[divan::bench(args = [Some("aws:kms"), None])]
fn one_answer(bencher: Bencher, sse: Option<&str>) {
    let (set, request, world) = (policies(), request(sse), World::default());
    bencher.bench(|| {
        allows(
            black_box(&request),
            black_box(&set),
            Reading::Favourable,
            &world,
        )
    });
}

/// Classes of keys and headers, and the search over them.
#[divan::bench]
fn all_requests(bencher: Bencher) {
    let (set, plain, world) = (policies(), request(None), World::default());
    let documents: Vec<&Policy> = [&set.identity]
        .into_iter()
        .chain(&set.boundary)
        .chain(set.endpoint.iter().map(|(_, layer)| layer))
        .chain(&set.scp)
        .chain(&set.resource)
        .flat_map(|layer| layer.policies.iter().map(|p| &**p))
        .collect();
    bencher.bench(|| {
        let statements = || documents.iter().flat_map(|p| &p.statements);
        let patterns: Vec<(&Text, PolicyVersion)> = statements()
            .filter_map(|s| s.resources.as_ref())
            .flat_map(|r| r.patterns.iter().map(|p| (&p.text, PolicyVersion::V2012)))
            .collect();
        let keys = key_classes(&patterns, &"arn:aws:s3:::b/".into(), &plain.context);
        let tests: Vec<&ConditionTest> = statements().flat_map(|s| &s.conditions).collect();
        let mut variables = vec![Variable {
            name: "key".into(),
            classes: keys
                .keys
                .iter()
                .map(|key| Class {
                    value: ContextValue::Present(vec![key.clone()]),
                    cost: 0,
                })
                .collect(),
        }];
        for name in ["s3:x-amz-server-side-encryption", "s3:x-amz-acl"] {
            let domain = Domain {
                may_be_absent: true,
                values: DomainValues::AnyText,
            };
            variables.push(Variable {
                name: name.into(),
                classes: classes_of(&tests_on(&tests, name), &domain, &plain.context).classes,
            });
        }
        let mut request = plain.clone();
        search(&variables, 20_000, &mut |chosen| {
            for (variable, choice) in variables.iter().zip(chosen).skip(1) {
                let class = choice.and_then(|c| variable.classes.get(c));
                let value = class.map_or(ContextValue::Unknown, |c| c.value.clone());
                request.context.set(&variable.name, value);
            }
            request.resource = "arn:aws:s3:::b/".into();
            match chosen
                .first()
                .copied()
                .flatten()
                .and_then(|c| keys.keys.get(c))
            {
                Some(key) => request.resource.push(key),
                None => return Match::Unknown,
            }
            match allows(&request, &set, Reading::Favourable, &world) {
                false => Match::No,
                true if chosen.iter().all(Option::is_some) => Match::Yes,
                true => Match::Unknown,
            }
        })
    });
}
