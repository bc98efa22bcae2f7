//! The AWS services that write into buckets, as rows of data (spec section 7).
//!
//! A configured delivery is an upload like another, played with the principal, headers and encryption of its row.

/// Who signs a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signer {
    /// The service principal; any one of `principals` suffices.
    Service,
    /// The role that the configuration names.
    Role,
    /// The role where one is named and of the bucket's account, else the service principal.
    RoleOrService,
}

/// Which default encryption a writer can work with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KmsSupport {
    /// SSE-S3 only.
    None,
    /// SSE-S3 only by the documentation; delivery is reported to work where the key policy admits the principal.
    Disputed,
    /// A customer managed key whose policy admits the principal; never `aws/s3`.
    CustomerKey,
    /// Whatever the role may use.
    AsCaller,
}

/// One AWS writer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Writer {
    /// Name of the row; deliveries refer to it.
    pub service: &'static str,
    /// For a reader: "CloudTrail".
    pub title: &'static str,
    pub signer: Signer,
    /// Service principals, any of which serves; `{region}` stands for the region.
    pub principals: &'static [&'static str],
    /// The legacy account of the region's load balancers serves too.
    pub load_balancing_account: bool,
    /// Headers that the service sends.
    pub headers: &'static [(&'static str, &'static str)],
    /// The ACL header is only reported, not documented: caps findings that rest on it.
    pub acl_unsure: bool,
    /// Whether `s3:GetBucketAcl` is tested before the first delivery.
    pub tests_bucket_acl: bool,
    pub kms: KmsSupport,
    /// KMS actions asked for where the object is encrypted with a customer key.
    pub kms_actions: &'static [&'static str],
    /// AWS completes the bucket policy itself for deliveries in the bucket's own account (vended logs).
    pub completes_policy: bool,
    /// Passes `aws:SourceArn` and `aws:SourceAccount`.
    pub passes_source: bool,
    /// Default retention or Object Lock on the target stops it.
    pub refuses_lock: bool,
    /// Prefix that the bucket's name must have.
    pub name_prefix: Option<&'static str>,
    /// The bucket must have ACLs enabled.
    pub needs_acls: bool,
    /// Spec tags of the sources.
    pub sources: &'static str,
}

const OWNER_ACL: &[(&str, &str)] = &[("x-amz-acl", "bucket-owner-full-control")];

const BASE: Writer = Writer {
    service: "",
    title: "",
    signer: Signer::Service,
    principals: &[],
    load_balancing_account: false,
    headers: &[],
    acl_unsure: false,
    tests_bucket_acl: false,
    kms: KmsSupport::CustomerKey,
    kms_actions: &["kms:GenerateDataKey"],
    completes_policy: false,
    passes_source: true,
    refuses_lock: false,
    name_prefix: None,
    needs_acls: false,
    sources: "",
};

/// Every row.
pub const WRITERS: &[Writer] = &[
    Writer {
        service: "cloudtrail",
        title: "CloudTrail",
        principals: &["cloudtrail.amazonaws.com"],
        headers: OWNER_ACL,
        tests_bucket_acl: true,
        sources: "CT’23",
        ..BASE
    },
    Writer {
        service: "vended-logs",
        title: "the log delivery service",
        principals: &["delivery.logs.amazonaws.com"],
        headers: OWNER_ACL,
        tests_bucket_acl: true,
        completes_policy: true,
        sources: "CWL’23, FL’23",
        ..BASE
    },
];

/// Looks a row up by its name.
pub fn writer(service: &str) -> Option<&'static Writer> {
    WRITERS.iter().find(|w| w.service == service)
}
