//! Requests and documents for the targets of the decision.

use std::sync::Arc;

use iaclint::decision::evaluate::evaluate;
use iaclint::decision::{
    AccountRelation, ContextValue, Layer, PolicySet, Principal, Reading, Request, RequestContext,
    TargetKind, World,
};
use iaclint::policy::PolicyType;
use iaclint::policy::parse::parse;
use iaclint::value::{FileId, Place, Span, Text, Value};

const ROLE: &str = "arn:aws:iam::111122223333:role/app";

/// One bucket policy of these statements, in the caller's account.
pub fn documents(statements: &[serde_json::Value]) -> PolicySet {
    let text = serde_json::json!({"Version": "2012-10-17", "Statement": statements}).to_string();
    let place = Place::at(Span::new(FileId(0), 0, 0));
    let policy = parse(&Value::text(text, place), PolicyType::Bucket, "document");
    PolicySet {
        identity: Layer::default(),
        boundary: None,
        session: None,
        scp: Vec::new(),
        endpoint: None,
        rcp: Vec::new(),
        resource: Some(Layer::of(vec![Arc::new(policy)])),
        target: TargetKind::Bucket,
        relation: AccountRelation::Same,
    }
}

/// A context with one key: its value, or nothing known of it.
pub fn context(key: &str, value: Option<&str>) -> RequestContext {
    let mut context = RequestContext::default();
    let value = match value {
        Some(value) => ContextValue::Present(vec![value.into()]),
        None => ContextValue::Unknown,
    };
    context.set(key, value);
    context
}

/// Whether a plain upload is allowed, in the most and in the least favourable reading.
pub fn allowed(context: &RequestContext, set: &PolicySet) -> [bool; 2] {
    let request = Request {
        principal: Principal::Role {
            arn: ROLE.into(),
            account: "111122223333".into(),
            session: None,
        },
        action: "s3:PutObject".into(),
        resource: Text::literal("arn:aws:s3:::fuzzed/key"),
        resource_account: "111122223333".into(),
        context: context.clone(),
    };
    [Reading::Favourable, Reading::Unfavourable]
        .map(|reading| evaluate(&request, set, reading, &World::default()).allowed)
}
