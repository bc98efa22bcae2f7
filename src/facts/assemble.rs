//! Joins declarations to an estate: holders, targets and settings meet by canonical text.
//!
//! Every join goes through a map of canonical texts, so the work grows with the number of declarations only.
//! What names something that no source declares becomes an open bucket, key or caller.

mod artifacts;
mod hold;
mod index;
mod rest;

use std::sync::Arc;

use crate::facts::declare::{BucketSetting, Declaration, Declarations, Declared, HolderKind};
use crate::facts::link::Linker;
use crate::facts::{
    AttachedPolicy, Bucket, Caller, CallerKind, Estate, KmsKey, Policies, PublicAccess, Setting,
    VpcEndpoint,
};
use crate::policy::guards::implies;
use crate::policy::{Policy, PolicyType, parse};
use crate::source::{Gap, GapKind};
use crate::value::{Guard, Guards, Place, Text, Value};

pub use index::Index;

/// A managed policy of the estate.
struct Managed {
    document: Value,
    address: Arc<str>,
    guards: crate::value::Guards,
}

/// A group and what it gives its members.
struct Group {
    identity: Policies,
}

/// The work in progress.
pub(super) struct Assembly<'l, 's> {
    linker: &'l Linker<'s>,
    estate: Estate,
    buckets: Index,
    keys: Index,
    endpoints: Index,
    roles: Index,
    users: Index,
    groups: Index,
    managed: Index,
    profiles: Index,
    workloads: Index,
    organization: Index,
    projects: Index,
    group_list: Vec<Group>,
    managed_list: Vec<Managed>,
    /// Build projects as declared.
    project_list: Vec<Declared>,
    /// Role of an instance profile, under guards.
    profile_roles: Vec<(Guards, Text)>,
    /// Caller and position in its workloads, per workload id.
    workload_list: Vec<(usize, usize)>,
    members: Vec<(usize, usize, crate::value::Guards)>,
    parsed: rustc_hash::FxHashMap<(usize, PolicyType), Arc<Policy>>,
    /// Policies of AWS by ARN, as read.
    aws_managed: rustc_hash::FxHashMap<(String, PolicyType), Policy>,
}

/// Joins everything that the formats declared.
pub fn assemble(linker: &Linker<'_>, declarations: &Declarations) -> Estate {
    let index = || Index::noting(linker.joins());
    let mut assembly = Assembly {
        linker,
        estate: Estate {
            gaps: declarations.gaps.clone(),
            ..Estate::default()
        },
        buckets: index(),
        keys: index(),
        endpoints: index(),
        roles: index(),
        users: index(),
        groups: index(),
        managed: index(),
        profiles: index(),
        workloads: index(),
        organization: index(),
        projects: index(),
        group_list: Vec::new(),
        project_list: Vec::new(),
        managed_list: Vec::new(),
        profile_roles: Vec::new(),
        workload_list: Vec::new(),
        members: Vec::new(),
        parsed: rustc_hash::FxHashMap::default(),
        aws_managed: rustc_hash::FxHashMap::default(),
    };
    for declared in &declarations.items {
        assembly.stand(declared);
    }
    for declared in &declarations.items {
        assembly.join_alias(declared);
    }
    for declared in &declarations.items {
        assembly.join(declared);
    }
    for declared in &declarations.items {
        assembly.join_late(declared);
    }
    assembly.join_network(&declarations.items);
    assembly.give_groups();
    assembly.meet();
    assembly.estate.joins = linker.joins().all();
    assembly.estate.names = super::Names {
        buckets: assembly.buckets,
        keys: assembly.keys,
        roles: assembly.roles,
        users: assembly.users,
    };
    assembly.estate
}

impl Assembly<'_, '_> {
    fn resolve(&self, text: &Text) -> Text {
        self.linker.resolve(text)
    }

    /// First pass: what stands by itself.
    fn stand(&mut self, d: &Declared) {
        let account = self.linker.account(d.scope, &d.provider);
        let account_key = account.id.identity();
        match &d.what {
            Declaration::Bucket {
                name,
                arn,
                region,
                directory,
            } => {
                let (name, arn) = (self.resolve(name), self.resolve(arn));
                let region = match region {
                    Some(region) => self.resolve(region),
                    None => self.linker.region(d.scope, &d.provider),
                };
                let at = self.estate.buckets.len();
                self.buckets
                    .add(&name, d.scope, account_key.as_deref(), &d.guards, at);
                self.buckets
                    .add(&arn, d.scope, account_key.as_deref(), &d.guards, at);
                self.estate.buckets.push(Bucket {
                    region: Some(region),
                    directory: *directory,
                    account,
                    ..blank_bucket(d, name, arn)
                });
            }
            Declaration::Role {
                name,
                arn,
                trust,
                tags,
                ..
            } => {
                let (name, arn) = (self.resolve(name), self.resolve(arn));
                let at = self.estate.callers.len();
                self.roles
                    .add(&name, d.scope, account_key.as_deref(), &d.guards, at);
                self.roles
                    .add(&arn, d.scope, account_key.as_deref(), &d.guards, at);
                let mut caller = Caller {
                    account,
                    ..blank_caller(d, CallerKind::Role, name, arn)
                };
                caller.tags = self.tags(tags);
                match trust {
                    Some(document) => self.trust(&mut caller, document, d),
                    None => caller.trust_open = true,
                }
                self.estate.callers.push(caller);
            }
            Declaration::User {
                name, arn, tags, ..
            } => {
                let (name, arn) = (self.resolve(name), self.resolve(arn));
                let at = self.estate.callers.len();
                self.users
                    .add(&name, d.scope, account_key.as_deref(), &d.guards, at);
                self.users
                    .add(&arn, d.scope, account_key.as_deref(), &d.guards, at);
                let mut caller = Caller {
                    account,
                    ..blank_caller(d, CallerKind::User, name, arn)
                };
                caller.tags = self.tags(tags);
                self.estate.callers.push(caller);
            }
            Declaration::Group { name, arn } => {
                let at = self.group_list.len();
                self.group_list.push(Group {
                    identity: Policies::default(),
                });
                for text in [name, arn] {
                    self.groups.add(
                        &self.linker.resolve(text),
                        d.scope,
                        account_key.as_deref(),
                        &d.guards,
                        at,
                    );
                }
            }
            Declaration::ManagedPolicy {
                name: _,
                arn,
                document,
            } => {
                let arn = self.resolve(arn);
                let at = self.managed_list.len();
                self.managed
                    .add(&arn, d.scope, account_key.as_deref(), &d.guards, at);
                self.managed_list.push(Managed {
                    document: document.clone(),
                    address: d.address.clone(),
                    guards: d.guards.clone(),
                });
            }
            Declaration::InstanceProfile { name, arn, role } => {
                let at = self.profile_roles.len();
                let role = self.resolve(role);
                self.profile_roles.push((d.guards.clone(), role));
                for text in [name, arn] {
                    self.profiles.add(
                        &self.linker.resolve(text),
                        d.scope,
                        account_key.as_deref(),
                        &d.guards,
                        at,
                    );
                }
            }
            Declaration::Key {
                id,
                arn,
                document,
                region,
                enabled,
                symmetric,
            } => {
                let (id, arn) = (self.resolve(id), self.resolve(arn));
                let at = self.estate.keys.len();
                self.keys
                    .add(&id, d.scope, account_key.as_deref(), &d.guards, at);
                self.keys
                    .add(&arn, d.scope, account_key.as_deref(), &d.guards, at);
                let region = match region {
                    Some(region) => self.resolve(region),
                    None => self.linker.region(d.scope, &d.provider),
                };
                let policy = document
                    .as_ref()
                    .map(|v| self.one(v, PolicyType::Key, d, None));
                self.estate.keys.push(KmsKey {
                    scope: d.scope,
                    address: d.address.clone(),
                    arn,
                    id,
                    account,
                    region: Some(region),
                    guards: d.guards.clone(),
                    place: d.place.clone(),
                    policy,
                    aliases: Vec::new(),
                    enabled: enabled.clone(),
                    symmetric: symmetric.clone(),
                    grants: Vec::new(),
                    open: false,
                });
            }
            Declaration::Endpoint {
                id,
                vpc,
                service,
                kind,
                document,
                route_tables,
                subnets,
                private_dns,
            } => {
                let id = self.resolve(id);
                let at = self.estate.endpoints.len();
                self.endpoints
                    .add(&id, d.scope, account_key.as_deref(), &d.guards, at);
                let policy = document
                    .as_ref()
                    .map(|v| self.one(v, PolicyType::Endpoint, d, None));
                let service = service.as_ref().and_then(|t| service_of(&self.resolve(t)));
                self.estate.endpoints.push(VpcEndpoint {
                    scope: d.scope,
                    address: d.address.clone(),
                    id,
                    vpc: vpc.as_ref().map(|t| self.resolve(t)),
                    service,
                    kind: *kind,
                    account,
                    guards: d.guards.clone(),
                    place: d.place.clone(),
                    policy,
                    route_tables: route_tables
                        .iter()
                        .map(|t| (Vec::new(), self.resolve(t)))
                        .collect(),
                    subnets: subnets.iter().map(|t| self.resolve(t)).collect(),
                    private_dns: private_dns.clone(),
                    open: false,
                });
            }
            _ => self.stand_rest(d, account_key.as_deref()),
        }
    }

    /// Reads a document once and makes its texts canonical.
    pub(super) fn policy(
        &mut self,
        value: &Value,
        policy_type: PolicyType,
        address: &str,
    ) -> Arc<Policy> {
        let settled = self.linker.settled(value);
        let mut policy = parse::parse(settled.as_ref().unwrap_or(value), policy_type, address);
        hold::canonical(self.linker, &mut policy);
        if policy.place.span.file.is_elsewhere() {
            // Its own repository counts it, and says what of it was not understood.
            return Arc::new(policy);
        }
        self.estate.policies += 1;
        if policy.gaps.is_empty() && !policy.open {
            self.estate.policies_understood += 1;
        }
        for gap in &policy.gaps {
            self.estate.gaps.push(Gap {
                what: gap.what.clone(),
                why: gap.why.clone(),
                place: Some(gap.place.clone()),
                path: None,
                kind: GapKind::Unknown,
            });
        }
        Arc::new(policy)
    }

    /// Policies that consist of one document.
    pub(super) fn one(
        &mut self,
        value: &Value,
        policy_type: PolicyType,
        d: &Declared,
        attached: Option<Place>,
    ) -> Policies {
        let policy = self.policy(value, policy_type, &d.address);
        let attached = AttachedPolicy {
            policy,
            guards: d.guards.clone(),
            attached,
        };
        Policies {
            attached: vec![attached],
            open: Vec::new(),
        }
    }

    fn tags(&self, tags: &Setting<Vec<(Text, Text)>>) -> Setting<Vec<(Text, Text)>> {
        match tags {
            Setting::Is(list, place) => Setting::Is(
                list.iter()
                    .map(|(k, v)| (self.resolve(k), self.resolve(v)))
                    .collect(),
                place.clone(),
            ),
            other => other.clone(),
        }
    }
}

/// The holder's kind as a caller's kind; groups are no callers.
fn caller_kind(kind: HolderKind) -> Option<CallerKind> {
    match kind {
        HolderKind::Role => Some(CallerKind::Role),
        HolderKind::User => Some(CallerKind::User),
        HolderKind::Group => None,
    }
}

/// `s3` of `com.amazonaws.eu-west-1.s3`.
fn service_of(name: &Text) -> Option<Arc<str>> {
    let last = match name.pieces().last()? {
        crate::value::Piece::Literal(text) => text.clone(),
        crate::value::Piece::Unknown(_) => return None,
    };
    let service = if last.contains("s3-global.accesspoint") {
        "s3-global.accesspoint"
    } else {
        last.rsplit('.').next()?
    };
    Some(service.into())
}

fn blank_bucket(d: &Declared, name: Text, arn: Text) -> Bucket {
    Bucket {
        scope: d.scope,
        address: d.address.clone(),
        name,
        arn,
        account: crate::facts::Account {
            id: Text::default(),
            stated: false,
            scope: None,
        },
        region: None,
        guards: d.guards.clone(),
        place: d.place.clone(),
        policy: None,
        ownership: Setting::Default(crate::facts::Ownership::BucketOwnerEnforced),
        public_access: PublicAccess::unset(),
        encryption: Setting::Default(crate::facts::Encryption {
            algorithm: crate::facts::Algorithm::Aes256,
            key: crate::facts::KeyUse::None,
            bucket_key: Setting::Default(false),
            place: None,
        }),
        acl: None,
        default_retention: Setting::Default(false),
        object_lock: Setting::Default(false),
        requester_pays: Setting::Default(false),
        versioning: Setting::Default(false),
        blocks_sse_c: Setting::Default(false),
        tags: Setting::Default(Vec::new()),
        abac: Setting::Default(false),
        lifecycle_tags: Vec::new(),
        directory: false,
        open: false,
    }
}

fn blank_caller(d: &Declared, kind: CallerKind, name: Text, arn: Text) -> Caller {
    Caller {
        scope: d.scope,
        address: d.address.clone(),
        kind,
        arn,
        name,
        account: crate::facts::Account {
            id: Text::default(),
            stated: false,
            scope: None,
        },
        guards: d.guards.clone(),
        place: d.place.clone(),
        identity: Policies::default(),
        boundary: None,
        trusted_services: Vec::new(),
        web_identity: Vec::new(),
        trust_open: false,
        tags: Setting::Default(Vec::new()),
        workloads: Vec::new(),
        open: false,
    }
}

/// A bucket that no source declares: what it is set to is not known.
fn open_settings(bucket: &mut Bucket) {
    let why = || -> Arc<str> { "the bucket is not declared here".into() };
    bucket.ownership = Setting::Unknown(why());
    bucket.encryption = Setting::Unknown(why());
    bucket.default_retention = Setting::Unknown(why());
    bucket.object_lock = Setting::Unknown(why());
    bucket.requester_pays = Setting::Unknown(why());
    bucket.versioning = Setting::Unknown(why());
    bucket.blocks_sse_c = Setting::Unknown(why());
    bucket.abac = Setting::Unknown(why());
}

/// Sets one setting of a bucket; under guards that the bucket itself does not have, what it had before holds in the
/// other worlds.
fn set(
    bucket: &mut Bucket,
    setting: BucketSetting,
    guards: &[Guard],
    encryption: impl FnOnce() -> Setting<crate::facts::Encryption>,
) {
    fn put<T: Clone>(old: &mut Setting<T>, new: Setting<T>, guards: &[Guard]) {
        let before = std::mem::replace(old, Setting::Unknown("".into()));
        *old = before.under(guards, new);
    }
    let guards: Guards = guards
        .iter()
        .filter(|g| !implies(&bucket.guards, std::slice::from_ref(g)))
        .cloned()
        .collect();
    match setting {
        BucketSetting::Ownership(s) => put(&mut bucket.ownership, s, &guards),
        BucketSetting::PublicAccess(s) => {
            let access = &mut bucket.public_access;
            put(&mut access.block_public_acls, s.block_public_acls, &guards);
            put(
                &mut access.ignore_public_acls,
                s.ignore_public_acls,
                &guards,
            );
            put(
                &mut access.block_public_policy,
                s.block_public_policy,
                &guards,
            );
            let restrict = &mut access.restrict_public_buckets;
            put(restrict, s.restrict_public_buckets, &guards);
        }
        BucketSetting::Encryption(_) => put(&mut bucket.encryption, encryption(), &guards),
        BucketSetting::BlocksSseC(s) => put(&mut bucket.blocks_sse_c, s, &guards),
        BucketSetting::Acl(acl) => bucket.acl = Some(acl),
        BucketSetting::Versioning(s) => put(&mut bucket.versioning, s, &guards),
        BucketSetting::ObjectLock(s) => put(&mut bucket.object_lock, s, &guards),
        BucketSetting::DefaultRetention(s) => put(&mut bucket.default_retention, s, &guards),
        BucketSetting::RequesterPays(s) => put(&mut bucket.requester_pays, s, &guards),
        BucketSetting::Tags(s) => put(&mut bucket.tags, s, &guards),
        BucketSetting::Abac(s) => put(&mut bucket.abac, s, &guards),
        BucketSetting::LifecycleTags(tags, place) => {
            bucket.lifecycle_tags.push((tags, place, guards));
        }
    }
}
