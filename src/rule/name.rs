//! The name of a cause: every denial has exactly one rule.
//!
//! The family is chosen by an exhaustive match on the policy type or gate; inside it the most specific
//! name comes first and a general one ends the list.

use crate::decision::{DenyKind, DenyReason, Element, Principal};
use crate::policy::{ConditionTest, PolicyType, Statement};
use crate::upload::deploy::CHANGE_POLICY;
pub use crate::upload::subject::{Subject, subject};
use crate::upload::{Cause, Gate, Uploader, blame};
use crate::value::Piece;

/// The condition that decides, and its subject.
pub fn deciding<'s>(
    statement: &'s Statement,
    elements: &[Element],
) -> Option<(&'s ConditionTest, Subject)> {
    blame::tests(statement, elements)
        .into_iter()
        .filter_map(|test| test.key.as_literal().map(|k| (test, subject(k))))
        .min_by_key(|(_, s)| *s)
}

/// The name of the rule for a cause.
pub fn name(cause: &Cause, uploader: &Uploader) -> &'static str {
    match cause {
        Cause::Gate(gate) => gate_name(gate),
        Cause::Policy { reason, .. } => match &reason.kind {
            DenyKind::Explicit {
                statement,
                deciding,
            } => statement.get().map_or("bucket-policy-denies-upload", |s| {
                explicit(reason, s, deciding)
            }),
            DenyKind::Implicit { .. } => implicit(reason, uploader),
        },
    }
}

fn gate_name(gate: &Gate) -> &'static str {
    match gate {
        Gate::AclsDisabled { .. } => "bucket-owner-enforced-rejects-acl",
        Gate::PublicAclBlocked { .. } => "block-public-acls-rejects-public-acl",
        Gate::ManagedKey { .. } => "managed-key-rejects-other-accounts",
        Gate::KeyDisabled { .. } => "disabled-key-rejects-uploads",
        Gate::KeyNotSymmetric { .. } => "asymmetric-key-rejects-uploads",
        Gate::KeyRegion { .. } => "key-of-other-region-rejects-uploads",
        Gate::SseCBlocked { .. } => "bucket-blocks-customer-provided-keys",
        Gate::ServiceNeedsSseS3 { .. } => "service-rejects-kms-default",
        Gate::KeyNamedLocally { .. } => "default-key-without-arn-rejects-other-accounts",
        Gate::PublicPolicyRestricted { .. } => "restrict-public-buckets-cuts-other-accounts",
        Gate::BucketAclDisabled { .. } => "bucket-owner-enforced-rejects-bucket-acl",
        Gate::PublicPolicyBlocked { .. } => "block-public-policy-rejects-policy",
        Gate::ServiceNeedsNoLock { .. } => "service-rejects-object-lock",
        Gate::ServiceTarget { .. } => "service-rejects-target",
        Gate::AccessPointNotDelegated { .. } => "bucket-policy-omits-access-point",
        Gate::CopyFromOtherRegion { .. } => "endpoint-rejects-copies-from-other-regions",
        Gate::AccessPointOutsideVpc { .. } => "access-point-rejects-other-networks",
    }
}

fn explicit(reason: &DenyReason, statement: &Statement, elements: &[Element]) -> &'static str {
    let about = deciding(statement, elements).map(|(_, s)| s);
    let not_principal = statement.principals.as_ref().is_some_and(|p| p.negated);
    match reason.policy_type {
        PolicyType::Bucket if &*reason.action == CHANGE_POLICY => {
            "bucket-policy-locks-out-deployer"
        }
        PolicyType::AccessPoint => "access-point-policy-denies-upload",
        PolicyType::Bucket => match about {
            Some(Subject::EncryptionHeader) => "bucket-policy-denies-missing-encryption-header",
            Some(Subject::KeyIdHeader) => "bucket-policy-denies-missing-kms-key-id",
            Some(Subject::CustomerKeyHeader) => "bucket-policy-denies-missing-customer-key",
            Some(Subject::Acl) => "bucket-policy-denies-missing-acl",
            Some(Subject::GrantHeader) => "bucket-policy-denies-missing-grant-header",
            Some(Subject::StorageClass) => "bucket-policy-denies-missing-storage-class",
            Some(Subject::Tags) => "bucket-policy-denies-missing-tags",
            Some(Subject::Lock) => "bucket-policy-denies-missing-lock-headers",
            Some(Subject::ConditionalWrite) => "bucket-policy-denies-unconditional-writes",
            Some(Subject::CopySource) => "bucket-policy-denies-all-but-copies",
            Some(Subject::Network) => "bucket-policy-denies-network",
            Some(Subject::Transport) => "bucket-policy-denies-tls",
            Some(Subject::Caller) => "bucket-policy-denies-caller",
            Some(Subject::Organization) => "bucket-policy-denies-callers-outside-organization",
            Some(Subject::ServiceSource) => "bucket-policy-denies-all-but-services",
            Some(Subject::EncryptionContext | Subject::Other) => "bucket-policy-denies-upload",
            None if not_principal => "bucket-policy-denies-principals-it-does-not-list",
            None => "bucket-policy-denies-upload",
        },
        PolicyType::Scp | PolicyType::Rcp => match about {
            Some(Subject::EncryptionHeader | Subject::KeyIdHeader) => {
                "organization-policy-denies-missing-encryption-header"
            }
            Some(Subject::Network) => "organization-policy-denies-network",
            _ => "organization-policy-denies-upload",
        },
        PolicyType::Identity => match about {
            Some(Subject::Network) => "identity-policy-denies-network",
            _ => "identity-policy-denies-upload",
        },
        PolicyType::Boundary | PolicyType::Session => "boundary-denies-upload",
        PolicyType::Endpoint => "endpoint-policy-denies-upload",
        PolicyType::Key => "key-policy-denies-use",
        PolicyType::Trust => "identity-policy-denies-upload",
    }
}

/// The action's part in a name.
fn secondary(action: &str) -> Option<&'static str> {
    match action {
        "s3:PutObjectAcl" => Some("acl"),
        "s3:PutObjectTagging" => Some("tagging"),
        "s3:PutObjectRetention" | "s3:PutObjectLegalHold" => Some("lock"),
        "kms:GenerateDataKey" | "kms:Encrypt" => Some("data-key"),
        "kms:Decrypt" => Some("decrypt"),
        "s3:GetObject" => Some("read"),
        "s3:PutObject" | "s3:GetBucketAcl" => None,
        _ => None,
    }
}

fn implicit(reason: &DenyReason, uploader: &Uploader) -> &'static str {
    let DenyKind::Implicit { nearest, .. } = &reason.kind else {
        return "bucket-policy-omits-caller";
    };
    let near = nearest
        .first()
        .and_then(|n| n.statement.get().map(|s| (s, n.failed.as_slice())));
    let failed = |element: Element| near.is_some_and(|(_, f)| f.contains(&element));
    let only_condition = near.is_some_and(|(_, f)| {
        !f.is_empty() && f.iter().all(|e| matches!(e, Element::Condition(_)))
    });
    let only_resource = near.is_some_and(|(_, f)| f == [Element::Resource]);
    let bucket_arn_only = only_resource && near.is_some_and(|(s, _)| names_buckets_only(s));
    let about = near.and_then(|(s, f)| deciding(s, f)).map(|(_, s)| s);
    let extra = secondary(&reason.action);
    match reason.policy_type {
        PolicyType::Identity => match extra {
            Some("acl") => "identity-policy-omits-put-object-acl",
            Some("tagging") => "identity-policy-omits-put-object-tagging",
            Some("lock") => "identity-policy-omits-lock-actions",
            Some("read") => "identity-policy-omits-get-object",
            Some("data-key") if only_condition => "identity-policy-allows-key-only-with-condition",
            Some("decrypt") if only_condition => "identity-policy-allows-key-only-with-condition",
            Some("data-key") => "identity-policy-omits-generate-data-key",
            Some("decrypt") => "identity-policy-omits-decrypt",
            _ if &*reason.action == "s3express:CreateSession" && !only_condition => {
                "identity-policy-omits-create-session"
            }
            _ if bucket_arn_only => "identity-policy-names-bucket-not-objects",
            _ if only_resource => "identity-policy-names-other-objects",
            _ if only_condition => match about {
                Some(Subject::Network) => "identity-policy-allows-only-from-network",
                _ => "identity-policy-allows-only-with-condition",
            },
            _ => "identity-policy-omits-put-object",
        },
        PolicyType::Boundary | PolicyType::Session => match extra {
            Some("data-key" | "decrypt") => "boundary-omits-kms-actions",
            Some(_) => "boundary-omits-secondary-actions",
            None => "boundary-omits-put-object",
        },
        PolicyType::Scp | PolicyType::Rcp => "organization-policy-denies-upload",
        PolicyType::Endpoint => match extra {
            Some("acl") => "endpoint-policy-omits-put-object-acl",
            Some(_) => "endpoint-policy-omits-secondary-actions",
            None if failed(Element::Action) => "endpoint-policy-omits-put-object",
            None if bucket_arn_only => "endpoint-policy-names-bucket-not-objects",
            None if failed(Element::Resource) => "endpoint-policy-omits-bucket",
            None if failed(Element::Principal) => "endpoint-policy-omits-principal",
            None if only_condition => "endpoint-policy-allows-only-with-condition",
            None => "endpoint-policy-omits-put-object",
        },
        PolicyType::AccessPoint => "access-point-policy-omits-caller",
        PolicyType::Bucket => {
            if matches!(uploader, Uploader::Service { .. }) {
                return if only_resource {
                    "bucket-policy-names-other-prefix"
                } else if only_condition {
                    "bucket-policy-condition-excludes-service"
                } else {
                    "bucket-policy-omits-service"
                };
            }
            match extra {
                Some("acl") => "bucket-policy-omits-put-object-acl",
                Some(_) => "bucket-policy-omits-secondary-actions",
                None if only_condition => match about {
                    Some(Subject::Network) => "bucket-policy-allows-only-from-network",
                    Some(
                        Subject::EncryptionHeader
                        | Subject::KeyIdHeader
                        | Subject::CustomerKeyHeader
                        | Subject::Acl
                        | Subject::GrantHeader
                        | Subject::StorageClass
                        | Subject::Tags
                        | Subject::Lock
                        | Subject::ConditionalWrite,
                    ) => "bucket-policy-allows-only-with-header",
                    _ => "bucket-policy-allows-only-with-condition",
                },
                None if bucket_arn_only => "bucket-policy-names-bucket-not-objects",
                None => "bucket-policy-omits-caller",
            }
        }
        PolicyType::Key => {
            // A statement for everybody under the condition of another service is not about this one.
            let about_it = near.is_some_and(|(s, _)| names_sender(s, uploader));
            if matches!(uploader, Uploader::Service { .. }) && !(only_condition && about_it) {
                return "key-policy-omits-service";
            }
            if only_condition {
                return "key-policy-allows-only-with-condition";
            }
            match extra {
                Some("decrypt") if !failed(Element::Principal) => "key-policy-omits-decrypt",
                _ if near.is_some_and(|(_, f)| f == [Element::Action]) => {
                    "key-policy-omits-generate-data-key"
                }
                _ => "key-policy-omits-caller",
            }
        }
        PolicyType::Trust => "identity-policy-omits-put-object",
    }
}

/// Every resource is a bucket's ARN without a key pattern.
fn names_buckets_only(statement: &Statement) -> bool {
    let Some(resources) = &statement.resources else {
        return false;
    };
    !resources.negated
        && !resources.patterns.is_empty()
        && resources.patterns.iter().all(|p| {
            let pieces = p.text.pieces();
            let point = matches!(pieces.first(), Some(Piece::Literal(l)) if l.contains(":accesspoint/"))
                || pieces.iter().any(|p| matches!(p, Piece::Literal(l) if l.contains(":accesspoint/")));
            if point {
                return !pieces.iter().any(|p| matches!(p, Piece::Literal(l) if l.contains("/object/")));
            }
            let s3 = matches!(pieces.first(), Some(Piece::Literal(l)) if l.starts_with("arn:") && l.contains(":s3:::"));
            let after = pieces.iter().any(|piece| match piece {
                Piece::Literal(l) => l.rsplit(":::").next().is_some_and(|rest| rest.contains('/')),
                Piece::Unknown(_) => false,
            });
            s3 && !after
        })
}

/// True where a statement names the AWS service that sends, or its role; for other senders always.
pub fn names_sender(statement: &Statement, uploader: &Uploader) -> bool {
    let Uploader::Service {
        principal,
        role: None,
        ..
    } = uploader
    else {
        return true;
    };
    statement.principals.as_ref().is_some_and(|element| {
        element
            .entries
            .iter()
            .any(|e| e.text.as_literal() == Some(&**principal))
    })
}

/// True where the principal is an AWS service by itself.
pub fn is_service(principal: &Principal) -> bool {
    matches!(principal, Principal::Service { .. })
}
