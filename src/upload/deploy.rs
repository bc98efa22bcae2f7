//! Calls of a deployment that AWS refuses: a bucket's own ACL, a public policy, the next change of a policy that
//! denies its own change to everybody.

use crate::decision::evaluate::evaluate;
use crate::decision::{
    AccountRelation, ContextValue, DenyKind, Match, Principal, Reading, Request, RequestContext,
};
use crate::facts::{Bucket, Estate, Ownership, Setting};
use crate::outcome::{Level, Outcome};
use crate::policy::guards::implies;
use crate::policy::{PolicyType, StatementRef, public};
use crate::upload::attempt::Journey;
use crate::upload::{Cause, Decided, Denial, Gate, Headers, Path, PathCertainty, Route, Uploader};
use crate::value::Text;

/// Canned ACLs that creating a bucket passes over (S3's page of canned ACLs).
const PASSED_OVER: [&str; 3] = ["private", "bucket-owner-read", "bucket-owner-full-control"];

/// Plays `PutBucketAcl` and `PutBucketPolicy` of every declared bucket.
pub fn decide(estate: &Estate) -> Vec<Decided> {
    let mut out = Vec::new();
    for (index, bucket) in estate.buckets.iter().enumerate() {
        let mut gates = Vec::new();
        if let Some(acl) = &bucket.acl {
            let enforced = bucket.ownership.value() == Some(&Ownership::BucketOwnerEnforced);
            // Where a bucket is created with an ACL, S3 passes over those that give nobody else anything.
            let canned = acl.canned.as_ref().and_then(Text::as_literal);
            let passed_over =
                acl.address == bucket.address && canned.is_some_and(|c| PASSED_OVER.contains(&c));
            if enforced
                && !passed_over
                && (acl.canned.is_some() || !acl.grants.is_empty())
                && implies(&bucket.guards, &acl.guards)
            {
                gates.push(Gate::BucketAclDisabled {
                    ownership: bucket.ownership.place().cloned(),
                    place: acl.place.clone(),
                });
            }
        }
        if let (Setting::Is(true, _), Some(policies)) =
            (&bucket.public_access.block_public_policy, &bucket.policy)
        {
            for attached in policies
                .attached
                .iter()
                .filter(|a| implies(&bucket.guards, &a.guards))
            {
                let policy = &attached.policy;
                let certainly = |s| public::is_public_statement(s, policy.version) == Match::Yes;
                if let Some(position) = policy.statements.iter().position(certainly) {
                    let statement = StatementRef {
                        policy: attached.policy.clone(),
                        position,
                    };
                    if let Some(place) = statement
                        .get()
                        .filter(|s| s.guards.is_empty())
                        .map(|s| s.place.clone())
                    {
                        gates.push(Gate::PublicPolicyBlocked { statement, place });
                    }
                }
            }
        }
        for cause in gates
            .into_iter()
            .map(Cause::Gate)
            .chain(locked_out(estate, bucket))
        {
            // A bucket that stands since before April 2023 keeps its ACLs unless the sources say otherwise.
            let level = match &cause {
                Cause::Gate(Gate::BucketAclDisabled {
                    ownership: None, ..
                }) => Level::Note,
                _ => Level::Warning,
            };
            out.push(Decided {
                uploader: Uploader::Deployer {
                    account: bucket.account.id.clone(),
                },
                bucket: index,
                path: Path {
                    route: Route::Internet,
                    certainty: PathCertainty::Assumed,
                    access_point: None,
                    shown_by: None,
                    guards: Vec::new(),
                },
                world: bucket.guards.clone(),
                outcome: Outcome::OtherFailure,
                hangs_on: Vec::new(),
                grants: Vec::new(),
                denials: vec![Denial {
                    cause,
                    outcome: Outcome::OtherFailure,
                    level,
                    evidence: None,
                    behind: Vec::new(),
                    refused: Headers {
                        key: Text::literal("x"),
                        ..Headers::default()
                    },
                    passes: None,
                    provisos: Vec::new(),
                    proviso: None,
                }],
            });
        }
    }
    out
}

/// The action that a deployment needs to change the policy again.
pub const CHANGE_POLICY: &str = "s3:PutBucketPolicy";

/// The Denies of a bucket policy that refuse its next change to whoever asks, over TLS and from anywhere. Only the
/// root user of the account is not bound by them.
fn locked_out(estate: &Estate, bucket: &Bucket) -> Vec<Cause> {
    let Some(policies) = bucket.policy.as_ref().filter(|_| !bucket.open) else {
        return Vec::new();
    };
    let account = bucket.account.id.clone();
    let principal = Principal::Account {
        account: account.clone(),
    };
    let mut journey = Journey::new(
        estate,
        Uploader::Deployer {
            account: account.clone(),
        },
        principal.clone(),
        None,
        bucket,
        Route::Internet,
        AccountRelation::Same,
    );
    // What stands above the account or around the caller is not asked here.
    journey.s3.scp = Vec::new();
    journey.s3.rcp = Vec::new();
    let mut context = RequestContext {
        other: ContextValue::Unknown,
        ..RequestContext::default()
    };
    context.present("aws:SecureTransport", "true");
    context.present("aws:PrincipalAccount", account.clone());
    context.present("aws:ResourceAccount", account.clone());
    let request = Request {
        principal,
        action: CHANGE_POLICY.into(),
        resource: bucket.arn.clone(),
        resource_account: account,
        context,
    };
    if policies.attached.iter().any(|a| !a.guards.is_empty()) {
        return Vec::new();
    }
    evaluate(&request, &journey.s3, Reading::Favourable, &journey.world)
        .reasons
        .into_iter()
        .filter(|r| {
            r.policy_type == PolicyType::Bucket && matches!(r.kind, DenyKind::Explicit { .. })
        })
        .map(|reason| Cause::Policy { reason, key: None })
        .collect()
}
