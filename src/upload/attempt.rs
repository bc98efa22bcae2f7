//! Plays one upload of one journey: its S3 calls, its KMS calls and the gates, under one reading.

use std::borrow::Cow;
use std::sync::Arc;

use crate::decision::evaluate::{allows, evaluate};
use crate::decision::statement::{Surroundings, applies};
use crate::decision::{
    AccountRelation, ContextValue, Decision, DenyReason, Element, EndpointKind, Layer, Match,
    NearMiss, PolicySet, Principal, Reading, Request, RequestContext, World,
};
use crate::facts::{Bucket, Caller, Estate, KeyUse};
use crate::policy::{ConditionTest, Policy, PolicyType, Statement, StatementRef};
use crate::upload::access_point::Through;
use crate::upload::calls::{
    Call, Draft, Sent, base_context, calls_of, kms_calls, object_arn, s3_call,
};
use crate::upload::gates::{self, Encrypts, Refusal};
use crate::upload::headers::HEADERS;
use crate::upload::space::mentions;
use crate::upload::{Cause, Confidence, Gate, Route, policies, ties};
use crate::value::Text;

/// Everything about one caller, bucket and path that does not depend on the request's headers.
pub struct Journey<'e> {
    pub estate: &'e Estate,
    /// In the settings of the world.
    pub bucket: Cow<'e, Bucket>,
    pub caller: Option<&'e Caller>,
    pub uploader: crate::upload::Uploader,
    pub principal: Principal,
    pub route: Route,
    pub relation: AccountRelation,
    pub s3: PolicySet,
    /// The access point on the way.
    pub through: Option<Through<'e>>,
    pub base: RequestContext,
    /// KMS actions beside those of a caller, and gates that hold for a writer whatever the headers are.
    pub gates: Vec<(Gate, Confidence)>,
    /// Calls that the sender makes besides (a writer's test of the bucket's ACL).
    pub extra: Vec<crate::decision::Request>,
    /// What a copy reads: the call on its source, and what decides it.
    pub source: Option<(crate::decision::Request, PolicySet)>,
    /// Actions of the write itself, where they are not `s3:PutObject`.
    pub actions: Option<&'static [&'static str]>,
    /// A writer's KMS actions, where they differ from a caller's.
    pub kms_actions: Option<&'static [&'static str]>,
    /// What is decided: first that caller, bucket and path exist. [`Journey::enter`] decides more.
    pub world: World,
    /// Found once, since every search needs them; the statements by their positions among all.
    live: std::cell::OnceCell<Vec<bool>>,
    pub(super) keys: std::cell::OnceCell<crate::upload::space::ObjectKeys>,
    declared: &'e Bucket,
}

/// What one draft met.
#[derive(Debug, Clone, Default)]
pub struct Played {
    pub allowed: bool,
    /// In the order of the journey; each with AWS's confidence.
    pub causes: Vec<(Cause, Confidence)>,
    pub allowing: Vec<(PolicyType, StatementRef)>,
    pub hangs_on: Vec<Arc<str>>,
}

/// The organization's id, where the configuration states it: that of declared principals and buckets, and of the
/// accounts that it lists.
fn organization(
    estate: &Estate,
    principal: &Principal,
    bucket: &Bucket,
    base: &mut RequestContext,
) {
    let Some(id) = &estate.stated.organization else {
        return;
    };
    let account = match principal {
        Principal::User { account, .. }
        | Principal::Role { account, .. }
        | Principal::FederatedUser { account, .. }
        | Principal::Root { account }
        | Principal::Account { account } => Some(account),
        Principal::Service { .. } | Principal::Anonymous => None,
    };
    let listed = |id: &Text| estate.stated.accounts.contains(id);
    // Without a list, the one account that is declared here belongs to the organization that is stated.
    let declared = |id: &Text| {
        let callers = estate.callers.iter().filter(|c| !c.open);
        let buckets = estate.buckets.iter().filter(|b| !b.open);
        let mut ids = callers
            .map(|c| &c.account.id)
            .chain(buckets.map(|b| &b.account.id));
        ids.all(|known| known == id)
    };
    let member = |account: &Text| {
        if estate.stated.accounts.is_empty() {
            declared(account)
        } else {
            listed(account)
        }
    };
    if account.is_some_and(member) {
        base.present("aws:PrincipalOrgID", id.clone());
    }
    if member(&bucket.account.id) {
        base.present("aws:ResourceOrgID", id.clone());
    }
}

impl<'e> Journey<'e> {
    /// A journey of a principal to a bucket by a route.
    pub fn new(
        estate: &'e Estate,
        uploader: crate::upload::Uploader,
        principal: Principal,
        caller: Option<&'e Caller>,
        bucket: &'e Bucket,
        route: Route,
        relation: AccountRelation,
    ) -> Journey<'e> {
        let mut stands = World::of(&bucket.guards);
        stands = stands.and(caller.map(|c| c.guards.as_slice()).unwrap_or_default());
        if let Route::Endpoint(index) = &route
            && let Some(endpoint) = estate.endpoints.get(*index)
        {
            stands = stands.and(&endpoint.guards);
        }
        let s3 = policies::for_bucket(estate, &uploader, bucket, &route, relation, &stands);
        let mut base = base_context(&principal, caller, bucket);
        organization(estate, &principal, bucket, &mut base);
        // A service's own address is not documented.
        if !matches!(
            (&route, &principal),
            (Route::Internet, Principal::Service { .. })
        ) {
            ties::put_path(&mut base, route != Route::Internet);
        }
        if let Route::Endpoint(index) = &route {
            if let Some(endpoint) = estate.endpoints.get(*index) {
                base.present("aws:SourceVpce", endpoint.id.clone());
                if let Some(vpc) = &endpoint.vpc {
                    base.present("aws:SourceVpc", vpc.clone());
                }
                base.present("aws:VpceAccount", endpoint.account.id.clone());
            }
        }
        let mut journey = Journey {
            estate,
            bucket: bucket.in_world(&stands),
            caller,
            uploader,
            principal,
            route,
            relation,
            s3,
            through: None,
            base,
            gates: Vec::new(),
            extra: Vec::new(),
            source: None,
            actions: None,
            kms_actions: None,
            world: stands,
            live: std::cell::OnceCell::new(),
            keys: std::cell::OnceCell::new(),
            declared: bucket,
        };
        journey.name_open_tags();
        journey
    }

    /// The same journey through an access point.
    pub fn through(mut self, index: Option<usize>) -> Journey<'e> {
        let Some(point) = index.and_then(|i| self.estate.access_points.get(i)) else {
            return self;
        };
        let relation = match self.caller {
            Some(caller) => crate::upload::account::between(&caller.account, &point.account),
            None => self.relation,
        };
        self.enter(self.world.and(&point.guards));
        let through = Through::new(self.estate, point, &self.s3, relation, &self.world);
        through.context(&mut self.base);
        self.through = Some(through);
        self.name_open_tags();
        self
    }

    /// Looks at the journey in another world: its policies and the bucket's settings are those of that world.
    pub fn enter(&mut self, world: World) {
        if self.world == world {
            return;
        }
        self.bucket = self.declared.in_world(&world);
        self.s3 = policies::for_bucket(
            self.estate,
            &self.uploader,
            self.declared,
            &self.route,
            self.relation,
            &world,
        );
        if let Some(through) = &self.through {
            let (point, relation) = (through.point, through.set.relation);
            let through = Through::new(self.estate, point, &self.s3, relation, &world);
            self.through = Some(through);
        }
        self.world = world;
        // Other statements name other keys.
        self.live = std::cell::OnceCell::new();
        self.keys = std::cell::OnceCell::new();
    }

    /// Policies of the declared keys that the bucket's settings name.
    pub fn key_policies(&self) -> Vec<Arc<Policy>> {
        let mut keys: Vec<usize> = Vec::new();
        self.bucket.encryption.each(&mut |e| {
            if let KeyUse::Declared { key, .. } = &e.key {
                keys.push(*key);
            }
        });
        keys.sort_unstable();
        keys.dedup();
        keys.iter()
            .filter_map(|k| self.estate.keys.get(*k)?.policy.as_ref())
            .flat_map(|p| policies::layer(p, &self.world).policies)
            .collect()
    }

    /// Session tags and tags that are not known are unknown, key by key as policies ask for them.
    fn name_open_tags(&mut self) {
        let open = self.caller.is_none_or(|c| c.tags.value().is_none());
        if !open
            || matches!(
                self.principal,
                Principal::Service { .. } | Principal::Anonymous
            )
        {
            return;
        }
        let mut keys: Vec<String> = Vec::new();
        for test in self.tests() {
            if let Some(key) = test.key.as_literal() {
                if key
                    .get(..17)
                    .is_some_and(|p| p.eq_ignore_ascii_case("aws:PrincipalTag/"))
                {
                    keys.push(key.to_string());
                }
            }
        }
        for key in keys {
            self.base.set(&key, ContextValue::Unknown);
        }
    }

    /// Every policy that takes part in the S3 calls.
    pub fn documents(&self) -> impl Iterator<Item = &Arc<Policy>> {
        let point = self.through.iter().filter_map(|t| t.set.resource.as_ref());
        layers(&self.s3)
            .into_iter()
            .chain(point)
            .flat_map(|layer| layer.policies.iter())
    }

    /// Statements that may apply to some upload of this journey, whatever its key and headers: the others cut no classes.
    pub(super) fn live_statements(&self) -> Vec<(&Policy, &Statement)> {
        let all: Vec<(&Policy, &Statement)> = self
            .documents()
            .flat_map(|p| p.statements.iter().map(|s| (&**p, s)))
            .collect();
        let live = self.live.get_or_init(|| self.live_among(&all));
        all.into_iter()
            .zip(live)
            .filter(|(_, live)| **live)
            .map(|(s, _)| s)
            .collect()
    }

    fn live_among(&self, all: &[(&Policy, &Statement)]) -> Vec<bool> {
        let mut actions: Vec<&str> = vec!["s3:PutObject", "s3:PutObjectTagging"];
        actions.extend(self.actions.into_iter().flatten());
        actions.extend(self.extra.iter().map(|call| &*call.action));
        let asks_if_match = self.tests().iter().any(|t| {
            let key = t.key.as_literal();
            key.is_none_or(|k| k.eq_ignore_ascii_case("s3:if-match"))
        });
        for action in HEADERS.iter().filter_map(|h| h.action) {
            if (asks_if_match || action != "s3:GetObject") && !actions.contains(&action) {
                actions.push(action);
            }
        }
        let mut context = self.base.clone();
        context.other = ContextValue::Unknown;
        let mut request = Request {
            principal: self.principal.clone(),
            action: "".into(),
            resource: object_arn(&self.bucket, &None),
            resource_account: self.bucket.account.id.clone(),
            context,
        };
        let everywhere = World::default();
        // Through an access point calls are asked about its ARN as well: nothing is left out.
        let mut live = vec![self.through.is_some(); all.len()];
        for action in actions {
            request.action = action.into();
            for ((policy, statement), live) in all.iter().zip(&mut live) {
                *live = *live
                    || applies(statement, &request, self.around(policy, &everywhere)).any()
                        != Match::No;
            }
        }
        live
    }

    pub(super) fn around<'w>(&self, policy: &Policy, world: &'w World) -> Surroundings<'w> {
        let endpoint = self.s3.endpoint.as_ref();
        Surroundings {
            policy_type: policy.policy_type,
            version: policy.version,
            endpoint: endpoint.map_or(EndpointKind::Unknown, |(kind, _)| *kind),
            bounded: self.s3.boundary.is_some(),
            world,
        }
    }

    /// Every condition of those policies.
    pub fn tests(&self) -> Vec<&ConditionTest> {
        self.documents()
            .flat_map(|p| p.statements.iter())
            .flat_map(|s| s.conditions.iter())
            .collect()
    }

    /// Plays a draft. Open variables are read in favour of the upload with a favourable reading.
    pub fn play(&self, draft: &Draft, reading: Reading) -> Played {
        let mut played = Played {
            allowed: true,
            ..Played::default()
        };
        let base = self.base_of(&self.shared_base(), draft);
        let calls = self.calls(&base, draft);
        for call in calls.iter().chain(&self.extra) {
            let Some(through) = &self.through else {
                let mut decision = evaluate(call, &self.s3, reading, &self.world);
                self.admit_by_acl(&call.action, reading, &mut decision);
                self.take(decision, None, &mut played);
                continue;
            };
            let (decisions, refusal) =
                through.decide(call, &draft.key, &self.s3, reading, &self.world);
            for decision in decisions {
                self.take(decision, None, &mut played);
            }
            if let Some((gate, confidence)) = refusal {
                played.refuse(Cause::Gate(gate), confidence);
            }
        }
        if let Some((call, set)) = &self.source {
            let decision = evaluate(call, set, reading, &self.world);
            self.take(decision, None, &mut played);
        }
        let of_point = self
            .through
            .iter()
            .flat_map(|t| t.gates(self.estate, &self.route, draft));
        let encrypts = gates::encrypts(self.estate, &self.bucket, draft);
        for gate in of_point
            .chain(self.standing_gates())
            .chain(self.gates_of(draft, &encrypts))
        {
            played.refuse(Cause::Gate(gate.0), gate.1);
        }
        match encrypts {
            Encrypts::Key {
                key, bucket_key, ..
            } => self.play_key(draft, (key, bucket_key), (reading, true), &mut played),
            Encrypts::Unknown | Encrypts::OpenKey if reading == Reading::Unfavourable => {
                played.allowed = false;
                played
                    .hangs_on
                    .push("the key that the upload is encrypted with".into());
            }
            Encrypts::Unknown
            | Encrypts::OpenKey
            | Encrypts::WithoutKms
            | Encrypts::ManagedKey { .. } => {}
        }
        self.single_out(&mut played);
        played.hangs_on.sort();
        played.hangs_on.dedup();
        played
    }

    /// Gates that hold whatever the headers are.
    pub(super) fn standing_gates(&self) -> Vec<Refusal> {
        let mut out =
            gates::access_gates(&self.bucket, &self.principal, self.relation, &self.world);
        out.extend(self.gates.iter().cloned());
        out
    }

    /// Gates that the headers of a draft meet.
    pub(super) fn gates_of(&self, draft: &Draft, encrypts: &Encrypts) -> Vec<Refusal> {
        let mut out = gates::acl_gates(&self.bucket, draft, self.relation);
        out.extend(gates::encryption_gates(
            self.estate,
            &self.bucket,
            draft,
            encrypts,
            &self.principal,
            self.relation,
        ));
        out
    }

    /// Nothing refuses that does not look at the headers: no gate, and no call besides.
    pub(super) fn stands_open(&self) -> bool {
        let allowed = |call| allows(call, &self.s3, Reading::Favourable, &self.world);
        let read = |(call, set): &(Request, PolicySet)| {
            allows(call, set, Reading::Favourable, &self.world)
        };
        self.standing_gates().is_empty()
            && self.extra.iter().all(allowed)
            && self.source.iter().all(read)
    }

    /// The S3 calls of a draft, as this uploader makes them.
    pub(super) fn calls_of(&self, draft: &Draft) -> Vec<Call> {
        let mut calls = calls_of(&self.bucket, draft);
        // AWS's own samples grant its services `s3:PutObject` alone, whatever ACL they send (spec 7).
        // A role that delivers for a service needs `s3:PutObjectAcl` only in another account (spec 7).
        let within = self.relation != AccountRelation::Cross;
        match &self.uploader {
            crate::upload::Uploader::Service { role, .. } if role.is_none() || within => {
                calls.retain(|c| c.action != "s3:PutObjectAcl");
            }
            _ => {}
        }
        let Some(actions) = self.actions else {
            return calls;
        };
        let mut out = Vec::new();
        for call in calls {
            if call.action == "s3:PutObject" {
                out.extend(actions.iter().map(|action| Call { action, ..call }));
            } else {
                out.push(call);
            }
        }
        out
    }

    fn calls(&self, base: &Arc<RequestContext>, draft: &Draft) -> Vec<Request> {
        let calls = self.calls_of(draft).into_iter();
        calls
            .map(|call| s3_call(&self.principal, &self.bucket, base, draft, call))
            .collect()
    }

    /// One S3 call of a draft, over the base that all share.
    pub(super) fn request(
        &self,
        shared: &Arc<RequestContext>,
        draft: &Draft,
        call: Call,
    ) -> Request {
        let base = self.base_of(shared, draft);
        s3_call(&self.principal, &self.bucket, &base, draft, call)
    }

    pub(super) fn shared_base(&self) -> Arc<RequestContext> {
        Arc::new(self.base.clone())
    }

    /// The context of a draft's S3 calls, but for its headers.
    fn base_of(&self, shared: &Arc<RequestContext>, draft: &Draft) -> Arc<RequestContext> {
        let ip = match (&self.route, &draft.source_ip) {
            (Route::Internet, Sent::Value(ip)) => Some(ip),
            _ => None,
        };
        if ip.is_none() && draft.context.is_empty() {
            return shared.clone();
        }
        let mut base = RequestContext::over(shared);
        if let Some(ip) = ip {
            base.present("aws:SourceIp", ip.clone());
        }
        for (key, value) in &draft.context {
            base.keys.insert(key.clone(), value.clone());
        }
        Arc::new(base)
    }

    /// Does the policy of a key, or one that stands beside it, ask which object is encrypted?
    pub(super) fn asks_for_object(&self, key: usize) -> bool {
        let Some(declared) = self.estate.keys.get(key) else {
            return false;
        };
        let set = policies::for_key(
            self.estate,
            &self.uploader,
            declared,
            self.relation,
            &self.world,
        );
        let about = "kms:encryptioncontext";
        layers(&set)
            .into_iter()
            .flat_map(|layer| &layer.policies)
            .flat_map(|policy| &policy.statements)
            .any(|statement| {
                let mut tests = statement.conditions.iter();
                let asks = |key: &str| key.to_ascii_lowercase().starts_with(about);
                mentions(statement, about) || tests.any(|t| t.key.as_literal().is_some_and(asks))
            })
    }

    /// The bucket's ACL may stand in the place of its policy, for an upload from another account.
    pub(super) fn acl_may_admit(&self, action: &str) -> bool {
        action == "s3:PutObject"
            && self.relation != AccountRelation::Same
            && !matches!(self.principal, Principal::Service { .. })
            && gates::acl_may_admit(&self.bucket)
    }

    fn admit_by_acl(&self, action: &str, reading: Reading, decision: &mut Decision) {
        use crate::decision::DenyKind;
        if !self.acl_may_admit(action) {
            return;
        }
        let missing = |r: &DenyReason| {
            r.policy_type == PolicyType::Bucket && matches!(r.kind, DenyKind::Implicit { .. })
        };
        if !decision.reasons.iter().any(missing) {
            return;
        }
        decision
            .hangs_on
            .push("whom the bucket's ACL admits".into());
        if reading == Reading::Favourable {
            decision.reasons.retain(|r| !missing(r));
            decision.allowed = decision.reasons.is_empty();
        }
    }

    /// In one account either side may allow (spec 2.3): the side that comes nearer is to blame, not both.
    fn single_out(&self, played: &mut Played) {
        use crate::decision::DenyKind;
        if self.relation == AccountRelation::Cross {
            return;
        }
        let implicit = |cause: &Cause, wanted: PolicyType| match cause {
            Cause::Policy { reason, key: None } if reason.policy_type == wanted => {
                matches!(reason.kind, DenyKind::Implicit { .. }).then(|| reason.action.clone())
            }
            _ => None,
        };
        let target = match &self.through {
            Some(_) => PolicyType::AccessPoint,
            None => PolicyType::Bucket,
        };
        let actions: Vec<Arc<str>> = played
            .causes
            .iter()
            .filter_map(|(c, _)| implicit(c, PolicyType::Identity))
            .collect();
        for action in actions {
            // A statement of the bucket policy that names the caller and fails by something else comes nearer.
            let names_caller = played.causes.iter().any(|(c, _)| match c {
                Cause::Policy { reason, key: None }
                    if reason.policy_type == target && reason.action == action =>
                {
                    match &reason.kind {
                        DenyKind::Implicit {
                            nearest,
                            delegated_by,
                            ..
                        } => {
                            delegated_by.is_some()
                                || nearest.first().is_some_and(|n| {
                                    !n.failed.contains(&Element::Principal)
                                        && !n.failed.contains(&Element::Action)
                                })
                        }
                        DenyKind::Explicit { .. } => false,
                    }
                }
                _ => false,
            });
            let grants = |statement: &crate::policy::Statement| {
                statement.effect == crate::policy::Effect::Allow
            };
            let identity_empty = !self
                .s3
                .identity
                .policies
                .iter()
                .any(|p| p.statements.iter().any(grants));
            let drop = if names_caller && identity_empty {
                PolicyType::Identity
            } else {
                target
            };
            played
                .causes
                .retain(|(c, _)| implicit(c, drop).as_ref() != Some(&action));
        }
    }

    pub(super) fn play_key(
        &self,
        draft: &Draft,
        (key, bucket_key): (usize, Option<bool>),
        (reading, explained): (Reading, bool),
        played: &mut Played,
    ) {
        let Some(declared) = self.estate.keys.get(key) else {
            return;
        };
        let relation = match &self.uploader {
            crate::upload::Uploader::External { .. }
                if declared.account.id == self.bucket.account.id =>
            {
                self.relation
            }
            _ => match self.principal.account() {
                Some(account) if *account == declared.account.id => AccountRelation::Same,
                Some(account) if account.is_literal() && declared.account.id.is_literal() => {
                    AccountRelation::Cross
                }
                _ => AccountRelation::Unknown,
            },
        };
        let set = policies::for_key(self.estate, &self.uploader, declared, relation, &self.world);
        // Without certainty about the Bucket Key, what it alone would refuse is no denial.
        let with_bucket_key = bucket_key.unwrap_or(reading == Reading::Unfavourable);
        let granted = |action: &str| {
            declared.grants.iter().any(|g| {
                // In favour of the upload where the world leaves it open.
                let stands = self.world.all(&g.guards);
                (stands == Match::Yes || stands == Match::Unknown && reading == Reading::Favourable)
                    && caller_is(&self.principal, &g.grantee)
                    && g.operations.iter().any(|o| {
                        o.as_literal()
                            .is_none_or(|o| action.strip_prefix("kms:") == Some(o))
                    })
            })
        };
        // The call to KMS is another one: what its key's policy asks of the context did not cut the draft's.
        let mut calls = kms_calls(
            &self.principal,
            &self.bucket,
            &self.base,
            draft,
            declared,
            with_bucket_key,
        );
        if let Some(actions) = self.kms_actions {
            if let Some(first) = calls.first().cloned() {
                calls = actions
                    .iter()
                    .map(|action| crate::decision::Request {
                        action: (*action).into(),
                        ..first.clone()
                    })
                    .collect();
            }
        }
        for call in calls {
            if !explained && allows(&call, &set, reading, &self.world) {
                continue;
            }
            let decision = evaluate(&call, &set, reading, &self.world);
            let explicit = decision
                .reasons
                .iter()
                .any(|r| matches!(r.kind, crate::decision::DenyKind::Explicit { .. }));
            if !explicit && granted(&call.action) {
                continue;
            }
            let by_bucket_key = &*call.action == "kms:Decrypt" && !draft.multipart;
            let before = played.causes.len();
            self.take(decision, Some(key), played);
            if by_bucket_key {
                for (_, confidence) in played.causes.iter_mut().skip(before) {
                    *confidence = Confidence::Medium.min(*confidence);
                }
            }
        }
    }

    fn take(&self, decision: Decision, key: Option<usize>, played: &mut Played) {
        for reason in decision.reasons {
            let confidence = confidence_of(&reason, &self.principal);
            let cause = Cause::Policy { reason, key };
            if !played.causes.iter().any(|(c, _)| same_cause(c, &cause)) {
                played.causes.push((cause, confidence));
            }
        }
        played.allowed &= decision.allowed;
        for allowing in decision.allowing {
            if !played.allowing.contains(&allowing) {
                played.allowing.push(allowing);
            }
        }
        played.hangs_on.extend(decision.hangs_on);
    }
}

impl Played {
    /// True where nothing but statements that are not at hand stands between the upload and certainty: what is
    /// open is a proviso, and makes no answer depend on it.
    pub fn hangs_on_open_only(&self) -> bool {
        !self.hangs_on.is_empty()
            && self
                .hangs_on
                .iter()
                .all(|h| h.ends_with("statements that are not at hand"))
    }

    fn refuse(&mut self, cause: Cause, confidence: Confidence) {
        self.allowed = false;
        self.causes.push((cause, confidence));
    }
}

/// Equal refusals, whichever of the upload's calls met them.
pub fn same_cause(a: &Cause, b: &Cause) -> bool {
    use crate::decision::DenyKind;
    match (a, b) {
        (Cause::Gate(a), Cause::Gate(b)) => a == b,
        (Cause::Policy { reason: a, key: ka }, Cause::Policy { reason: b, key: kb }) => {
            ka == kb
                && a.policy_type == b.policy_type
                && match (&a.kind, &b.kind) {
                    (
                        DenyKind::Explicit { statement: x, .. },
                        DenyKind::Explicit { statement: y, .. },
                    ) => x == y,
                    (
                        DenyKind::Implicit { nearest: x, .. },
                        DenyKind::Implicit { nearest: y, .. },
                    ) => {
                        a.action == b.action
                            || ka.is_some() && same_conditions(x.first(), y.first())
                    }
                    _ => false,
                }
        }
        _ => false,
    }
}

/// One statement fails by the same conditions alone: mending them mends both calls.
fn same_conditions(a: Option<&NearMiss>, b: Option<&NearMiss>) -> bool {
    let (Some(a), Some(b)) = (a, b) else {
        return false;
    };
    a.statement == b.statement
        && a.failed == b.failed
        && !a.failed.is_empty()
        && a.failed.iter().all(|e| matches!(e, Element::Condition(_)))
}

fn caller_is(principal: &Principal, grantee: &Text) -> bool {
    match principal {
        Principal::User { arn, .. }
        | Principal::Role { arn, .. }
        | Principal::FederatedUser { arn, .. } => arn == grantee || !grantee.is_literal(),
        Principal::Service { name } => name == grantee,
        Principal::Root { .. } | Principal::Account { .. } | Principal::Anonymous => false,
    }
}

/// How sure AWS's behaviour behind a reason is (the marks of the spec).
fn confidence_of(reason: &DenyReason, principal: &Principal) -> Confidence {
    use crate::decision::DenyKind;
    use crate::policy::PrincipalKind;
    let DenyKind::Explicit { statement, .. } = &reason.kind else {
        return Confidence::High;
    };
    let Some(statement) = statement.get() else {
        return Confidence::High;
    };
    let Some(principals) = &statement.principals else {
        return Confidence::High;
    };
    if principals.negated {
        return Confidence::Medium;
    }
    // A Deny that reaches the caller only through its account's own form (spec 1.3).
    let account_form = |text: &Text| match principal.account() {
        Some(account) => {
            let display = text.display();
            *text == *account || display.ends_with(":root")
        }
        None => false,
    };
    let only_by_account = !principals.entries.is_empty()
        && principals
            .entries
            .iter()
            .all(|e| e.kind == PrincipalKind::Aws && account_form(&e.text));
    if only_by_account {
        Confidence::Medium
    } else {
        Confidence::High
    }
}

/// The layers of a set, in the order of the journey.
pub fn layers(set: &PolicySet) -> Vec<&Layer> {
    let mut out = vec![&set.identity];
    out.extend(set.boundary.iter());
    out.extend(set.session.iter());
    out.extend(set.scp.iter());
    out.extend(set.endpoint.iter().map(|(_, layer)| layer));
    out.extend(set.rcp.iter());
    out.extend(set.resource.iter());
    out
}
