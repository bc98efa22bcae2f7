//! The table of headers: name, condition key, legal values, what else a header brings (spec 3.1, 3.2, 4).

/// What values a header takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Values {
    /// One of these.
    OneOf(&'static [&'static str]),
    /// Any text.
    Any,
    /// A key ARN.
    KeyArn,
    /// An ISO 8601 date.
    Date,
    /// A count of days.
    Days,
}

/// One header of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    pub name: &'static str,
    /// Condition key, lower-cased.
    pub key: &'static str,
    pub values: Values,
    /// Option of `aws s3api put-object`.
    pub option: &'static str,
    /// How little one expects it: the cheapest way through is the one with the least sum.
    pub cost: u32,
    /// The action that it needs beside `s3:PutObject`.
    pub action: Option<&'static str>,
    /// Carried by `PutObjectAcl` and `PutObjectTagging` requests too (spec 3.4).
    pub on_put_object_acl: bool,
}

pub const CANNED_ACLS: &[&str] = &[
    "bucket-owner-full-control",
    "private",
    "bucket-owner-read",
    "public-read",
    "public-read-write",
    "authenticated-read",
    "aws-exec-read",
    "log-delivery-write",
];

/// Canned ACLs that grant to everyone or to every signed caller.
pub const PUBLIC_ACLS: &[&str] = &["public-read", "public-read-write", "authenticated-read"];

/// Ends of the URIs of the groups to which a grant is public.
pub const PUBLIC_GROUPS: &[&str] = &[
    "/groups/global/AllUsers",
    "/groups/global/AuthenticatedUsers",
];

pub const SSE_VALUES: &[&str] = &["AES256", "aws:kms", "aws:kms:dsse"];

const STORAGE_CLASSES: &[&str] = &[
    "STANDARD",
    "INTELLIGENT_TIERING",
    "STANDARD_IA",
    "ONEZONE_IA",
    "GLACIER_IR",
    "GLACIER",
    "DEEP_ARCHIVE",
    "REDUCED_REDUNDANCY",
];

pub const ACL: &str = "x-amz-acl";
pub const SSE: &str = "x-amz-server-side-encryption";
pub const SSE_KEY: &str = "x-amz-server-side-encryption-aws-kms-key-id";
pub const SSE_C: &str = "x-amz-server-side-encryption-customer-algorithm";
pub const TAGGING: &str = "x-amz-tagging";
pub const STORAGE_CLASS: &str = "x-amz-storage-class";
pub const LOCK_MODE: &str = "x-amz-object-lock-mode";
pub const LOCK_DATE: &str = "x-amz-object-lock-retain-until-date";
pub const LEGAL_HOLD: &str = "x-amz-object-lock-legal-hold";
pub const GRANT_FULL_CONTROL: &str = "x-amz-grant-full-control";

const fn header(
    name: &'static str,
    key: &'static str,
    values: Values,
    option: &'static str,
    cost: u32,
    action: Option<&'static str>,
    on_put_object_acl: bool,
) -> Header {
    Header {
        name,
        key,
        values,
        option,
        cost,
        action,
        on_put_object_acl,
    }
}

const PUT_ACL: Option<&str> = Some("s3:PutObjectAcl");

/// Every header that a policy can ask for.
pub const HEADERS: &[Header] = &[
    header(
        SSE,
        "s3:x-amz-server-side-encryption",
        Values::OneOf(SSE_VALUES),
        "--server-side-encryption",
        1,
        None,
        false,
    ),
    header(
        SSE_KEY,
        "s3:x-amz-server-side-encryption-aws-kms-key-id",
        Values::KeyArn,
        "--ssekms-key-id",
        1,
        None,
        false,
    ),
    header(
        SSE_C,
        "s3:x-amz-server-side-encryption-customer-algorithm",
        Values::OneOf(&["AES256"]),
        "--sse-customer-algorithm",
        8,
        None,
        false,
    ),
    header(
        ACL,
        "s3:x-amz-acl",
        Values::OneOf(CANNED_ACLS),
        "--acl",
        2,
        PUT_ACL,
        true,
    ),
    header(
        GRANT_FULL_CONTROL,
        "s3:x-amz-grant-full-control",
        Values::Any,
        "--grant-full-control",
        4,
        PUT_ACL,
        true,
    ),
    header(
        "x-amz-grant-read",
        "s3:x-amz-grant-read",
        Values::Any,
        "--grant-read",
        4,
        PUT_ACL,
        true,
    ),
    header(
        "x-amz-grant-write",
        "s3:x-amz-grant-write",
        Values::Any,
        "--grant-write",
        4,
        PUT_ACL,
        true,
    ),
    header(
        "x-amz-grant-read-acp",
        "s3:x-amz-grant-read-acp",
        Values::Any,
        "--grant-read-acp",
        4,
        PUT_ACL,
        true,
    ),
    header(
        "x-amz-grant-write-acp",
        "s3:x-amz-grant-write-acp",
        Values::Any,
        "--grant-write-acp",
        4,
        PUT_ACL,
        true,
    ),
    header(
        STORAGE_CLASS,
        "s3:x-amz-storage-class",
        Values::OneOf(STORAGE_CLASSES),
        "--storage-class",
        2,
        None,
        true,
    ),
    header(
        LOCK_MODE,
        "s3:object-lock-mode",
        Values::OneOf(&["GOVERNANCE", "COMPLIANCE"]),
        "--object-lock-mode",
        4,
        Some("s3:PutObjectRetention"),
        false,
    ),
    header(
        LOCK_DATE,
        "s3:object-lock-retain-until-date",
        Values::Date,
        "--object-lock-retain-until-date",
        4,
        Some("s3:PutObjectRetention"),
        false,
    ),
    header(
        LEGAL_HOLD,
        "s3:object-lock-legal-hold",
        Values::OneOf(&["ON", "OFF"]),
        "--object-lock-legal-hold-status",
        4,
        Some("s3:PutObjectLegalHold"),
        false,
    ),
    header(
        "x-amz-website-redirect-location",
        "s3:x-amz-website-redirect-location",
        Values::Any,
        "--website-redirect-location",
        4,
        None,
        false,
    ),
    header(
        "if-none-match",
        "s3:if-none-match",
        Values::OneOf(&["*"]),
        "--if-none-match",
        3,
        None,
        false,
    ),
    header(
        "if-match",
        "s3:if-match",
        Values::Any,
        "--if-match",
        6,
        Some("s3:GetObject"),
        false,
    ),
];

/// Looks a header up by its condition key, in any case.
pub fn by_key(key: &str) -> Option<&'static Header> {
    HEADERS.iter().find(|h| h.key.eq_ignore_ascii_case(key))
}

/// Looks a header up by its name, in any case.
pub fn by_name(name: &str) -> Option<&'static Header> {
    HEADERS.iter().find(|h| h.name.eq_ignore_ascii_case(name))
}

/// Condition key prefix of one tag of the request.
pub const REQUEST_TAG: &str = "s3:requestobjecttag/";
/// Condition key of the request's tag keys.
pub const REQUEST_TAG_KEYS: &str = "s3:requestobjecttagkeys";
