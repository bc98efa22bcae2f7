//! Uploads that the sources themselves show: objects they declare, and deliveries of AWS services that they configure.

mod delivery;

use std::sync::Arc;

use crate::decision::{AccountRelation, ContextValue, Reading, Request};
use crate::facts::{Bucket, BucketUse, Estate, Header, Sender, ShownUpload};
use crate::outcome::{Level, Outcome};
use crate::policy::guards::{exclude, join};
use crate::source::Scope;
use crate::upload::attempt::Journey;
use crate::upload::calls::{Draft, Sent};
use crate::upload::decide::{NO_REPLAY, principal_of, rank};
use crate::upload::headers;
use crate::upload::writers::{Signer, Writer, writer};
use crate::upload::{
    Cause, Confidence, Decided, Denial, Evidence, EvidenceKind, Gate, Path, PathCertainty, Route,
    Uploader, account, blame, path, policies, witness,
};
use crate::value::{Guards, Text, Unknown};
use delivery::Delivery;

/// Plays every shown upload.
pub fn decide(estate: &Estate, scopes: &[Scope]) -> Vec<Decided> {
    let mut out = Vec::new();
    for upload in &estate.shown {
        let BucketUse::Declared(index) = &upload.bucket else {
            continue;
        };
        let Some(bucket) = estate.buckets.get(*index) else {
            continue;
        };
        if exclude(&upload.guards, &bucket.guards) {
            continue;
        }
        let decided = match &upload.sender {
            Sender::Caller(caller) => {
                by_person(estate, Some(*caller), None, upload, *index, bucket)
            }
            Sender::Deployer { caller, account } => {
                by_person(estate, *caller, Some(&account.id), upload, *index, bucket)
            }
            Sender::Writer {
                service,
                role,
                account,
                source_arn,
                region,
            } => writer(service).map(|row| {
                Delivery {
                    estate,
                    scopes,
                    upload,
                    index: *index,
                    bucket,
                    row,
                }
                .decide(*role, account, source_arn.as_ref(), region.as_ref())
            }),
        };
        out.extend(decided);
    }
    out
}

/// The delivery that a service's role is granted, where no configured one shows it.
pub fn decide_role(
    estate: &Estate,
    scopes: &[Scope],
    caller: usize,
    pair: &crate::upload::pairs::Pair,
    row: &'static Writer,
) -> Option<Decided> {
    let shown = estate.shown.iter().any(|s| {
        s.bucket == BucketUse::Declared(pair.bucket)
            && matches!(&s.sender, Sender::Writer { role: Some(role), .. } if *role == caller)
    });
    if shown || pair.broad {
        return None;
    }
    let declared = estate.callers.get(caller)?;
    let bucket = estate.buckets.get(pair.bucket)?;
    let upload = ShownUpload {
        sender: Sender::Caller(caller),
        bucket: BucketUse::Declared(pair.bucket),
        key: None,
        headers: Vec::new(),
        multipart: false,
        place: declared.place.clone(),
        address: declared.address.clone(),
        guards: declared.guards.clone(),
    };
    let play = |upload: &ShownUpload| {
        Delivery {
            estate,
            scopes,
            upload,
            index: pair.bucket,
            bucket,
            row,
        }
        .decide(Some(caller), &declared.account, None, None)
    };
    let mut decided = play(&upload);
    let by_policy = |d: &Denial| matches!(d.cause, Cause::Policy { key: None, .. });
    if row.signer == Signer::Role
        && !decided.denials.is_empty()
        && decided.denials.iter().all(by_policy)
    {
        // The key is of the service's own configuration, which nothing here shows.
        let header = |name: &str| Header {
            name: name.into(),
            value: Text::unknown(Unknown::because("the service's own configuration")),
            place: upload.place.clone(),
        };
        let headers = vec![header(headers::SSE), header(headers::SSE_KEY)];
        let with_key = play(&ShownUpload {
            headers,
            ..upload.clone()
        });
        if with_key.denials.is_empty() {
            decided.outcome = Outcome::Depends;
            decided.denials.clear();
            let what = "the encryption that the service is configured to use";
            decided.hangs_on.push(what.into());
        }
    }
    decided.grants = pair.grants.clone();
    Some(decided)
}

/// What a caller uploads to a bucket, where each of its workloads shows it; else nothing.
pub fn drafts_of_every_workload(estate: &Estate, pair: &crate::upload::pairs::Pair) -> Vec<Draft> {
    let Uploader::Declared(index) = pair.uploader else {
        return Vec::new();
    };
    let Some(caller) = estate.callers.get(index) else {
        return Vec::new();
    };
    let shown: Vec<&ShownUpload> = estate
        .shown
        .iter()
        .filter(|s| {
            s.sender == Sender::Caller(index) && s.bucket == BucketUse::Declared(pair.bucket)
        })
        .collect();
    if caller
        .workloads
        .iter()
        .all(|w| shown.iter().any(|s| s.address == w.address))
    {
        shown.into_iter().map(draft_of).collect()
    } else {
        Vec::new()
    }
}

fn draft_of(upload: &ShownUpload) -> Draft {
    let mut draft = Draft::plain(upload.key.clone());
    for header in &upload.headers {
        if header.name.eq_ignore_ascii_case(headers::TAGGING) {
            draft.tags = Some(tag_set(&header.value));
        } else {
            draft.set(
                &header.name.to_ascii_lowercase(),
                Sent::Value(header.value.clone()),
            );
        }
    }
    draft.multipart = upload.multipart;
    draft.copies = copied(upload).map(|h| h.value.clone());
    draft
}

/// The header that makes an upload a copy.
fn copied(upload: &ShownUpload) -> Option<&crate::facts::Header> {
    upload
        .headers
        .iter()
        .find(|h| h.name.eq_ignore_ascii_case("x-amz-copy-source"))
}

pub(super) fn tag_set(value: &Text) -> Vec<(Arc<str>, Text)> {
    match value.as_literal() {
        Some(literal) => literal
            .split('&')
            .filter(|p| !p.is_empty())
            .map(|p| {
                let (key, value) = p.split_once('=').unwrap_or((p, ""));
                (Arc::from(key), Text::literal(value))
            })
            .collect(),
        None => vec![("key".into(), value.clone())],
    }
}

fn internet() -> Path {
    Path {
        route: Route::Internet,
        certainty: PathCertainty::Assumed,
        access_point: None,
        shown_by: None,
        guards: Vec::new(),
    }
}

fn by_person(
    estate: &Estate,
    caller: Option<usize>,
    deployer: Option<&Text>,
    upload: &ShownUpload,
    index: usize,
    bucket: &Bucket,
) -> Option<Decided> {
    let uploader = match (caller, deployer) {
        (Some(caller), _) => Uploader::Declared(caller),
        (None, Some(account)) => Uploader::Deployer {
            account: account.clone(),
        },
        (None, None) => return None,
    };
    let declared = caller.and_then(|c| estate.callers.get(c));
    let own = declared.map(|c| &c.account);
    let relation = match (own, deployer) {
        (Some(own), _) => account::between(own, &bucket.account),
        (None, Some(id)) if *id == bucket.account.id => AccountRelation::Same,
        (None, Some(id)) if id.is_literal() && bucket.account.id.is_literal() => {
            AccountRelation::Cross
        }
        _ => AccountRelation::Unknown,
    };
    let world = join(&upload.guards, &bucket.guards)?;
    let world = join(
        &world,
        declared.map(|c| c.guards.as_slice()).unwrap_or_default(),
    )?;
    let ways = match (declared, &upload.sender) {
        (Some(declared), Sender::Caller(_)) => ways(estate, declared, upload, bucket),
        // From where the configuration is applied is not shown.
        _ => vec![internet()],
    };
    let mut best: Option<Decided> = None;
    for path in ways {
        let Some(world) = join(&world, &path.guards) else {
            continue;
        };
        let mut journey = Journey::new(
            estate,
            uploader.clone(),
            principal_of(estate, &uploader),
            declared,
            bucket,
            path.route.clone(),
            relation,
        );
        journey.enter(journey.world.and(&world));
        let decided = by_path(journey, (path, world), upload, index);
        if best
            .as_ref()
            .is_none_or(|b| rank(decided.outcome) > rank(b.outcome))
        {
            best = Some(decided);
        }
    }
    best
}

/// The ways of the workload that shows the upload; those of its caller where nothing shows them.
fn ways(
    estate: &Estate,
    caller: &crate::facts::Caller,
    upload: &ShownUpload,
    bucket: &Bucket,
) -> Vec<Path> {
    let service = path::service_of(bucket);
    let own = caller
        .workloads
        .iter()
        .filter(|w| w.address == upload.address)
        .map(|w| path::of_workload(caller, w, estate, service))
        .find(|found| !found.is_empty());
    let first = || path::ways(caller, estate, service).into_iter().next();
    own.or_else(|| first().map(|way| way.cases.into_iter().flatten().collect()))
        .unwrap_or_else(|| vec![internet()])
}

/// What a copy reads, and where that is refused whatever policies say (spec 2.8 E14, 3.1).
fn reads(journey: &mut Journey<'_>, upload: &ShownUpload) {
    let Some(header) = copied(upload) else {
        return;
    };
    let mut context = journey.base.clone();
    journey
        .base
        .present("s3:x-amz-copy-source", header.value.clone());
    let Some((name, key)) = header.value.split_once("/") else {
        return;
    };
    let estate = journey.estate;
    let Some(source) = estate
        .buckets
        .iter()
        .find(|b| b.scope == journey.bucket.scope && b.name.identity() == name.identity())
    else {
        return;
    };
    let relation = match (journey.caller, journey.relation) {
        (Some(caller), _) => account::between(&caller.account, &source.account),
        (None, relation) => relation,
    };
    let mut arn = source.arn.clone();
    arn.push_str("/");
    arn.push(&key);
    // A folder stands for what lies in it.
    if key.is_empty() || key.as_literal().is_some_and(|k| k.ends_with('/')) {
        arn.push_str("x");
    }
    for key in ["s3:ResourceAccount", "aws:ResourceAccount"] {
        context.present(key, source.account.id.clone());
    }
    match &source.region {
        Some(region) => context.present("aws:RequestedRegion", region.clone()),
        None => context.set("aws:RequestedRegion", ContextValue::PresentUnknown),
    }
    let call = Request {
        principal: journey.principal.clone(),
        action: "s3:GetObject".into(),
        resource: arn,
        resource_account: source.account.id.clone(),
        context,
    };
    let set = policies::for_bucket(
        estate,
        &journey.uploader,
        source,
        &journey.route,
        relation,
        &journey.world,
    );
    journey.source = Some((call, set));
    let region = |b: &Bucket| {
        b.region
            .as_ref()
            .and_then(Text::as_literal)
            .map(str::to_string)
    };
    if let (Route::Endpoint(_), Some(there), Some(here)) =
        (&journey.route, region(source), region(&journey.bucket))
    {
        if there != here && !source.open && !journey.bucket.open {
            let place = header.place.clone();
            journey
                .gates
                .push((Gate::CopyFromOtherRegion { place }, Confidence::High));
        }
    }
}

fn by_path(
    mut journey: Journey<'_>,
    (path, world): (Path, Guards),
    upload: &ShownUpload,
    index: usize,
) -> Decided {
    reads(&mut journey, upload);
    let draft = draft_of(upload);
    let played = journey.play(&draft, Reading::Favourable);
    let mut out = Decided {
        uploader: journey.uploader.clone(),
        bucket: index,
        path: path.clone(),
        world,
        outcome: Outcome::Allowed,
        hangs_on: Vec::new(),
        grants: Vec::new(),
        denials: Vec::new(),
    };
    if played.allowed {
        let strict = journey.play(&draft, Reading::Unfavourable);
        if !strict.allowed && !strict.hangs_on_open_only() {
            out.outcome = Outcome::Depends;
            out.hangs_on = strict.hangs_on;
        }
        return out;
    }
    let nowhere = matches!(
        path.certainty,
        PathCertainty::Assumed | PathCertainty::HostedCi
    );
    if nowhere && played.causes.iter().any(|(c, _)| blame::by_network(c)) {
        out.outcome = Outcome::Depends;
        out.hangs_on
            .push("the network that the upload comes from".into());
        return out;
    }
    let most = match path.certainty {
        PathCertainty::Presumed => Level::Warning,
        _ => Level::Error,
    };
    let plain = Draft::plain(upload.key.clone());
    let plain_passes = !draft.is_plain() && journey.play(&plain, Reading::Favourable).allowed;
    out.outcome = if plain_passes {
        Outcome::ShapeDenied
    } else {
        Outcome::DefaultDenied
    };
    let way = match plain_passes {
        true => witness::passing(&journey, &plain),
        false => None,
    };
    for (cause, confidence) in played.causes {
        // A finding about a header points at the header.
        let header = header_of(&cause, upload);
        let place = header.map_or(&upload.place, |h| &h.place);
        let Some(refused) = witness::refused(&journey, &draft, Reading::Favourable, &cause) else {
            out.hangs_on.push(NO_REPLAY.into());
            continue;
        };
        out.denials.push(Denial {
            cause,
            outcome: out.outcome,
            level: most.min(confidence.cap()),
            evidence: Some(Evidence {
                kind: EvidenceKind::Shown,
                place: place.clone(),
                text: "the upload is declared here".into(),
                address: upload.address.clone(),
            }),
            behind: Vec::new(),
            refused,
            passes: way.clone(),
            provisos: Vec::new(),
            proviso: None,
        });
    }
    out
}

/// The header of a shown upload that a refusal is about.
fn header_of<'u>(cause: &Cause, upload: &'u ShownUpload) -> Option<&'u crate::facts::Header> {
    let find = |test: &dyn Fn(&str) -> bool| {
        upload
            .headers
            .iter()
            .find(|h| test(&h.name.to_ascii_lowercase()))
    };
    match cause {
        Cause::Gate(Gate::AclsDisabled { .. } | Gate::PublicAclBlocked { .. }) => {
            find(&|n| n == headers::ACL || n.starts_with("x-amz-grant-"))
        }
        Cause::Policy { reason, .. } => match &*reason.action {
            "s3:PutObjectAcl" => find(&|n| n == headers::ACL || n.starts_with("x-amz-grant-")),
            "s3:PutObjectTagging" => find(&|n| n == headers::TAGGING),
            "s3:PutObjectRetention" => {
                find(&|n| n == headers::LOCK_MODE || n == headers::LOCK_DATE)
            }
            "s3:PutObjectLegalHold" => find(&|n| n == headers::LEGAL_HOLD),
            action if action.starts_with("kms:") => {
                find(&|n| n == headers::SSE_KEY || n == headers::SSE)
            }
            _ => None,
        },
        Cause::Gate(_) => None,
    }
}

#[cfg(test)]
mod tests;
