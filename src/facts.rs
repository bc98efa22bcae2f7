//! Words of the estate: what the sources state about AWS, in neutral form.
//!
//! `facts/terraform` and `facts/cloudformation` fill it; above this floor neither word appears.
//! All texts are resolved: an ARN, name or policy pattern mentions a declared resource by its canonical form
//! (`facts/link.rs`), so that equal things are equal texts.

pub mod assemble;
pub mod build;
pub mod cloudformation;
pub mod context;
pub mod declare;
pub mod delivery;
pub mod exchange;
pub mod link;
pub mod managed;
mod path;
pub mod service_accounts;
pub mod shell;
pub mod states;
pub mod terraform;
mod unseen;
mod workload;

use std::borrow::Cow;
use std::sync::Arc;

use crate::decision::{EndpointKind, Match, World};
use crate::policy::Policy;
use crate::source::Gap;
use crate::value::{Guard, Guards, Place, ScopeId, Text};

/// What is known of a setting.
#[derive(Debug, Clone, PartialEq)]
pub enum Setting<T> {
    /// Stated, with the place that states it.
    Is(T, Place),
    /// Not stated: AWS's default holds.
    Default(T),
    /// One of these; the arms exclude each other.
    Choice(Vec<(Guards, Setting<T>)>),
    /// Not known; the reason is for a reader.
    Unknown(Arc<str>),
}

impl<T: Clone> Setting<T> {
    pub fn value(&self) -> Option<&T> {
        match self {
            Setting::Is(value, _) | Setting::Default(value) => Some(value),
            Setting::Choice(_) | Setting::Unknown(_) => None,
        }
    }

    pub fn place(&self) -> Option<&Place> {
        match self {
            Setting::Is(_, place) => Some(place),
            _ => None,
        }
    }

    /// The setting as it is in a world; a choice that the world does not decide stays one.
    pub fn in_world(&self, world: &World) -> Setting<T> {
        let Setting::Choice(arms) = self else {
            return self.clone();
        };
        let mut left = Vec::new();
        for (guards, inner) in arms {
            match world.all(guards) {
                Match::No => {}
                Match::Yes => return inner.in_world(world),
                Match::Unknown => left.push((guards.clone(), inner.in_world(world))),
            }
        }
        if left.is_empty() {
            return Setting::Unknown("no case of it holds in this world".into());
        }
        Setting::Choice(left)
    }

    /// Visits every value that the setting can have.
    pub fn each(&self, visit: &mut dyn FnMut(&T)) {
        match self {
            Setting::Is(value, _) | Setting::Default(value) => visit(value),
            Setting::Choice(arms) => arms.iter().for_each(|(_, inner)| inner.each(visit)),
            Setting::Unknown(_) => {}
        }
    }

    /// The setting where another one holds under guards, and this one in all other worlds.
    pub fn under(self, guards: &[Guard], other: Setting<T>) -> Setting<T> {
        if guards.is_empty() {
            return other;
        }
        let mut arms = vec![(guards.to_vec(), other)];
        for rest in crate::policy::guards::complement(guards) {
            arms.push((rest, self.clone()));
        }
        Setting::Choice(arms)
    }
}

/// An account: its 12 digits where known, else the symbol of the scope's account.
#[derive(Debug, Clone, PartialEq)]
pub struct Account {
    pub id: Text,
    /// True where the number was stated (option, configuration, `allowed_account_ids`, `assume_role`).
    pub stated: bool,
    /// The scope that writes into it; literals elsewhere are judged against its `writes_own_account`.
    pub scope: Option<ScopeId>,
}

/// A policy and how it comes to its holder.
#[derive(Debug, Clone)]
pub struct AttachedPolicy {
    pub policy: Arc<Policy>,
    /// The attachment exists only under these guards.
    pub guards: Guards,
    /// Where it is attached, if that is another block than the document.
    pub attached: Option<Place>,
}

/// What stands around policies of one kind on one holder.
#[derive(Debug, Clone, Default)]
pub struct Policies {
    pub attached: Vec<AttachedPolicy>,
    /// Why more may be attached than we see (a managed policy whose text is not held, an unknown ARN); empty: closed.
    pub open: Vec<Open>,
}

/// A reason why more may be attached than we see.
#[derive(Debug, Clone, PartialEq)]
pub struct Open {
    pub why: Arc<str>,
    /// More may be attached only under these guards.
    pub guards: Guards,
}

impl<T: Into<Arc<str>>> From<T> for Open {
    fn from(why: T) -> Open {
        Open {
            why: why.into(),
            guards: Vec::new(),
        }
    }
}

#[derive(Debug, Clone)]
pub struct Bucket {
    pub scope: ScopeId,
    /// As the user types it.
    pub address: Arc<str>,
    pub name: Text,
    /// `arn:<partition>:s3:::<name>`.
    pub arn: Text,
    pub account: Account,
    pub region: Option<Text>,
    pub guards: Guards,
    pub place: Place,
    /// `None`: the sources declare no bucket policy.
    pub policy: Option<Policies>,
    pub ownership: Setting<Ownership>,
    pub public_access: PublicAccess,
    pub encryption: Setting<Encryption>,
    /// An ACL declared for the bucket itself.
    pub acl: Option<BucketAcl>,
    /// Object Lock with a default retention.
    pub default_retention: Setting<bool>,
    pub object_lock: Setting<bool>,
    pub requester_pays: Setting<bool>,
    pub versioning: Setting<bool>,
    /// SSE-C blocked on the bucket.
    pub blocks_sse_c: Setting<bool>,
    pub tags: Setting<Vec<(Text, Text)>>,
    pub abac: Setting<bool>,
    /// Tag sets that lifecycle rules filter on, with the place of the filter and the guards of the rule.
    pub lifecycle_tags: Vec<(Vec<(Text, Text)>, Place, Guards)>,
    /// A directory bucket (S3 Express).
    pub directory: bool,
    /// Known only by name or ARN: policies and settings unknown, read in favour.
    pub open: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ownership {
    BucketOwnerEnforced,
    BucketOwnerPreferred,
    ObjectWriter,
}

impl Bucket {
    /// The bucket with the settings that it has in a world.
    pub fn in_world(&self, world: &World) -> Cow<'_, Bucket> {
        let access = &self.public_access;
        let choice = matches!(self.ownership, Setting::Choice(_))
            || matches!(self.encryption, Setting::Choice(_))
            || [
                &access.block_public_acls,
                &access.ignore_public_acls,
                &access.block_public_policy,
                &access.restrict_public_buckets,
                &self.default_retention,
                &self.object_lock,
                &self.requester_pays,
                &self.versioning,
                &self.blocks_sse_c,
                &self.abac,
            ]
            .iter()
            .any(|s| matches!(s, Setting::Choice(_)));
        let lifecycle = |guards: &Guards| world.all(guards) == Match::Yes;
        if !choice && self.lifecycle_tags.iter().all(|(_, _, g)| lifecycle(g)) {
            return Cow::Borrowed(self);
        }
        let mut bucket = self.clone();
        bucket.ownership = self.ownership.in_world(world);
        bucket.encryption = match self.encryption.in_world(world) {
            Setting::Is(e, place) => Setting::Is(e.in_world(world), place),
            Setting::Default(e) => Setting::Default(e.in_world(world)),
            other => other,
        };
        bucket.public_access = PublicAccess {
            block_public_acls: access.block_public_acls.in_world(world),
            ignore_public_acls: access.ignore_public_acls.in_world(world),
            block_public_policy: access.block_public_policy.in_world(world),
            restrict_public_buckets: access.restrict_public_buckets.in_world(world),
        };
        bucket.default_retention = self.default_retention.in_world(world);
        bucket.object_lock = self.object_lock.in_world(world);
        bucket.requester_pays = self.requester_pays.in_world(world);
        bucket.versioning = self.versioning.in_world(world);
        bucket.blocks_sse_c = self.blocks_sse_c.in_world(world);
        bucket.abac = self.abac.in_world(world);
        bucket.lifecycle_tags.retain(|(_, _, g)| lifecycle(g));
        Cow::Owned(bucket)
    }
}

impl Encryption {
    fn in_world(&self, world: &World) -> Encryption {
        Encryption {
            bucket_key: self.bucket_key.in_world(world),
            ..self.clone()
        }
    }
}

/// Block Public Access of bucket and account together; unset is unknown (architecture, "closed").
#[derive(Debug, Clone, PartialEq)]
pub struct PublicAccess {
    pub block_public_acls: Setting<bool>,
    pub ignore_public_acls: Setting<bool>,
    pub block_public_policy: Setting<bool>,
    pub restrict_public_buckets: Setting<bool>,
}

impl PublicAccess {
    /// No source sets it.
    pub fn unset() -> PublicAccess {
        let unset = || Setting::Unknown("no source sets it".into());
        PublicAccess {
            block_public_acls: unset(),
            ignore_public_acls: unset(),
            block_public_policy: unset(),
            restrict_public_buckets: unset(),
        }
    }
}

/// Default encryption of a bucket.
#[derive(Debug, Clone, PartialEq)]
pub struct Encryption {
    pub algorithm: Algorithm,
    /// For KMS: the key.
    pub key: KeyUse,
    pub bucket_key: Setting<bool>,
    /// Where the key or algorithm is named.
    pub place: Option<Place>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    Aes256,
    Kms,
    KmsDsse,
}

/// Which KMS key is meant.
#[derive(Debug, Clone, PartialEq)]
pub enum KeyUse {
    /// No KMS, or SSE-S3.
    None,
    /// `aws/s3`.
    AwsManaged,
    /// A key declared in the estate: index in [`Estate::keys`], and how it is named.
    Declared {
        key: usize,
        named_by: KeyName,
        place: Place,
    },
    /// A key known by identifier only; its policy is open.
    Other {
        id: Text,
        named_by: KeyName,
        place: Place,
    },
    Unknown(Arc<str>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyName {
    Arn,
    BareId,
    Alias,
    AliasArn,
    Unknown,
}

#[derive(Debug, Clone, PartialEq)]
pub struct BucketAcl {
    /// Canned ACL, where one is declared.
    pub canned: Option<Text>,
    pub grants: Vec<AclGrant>,
    pub place: Place,
    pub address: Arc<str>,
    pub guards: Guards,
}

#[derive(Debug, Clone, PartialEq)]
pub struct AclGrant {
    /// Canonical id, group URI or e-mail address.
    pub grantee: Text,
    /// `CanonicalUser`, `Group`, `AmazonCustomerByEmail`.
    pub grantee_type: Text,
    pub permission: Text,
    pub place: Place,
}

#[derive(Debug, Clone)]
pub struct AccessPoint {
    pub scope: ScopeId,
    pub address: Arc<str>,
    pub name: Text,
    pub arn: Text,
    /// Index in [`Estate::buckets`].
    pub bucket: usize,
    pub account: Account,
    pub guards: Guards,
    pub policy: Option<Policies>,
    pub public_access: PublicAccess,
    /// VPC origin: the VPC that alone may use it, with the place that says so.
    pub vpc: Option<(Text, Place)>,
    /// Of several Regions: its bucket here is one of several.
    pub multi_region: bool,
    pub place: Place,
}

#[derive(Debug, Clone)]
pub struct KmsKey {
    pub scope: ScopeId,
    pub address: Arc<str>,
    /// `arn:<partition>:kms:<region>:<account>:key/<id>` with symbols.
    pub arn: Text,
    pub id: Text,
    pub account: Account,
    pub region: Option<Text>,
    pub guards: Guards,
    pub place: Place,
    /// `None`: AWS's default key policy (spec 5.3).
    pub policy: Option<Policies>,
    /// Alias names (`alias/x`).
    pub aliases: Vec<Text>,
    pub enabled: Setting<bool>,
    /// Symmetric, for encryption.
    pub symmetric: Setting<bool>,
    /// Grants: (grantee principal, operations).
    pub grants: Vec<KmsGrant>,
    pub open: bool,
}

#[derive(Debug, Clone)]
pub struct KmsGrant {
    pub grantee: Text,
    pub operations: Vec<Text>,
    pub place: Place,
    /// The grant exists only under these guards.
    pub guards: Guards,
}

#[derive(Debug, Clone)]
pub struct VpcEndpoint {
    pub scope: ScopeId,
    pub address: Arc<str>,
    /// The endpoint's id as a text (symbol).
    pub id: Text,
    pub vpc: Option<Text>,
    /// `s3`, `kms`, … ; `None` where unknown.
    pub service: Option<Arc<str>>,
    pub kind: EndpointKind,
    pub account: Account,
    pub guards: Guards,
    pub place: Place,
    /// `None`: the default policy, which allows everything.
    pub policy: Option<Policies>,
    /// Route tables (gateway) it is associated with, each with its guards.
    pub route_tables: Vec<(Guards, Text)>,
    /// Subnets (interface) it stands in.
    pub subnets: Vec<Text>,
    /// Private DNS of an interface endpoint is on.
    pub private_dns: Setting<bool>,
    pub open: bool,
}

/// Where a subnet's traffic goes.
#[derive(Debug, Clone, PartialEq)]
pub struct Subnet {
    pub scope: ScopeId,
    pub id: Text,
    pub vpc: Option<Text>,
    /// Route tables it is associated with, each with its guards; none: the main one of the VPC.
    pub route_tables: Vec<(Guards, Text)>,
}

#[derive(Debug, Clone)]
pub enum CallerKind {
    User,
    Role,
}

/// A principal declared in the estate.
#[derive(Debug, Clone)]
pub struct Caller {
    pub scope: ScopeId,
    pub address: Arc<str>,
    pub kind: CallerKind,
    /// `arn:<partition>:iam::<account>:role/<path><name>`.
    pub arn: Text,
    pub name: Text,
    pub account: Account,
    pub guards: Guards,
    pub place: Place,
    /// Identity policies, those of a user's groups included.
    pub identity: Policies,
    pub boundary: Option<Policies>,
    /// Service principals that may assume the role (`ec2.amazonaws.com`).
    pub trusted_services: Vec<Text>,
    /// Assumed through web identity (hosted CI): the provider.
    pub web_identity: Vec<Text>,
    /// Trust is not fully known.
    pub trust_open: bool,
    pub tags: Setting<Vec<(Text, Text)>>,
    /// What runs as this caller.
    pub workloads: Vec<Workload>,
    /// Known only by name or ARN: policies unknown, read in favour.
    pub open: bool,
}

/// A function, task, instance, job, build project … that runs as a caller.
#[derive(Debug, Clone)]
pub struct Workload {
    pub address: Arc<str>,
    pub network: Network,
    /// Strings of its configuration (environment, container definition, state machine, script), with their places.
    pub strings: Vec<(Text, Place)>,
    /// Scripts whose commands may show uploads (user data, buildspec, container command), as text.
    pub scripts: Vec<(Text, Place)>,
    pub guards: Guards,
    pub place: Place,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Network {
    /// Outside every VPC (a function without VPC configuration).
    Outside,
    /// In these subnets.
    Subnets { subnets: Vec<Text>, place: Place },
    /// One of these; the arms exclude each other.
    Choice(Vec<(Guards, Network)>),
    /// Nothing shows where it runs.
    Unknown,
}

/// SCP or RCP that the estate declares.
#[derive(Debug, Clone)]
pub struct OrganizationPolicy {
    pub address: Arc<str>,
    /// Scp or Rcp.
    pub policy: Arc<Policy>,
    /// Account ids, OU ids or root ids it is attached to, with the guards of policy and attachment.
    pub targets: Vec<(Guards, Text)>,
    pub scope: ScopeId,
    pub guards: Guards,
}

/// An upload that the sources themselves show, or a delivery that they configure.
#[derive(Debug, Clone)]
pub struct ShownUpload {
    pub sender: Sender,
    pub bucket: BucketUse,
    /// Object key or its known beginning; `None` where nothing says.
    pub key: Option<Text>,
    /// Headers by name as S3 has them (`x-amz-acl`), with the place that sets each.
    pub headers: Vec<Header>,
    pub multipart: bool,
    /// Where it is shown; a finding about a header points at the header.
    pub place: Place,
    pub address: Arc<str>,
    pub guards: Guards,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Header {
    pub name: Arc<str>,
    pub value: Text,
    pub place: Place,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Sender {
    /// Index in [`Estate::callers`].
    Caller(usize),
    /// Whoever applies the configuration, under a provider configuration: its role's index where declared.
    Deployer {
        caller: Option<usize>,
        account: Account,
    },
    /// An AWS writer, by the name of its row in the table of writers (`upload/writers.rs`).
    Writer {
        service: Arc<str>,
        /// Role it delivers with, where the row delivers with a role.
        role: Option<usize>,
        /// Account of the writing resource.
        account: Account,
        /// `aws:SourceArn` that it passes.
        source_arn: Option<Text>,
        region: Option<Text>,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub enum BucketUse {
    /// Index in [`Estate::buckets`].
    Declared(usize),
    Named(Text),
    Unknown(Arc<str>),
}

/// All facts of one run.
#[derive(Debug, Clone, Default)]
pub struct Estate {
    pub buckets: Vec<Bucket>,
    pub access_points: Vec<AccessPoint>,
    pub keys: Vec<KmsKey>,
    pub endpoints: Vec<VpcEndpoint>,
    pub subnets: Vec<Subnet>,
    pub callers: Vec<Caller>,
    pub organization: Vec<OrganizationPolicy>,
    pub shown: Vec<ShownUpload>,
    pub gaps: Vec<Gap>,
    /// Policy documents met, and how many of them were understood in full.
    pub policies: usize,
    pub policies_understood: usize,
    /// Positions by canonical text.
    pub names: Names,
    /// Scopes of which one names what the other declares, or is bound by it; the smaller first.
    pub joins: Vec<(ScopeId, ScopeId)>,
    /// What the configuration states.
    pub stated: context::Stated,
}

/// Where buckets, keys and callers are found by canonical text.
#[derive(Debug, Clone, Default)]
pub struct Names {
    pub buckets: assemble::Index,
    pub keys: assemble::Index,
    pub roles: assemble::Index,
    pub users: assemble::Index,
}

impl Estate {
    /// A bucket by canonical name or ARN.
    pub fn bucket(&self, text: &Text) -> Option<usize> {
        self.names.buckets.only(text)
    }

    /// A key by ARN, id, alias or alias ARN, seen from an account.
    pub fn key(&self, text: &Text, scope: ScopeId, account: &Text) -> Option<usize> {
        self.names
            .keys
            .find(text, scope, account.identity().as_deref(), &[])
    }

    /// A role or user by canonical ARN.
    pub fn caller(&self, arn: &Text) -> Option<usize> {
        self.names
            .roles
            .only(arn)
            .or_else(|| self.names.users.only(arn))
    }
}
