//! Uploads through an access point: two questions with one answer, one on the access point's object and one on the
//! bucket's (spec 2.2, 2.8 E8, 3.1, UP118).

use crate::decision::evaluate::evaluate;
use crate::decision::{
    AccountRelation, DenyKind, PolicySet, Reading, Request, RequestContext, TargetKind, World,
};
use crate::facts::{AccessPoint, Estate, Setting};
use crate::policy::PolicyType;
use crate::upload::calls::{Draft, public_acl, unknown_text};
use crate::upload::gates::Refusal;
use crate::upload::{Confidence, Gate, Path, PathCertainty, Route, policies};
use crate::value::{Piece, SymbolKind, Text};

/// An access point on the way of an upload.
pub struct Through<'e> {
    pub point: &'e AccessPoint,
    /// What decides the call on the access point.
    pub set: PolicySet,
}

impl<'e> Through<'e> {
    /// The access point's side: the caller's policies as for the bucket, and the access point's own one.
    pub fn new(
        estate: &Estate,
        point: &'e AccessPoint,
        bucket: &PolicySet,
        relation: AccountRelation,
        world: &World,
    ) -> Through<'e> {
        let set = PolicySet {
            resource: point.policy.as_ref().map(|p| policies::layer(p, world)),
            rcp: policies::of_owner(estate, &point.account.id, world),
            target: TargetKind::AccessPoint,
            relation,
            ..bucket.clone()
        };
        Through { point, set }
    }

    /// What both questions know of the access point.
    pub fn context(&self, base: &mut RequestContext) {
        base.present("s3:DataAccessPointArn", self.point.arn.clone());
        base.present("s3:DataAccessPointAccount", self.point.account.id.clone());
        let origin = if self.point.vpc.is_some() {
            "VPC"
        } else {
            "Internet"
        };
        base.present("s3:AccessPointNetworkOrigin", origin);
    }

    /// `<access point>/object/<key>`.
    fn object(&self, key: &Option<Text>) -> Text {
        let mut arn = self.point.arn.clone();
        arn.push_str("/object/");
        match key {
            Some(key) => arn.push(key),
            None => arn.push(&unknown_text("any object key")),
        }
        arn
    }

    /// Both questions of one call. Whether the caller's own policies must name the bucket too is not documented
    /// (spec, open point 20): what they refuse there alone is no refusal, and no certainty.
    pub fn decide(
        &self,
        call: &Request,
        key: &Option<Text>,
        bucket: &PolicySet,
        reading: Reading,
        world: &World,
    ) -> (Vec<crate::decision::Decision>, Option<Refusal>) {
        let own = Request {
            resource: self.object(key),
            resource_account: self.point.account.id.clone(),
            ..call.clone()
        };
        let first = evaluate(&own, &self.set, reading, world);
        let mut second = evaluate(call, bucket, reading, world);
        let by_identity = first
            .allowing
            .iter()
            .any(|(policy_type, _)| *policy_type == PolicyType::Identity);
        let mut refusal = None;
        let mut doubted = false;
        second.reasons.retain(|reason| {
            let implicit = matches!(reason.kind, DenyKind::Implicit { .. });
            match reason.policy_type {
                PolicyType::Identity
                | PolicyType::Boundary
                | PolicyType::Session
                | PolicyType::Scp => {
                    doubted = true;
                    false
                }
                PolicyType::Bucket if implicit => {
                    if by_identity && bucket.relation != AccountRelation::Cross {
                        doubted = true;
                    } else if let DenyKind::Implicit {
                        nearest, documents, ..
                    } = &reason.kind
                    {
                        let near = nearest.first().filter(|n| !n.failed.is_empty());
                        let place = near
                            .and_then(|n| n.statement.get().map(|s| &s.place))
                            .or_else(|| documents.first().map(|d| &d.place))
                            .unwrap_or(&self.point.place)
                            .clone();
                        let action = reason.action.clone();
                        let gate = Gate::AccessPointNotDelegated { action, place };
                        refusal = Some((gate, Confidence::High));
                    }
                    false
                }
                _ => true,
            }
        });
        if doubted && reading == Reading::Unfavourable {
            second
                .hangs_on
                .push("whether the caller's policies must name the bucket as well".into());
        } else {
            second.allowed = second.reasons.is_empty() && refusal.is_none();
        }
        (vec![first, second], refusal)
    }

    /// Gates of the access point itself.
    pub fn gates(&self, estate: &Estate, route: &Route, draft: &Draft) -> Vec<Refusal> {
        let mut out = Vec::new();
        if let Some((vpc, place)) = &self.point.vpc {
            let inside = match route {
                Route::Internet => false,
                Route::Elsewhere => true,
                Route::Endpoint(index) => estate
                    .endpoints
                    .get(*index)
                    .and_then(|e| e.vpc.as_ref())
                    .is_none_or(|v| !certainly_other(v, vpc)),
            };
            if !inside {
                let place = place.clone();
                out.push((Gate::AccessPointOutsideVpc { place }, Confidence::High));
            }
        }
        if let (Some(acl), Setting::Is(true, place)) = (
            public_acl(draft),
            &self.point.public_access.block_public_acls,
        ) {
            let place = place.clone();
            out.push((Gate::PublicAclBlocked { acl, place }, Confidence::High));
        }
        out
    }
}

/// Two ids that are written, or of two resources that the sources make.
fn certainly_other(a: &Text, b: &Text) -> bool {
    a != b && (a.is_literal() && b.is_literal() || made_here(a) && made_here(b))
}

/// A text that names a resource of the sources.
fn made_here(text: &Text) -> bool {
    text.pieces().iter().any(|p| {
        matches!(p, Piece::Unknown(u) if u.symbol.as_ref().is_some_and(|s| s.kind == SymbolKind::GeneratedName))
    })
}

/// The access points that a resource pattern names.
pub fn named(estate: &Estate, pattern: &Text) -> Vec<usize> {
    let Some(wanted) = point_part(pattern).and_then(|arn| arn.identity()) else {
        return Vec::new();
    };
    estate
        .access_points
        .iter()
        .enumerate()
        .filter(|(_, point)| point.arn.identity().as_ref() == Some(&wanted))
        .map(|(i, _)| i)
        .collect()
}

/// The access point's ARN at the beginning of a resource pattern.
fn point_part(pattern: &Text) -> Option<Text> {
    let (before, after) = pattern.split_once(":accesspoint/")?;
    let mut out = before;
    out.push_str(":accesspoint/");
    match after.split_once("/") {
        Some((name, _)) => out.push(&name),
        None => out.push(&after),
    }
    Some(out)
}

/// A pattern of access point objects as one of the bucket's objects, with the same keys.
pub fn as_bucket_objects(pattern: &Text, prefix: &Text) -> Option<Text> {
    let (before, key) = pattern.split_once("/object/")?;
    before.split_once(":accesspoint/")?;
    let mut out = prefix.clone();
    out.push(&key);
    Some(out)
}

/// The paths of a caller to an access point: what its workloads show stays; what nothing shows is the way that the
/// access point asks for. Ordinary S3 endpoints do not carry requests to one of several Regions (spec E12).
pub fn paths(estate: &Estate, index: usize, found: Vec<Vec<Path>>) -> Vec<Vec<Path>> {
    let Some(point) = estate.access_points.get(index) else {
        return found;
    };
    let mut out: Vec<Vec<Path>> = Vec::new();
    for alternatives in found {
        let mut inner: Vec<Path> = Vec::new();
        for path in alternatives {
            inner.extend(by_point(estate, index, point, path));
        }
        if !out.contains(&inner) {
            out.push(inner);
        }
    }
    out
}

fn by_point(estate: &Estate, index: usize, point: &AccessPoint, path: Path) -> Vec<Path> {
    let to = |route: Route, certainty: PathCertainty| Path {
        route,
        certainty,
        access_point: Some(index),
        shown_by: path.shown_by.clone(),
        guards: path.guards.clone(),
    };
    if point.multi_region {
        return match path.route {
            Route::Endpoint(_) => vec![to(Route::Internet, PathCertainty::Assumed)],
            other => vec![to(other, path.certainty)],
        };
    }
    if let (Some((vpc, _)), PathCertainty::Assumed) = (&point.vpc, path.certainty) {
        let inside: Vec<Path> = estate
            .endpoints
            .iter()
            .enumerate()
            .filter(|(_, e)| e.service.as_deref() == Some("s3") && e.vpc.as_ref() == Some(vpc))
            .map(|(i, _)| to(Route::Endpoint(i), PathCertainty::Assumed))
            .collect();
        // A VPC that is made here is closed: without an S3 endpoint there is no such path.
        return match (inside.is_empty(), made_here(vpc)) {
            (false, _) => inside,
            (true, true) => vec![to(path.route.clone(), path.certainty)],
            (true, false) => vec![to(Route::Elsewhere, PathCertainty::Assumed)],
        };
    }
    vec![to(path.route.clone(), path.certainty)]
}
