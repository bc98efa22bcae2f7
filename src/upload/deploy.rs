//! Calls of a deployment that AWS refuses because of a bucket's settings: its own ACL, a public policy.

use crate::decision::Match;
use crate::facts::{Estate, Ownership, Setting};
use crate::outcome::{Level, Outcome};
use crate::policy::guards::implies;
use crate::policy::{StatementRef, public};
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
        for gate in gates {
            // A bucket that stands since before April 2023 keeps its ACLs unless the sources say otherwise.
            let level = match &gate {
                Gate::BucketAclDisabled {
                    ownership: None, ..
                } => Level::Note,
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
                    cause: Cause::Gate(gate),
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
