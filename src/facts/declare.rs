//! Neutral declarations: what one resource of a file says, before resources are joined.
//!
//! Each format turns its resources into [`Declared`]; holders and targets are named by texts as written, with
//! symbols in them. `facts/link.rs` makes the texts canonical and `facts/assemble.rs` joins them to an estate.

use std::sync::Arc;

use crate::decision::EndpointKind;
use crate::facts::states::Task;
use crate::facts::{Algorithm, BucketAcl, Header, Network, Ownership, PublicAccess, Setting};
use crate::policy::PolicyType;
use crate::source::{Gap, Resource};
use crate::value::{Guards, Place, ScopeId, Text, Value};

/// One declaration with what is known of its origin.
#[derive(Debug, Clone)]
pub struct Declared {
    pub scope: ScopeId,
    /// Resource that declares it, as the user types it.
    pub address: Arc<str>,
    /// Name in [`crate::source::Scope::providers`].
    pub provider: Arc<str>,
    /// The declaration holds only under these guards (those of the resource and of the value).
    pub guards: Guards,
    /// Where it is declared: the resource, or the element of it that says so.
    pub place: Place,
    pub what: Declaration,
}

/// A policy holder, by the name or ARN that the source writes.
#[derive(Debug, Clone)]
pub struct Holder {
    pub kind: HolderKind,
    pub named: Text,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HolderKind {
    Role,
    User,
    Group,
}

/// What a workload runs as.
#[derive(Debug, Clone)]
pub enum RunsAs {
    /// A role, by name or ARN.
    Role(Text),
    /// An instance profile, by name or ARN.
    InstanceProfile(Text),
}

/// A setting of a bucket, stated in the bucket or beside it.
#[derive(Debug, Clone)]
pub enum BucketSetting {
    Ownership(Setting<Ownership>),
    PublicAccess(PublicAccess),
    Encryption(Setting<DeclaredEncryption>),
    /// SSE-C is blocked.
    BlocksSseC(Setting<bool>),
    /// Texts of the ACL are as written.
    Acl(BucketAcl),
    Versioning(Setting<bool>),
    ObjectLock(Setting<bool>),
    DefaultRetention(Setting<bool>),
    RequesterPays(Setting<bool>),
    Tags(Setting<Vec<(Text, Text)>>),
    Abac(Setting<bool>),
    /// A tag set that a lifecycle rule filters on, with the place of the filter.
    LifecycleTags(Vec<(Text, Text)>, Place),
}

/// Default encryption as declared.
#[derive(Debug, Clone)]
pub struct DeclaredEncryption {
    pub algorithm: Algorithm,
    /// Key id, ARN, alias or alias ARN as written; `None` with KMS is the AWS managed key.
    pub key: Option<Value>,
    pub bucket_key: Setting<bool>,
    /// Where the algorithm is named.
    pub place: Option<Place>,
}

/// Who sends an upload that the sources show.
#[derive(Debug, Clone)]
pub enum DeclaredSender {
    /// Whoever applies the configuration; the role that its provider assumes, where one is stated.
    Deployer { role: Option<Text> },
    /// A role, by name or ARN.
    Role(Text),
    /// An AWS writer, by the name of its row in the table of writers.
    Writer {
        service: Arc<str>,
        /// Role it delivers with, by name or ARN.
        role: Option<Text>,
        /// `aws:SourceArn` that it passes.
        source_arn: Option<Text>,
        /// Region of the writing resource; that of the provider where `None`.
        region: Option<Text>,
    },
}

#[derive(Debug, Clone)]
pub enum Declaration {
    Bucket {
        name: Text,
        /// `arn:<partition>:s3:::<name>`.
        arn: Text,
        /// Region where the resource states its own.
        region: Option<Text>,
        directory: bool,
    },
    /// `bucket` by name, ARN or id.
    BucketSetting {
        bucket: Text,
        setting: BucketSetting,
    },
    BucketPolicy {
        bucket: Text,
        document: Value,
    },
    /// One of several Regions is declared once for each of its buckets.
    AccessPoint {
        name: Text,
        arn: Text,
        bucket: Text,
        vpc: Option<(Text, Place)>,
        document: Option<Value>,
        public_access: Option<PublicAccess>,
        multi_region: bool,
    },
    /// `access_point` by ARN, name or id.
    AccessPointPolicy {
        access_point: Text,
        document: Value,
    },
    AccountPublicAccess(PublicAccess),
    Role {
        name: Text,
        arn: Text,
        /// Assume-role policy.
        trust: Option<Value>,
        /// ARN of the managed policy that is its permissions boundary.
        boundary: Option<Value>,
        tags: Setting<Vec<(Text, Text)>>,
    },
    User {
        name: Text,
        arn: Text,
        boundary: Option<Value>,
        tags: Setting<Vec<(Text, Text)>>,
    },
    Group {
        name: Text,
        arn: Text,
    },
    GroupMembership {
        user: Text,
        group: Text,
    },
    InlinePolicy {
        holder: Holder,
        document: Value,
    },
    ManagedPolicy {
        name: Text,
        arn: Text,
        document: Value,
    },
    /// `policy` by ARN.
    Attachment {
        holder: Holder,
        policy: Text,
    },
    /// More policies may be attached to the holder than the sources show, and why.
    OpenHolder {
        holder: Holder,
        why: Arc<str>,
    },
    /// More policies may be attached than the sources show to what is named, by name, id or ARN: a bucket, a key, a
    /// role, a user or a group; and why. A text that names none of them opens nothing.
    OpenTarget {
        named: Text,
        why: Arc<str>,
    },
    /// `role` by name or ARN.
    InstanceProfile {
        name: Text,
        arn: Text,
        role: Text,
    },
    Key {
        id: Text,
        arn: Text,
        /// Key policy in the resource; `None` where it states none.
        document: Option<Value>,
        region: Option<Text>,
        enabled: Setting<bool>,
        symmetric: Setting<bool>,
    },
    /// `key` by id or ARN.
    KeyPolicy {
        key: Text,
        document: Value,
    },
    /// `name` with its `alias/`; `key` by id or ARN.
    Alias {
        name: Text,
        key: Text,
    },
    Grant {
        key: Text,
        grantee: Text,
        operations: Vec<Text>,
    },
    Endpoint {
        id: Text,
        vpc: Option<Text>,
        /// Service name as written (`com.amazonaws.eu-west-1.s3`).
        service: Option<Text>,
        kind: EndpointKind,
        document: Option<Value>,
        route_tables: Vec<Text>,
        subnets: Vec<Text>,
        private_dns: Setting<bool>,
    },
    EndpointPolicy {
        endpoint: Text,
        document: Value,
    },
    EndpointRoute {
        endpoint: Text,
        route_table: Text,
    },
    EndpointSubnet {
        endpoint: Text,
        subnet: Text,
    },
    Subnet {
        id: Text,
        vpc: Option<Text>,
    },
    RouteTableAssociation {
        subnet: Text,
        route_table: Text,
    },
    MainRouteTable {
        vpc: Text,
        route_table: Text,
    },
    Workload {
        /// Texts by which other resources name it (ARN, id, family); may be empty.
        ids: Vec<Text>,
        runs_as: Option<RunsAs>,
        network: Network,
        strings: Vec<(Text, Place)>,
        scripts: Vec<(Text, Place)>,
        /// Environment variables of the scripts, by name.
        variables: Vec<(Arc<str>, Text)>,
    },
    /// Where a workload that another resource declares runs (a service with its task definition).
    WorkloadNetwork {
        workload: Text,
        network: Network,
    },
    /// A build project: `names` by which pipelines name it, and the role and key with which it writes artifacts.
    BuildProject {
        names: Vec<Text>,
        role: Text,
        key: Option<(Text, Place)>,
    },
    /// Artifacts that a build writes into a pipeline's store. `action_role` is that of the pipeline's action, whose
    /// account holds the project.
    BuildArtifacts {
        project: Text,
        action_role: Option<Text>,
        bucket: Text,
        store_key: Option<Text>,
    },
    /// A script that somebody runs who is no workload.
    Script {
        sender: DeclaredSender,
        script: Text,
        variables: Vec<(Arc<str>, Text)>,
    },
    /// `policy_type` is Scp or Rcp.
    OrganizationPolicy {
        id: Text,
        policy_type: PolicyType,
        document: Value,
    },
    /// `policy` by id or ARN.
    OrganizationAttachment {
        policy: Text,
        target: Text,
    },
    /// An upload that the sources show, or a delivery that they configure. `bucket` by name, ARN or id.
    Upload {
        sender: DeclaredSender,
        bucket: Text,
        key: Option<Text>,
        headers: Vec<Header>,
        multipart: bool,
    },
}

/// What a format made of its resources.
#[derive(Debug, Clone, Default)]
pub struct Declarations {
    pub items: Vec<Declared>,
    pub gaps: Vec<Gap>,
}

impl Declarations {
    /// Adds a declaration of a resource, at the resource's own place.
    pub fn add(&mut self, resource: &Resource, what: Declaration) {
        self.add_at(resource, resource.place.clone(), Vec::new(), what);
    }

    /// Adds the upload of a state machine's or schedule's call, by its role.
    pub fn add_task(&mut self, resource: &Resource, role: Text, task: Task) {
        let what = Declaration::Upload {
            sender: DeclaredSender::Role(role),
            bucket: task.bucket,
            key: task.key,
            headers: task.headers,
            multipart: task.multipart,
        };
        self.add_at(resource, task.place, Vec::new(), what);
    }

    /// Adds a declaration at an element of a resource, under further guards.
    pub fn add_at(&mut self, resource: &Resource, place: Place, guards: Guards, what: Declaration) {
        let mut all = resource.guards.clone();
        for guard in guards {
            if !all.contains(&guard) {
                all.push(guard);
            }
        }
        self.items.push(Declared {
            scope: resource.scope,
            address: resource.address.clone(),
            provider: resource.provider.clone(),
            guards: all,
            place,
            what,
        });
    }
}
