//! One request against as many policies: iaclint's single-request evaluator beside cedar-policy's `is_authorized`.
//!
//! `cargo run --release --manifest-path benches/cedar/Cargo.toml`. The languages differ, so the questions are alike, not
//! equal: each policy tests the action, the prefix of the object key and one header. Both run in turns in one process.

use std::hint::black_box;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Instant;

use cedar_policy as cedar;
use iaclint::decision::evaluate::{allows, evaluate};
use iaclint::decision::{
    AccountRelation, EndpointKind, Layer, PolicySet, Principal, Reading, Request, RequestContext,
    TargetKind, World,
};
use iaclint::policy::{Policy, PolicyType, parse::parse};
use iaclint::value::{FileId, Place, Span, Value};

const ROLE: &str = "arn:aws:iam::111122223333:role/app";
/// Runs of one batch and batches of one measurement.
const RUNS: u32 = 2_000;
const BATCHES: usize = 41;

/// One statement in both languages: whether it denies, the prefix of the keys, and the encryption it tests.
#[derive(Clone)]
struct Rule {
    deny: bool,
    prefix: String,
    encryption: Option<&'static str>,
}

/// Documents of one identity policy, endpoint policy, bucket policy and service control policy.
fn rules(statements: usize) -> Vec<Vec<Rule>> {
    (0..4)
        .map(|document| {
            (0..statements)
                .map(|at| Rule {
                    deny: at > 0 && document == 2,
                    // The last one is the one that allows, or all but one are passed over.
                    prefix: if at + 1 == statements || at == 0 {
                        "in/".into()
                    } else {
                        format!("other{at}/")
                    },
                    encryption: (at > 0).then_some(if document == 2 {
                        "AES256"
                    } else {
                        "aws:kms"
                    }),
                })
                .collect()
        })
        .collect()
}

fn document(rules: &[Rule], policy_type: PolicyType) -> Layer {
    let principal = if policy_type.names_principals() {
        r#""Principal": "*", "#
    } else {
        ""
    };
    let statements: Vec<String> = rules
        .iter()
        .map(|rule| {
            let effect = if rule.deny { "Deny" } else { "Allow" };
            let condition = rule.encryption.map_or(String::new(), |value| {
                format!(r#", "Condition": {{"StringEquals": {{"s3:x-amz-server-side-encryption": "{value}"}}}}"#)
            });
            format!(
                r#"{{"Effect": "{effect}", {principal}"Action": "s3:PutObject", "Resource": "arn:aws:s3:::b/{}*"{condition}}}"#,
                rule.prefix
            )
        })
        .collect();
    let text = format!(
        r#"{{"Version": "2012-10-17", "Statement": [{}]}}"#,
        statements.join(", ")
    );
    let place = Place::at(Span::new(FileId(0), 0, 0));
    let policy: Arc<Policy> = Arc::new(parse(&Value::text(text, place), policy_type, "document"));
    Layer::of(vec![policy])
}

fn own(rules: &[Vec<Rule>]) -> (PolicySet, Request) {
    let layer = |at: usize, policy_type| document(&rules[at], policy_type);
    let set = PolicySet {
        identity: layer(0, PolicyType::Identity),
        boundary: None,
        session: None,
        endpoint: Some((EndpointKind::Gateway, layer(1, PolicyType::Endpoint))),
        scp: vec![layer(3, PolicyType::Scp)],
        rcp: Vec::new(),
        resource: Some(layer(2, PolicyType::Bucket)),
        target: TargetKind::Bucket,
        relation: AccountRelation::Same,
    };
    let mut context = RequestContext::default();
    context.present("aws:PrincipalArn", ROLE);
    context.present("aws:SecureTransport", "true");
    context.present("s3:x-amz-server-side-encryption", "aws:kms");
    let request = Request {
        principal: Principal::Role {
            arn: ROLE.into(),
            account: "111122223333".into(),
            session: None,
        },
        action: "s3:PutObject".into(),
        resource: "arn:aws:s3:::b/in/report.csv".into(),
        resource_account: "111122223333".into(),
        context,
    };
    (set, request)
}

fn theirs(rules: &[Vec<Rule>]) -> (cedar::PolicySet, cedar::Request, cedar::Entities) {
    let text: String = rules
        .iter()
        .flatten()
        .map(|rule| {
            let effect = if rule.deny { "forbid" } else { "permit" };
            let encryption = rule.encryption.map_or(String::new(), |value| {
                format!(r#" && context has encryption && context.encryption == "{value}""#)
            });
            format!(
                r#"{effect}(principal, action == Action::"PutObject", resource == Bucket::"b") when {{ context.key like "{}*"{encryption} }};"#,
                rule.prefix
            )
        })
        .collect();
    let set = cedar::PolicySet::from_str(&text).expect("the policies are Cedar");
    let name = |text: &str| cedar::EntityUid::from_str(text).expect("a name of an entity");
    let pairs = [("key", "in/report.csv"), ("encryption", "aws:kms")];
    let context = cedar::Context::from_pairs(pairs.map(|(key, value)| {
        (
            key.to_string(),
            cedar::RestrictedExpression::new_string(value.to_string()),
        )
    }))
    .expect("a context");
    let request = cedar::Request::new(
        name(r#"Role::"app""#),
        name(r#"Action::"PutObject""#),
        name(r#"Bucket::"b""#),
        context,
        None,
    )
    .expect("a request");
    (set, request, cedar::Entities::empty())
}

/// Nanoseconds of one run, over one batch.
fn batch(run: &mut dyn FnMut()) -> f64 {
    let start = Instant::now();
    for _ in 0..RUNS {
        run();
    }
    start.elapsed().as_secs_f64() * 1e9 / f64::from(RUNS)
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn main() {
    println!("nanoseconds of one decision, median of {BATCHES} batches of {RUNS}");
    println!(
        "{:>10} {:>10} {:>14} {:>10}",
        "policies", "answer", "with reasons", "cedar"
    );
    for statements in [1, 6, 24] {
        let rules = rules(statements);
        let (set, request) = own(&rules);
        let (cedar_set, cedar_request, entities) = theirs(&rules);
        let world = World::default();
        let authorizer = cedar::Authorizer::new();
        let theirs = authorizer
            .is_authorized(&cedar_request, &cedar_set, &entities)
            .decision();
        assert_eq!(
            allows(&request, &set, Reading::Favourable, &world),
            theirs == cedar::Decision::Allow
        );
        let (mut answers, mut reasons, mut cedars) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..BATCHES {
            answers.push(batch(&mut || {
                black_box(allows(
                    black_box(&request),
                    black_box(&set),
                    Reading::Favourable,
                    &world,
                ));
            }));
            reasons.push(batch(&mut || {
                black_box(evaluate(
                    black_box(&request),
                    black_box(&set),
                    Reading::Favourable,
                    &world,
                ));
            }));
            cedars.push(batch(&mut || {
                black_box(authorizer.is_authorized(
                    black_box(&cedar_request),
                    black_box(&cedar_set),
                    &entities,
                ));
            }));
        }
        println!(
            "{:>10} {:>10.0} {:>14.0} {:>10.0}",
            statements * rules.len(),
            median(&mut answers),
            median(&mut reasons),
            median(&mut cedars)
        );
    }
}
