//! The AWS services that write into buckets, as rows of data (spec section 7).
//!
//! A configured delivery is an upload like another, played with the principal, headers and encryption of its row.
//! The types come first, the rows below them; what the spec doubts is marked in the row and caps the level.

use crate::upload::Confidence;

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

/// What `aws:SourceArn` is, where the service passes one. The delivery states the text itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceArn {
    /// None is passed.
    None,
    /// The configuring resource: trail, distribution, detector, receipt rule, certificate authority.
    Resource,
    /// The bucket whose objects are logged, listed or analysed.
    Bucket,
    /// `arn:<partition>:logs:<region>:<account>:…`.
    LogDelivery,
}

/// A statement of a row that the spec doubts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// That the principal named is the one that writes.
    Principal,
    /// That `headers` is what is sent: an ACL header more or less, an encryption header more or less.
    Headers,
    /// What `kms` and `kms_actions` say.
    Kms,
    /// That `aws:SourceArn` and `aws:SourceAccount` are (or are not) passed.
    Source,
    /// That the bucket's ACL is read first.
    BucketTest,
    /// The beginning of the object key.
    Prefix,
    /// That the bucket's ACL grants the write, and is completed by the service.
    Acl,
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
    /// S3 actions of the write itself; what its headers need comes on top.
    pub actions: &'static [&'static str],
    /// Headers that the service sends. A delivery may state further ones, and the value of one of these.
    pub headers: &'static [(&'static str, &'static str)],
    /// Headers that it sends besides to a bucket of another account.
    pub foreign_headers: &'static [(&'static str, &'static str)],
    /// The ACL header is only reported, not documented: caps findings that rest on it.
    pub acl_unsure: bool,
    /// Whether `s3:GetBucketAcl` is tested before the first delivery.
    pub tests_bucket_acl: bool,
    pub kms: KmsSupport,
    /// KMS actions asked for where the object is encrypted with a customer key.
    pub kms_actions: &'static [&'static str],
    /// Key of the encryption context under which the KMS call carries `aws:SourceArn`, beside S3's own.
    pub encryption_context: Option<&'static str>,
    /// AWS completes the bucket policy itself for deliveries in the bucket's own account (vended logs).
    pub completes_policy: bool,
    /// Passes `aws:SourceArn` and `aws:SourceAccount`.
    pub passes_source: bool,
    pub source_arn: SourceArn,
    /// Default retention or Object Lock on the target stops it.
    pub refuses_lock: bool,
    /// Requester Pays on the target stops it.
    pub refuses_requester_pays: bool,
    /// The bucket must lie in the Region of the writing resource.
    pub same_region: bool,
    /// Prefix that the bucket's name must have.
    pub name_prefix: Option<&'static str>,
    /// The configured prefix must not contain this.
    pub forbidden_in_prefix: Option<&'static str>,
    /// The bucket must have ACLs enabled.
    pub needs_acls: bool,
    /// Canonical id or group URI: `WRITE` or `FULL_CONTROL` for it in the bucket's ACL grants the write, so that
    /// no policy has to. With `needs_acls` it is the only way, and the service adds the grant itself.
    pub acl_grantee: Option<&'static str>,
    /// The configuration may be meant for reading alone: where no statement grants a write, nothing is refused.
    pub may_only_read: bool,
    /// Points on which the spec's evidence is less than a document of AWS.
    pub doubts: &'static [(Point, Confidence)],
    /// Spec tags of the sources.
    pub sources: &'static str,
}

impl Writer {
    /// How sure a point of the row is.
    pub fn confidence(&self, point: Point) -> Confidence {
        self.doubts
            .iter()
            .find(|(p, _)| *p == point)
            .map_or(Confidence::High, |(_, c)| *c)
    }

    /// The service principals in a region; with an unknown region only those that hold in each.
    pub fn principals_in(&self, region: Option<&str>) -> Vec<String> {
        self.principals
            .iter()
            .filter_map(|p| match region {
                Some(region) => Some(p.replace("{region}", region)),
                None if p.contains("{region}") => None,
                None => Some((*p).to_string()),
            })
            .collect()
    }
}

const ACL: &str = crate::upload::headers::ACL;
const SSE: &str = crate::upload::headers::SSE;

const OWNER_ACL: &[(&str, &str)] = &[(ACL, "bucket-owner-full-control")];
const SENDS_KMS: &[(&str, &str)] = &[(SSE, "aws:kms")];

/// `awslogsdelivery`, the account that writes CloudFront's standard logs.
pub const LOGS_DELIVERY_ID: &str =
    "c4c1ede66af53448b93c283ce9448c4ba468c9432aa01d700d3878632f77d2d0";
/// The group that writes server access logs.
pub const LOG_DELIVERY_GROUP: &str = "http://acs.amazonaws.com/groups/s3/LogDelivery";

const BASE: Writer = Writer {
    service: "",
    title: "",
    signer: Signer::Service,
    principals: &[],
    load_balancing_account: false,
    actions: &["s3:PutObject"],
    headers: &[],
    foreign_headers: &[],
    acl_unsure: false,
    tests_bucket_acl: false,
    kms: KmsSupport::CustomerKey,
    kms_actions: &["kms:GenerateDataKey"],
    encryption_context: None,
    completes_policy: false,
    passes_source: true,
    source_arn: SourceArn::Resource,
    refuses_lock: false,
    refuses_requester_pays: false,
    same_region: false,
    name_prefix: None,
    forbidden_in_prefix: None,
    needs_acls: false,
    acl_grantee: None,
    may_only_read: false,
    doubts: &[],
    sources: "",
};

/// Logs that the log delivery service writes for others.
const VENDED: Writer = Writer {
    service: "vended-logs",
    title: "the log delivery service",
    principals: &["delivery.logs.amazonaws.com"],
    headers: OWNER_ACL,
    tests_bucket_acl: true,
    completes_policy: true,
    source_arn: SourceArn::LogDelivery,
    sources: "CWL’23, FL’23",
    ..BASE
};

/// Services that write with the role that their configuration names.
const BY_ROLE: Writer = Writer {
    signer: Signer::Role,
    kms: KmsSupport::AsCaller,
    passes_source: false,
    source_arn: SourceArn::None,
    ..BASE
};

const REPLICATION: Writer = Writer {
    service: "replication",
    title: "S3 Replication",
    principals: &["s3.amazonaws.com"],
    actions: &["s3:ReplicateObject"],
    sources: "S3-REPL’23, S3-REPLKMS’23",
    ..BY_ROLE
};

const OWNER_OVERRIDE: &[&str] = &["s3:ReplicateObject", "s3:ObjectOwnerOverrideToBucketOwner"];
const KMS_ENCRYPT: &[&str] = &["kms:Encrypt"];

/// Every row.
pub const WRITERS: &[Writer] = &[
    Writer {
        service: "cloudtrail",
        title: "CloudTrail",
        principals: &["cloudtrail.amazonaws.com"],
        headers: OWNER_ACL,
        tests_bucket_acl: true,
        encryption_context: Some("aws:cloudtrail:arn"),
        refuses_requester_pays: true,
        sources: "CT’23",
        ..BASE
    },
    Writer {
        service: "config",
        title: "AWS Config",
        signer: Signer::RoleOrService,
        principals: &["config.amazonaws.com"],
        headers: OWNER_ACL,
        tests_bucket_acl: true,
        // Only the account is documented as passed.
        source_arn: SourceArn::None,
        doubts: &[(Point::Source, Confidence::Medium)],
        sources: "CFG’23",
        ..BASE
    },
    Writer {
        service: "load-balancer",
        title: "the load balancer",
        principals: &["logdelivery.elasticloadbalancing.amazonaws.com"],
        load_balancing_account: true,
        acl_unsure: true,
        kms: KmsSupport::None,
        same_region: true,
        forbidden_in_prefix: Some("AWSLogs"),
        doubts: &[
            (Point::Headers, Confidence::Medium),
            (Point::Source, Confidence::Unverified),
        ],
        sources: "ALB’23, ALB-HC, GH-ELBSP, GH-ALBKMS",
        ..BASE
    },
    Writer {
        service: "load-balancer-outposts",
        title: "the load balancer",
        principals: &["logdelivery.elb.amazonaws.com"],
        headers: OWNER_ACL,
        kms: KmsSupport::None,
        same_region: true,
        forbidden_in_prefix: Some("AWSLogs"),
        doubts: &[(Point::Source, Confidence::Unverified)],
        sources: "ALB’23",
        ..BASE
    },
    Writer {
        service: "network-load-balancer",
        title: "the Network Load Balancer",
        same_region: true,
        sources: "NLB, CWL’23",
        ..VENDED
    },
    VENDED,
    Writer {
        service: "vpc-flow-logs",
        title: "VPC Flow Logs",
        ..VENDED
    },
    Writer {
        service: "resolver-query-logs",
        title: "Route 53 Resolver query logging",
        sources: "R53’23, GH-RESOLV",
        ..VENDED
    },
    Writer {
        service: "network-firewall",
        title: "Network Firewall",
        ..VENDED
    },
    Writer {
        service: "global-accelerator",
        title: "Global Accelerator",
        ..VENDED
    },
    Writer {
        service: "msk",
        title: "MSK broker logs",
        ..VENDED
    },
    Writer {
        service: "spot-data-feed",
        title: "the Spot Instance data feed",
        // The page of vended logs lists it; the feed's own page speaks of the bucket's ACL.
        doubts: &[
            (Point::Principal, Confidence::Unverified),
            (Point::Prefix, Confidence::Unverified),
        ],
        ..VENDED
    },
    Writer {
        service: "waf",
        title: "AWS WAF",
        name_prefix: Some("aws-waf-logs-"),
        sources: "WAF’23",
        ..VENDED
    },
    Writer {
        service: "log-delivery-v2",
        title: "the log delivery service",
        tests_bucket_acl: false,
        // The path is configured; its default is not documented at hand.
        doubts: &[
            (Point::Headers, Confidence::Medium),
            (Point::Source, Confidence::Medium),
            (Point::Prefix, Confidence::Unverified),
        ],
        sources: "CWL2, CF2",
        ..VENDED
    },
    Writer {
        service: "cloudfront-logs",
        title: "CloudFront",
        principals: &["delivery.logs.amazonaws.com"],
        needs_acls: true,
        acl_grantee: Some(LOGS_DELIVERY_ID),
        passes_source: false,
        source_arn: SourceArn::None,
        doubts: &[
            (Point::Acl, Confidence::Medium),
            (Point::Source, Confidence::Unverified),
        ],
        sources: "CF’23, GH-CFACL, GH-CFSSE",
        ..BASE
    },
    Writer {
        service: "cloudfront-origin",
        title: "CloudFront",
        principals: &["cloudfront.amazonaws.com"],
        // Distributions list every method as a habit.
        may_only_read: true,
        // The viewer's headers are passed on.
        doubts: &[(Point::Headers, Confidence::Medium)],
        sources: "CF-OAC",
        ..BASE
    },
    Writer {
        service: "server-access-logs",
        title: "S3 server access logging",
        principals: &["logging.s3.amazonaws.com"],
        kms: KmsSupport::Disputed,
        source_arn: SourceArn::Bucket,
        refuses_lock: true,
        refuses_requester_pays: true,
        same_region: true,
        acl_grantee: Some(LOG_DELIVERY_GROUP),
        doubts: &[(Point::Kms, Confidence::Medium)],
        sources: "S3-LOG’23, GH-LOGSSE, GH-LOGKMS",
        ..BASE
    },
    Writer {
        service: "inventory",
        title: "S3 Inventory",
        principals: &["s3.amazonaws.com"],
        headers: OWNER_ACL,
        source_arn: SourceArn::Bucket,
        same_region: true,
        sources: "S3-EX’23, S3-INV’23",
        ..BASE
    },
    Writer {
        service: "storage-class-analysis",
        title: "Storage Class Analysis",
        principals: &["s3.amazonaws.com"],
        headers: OWNER_ACL,
        source_arn: SourceArn::Bucket,
        same_region: true,
        sources: "S3-EX’23, S3-INV’23",
        ..BASE
    },
    REPLICATION,
    Writer {
        service: "replication-owner-override",
        actions: OWNER_OVERRIDE,
        ..REPLICATION
    },
    Writer {
        service: "replication-kms",
        kms_actions: KMS_ENCRYPT,
        ..REPLICATION
    },
    Writer {
        service: "replication-kms-owner-override",
        actions: OWNER_OVERRIDE,
        kms_actions: KMS_ENCRYPT,
        ..REPLICATION
    },
    Writer {
        service: "firehose",
        title: "Firehose",
        principals: &["firehose.amazonaws.com"],
        foreign_headers: OWNER_ACL,
        kms_actions: &["kms:GenerateDataKey", "kms:Decrypt"],
        // The page asks for the right to set an ACL in other accounts, not for a value.
        doubts: &[(Point::Headers, Confidence::Medium)],
        sources: "FH’23",
        ..BY_ROLE
    },
    Writer {
        service: "ses-receipt",
        title: "SES",
        principals: &["ses.amazonaws.com"],
        sources: "SES’23",
        ..BASE
    },
    Writer {
        service: "guardduty",
        title: "GuardDuty",
        principals: &[
            "guardduty.amazonaws.com",
            "guardduty.{region}.amazonaws.com",
        ],
        headers: SENDS_KMS,
        same_region: false,
        sources: "GD’23",
        ..BASE
    },
    Writer {
        service: "redshift",
        title: "Redshift audit logging",
        principals: &["redshift.amazonaws.com", "redshift.{region}.amazonaws.com"],
        acl_unsure: true,
        tests_bucket_acl: true,
        kms: KmsSupport::None,
        refuses_lock: true,
        doubts: &[
            (Point::Source, Confidence::Unverified),
            (Point::Headers, Confidence::Unverified),
        ],
        sources: "RS’23",
        ..BASE
    },
    Writer {
        service: "rds-export",
        title: "the RDS snapshot export",
        principals: &["export.rds.amazonaws.com"],
        headers: SENDS_KMS,
        kms_actions: &["kms:GenerateDataKey", "kms:Decrypt"],
        same_region: true,
        // The key is mandatory; how it reaches S3 is not said.
        doubts: &[
            (Point::Headers, Confidence::Unverified),
            (Point::Kms, Confidence::Medium),
        ],
        sources: "RDS’23",
        ..BY_ROLE
    },
    Writer {
        service: "codepipeline",
        title: "CodePipeline",
        principals: &["codepipeline.amazonaws.com"],
        headers: SENDS_KMS,
        doubts: &[(Point::Principal, Confidence::Medium)],
        sources: "CP’23",
        ..BY_ROLE
    },
    Writer {
        service: "dms",
        title: "DMS",
        principals: &["dms.amazonaws.com"],
        doubts: &[(Point::Headers, Confidence::Medium)],
        sources: "DMS’23",
        ..BY_ROLE
    },
    Writer {
        service: "transfer",
        title: "Transfer Family",
        principals: &["transfer.amazonaws.com"],
        may_only_read: true,
        acl_unsure: true,
        // Samples give the right to set an ACL; whether one is sent is not said.
        doubts: &[(Point::Headers, Confidence::Medium)],
        sources: "TF’23",
        ..BY_ROLE
    },
    Writer {
        service: "storage-gateway",
        title: "Storage Gateway",
        principals: &["storagegateway.amazonaws.com"],
        // How an ACL that is not `bucket-owner-full-control` ends is told by reports only.
        doubts: &[(Point::Headers, Confidence::Medium)],
        sources: "SGW’23",
        ..BY_ROLE
    },
    Writer {
        service: "private-ca",
        title: "Private CA",
        principals: &["acm-pca.amazonaws.com"],
        // The delivery states which of the two ACLs is sent.
        doubts: &[(Point::Kms, Confidence::Unverified)],
        sources: "PCA",
        ..BASE
    },
    Writer {
        service: "cost-report",
        title: "the Cost and Usage Report",
        principals: &["billingreports.amazonaws.com"],
        tests_bucket_acl: true,
        doubts: &[
            (Point::Kms, Confidence::Unverified),
            (Point::Source, Confidence::Unverified),
            (Point::BucketTest, Confidence::Medium),
        ],
        sources: "COST’23",
        ..BASE
    },
    Writer {
        service: "data-export",
        title: "the billing data export",
        principals: &[
            "bcm-data-exports.amazonaws.com",
            "billingreports.amazonaws.com",
        ],
        doubts: &[
            (Point::Principal, Confidence::Unverified),
            (Point::Kms, Confidence::Unverified),
            (Point::Source, Confidence::Unverified),
        ],
        sources: "BCM",
        ..BASE
    },
    Writer {
        service: "security-hub",
        title: "Security Hub",
        principals: &["exportv2.securityhub.amazonaws.com"],
        headers: SENDS_KMS,
        doubts: &[
            (Point::Headers, Confidence::Unverified),
            (Point::Source, Confidence::Unverified),
        ],
        sources: "SHUB",
        ..BASE
    },
    Writer {
        service: "macie",
        title: "Macie",
        principals: &["macie.amazonaws.com"],
        headers: SENDS_KMS,
        doubts: &[
            (Point::Principal, Confidence::Unverified),
            (Point::Headers, Confidence::Unverified),
            (Point::Kms, Confidence::Unverified),
            (Point::Source, Confidence::Unverified),
        ],
        sources: "",
        ..BASE
    },
];

/// Rows whose roles do nothing but deliver: a role that only their service may assume is a writer.
const DELIVERING_ROLES: &[&str] = &["config", "firehose", "rds-export", "dms", "codepipeline"];

/// The row of a role that only these services may assume.
pub fn of_role(trusted_services: &[crate::value::Text]) -> Option<&'static Writer> {
    let mut rows = trusted_services.iter().map(|service| {
        let name = service.as_literal()?;
        WRITERS
            .iter()
            .find(|w| DELIVERING_ROLES.contains(&w.service) && w.principals.contains(&name))
    });
    let first = rows.next()??;
    rows.all(|row| row.is_some_and(|r| r.service == first.service))
        .then_some(first)
}

/// Looks a row up by its name.
pub fn writer(service: &str) -> Option<&'static Writer> {
    WRITERS.iter().find(|w| w.service == service)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upload::headers::by_name;

    #[test]
    fn rows_are_whole() {
        for (i, row) in WRITERS.iter().enumerate() {
            assert!(
                !row.title.is_empty() && !row.principals.is_empty() && !row.actions.is_empty(),
                "{}",
                row.service
            );
            assert!(
                WRITERS
                    .iter()
                    .skip(i + 1)
                    .all(|other| other.service != row.service),
                "{} twice",
                row.service
            );
            for (name, _) in row.headers.iter().chain(row.foreign_headers) {
                assert!(by_name(name).is_some(), "{}: {name}", row.service);
            }
            assert_eq!(
                row.passes_source,
                row.signer != Signer::Role && row.service != "cloudfront-logs"
            );
            assert_eq!(writer(row.service), Some(row));
        }
    }

    #[test]
    fn regions() {
        for (service, region, expected) in [
            (
                "guardduty",
                Some("me-south-1"),
                vec![
                    "guardduty.amazonaws.com",
                    "guardduty.me-south-1.amazonaws.com",
                ],
            ),
            ("redshift", None, vec!["redshift.amazonaws.com"]),
            (
                "waf",
                Some("eu-west-1"),
                vec!["delivery.logs.amazonaws.com"],
            ),
        ] {
            assert_eq!(
                writer(service).map(|w| w.principals_in(region)),
                Some(expected.iter().map(|s| s.to_string()).collect())
            );
        }
    }

    #[test]
    fn doubts() {
        for (service, point, expected) in [
            ("cloudtrail", Point::Headers, Confidence::High),
            ("cost-report", Point::Kms, Confidence::Unverified),
            ("load-balancer", Point::Headers, Confidence::Medium),
        ] {
            assert_eq!(
                writer(service).map(|w| w.confidence(point)),
                Some(expected),
                "{service}"
            );
        }
    }
}
