//! Denies that say the opposite of what they can mean, or spare too few.

use super::{is, plain};
use crate::decision::Element;
use crate::facts::{Algorithm, Estate};
use crate::policy::{ConditionTest, StatementRef};
use crate::rule::Proposal;
use crate::rule::name::{Subject, deciding};
use crate::source::edit::{Change, NewCondition, Written, single};
use crate::upload::{Decided, Uploader, headers};

/// A Deny that says the opposite of what it can mean, or that spares too few: never one that is right for somebody.
pub fn proposals(
    estate: &Estate,
    upload: &Decided,
    statement: &StatementRef,
    elements: &[Element],
) -> Vec<Proposal> {
    let Some(s) = statement.get() else {
        return Vec::new();
    };
    let policy = &statement.policy;
    let Some((test, subject)) = deciding(s, elements) else {
        return Vec::new();
    };
    if !s.guards.is_empty() || !single(&policy.address) || test.open {
        return Vec::new();
    }
    let Some(key) = test.key.as_literal() else {
        return Vec::new();
    };
    let beside = |operator: &'static str, key: &str, value: &'static str| Change::Condition {
        key: test.key_place.clone(),
        condition: NewCondition {
            beside: test.written.clone(),
            operator,
            key: key.into(),
            value,
        },
    };
    let taken = |operator: &str| s.conditions.iter().any(|c| &*c.written == operator);
    match subject {
        Subject::Transport => match test.values.as_slice() {
            [value] if is(value, "true") => vec![Proposal {
                was: value.text.as_literal().map(str::to_string),
                ..plain(
                    policy,
                    &s.place,
                    Change::Replace {
                        at: value.place.clone(),
                        with: Written::Text("false".into()),
                    },
                )
            }],
            _ => Vec::new(),
        },
        Subject::EncryptionHeader
        | Subject::KeyIdHeader
        | Subject::CustomerKeyHeader
        | Subject::Acl
        | Subject::GrantHeader
        | Subject::StorageClass
        | Subject::Tags
        | Subject::Lock
        | Subject::CopySource
            if test.operator.is_negated() && !taken("Null") =>
        {
            // What the header asks for is what the bucket does anyway: nothing is lost without it.
            let anyway = subject == Subject::EncryptionHeader && encrypts_so(estate, upload, test);
            vec![Proposal {
                shares: match anyway {
                    true => Vec::new(),
                    false => vec![format!("uploads without `{}`", header_of(key))],
                },
                text: Some(format!(
                    "add `\"Null\": {{\"{key}\": \"false\"}}` to the statement's Condition"
                )),
                ..plain(policy, &s.place, beside("Null", key, "false"))
            }]
        }
        Subject::ServiceSource if !taken("Bool") => vec![plain(
            policy,
            &s.place,
            beside("Bool", "aws:PrincipalIsAWSService", "true"),
        )],
        Subject::Organization
            if !taken("Bool") && matches!(upload.uploader, Uploader::Service { .. }) =>
        {
            vec![plain(
                policy,
                &s.place,
                beside("Bool", "aws:PrincipalIsAWSService", "false"),
            )]
        }
        Subject::EncryptionHeader
        | Subject::KeyIdHeader
        | Subject::CustomerKeyHeader
        | Subject::Acl
        | Subject::GrantHeader
        | Subject::StorageClass
        | Subject::Tags
        | Subject::Lock
        | Subject::CopySource
        | Subject::ServiceSource
        | Subject::Organization
        | Subject::ConditionalWrite
        | Subject::Network
        | Subject::Caller
        | Subject::EncryptionContext
        | Subject::Other => Vec::new(),
    }
}

/// The bucket encrypts by default as the test asks.
fn encrypts_so(estate: &Estate, upload: &Decided, test: &ConditionTest) -> bool {
    let bucket = estate.buckets.get(upload.bucket).filter(|b| !b.open);
    let word = match bucket
        .and_then(|b| b.encryption.value())
        .map(|e| e.algorithm)
    {
        Some(Algorithm::Aes256) => "AES256",
        Some(Algorithm::Kms) => "aws:kms",
        Some(Algorithm::KmsDsse) => "aws:kms:dsse",
        None => return false,
    };
    test.values
        .iter()
        .any(|v| v.text.as_literal() == Some(word))
}

/// The header of a condition key, for a reader.
fn header_of(key: &str) -> String {
    match headers::by_key(key) {
        Some(header) => header.name.to_string(),
        None => key.to_string(),
    }
}
