//! The sentences of a finding: what is refused, in AWS's own words of the denial; what to do.

use crate::decision::{DenyKind, DenyReason};
use crate::facts::Estate;
use crate::policy::{ConditionTest, PolicyType, Statement};
use crate::rule::Outcome;
use crate::rule::name::{Subject, deciding, names_sender};
use crate::upload::deploy::CHANGE_POLICY;
use crate::upload::{
    Cause, Decided, Denial, EvidenceKind, Gate, PathCertainty, Route, Uploader, blame, writers,
};

/// AWS's sentence for a refusal by a policy, as an Access Denied message ends.
pub fn aws_sentence(reason: &DenyReason) -> String {
    let policy = reason.policy_type.name();
    match &reason.kind {
        DenyKind::Explicit { .. } => {
            format!("with an explicit deny in {} {policy}", article(policy))
        }
        DenyKind::Implicit { .. } => format!("no {policy} allows the {} action", reason.action),
    }
}

fn article(word: &str) -> &'static str {
    if word.starts_with(['a', 'e', 'i', 'o', 'u']) {
        "an"
    } else {
        "a"
    }
}

/// The sender for a message, in backticks where it is the user's text.
pub fn sender(estate: &Estate, uploader: &Uploader) -> String {
    match uploader {
        Uploader::Declared(index) => estate
            .callers
            .get(*index)
            .map_or_else(String::new, |c| format!("`{}`", c.address)),
        Uploader::External { principal, .. } => format!("`{}`", principal.display()),
        Uploader::Deployer { .. } => "whoever applies the configuration".into(),
        Uploader::Service { service, .. } => {
            writers::writer(service).map_or_else(|| service.to_string(), |w| w.title.to_string())
        }
    }
}

/// The bucket for a message: its name where it is known, else its address.
pub fn bucket(estate: &Estate, index: usize) -> String {
    estate
        .buckets
        .get(index)
        .map_or_else(String::new, |b| match b.name.as_literal() {
            Some(name) => name.to_string(),
            None if b.open => b.name.display(),
            None => b.address.to_string(),
        })
}

/// One sentence, lower case, no full stop.
pub fn message(estate: &Estate, decided: &Decided, denial: &Denial) -> String {
    let who = sender(estate, &decided.uploader);
    let to = bucket(estate, decided.bucket);
    let through = match (&decided.path.route, decided.path.certainty) {
        (Route::Endpoint(index), _) => estate
            .endpoints
            .get(*index)
            .map_or_else(String::new, |e| format!("through `{}`, ", e.address)),
        (Route::Elsewhere, _) => "through a VPC endpoint, ".into(),
        (Route::Internet, PathCertainty::HostedCi) => {
            "unless the runner's address is listed, ".into()
        }
        (Route::Internet, _) => String::new(),
    };
    let through = match decided
        .path
        .access_point
        .and_then(|i| estate.access_points.get(i))
    {
        Some(point) if through.starts_with("through") => format!(
            "{} and `{}`, ",
            through.trim_end_matches(", "),
            point.address
        ),
        Some(point) => format!("{through}through `{}`, ", point.address),
        None => through,
    };
    let proviso = format!(
        "{}{}",
        in_world(decided),
        denial.proviso.as_deref().unwrap_or_default()
    );
    let why = why(denial);
    match &denial.cause {
        Cause::Gate(Gate::BucketAclDisabled { .. }) => {
            format!("{proviso}the ACL of `{to}` cannot be put: {why}")
        }
        Cause::Gate(Gate::PublicPolicyBlocked { .. }) => {
            format!("{proviso}the policy of `{to}` cannot be put: {why}")
        }
        Cause::Policy { reason, .. } if &*reason.action == CHANGE_POLICY => {
            format!(
                "the policy of `{to}` locks out whoever deploys it: {CHANGE_POLICY} is refused {why}"
            )
        }
        _ if matches!(decided.uploader, Uploader::Service { .. }) => {
            format!("{proviso}deliveries by {who} to `{to}` fail: {why}")
        }
        _ => {
            let uploads = what(denial);
            let verdict = match denial.outcome {
                Outcome::Depends if denial.proviso.is_none() => "pass only from certain networks",
                _ => "are refused",
            };
            format!("{proviso}{through}{uploads} by {who} to `{to}` {verdict}: {why}")
        }
    }
}

/// The world that the answer speaks of: "where condition `Prod` is true, ".
fn in_world(decided: &Decided) -> String {
    let mut said: Vec<&str> = Vec::new();
    for guard in decided.world.iter().filter(|g| g.arms > 1) {
        if !said.contains(&&*guard.label) {
            said.push(&guard.label);
        }
    }
    match said.as_slice() {
        [] => String::new(),
        [only] => format!("where {only}, "),
        [first, second] => format!("where {first} and {second}, "),
        [first, second, rest @ ..] => {
            format!("where {first}, {second} and {} more hold, ", rest.len())
        }
    }
}

/// Which uploads: "all uploads", "uploads without `x-amz-acl`", "uploads with an ACL".
fn what(denial: &Denial) -> String {
    match denial.outcome {
        Outcome::AlwaysDenied => return "all uploads".into(),
        Outcome::Depends if denial.proviso.is_none() => return "uploads".into(),
        _ => {}
    }
    if let Some(evidence) = &denial.evidence {
        let kind = shape(denial);
        return match evidence.kind {
            EvidenceKind::Shown | EvidenceKind::Intent => kind,
        };
    }
    if let Cause::Policy { reason, key: None } = &denial.cause {
        if let DenyKind::Explicit {
            statement,
            deciding: elements,
        } = &reason.kind
        {
            if let Some((test, subject)) = statement.get().and_then(|s| deciding(s, elements)) {
                if let Some(header) = header_word(test, subject) {
                    return format!("uploads without {header}");
                }
            }
        }
    }
    "plain uploads".into()
}

fn header_word(test: &ConditionTest, subject: Subject) -> Option<String> {
    match subject {
        Subject::EncryptionHeader
        | Subject::KeyIdHeader
        | Subject::CustomerKeyHeader
        | Subject::Acl
        | Subject::GrantHeader
        | Subject::StorageClass
        | Subject::Lock
        | Subject::ConditionalWrite
        | Subject::CopySource => {
            let key = test.key.as_literal()?;
            let name = crate::upload::headers::by_key(key)
                .map_or(key.trim_start_matches("s3:"), |h| h.name);
            Some(format!("`{name}`"))
        }
        Subject::Tags => Some("`x-amz-tagging`".into()),
        Subject::Network
        | Subject::Transport
        | Subject::Caller
        | Subject::Organization
        | Subject::ServiceSource
        | Subject::EncryptionContext
        | Subject::Other => None,
    }
}

/// The shape of an upload that the sources mean.
fn shape(denial: &Denial) -> String {
    use crate::upload::headers;
    let sent = &denial.refused;
    let has = |prefix: &str| sent.set.iter().any(|(n, _)| n.starts_with(prefix));
    if sent.multipart {
        "multipart uploads".into()
    } else if let Some(acl) = sent.get(headers::ACL) {
        match &denial.evidence {
            Some(e) if e.kind == EvidenceKind::Shown => {
                format!("uploads with the ACL `{}`", acl.display())
            }
            _ => "uploads with an ACL".into(),
        }
    } else if has("x-amz-grant-") {
        "uploads with a grant header".into()
    } else if has(headers::TAGGING) {
        "uploads with tags".into()
    } else if has("x-amz-object-lock-") {
        "uploads with lock headers".into()
    } else if sent.is_plain() {
        "the uploads that the sources show".into()
    } else {
        "uploads with these headers".into()
    }
}

/// Why, with AWS's words first.
pub fn why(denial: &Denial) -> String {
    match &denial.cause {
        Cause::Policy { reason, .. } => {
            let mut out = aws_sentence(reason);
            if let DenyKind::Explicit { statement, .. } = &reason.kind {
                if let Some(s) = statement.get() {
                    out.push_str(&format!(" (`{}`)", s.label()));
                }
            }
            if let (
                DenyKind::Implicit {
                    delegated_by: Some(_),
                    ..
                },
                PolicyType::Bucket,
            ) = (&reason.kind, reason.policy_type)
            {
                out.push_str("; the bucket policy only delegates to the account");
            }
            out
        }
        Cause::Gate(gate) => gate_sentence(gate),
    }
}

/// What a gate answers.
pub fn gate_sentence(gate: &Gate) -> String {
    match gate {
        Gate::AclsDisabled { acl, .. } => format!(
            "AccessControlListNotSupported: the bucket does not allow ACLs, and `{}` is one that it does not accept",
            acl.display()
        ),
        Gate::PublicAclBlocked { acl, .. } => {
            format!("Access Denied: Block Public Access refuses the public ACL `{}`", acl.display())
        }
        Gate::ManagedKey { by_header, .. } => {
            let by = if *by_header { "the request asks for" } else { "the bucket's default encryption is" };
            format!("Access Denied: {by} the AWS managed key `aws/s3`, which serves only principals of its own account")
        }
        Gate::KeyDisabled { .. } => "KMS.DisabledException: the key is disabled".into(),
        Gate::KeyNotSymmetric { .. } => "KMS.InvalidKeyUsageException: S3 needs a symmetric encryption key".into(),
        Gate::KeyRegion { .. } => "KMS.NotFoundException: the key lies in another Region than the bucket".into(),
        Gate::SseCBlocked { .. } => "Access Denied: the bucket blocks encryption with customer-provided keys".into(),
        Gate::ServiceNeedsSseS3 { .. } => {
            "Access Denied: the service supports only buckets whose default encryption is SSE-S3".into()
        }
        Gate::KeyNamedLocally { .. } => {
            "the default key is named without its ARN, which KMS resolves in the caller's account".into()
        }
        Gate::PublicPolicyRestricted { .. } => {
            "Access Denied: the bucket policy is public and RestrictPublicBuckets cuts other accounts off".into()
        }
        Gate::BucketAclDisabled { .. } => {
            "AccessControlListNotSupported: Object Ownership is `BucketOwnerEnforced`, so the bucket does not allow ACLs"
                .into()
        }
        Gate::PublicPolicyBlocked { .. } => {
            "Access Denied: the policy is public and BlockPublicPolicy refuses public policies".into()
        }
        Gate::ServiceNeedsNoLock { .. } => "the service does not support Object Lock or a default retention".into(),
        Gate::ServiceTarget { requirement, .. } => format!("the service needs {requirement}"),
        Gate::AccessPointNotDelegated { action, .. } => format!(
            "no resource-based policy allows the {action} action, as the bucket delegates nothing to the access point"
        ),
        Gate::CopyFromOtherRegion { .. } => {
            "Access Denied: VPC endpoints do not support cross-region requests".into()
        }
        Gate::AccessPointOutsideVpc { .. } => {
            "Access Denied: the access point accepts only requests from its own VPC".into()
        }
    }
}

/// The words under the marked characters.
pub fn label(denial: &Denial) -> String {
    match &denial.cause {
        Cause::Policy { reason, .. } => match &reason.kind {
            DenyKind::Explicit {
                statement,
                deciding: elements,
            } => match statement.get().and_then(|s| deciding(s, elements)) {
                Some((test, _)) => {
                    let key = test.key.as_literal().unwrap_or_default();
                    let because = if blame::never_carried(reason, key) {
                        format!("holds because no {} request carries it", reason.action)
                    } else if denial_is_about_absence(test, denial) {
                        "holds because the request does not send it".into()
                    } else {
                        "holds".to_string()
                    };
                    format!(
                        "denies: {} on `{}` {because}",
                        test.written,
                        test.key.display()
                    )
                }
                None => "denies this upload".into(),
            },
            DenyKind::Implicit { .. } => match blame::misses(reason) {
                none if none.is_empty() => aws_sentence(reason),
                misses => format!("{}: {misses}", aws_sentence(reason)),
            },
        },
        Cause::Gate(gate) => gate_sentence(gate),
    }
}

fn denial_is_about_absence(test: &ConditionTest, denial: &Denial) -> bool {
    let Some(key) = test.key.as_literal() else {
        return false;
    };
    match crate::upload::headers::by_key(key) {
        Some(header) => denial.refused.get(header.name).is_none(),
        None => false,
    }
}

/// What to do, in one sentence.
pub fn fix(estate: &Estate, decided: &Decided, denial: &Denial) -> String {
    match &denial.cause {
        Cause::Policy { reason, .. } => match &reason.kind {
            DenyKind::Explicit {
                statement,
                deciding: elements,
            } => statement
                .get()
                .map_or_else(String::new, |s| explicit_fix(s, elements, denial)),
            DenyKind::Implicit { .. } => implicit_fix(estate, decided, reason),
        },
        Cause::Gate(gate) => gate_fix(gate),
    }
}

fn explicit_fix(
    statement: &Statement,
    elements: &[crate::decision::Element],
    denial: &Denial,
) -> String {
    if let Cause::Policy { reason, .. } = &denial.cause {
        if &*reason.action == CHANGE_POLICY {
            return "deny the actions that are meant (`s3:PutObject`), or spare the deploying role with `ArnNotLike` on `aws:PrincipalArn`"
                .into();
        }
    }
    let Some((test, subject)) = deciding(statement, elements) else {
        return "narrow the Deny, or exempt the caller with `ArnNotLike` on `aws:PrincipalArn`"
            .into();
    };
    let key = test.key.display();
    match subject {
        Subject::EncryptionHeader
        | Subject::KeyIdHeader
        | Subject::CustomerKeyHeader
        | Subject::Acl
        | Subject::GrantHeader
        | Subject::StorageClass
        | Subject::Tags
        | Subject::Lock
        | Subject::CopySource => {
            let absent = test.operator == crate::policy::ConditionOperator::Null;
            if absent && denial.passes.is_some() {
                match header_word(test, subject) {
                    Some(header) => format!("send {header}, or drop the statement"),
                    None => "drop the statement".into(),
                }
            } else if denial.passes.is_some() && denial.evidence.is_some() {
                format!("add `\"Null\": {{\"{key}\": \"false\"}}` to the statement's Condition, or send the header")
            } else if denial.passes.is_some() {
                format!("add `\"Null\": {{\"{key}\": \"false\"}}` to the statement's Condition, or send the header and declare that with `[[upload]]` in iaclint.toml")
            } else {
                "drop the statement, or let it accept a request that the other gates accept".into()
            }
        }
        Subject::ConditionalWrite => "exempt multipart parts with `s3:ObjectCreationOperation`, or drop it".into(),
        Subject::Network => {
            "add the caller's network to the condition, or exempt the caller with `ArnNotLike` on `aws:PrincipalArn`"
                .into()
        }
        Subject::Transport => "deny `aws:SecureTransport` \"false\", not \"true\"".into(),
        Subject::Caller => {
            "list the role's ARN as `aws:PrincipalArn` has it (`arn:aws:iam::<account>:role/<path>/<name>`)".into()
        }
        Subject::Organization => {
            "exempt AWS services with `\"Bool\": {\"aws:PrincipalIsAWSService\": \"false\"}`, or list the account".into()
        }
        Subject::ServiceSource => "guard the statement with `\"Bool\": {\"aws:PrincipalIsAWSService\": \"true\"}`".into(),
        Subject::EncryptionContext | Subject::Other => format!("change the condition on `{key}`"),
    }
}

fn implicit_fix(estate: &Estate, decided: &Decided, reason: &DenyReason) -> String {
    use crate::decision::Element;
    let action = &reason.action;
    // A statement that fails by its conditions alone already allows the rest.
    if let DenyKind::Implicit { nearest, .. } = &reason.kind {
        if let Some((near, statement)) = nearest
            .first()
            .and_then(|n| n.statement.get().map(|s| (n, s)))
        {
            let by_condition = !near.failed.is_empty()
                && names_sender(statement, &decided.uploader)
                && near
                    .failed
                    .iter()
                    .all(|e| matches!(e, Element::Condition(_)));
            if let (true, Some((test, subject))) = (by_condition, deciding(statement, &near.failed))
            {
                let key = test.key.display();
                return match subject {
                    Subject::EncryptionContext
                        if key.eq_ignore_ascii_case("kms:EncryptionContext:aws:s3:arn") =>
                    {
                        format!(
                            "list both the bucket's ARN and its objects in the condition on `{key}`: with a Bucket Key it is the bucket's ARN"
                        )
                    }
                    _ => match header_word(test, subject) {
                        Some(header) => format!(
                            "send {header} as the condition asks, or drop the condition on `{key}`"
                        ),
                        None => format!(
                            "change the condition on `{key}`, or allow `{action}` in another statement"
                        ),
                    },
                };
            }
        }
    }
    let object = estate
        .buckets
        .get(decided.bucket)
        .map_or_else(String::new, |b| {
            if &**action == "s3:GetObject" {
                "the objects that are copied".into()
            } else if b.directory {
                format!("the ARN of `{}`", b.address)
            } else if b.name.is_literal() {
                format!("{}/*", b.arn.display())
            } else {
                format!("the objects of `{}`", b.address)
            }
        });
    match reason.policy_type {
        PolicyType::Identity
        | PolicyType::Boundary
        | PolicyType::Session
        | PolicyType::Scp
        | PolicyType::Rcp => {
            if action.starts_with("kms:") {
                format!(
                    "allow `{action}` on the key's ARN in the {}",
                    reason.policy_type.name()
                )
            } else {
                format!(
                    "allow `{action}` on {object} in the {}",
                    reason.policy_type.name()
                )
            }
        }
        PolicyType::Endpoint => {
            format!("allow `{action}` on {object} to `\"*\"` in the VPC endpoint policy")
        }
        PolicyType::AccessPoint => format!(
            "allow `{action}` on the access point's objects to {} in its policy",
            principal_words(estate, decided)
        ),
        PolicyType::Bucket => {
            format!(
                "allow `{action}` on {object} to {} in the bucket policy",
                principal_words(estate, decided)
            )
        }
        PolicyType::Key => {
            format!(
                "allow `{action}` to {} in the key policy",
                principal_words(estate, decided)
            )
        }
        PolicyType::Trust => String::new(),
    }
}

fn principal_words(estate: &Estate, decided: &Decided) -> String {
    match &decided.uploader {
        Uploader::Service {
            principal,
            role: None,
            ..
        } => format!("`{principal}`"),
        other => sender(estate, other),
    }
}

fn gate_fix(gate: &Gate) -> String {
    match gate {
        Gate::AclsDisabled { .. } | Gate::PublicAclBlocked { .. } => "send no ACL".into(),
        Gate::ManagedKey { .. } => {
            "use a customer managed key whose policy admits the caller, or send `x-amz-server-side-encryption: AES256`"
                .into()
        }
        Gate::KeyDisabled { .. } => "enable the key".into(),
        Gate::KeyNotSymmetric { .. } => "use a symmetric encryption key".into(),
        Gate::KeyRegion { .. } => "use a key or replica of the bucket's Region".into(),
        Gate::SseCBlocked { .. } => "unblock SSE-C on the bucket, or use another encryption".into(),
        Gate::ServiceNeedsSseS3 { .. } => "set the bucket's default encryption to `AES256`".into(),
        Gate::KeyNamedLocally { .. } => "name the key by its ARN".into(),
        Gate::PublicPolicyRestricted { .. } | Gate::PublicPolicyBlocked { .. } => {
            "make every Allow statement name fixed principals".into()
        }
        Gate::BucketAclDisabled { .. } => "remove the bucket's ACL, or enable ACLs with `BucketOwnerPreferred`".into(),
        Gate::ServiceNeedsNoLock { .. } => "deliver to a bucket without Object Lock".into(),
        Gate::ServiceTarget { .. } => "deliver to a bucket that the service accepts".into(),
        Gate::AccessPointNotDelegated { .. } => {
            "let the bucket policy allow everything that comes through access points of its account, with a condition on `s3:DataAccessPointAccount`"
                .into()
        }
        Gate::CopyFromOtherRegion { .. } => {
            "copy from outside the VPC, or download and upload again".into()
        }
        Gate::AccessPointOutsideVpc { .. } => {
            "upload from the access point's VPC, or through another access point".into()
        }
    }
}
