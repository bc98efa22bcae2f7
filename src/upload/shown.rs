//! Uploads that the sources themselves show: objects they declare, and deliveries of AWS services that they configure.

use std::sync::Arc;

use crate::decision::{AccountRelation, ContextValue, DenyKind, Principal, Reading, Request};
use crate::facts::service_accounts::{self, Service};
use crate::facts::{Bucket, BucketUse, Estate, Header, Sender, ShownUpload};
use crate::outcome::{Level, Outcome};
use crate::policy::PolicyType;
use crate::policy::guards::{exclude, join};
use crate::source::Scope;
use crate::upload::attempt::{Journey, Played};
use crate::upload::calls::{Draft, Sent};
use crate::upload::decide::{NO_REPLAY, principal_of, rank};
use crate::upload::headers;
use crate::upload::writers::{KmsSupport, Point, Signer, Writer, writer};
use crate::upload::{
    Cause, Confidence, Decided, Denial, Evidence, EvidenceKind, Gate, Path, PathCertainty, Route,
    Uploader, account, blame, path, policies, witness,
};
use crate::value::{Guards, Text, Unknown};

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

/// One configured delivery of an AWS service.
struct Delivery<'d> {
    estate: &'d Estate,
    scopes: &'d [Scope],
    upload: &'d ShownUpload,
    index: usize,
    bucket: &'d Bucket,
    row: &'static Writer,
}

impl<'d> Delivery<'d> {
    fn decide(
        &self,
        role: Option<usize>,
        sender: &crate::facts::Account,
        source_arn: Option<&Text>,
        region: Option<&Text>,
    ) -> Decided {
        let relation = match account::between(sender, &self.bucket.account) {
            AccountRelation::Unknown => {
                account::of_literal(&sender.id, &self.bucket.account, self.scopes)
            }
            known => known,
        };
        let mut journeys: Vec<Journey<'d>> = Vec::new();
        let with_role = match self.row.signer {
            Signer::Service => None,
            Signer::Role => role,
            Signer::RoleOrService => role.filter(|_| relation != AccountRelation::Cross),
        };
        if let Some(index) = with_role {
            let uploader = self.uploader("", Some(index), sender);
            if let Some(caller) = self
                .estate
                .callers
                .get(index)
                .filter(|c| !exclude(&c.guards, &self.upload.guards))
            {
                let principal = principal_of(self.estate, &Uploader::Declared(index));
                journeys.push(self.journey(uploader, principal, Some(caller), relation));
            }
        }
        if self.row.signer != Signer::Role {
            for name in self.row.principals {
                let name = match region.and_then(Text::as_literal) {
                    Some(region) => name.replace("{region}", region),
                    None if name.contains("{region}") => continue,
                    None => (*name).to_string(),
                };
                let uploader = self.uploader(&name, None, sender);
                let principal = Principal::Service {
                    name: Text::literal(name.as_str()),
                };
                journeys.push(self.journey(uploader, principal, None, relation));
            }
            if self.row.load_balancing_account {
                let account = match region.and_then(Text::as_literal) {
                    Some(region) => {
                        service_accounts::account(Service::LoadBalancing, region).map(Text::literal)
                    }
                    None => Some(Text::unknown(Unknown::because(
                        "the load balancing account of the region",
                    ))),
                };
                if let Some(account) = account {
                    // It writes with rights of its own account, which are not at hand.
                    let uploader = Uploader::External {
                        principal: account.clone(),
                        account: account.clone(),
                        whole_account: true,
                        place: self.upload.place.clone(),
                    };
                    let principal = Principal::Account { account };
                    journeys.push(self.journey(uploader, principal, None, AccountRelation::Cross));
                }
            }
        }
        for journey in &mut journeys {
            self.prepare(journey, sender, source_arn, region);
        }
        self.conclude(journeys, relation, sender)
    }

    fn uploader(
        &self,
        principal: &str,
        role: Option<usize>,
        sender: &crate::facts::Account,
    ) -> Uploader {
        Uploader::Service {
            service: self.row.service.into(),
            principal: principal.into(),
            role,
            account: sender.id.clone(),
        }
    }

    fn journey(
        &self,
        uploader: Uploader,
        principal: Principal,
        caller: Option<&'d crate::facts::Caller>,
        relation: AccountRelation,
    ) -> Journey<'d> {
        let mut journey = Journey::new(
            self.estate,
            uploader,
            principal,
            caller,
            self.bucket,
            Route::Internet,
            relation,
        );
        journey.enter(journey.world.and(&self.upload.guards));
        journey
    }

    /// What the service passes, tests and cannot work with.
    fn prepare(
        &self,
        journey: &mut Journey<'d>,
        sender: &crate::facts::Account,
        source_arn: Option<&Text>,
        region: Option<&Text>,
    ) {
        let as_service = matches!(journey.principal, Principal::Service { .. });
        if self.row.actions != ["s3:PutObject"] {
            journey.actions = Some(self.row.actions);
        }
        if self.row.signer == Signer::Role {
            // A replica is written by S3 itself: only what the row names is asked for.
            let own = journey.actions.is_some() || self.row.kms_actions != ["kms:GenerateDataKey"];
            journey.kms_actions = own.then_some(self.row.kms_actions);
        }
        if as_service && self.row.passes_source {
            journey.base.present("aws:SourceAccount", sender.id.clone());
            match source_arn {
                Some(arn) => journey.base.present("aws:SourceArn", arn.clone()),
                None => journey
                    .base
                    .set("aws:SourceArn", ContextValue::PresentUnknown),
            }
            journey.base.set("aws:SourceOrgID", ContextValue::Unknown);
            journey
                .base
                .set("aws:SourceOrgPaths", ContextValue::Unknown);
        }
        if as_service {
            journey.kms_actions = Some(self.row.kms_actions);
            self.tell_kms(journey, source_arn);
            if self.row.tests_bucket_acl {
                journey.extra.push(Request {
                    principal: journey.principal.clone(),
                    action: "s3:GetBucketAcl".into(),
                    resource: self.bucket.arn.clone(),
                    resource_account: self.bucket.account.id.clone(),
                    context: journey.base.clone(),
                });
            }
        }
        let gates = self.gates(&journey.bucket, region);
        journey.gates.extend(gates);
    }

    /// A service that encrypts with a key of its own configuration names its resource to KMS.
    fn tell_kms(&self, journey: &mut Journey<'d>, source_arn: Option<&Text>) {
        let Some(name) = self.row.encryption_context else {
            return;
        };
        let own_key = self
            .upload
            .headers
            .iter()
            .any(|h| h.name.eq_ignore_ascii_case(headers::SSE_KEY));
        let key = format!("kms:EncryptionContext:{name}");
        match source_arn.filter(|_| own_key) {
            Some(arn) => journey.base.present(&key, arn.clone()),
            None => journey.base.set(&key, ContextValue::Unknown),
        }
        for key in ["kms:EncryptionContextKeys", "kms:ViaService"] {
            journey.base.set(key, ContextValue::Unknown);
        }
    }

    fn gates(&self, bucket: &Bucket, region: Option<&Text>) -> Vec<(Gate, Confidence)> {
        use crate::facts::Algorithm;
        let mut out = Vec::new();
        if let Some(encryption) = bucket.encryption.value() {
            let kms = encryption.algorithm != Algorithm::Aes256;
            let place = encryption
                .place
                .clone()
                .or_else(|| bucket.encryption.place().cloned());
            if let (true, Some(place)) = (kms, place) {
                match self.row.kms {
                    KmsSupport::None => {
                        out.push((Gate::ServiceNeedsSseS3 { place }, Confidence::High))
                    }
                    KmsSupport::Disputed => {
                        out.push((Gate::ServiceNeedsSseS3 { place }, Confidence::Unverified))
                    }
                    KmsSupport::CustomerKey | KmsSupport::AsCaller => {}
                }
            }
        }
        if self.row.refuses_lock {
            if let crate::facts::Setting::Is(true, place) = &bucket.default_retention {
                out.push((
                    Gate::ServiceNeedsNoLock {
                        place: place.clone(),
                    },
                    Confidence::High,
                ));
            }
        }
        if let (Some(prefix), Some(name)) = (self.row.name_prefix, bucket.name.as_literal()) {
            if !name.starts_with(prefix) {
                out.push((
                    Gate::ServiceTarget {
                        requirement: format!("a bucket whose name begins with `{prefix}`").into(),
                        place: bucket.place.clone(),
                    },
                    Confidence::High,
                ));
            }
        }
        if self.row.refuses_requester_pays {
            if let crate::facts::Setting::Is(true, place) = &bucket.requester_pays {
                out.push((
                    Gate::ServiceTarget {
                        requirement: "a bucket without Requester Pays".into(),
                        place: place.clone(),
                    },
                    Confidence::High,
                ));
            }
        }
        let of = |text: Option<&Text>| text.and_then(Text::as_literal).map(str::to_string);
        if let (true, Some(own), Some(there)) = (
            self.row.same_region,
            of(region),
            of(self.bucket.region.as_ref()),
        ) {
            if own != there && !self.bucket.open {
                out.push((
                    Gate::ServiceTarget {
                        requirement: format!("a bucket in its own Region, {own}").into(),
                        place: self.bucket.place.clone(),
                    },
                    Confidence::High,
                ));
            }
        }
        if let (Some(forbidden), Some(key)) = (self.row.forbidden_in_prefix, &self.upload.key) {
            // Its own folder stands behind the prefix.
            if key
                .as_literal()
                .is_some_and(|k| k.matches(forbidden).count() > 1)
            {
                out.push((
                    Gate::ServiceTarget {
                        requirement: format!("a prefix without `{forbidden}`").into(),
                        place: self.upload.place.clone(),
                    },
                    Confidence::High,
                ));
            }
        }
        if self.row.needs_acls
            && bucket.ownership.value() == Some(&crate::facts::Ownership::BucketOwnerEnforced)
        {
            out.push((
                Gate::ServiceTarget {
                    requirement: "a bucket whose ACLs are enabled".into(),
                    place: self
                        .bucket
                        .ownership
                        .place()
                        .unwrap_or(&bucket.place)
                        .clone(),
                },
                // Where the setting is only the default, the bucket may be older than it.
                if bucket.ownership.place().is_some() {
                    Confidence::High
                } else {
                    Confidence::Medium
                },
            ));
        }
        out
    }

    fn conclude(
        &self,
        journeys: Vec<Journey<'d>>,
        relation: AccountRelation,
        sender: &crate::facts::Account,
    ) -> Decided {
        let mut draft = draft_of(self.upload);
        let foreign = if relation == AccountRelation::Cross {
            self.row.foreign_headers
        } else {
            &[]
        };
        for (name, value) in self.row.headers.iter().chain(foreign) {
            if *draft.header(name) == Sent::Absent {
                draft.set(name, Sent::Value(Text::literal(*value)));
            }
        }
        let mut out = Decided {
            uploader: self.uploader(self.row.principals.first().unwrap_or(&""), None, sender),
            bucket: self.index,
            path: internet(),
            world: join(&self.upload.guards, &self.bucket.guards).unwrap_or_default(),
            outcome: Outcome::Depends,
            hangs_on: Vec::new(),
            grants: Vec::new(),
            denials: Vec::new(),
        };
        let mut best: Option<(usize, Played)> = None;
        for (i, journey) in journeys.iter().enumerate() {
            let played = journey.play(&draft, Reading::Favourable);
            if played
                .causes
                .iter()
                .all(|(_, c)| *c == Confidence::Unverified)
            {
                if matches!(journey.uploader, Uploader::Service { .. }) {
                    out.uploader = journey.uploader.clone();
                }
                let strict = journey.play(&draft, Reading::Unfavourable);
                let sure = strict.allowed || strict.hangs_on_open_only();
                out.outcome = if sure && played.allowed {
                    Outcome::Allowed
                } else {
                    Outcome::Depends
                };
                out.hangs_on = strict.hangs_on;
                self.add(played, journey, &draft, &mut out, true);
                return out;
            }
            if self.row.may_only_read
                && played
                    .causes
                    .iter()
                    .any(|(c, _)| grants_no_write(c, self.row.signer))
            {
                continue;
            }
            // The first one is what the service tries first.
            if best.is_none() {
                best = Some((i, played));
            }
        }
        if let Some((journey, played)) =
            best.and_then(|(i, played)| Some((journeys.get(i)?, played)))
        {
            out.uploader = journey.uploader.clone();
            out.outcome = Outcome::ServiceDeliveryDenied;
            self.add(played, journey, &draft, &mut out, false);
            if out.denials.is_empty() {
                out.outcome = Outcome::Depends;
            }
        }
        out
    }

    /// The bucket's ACL grants the write, or the service completes it itself.
    fn granted_by_acl(&self) -> bool {
        let Some(grantee) = self.row.acl_grantee else {
            return false;
        };
        if self.row.needs_acls {
            return true;
        }
        self.bucket.acl.as_ref().is_some_and(|acl| {
            acl.canned
                .as_ref()
                .is_some_and(|c| c.as_literal() == Some("log-delivery-write") || !c.is_literal())
                || acl
                    .grants
                    .iter()
                    .any(|g| g.grantee.as_literal() == Some(grantee) || !g.grantee.is_literal())
        })
    }

    /// How sure the row is of what a refusal rests on.
    fn doubt(&self, cause: &Cause) -> Confidence {
        use crate::decision::Element;
        use crate::upload::subject::{Subject, subject};
        let mut points: Vec<Point> = Vec::new();
        match cause {
            Cause::Policy { key: Some(_), .. }
            | Cause::Gate(Gate::ServiceNeedsSseS3 { .. } | Gate::ManagedKey { .. }) => {
                points.push(Point::Kms);
            }
            Cause::Policy { reason, key: None } => {
                if &*reason.action == "s3:GetBucketAcl" {
                    points.push(Point::BucketTest);
                }
                let mut about = |statement: &crate::policy::Statement, elements: &[Element]| {
                    for test in blame::tests(statement, elements) {
                        match test.key.as_literal().map(subject) {
                            Some(Subject::ServiceSource) => points.push(Point::Source),
                            Some(
                                Subject::Acl
                                | Subject::EncryptionHeader
                                | Subject::KeyIdHeader
                                | Subject::GrantHeader
                                | Subject::StorageClass
                                | Subject::Tags,
                            ) => points.push(Point::Headers),
                            _ => {}
                        }
                    }
                    if elements.contains(&Element::Principal) {
                        points.push(Point::Principal);
                    }
                    if elements.contains(&Element::Resource) {
                        points.push(Point::Prefix);
                    }
                };
                match &reason.kind {
                    DenyKind::Explicit {
                        statement,
                        deciding,
                    } => {
                        if let Some(s) = statement.get() {
                            about(s, deciding);
                        }
                    }
                    DenyKind::Implicit { nearest, .. } => {
                        for near in nearest.iter().take(1) {
                            if let Some(s) = near.statement.get() {
                                about(s, &near.failed);
                            }
                        }
                    }
                }
            }
            Cause::Gate(Gate::AclsDisabled { .. } | Gate::PublicAclBlocked { .. }) => {
                points.push(Point::Headers)
            }
            Cause::Gate(_) => {}
        }
        points
            .into_iter()
            .map(|p| self.row.confidence(p))
            .min()
            .unwrap_or(Confidence::High)
    }

    fn add(
        &self,
        played: Played,
        journey: &Journey<'_>,
        draft: &Draft,
        out: &mut Decided,
        unsure: bool,
    ) {
        let relation = journey.relation;
        let missing_key = played
            .causes
            .iter()
            .any(|(c, _)| matches!(c, Cause::Policy { key: Some(_), .. }));
        for (cause, confidence) in played.causes {
            let mut level = Level::Error.min(confidence.cap());
            match &cause {
                // Delivery is reported to work where the key policy admits the service (spec 7).
                Cause::Gate(Gate::ServiceNeedsSseS3 { .. })
                    if self.row.kms == KmsSupport::Disputed && missing_key =>
                {
                    continue;
                }
                // A service that supports no KMS at all is stopped by that, whichever key it is.
                Cause::Gate(Gate::ManagedKey { .. }) | Cause::Policy { key: Some(_), .. }
                    if self.row.kms == KmsSupport::None =>
                {
                    continue;
                }
                _ => {}
            }
            if let Cause::Policy { reason, key: None } = &cause {
                let implicit = matches!(reason.kind, DenyKind::Implicit { .. });
                if implicit && reason.policy_type == PolicyType::Bucket && self.row.completes_policy
                {
                    match relation {
                        AccountRelation::Cross => {}
                        AccountRelation::Same | AccountRelation::Unknown
                            if self.bucket.policy.is_none() =>
                        {
                            continue;
                        }
                        AccountRelation::Same | AccountRelation::Unknown => {
                            level = level.min(Level::Warning)
                        }
                    }
                }
                if implicit && self.row.acl_unsure && about_acl(reason) {
                    level = level.min(Level::Warning);
                }
                if implicit && reason.policy_type == PolicyType::Bucket && self.granted_by_acl() {
                    continue;
                }
            }
            level = level.min(self.doubt(&cause).cap());
            if unsure {
                level = Level::Note;
            }
            let Some(refused) = witness::refused(journey, draft, Reading::Favourable, &cause)
            else {
                out.hangs_on.push(NO_REPLAY.into());
                continue;
            };
            out.denials.push(Denial {
                cause,
                outcome: Outcome::ServiceDeliveryDenied,
                level,
                evidence: Some(Evidence {
                    kind: EvidenceKind::Shown,
                    place: self.upload.place.clone(),
                    text: format!("{} is configured to deliver here", self.row.title),
                    address: self.upload.address.clone(),
                }),
                behind: Vec::new(),
                refused,
                passes: None,
                provisos: Vec::new(),
                proviso: None,
            });
        }
    }
}

/// No statement comes near to granting the write: it may not be meant.
fn grants_no_write(cause: &Cause, signer: Signer) -> bool {
    let Cause::Policy { reason, key: None } = cause else {
        return false;
    };
    let DenyKind::Implicit { nearest, .. } = &reason.kind else {
        return false;
    };
    let side = if signer == Signer::Role {
        PolicyType::Identity
    } else {
        PolicyType::Bucket
    };
    reason.policy_type == side
        && &*reason.action == "s3:PutObject"
        && nearest
            .iter()
            .all(|n| n.failed.contains(&crate::decision::Element::Action))
}

fn about_acl(reason: &crate::decision::DenyReason) -> bool {
    let DenyKind::Implicit { nearest, .. } = &reason.kind else {
        return false;
    };
    nearest.iter().any(|n| {
        n.statement.get().is_some_and(|s| {
            blame::tests(s, &n.failed).iter().any(|t| {
                t.key
                    .as_literal()
                    .is_some_and(|k| k.eq_ignore_ascii_case("s3:x-amz-acl"))
            })
        })
    })
}

#[cfg(test)]
mod tests;
