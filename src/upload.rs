//! Words of uploads: who sends what to which bucket by which path, and what became of it.
//!
//! `upload/pairs.rs` lists the uploads that an estate makes possible, `upload/attempt.rs` plays one of them
//! through every gate, `upload/decide.rs` turns the answers into outcomes. This floor is the only bridge
//! between facts and decision.

pub mod access_point;
pub mod account;
mod answers;
pub mod attempt;
pub mod blame;
pub mod calls;
pub mod concern;
pub mod decide;
pub mod deploy;
pub mod gates;
pub mod headers;
mod network;
pub mod pairs;
pub mod path;
pub mod policies;
pub mod shapes;
pub mod shown;
mod space;
pub mod stated;
pub mod subject;
mod tables;
pub mod ties;
pub mod why;
mod witness;
mod worlds;
pub mod writers;

use std::sync::Arc;

use crate::decision::DenyReason;
use crate::outcome::{Level, Outcome};
use crate::policy::StatementRef;
use crate::value::{Guards, Place, Text};

/// Who sends an upload.
#[derive(Debug, Clone, PartialEq)]
pub enum Uploader {
    /// Index in the estate's callers.
    Declared(usize),
    /// A principal of another place, as a bucket policy names it; `entry` is the place of that name.
    External {
        principal: Text,
        account: Text,
        whole_account: bool,
        place: Place,
    },
    /// Whoever applies the configuration.
    Deployer { account: Text },
    /// An AWS writer with its own identity or a role (index in the estate's callers).
    Service {
        service: Arc<str>,
        principal: Arc<str>,
        role: Option<usize>,
        account: Text,
    },
}

/// The way an upload takes to S3.
#[derive(Debug, Clone, PartialEq)]
pub struct Path {
    pub route: Route,
    pub certainty: PathCertainty,
    /// Index in the estate's access points, where the upload goes through one.
    pub access_point: Option<usize>,
    /// Where the path is shown: the network configuration of the workload.
    pub shown_by: Option<Place>,
    /// The path is taken under these guards.
    pub guards: Guards,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    Internet,
    /// Index in the estate's endpoints.
    Endpoint(usize),
    /// A VPC endpoint that the estate does not declare: its policy is open.
    Elsewhere,
}

/// How a path is known (architecture, "The path").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathCertainty {
    /// The sources place the workload there.
    Shown,
    /// The trust policy and a single VPC suggest it: at most a warning.
    Presumed,
    /// Nothing shows another path.
    Assumed,
    /// Hosted CI: from an address that is not listed.
    HostedCi,
}

/// One header or parameter of an upload, by its name as S3 has it.
pub type HeaderName = &'static str;

/// A concrete upload.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Headers {
    pub key: Text,
    /// Header name to value, in the order of the table of headers.
    pub set: Vec<(Arc<str>, Text)>,
    pub multipart: bool,
    /// What is copied (`bucket/key`), where the upload is a copy.
    pub copies: Option<Text>,
    /// Address that the request comes from, where a condition asks.
    pub source_ip: Option<Text>,
}

impl Headers {
    pub fn get(&self, name: &str) -> Option<&Text> {
        self.set.iter().find(|(n, _)| &**n == name).map(|(_, v)| v)
    }

    pub fn is_plain(&self) -> bool {
        self.set.is_empty() && !self.multipart
    }
}

/// What refuses.
#[derive(Debug, Clone, PartialEq)]
pub enum Cause {
    /// A policy, in an S3 call or a KMS call.
    Policy {
        reason: DenyReason,
        key: Option<usize>,
    },
    /// A setting of the bucket or the key.
    Gate(Gate),
}

/// A refusal by a setting (spec 3.5, 5.6, 6).
#[derive(Debug, Clone, PartialEq)]
pub enum Gate {
    /// 400 `AccessControlListNotSupported`: Object Ownership is enforced.
    AclsDisabled { acl: Text, place: Option<Place> },
    /// 403: Block Public Access refuses a public ACL.
    PublicAclBlocked { acl: Text, place: Place },
    /// `aws/s3` cannot be used from another account or by a service.
    ManagedKey {
        place: Option<Place>,
        by_header: bool,
    },
    /// The key is disabled.
    KeyDisabled { key: usize, place: Place },
    /// The key is asymmetric or no encryption key.
    KeyNotSymmetric { key: usize, place: Place },
    /// The key lies in another Region.
    KeyRegion { key: usize, place: Place },
    /// The bucket blocks SSE-C.
    SseCBlocked { place: Option<Place> },
    /// The writer supports SSE-S3 only.
    ServiceNeedsSseS3 { place: Place },
    /// The default key is a bare id or alias, which another account or a service resolves elsewhere.
    KeyNamedLocally { place: Place },
    /// RestrictPublicBuckets cuts access of other accounts to a public policy.
    PublicPolicyRestricted {
        statement: StatementRef,
        place: Place,
    },
    /// A bucket ACL on a bucket whose ACLs are disabled: the deployment fails.
    BucketAclDisabled {
        ownership: Option<Place>,
        place: Place,
    },
    /// A public bucket policy while BlockPublicPolicy is on: the deployment fails.
    PublicPolicyBlocked {
        statement: StatementRef,
        place: Place,
    },
    /// The target has Object Lock or a default retention, which the writer does not support.
    ServiceNeedsNoLock { place: Place },
    /// The bucket's side admits no upload through the access point.
    AccessPointNotDelegated { action: Arc<str>, place: Place },
    /// A copy through an endpoint whose source lies in another Region.
    CopyFromOtherRegion { place: Place },
    /// The access point serves one VPC, and the request comes from elsewhere.
    AccessPointOutsideVpc { place: Place },
    /// Another requirement of a writer on its target (name prefix, ACLs enabled).
    ServiceTarget { requirement: Arc<str>, place: Place },
}

/// How sure AWS's behaviour is (the spec marks it).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    Unverified,
    Medium,
    High,
}

impl Confidence {
    /// The highest level that it carries.
    pub fn cap(self) -> Level {
        match self {
            Confidence::Unverified => Level::Note,
            Confidence::Medium => Level::Warning,
            Confidence::High => Level::Error,
        }
    }
}

/// Why an upload with other headers than the plain ones is looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    pub kind: EvidenceKind,
    /// Where it is shown.
    pub place: Place,
    /// For a reader: "the container's environment sets `OBJECT_ACL` to a canned ACL".
    pub text: String,
    pub address: Arc<str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EvidenceKind {
    /// The sources show that very upload: error.
    Shown,
    /// They show the intent: warning.
    Intent,
}

/// One refusal of one upload.
#[derive(Debug, Clone)]
pub struct Denial {
    pub cause: Cause,
    pub outcome: Outcome,
    pub level: Level,
    pub evidence: Option<Evidence>,
    /// What refuses the uploads that this cause would let through.
    pub behind: Vec<(Headers, Vec<Cause>)>,
    /// The request that is refused.
    pub refused: Headers,
    /// The cheapest that passes.
    pub passes: Option<Headers>,
    /// What `passes` hangs on.
    pub provisos: Vec<Arc<str>>,
    /// Said before the message: an account that may be another one.
    pub proviso: Option<String>,
}

/// One upload, played.
#[derive(Debug, Clone)]
pub struct Decided {
    pub uploader: Uploader,
    /// Index in the estate's buckets.
    pub bucket: usize,
    pub path: Path,
    /// The worlds that the answer speaks of, as far as the sources leave them open.
    pub world: Guards,
    pub outcome: Outcome,
    pub hangs_on: Vec<Arc<str>>,
    /// Statements that grant the upload.
    pub grants: Vec<StatementRef>,
    pub denials: Vec<Denial>,
}
