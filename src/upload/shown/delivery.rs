//! Deliveries of AWS services into buckets, played as the service makes them (spec 7).

use super::{draft_of, internet};

use crate::decision::{AccountRelation, ContextValue, DenyKind, Principal, Reading, Request};
use crate::facts::service_accounts::{self, Service};
use crate::facts::{Bucket, Estate, ShownUpload};
use crate::outcome::{Level, Outcome};
use crate::policy::PolicyType;
use crate::policy::guards::{exclude, join};
use crate::source::Scope;
use crate::upload::attempt::{Journey, Played};
use crate::upload::calls::{Draft, Sent};
use crate::upload::decide::{NO_REPLAY, principal_of};
use crate::upload::headers;
use crate::upload::writers::{KmsSupport, Point, Signer, Writer};
use crate::upload::{
    Cause, Confidence, Decided, Denial, Evidence, EvidenceKind, Gate, Route, Uploader, account,
    blame, witness,
};
use crate::value::{Text, Unknown};

/// One configured delivery of an AWS service.
pub(super) struct Delivery<'d> {
    pub(super) estate: &'d Estate,
    pub(super) scopes: &'d [Scope],
    pub(super) upload: &'d ShownUpload,
    pub(super) index: usize,
    pub(super) bucket: &'d Bucket,
    pub(super) row: &'static Writer,
}

impl<'d> Delivery<'d> {
    pub(super) fn decide(
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
