//! Options of the `aws` command line, as its reference lists them: which take a value, which become headers.

/// Options before the service that take a value.
const GLOBAL: [&str; 11] = [
    "--region",
    "--profile",
    "--endpoint-url",
    "--output",
    "--query",
    "--color",
    "--ca-bundle",
    "--cli-read-timeout",
    "--cli-connect-timeout",
    "--cli-binary-format",
    "--cli-error-format",
];

/// Options of `aws s3 cp`, `mv` and `sync` that take a value.
const OF_COPIES: [&str; 28] = [
    "--acl",
    "--sse",
    "--sse-kms-key-id",
    "--storage-class",
    "--sse-c",
    "--sse-c-key",
    "--sse-c-copy-source",
    "--sse-c-copy-source-key",
    "--exclude",
    "--include",
    "--content-type",
    "--cache-control",
    "--metadata",
    "--metadata-directive",
    "--expires",
    "--website-redirect",
    "--content-encoding",
    "--source-region",
    "--copy-props",
    "--content-disposition",
    "--content-language",
    "--expected-size",
    "--page-size",
    "--request-payer",
    "--checksum-mode",
    "--checksum-algorithm",
    "--case-conflict",
    "--grants",
];

/// Headers that options of `aws s3` set.
const COPY_HEADERS: [(&str, &str); 6] = [
    ("acl", "x-amz-acl"),
    ("sse", "x-amz-server-side-encryption"),
    (
        "sse-kms-key-id",
        "x-amz-server-side-encryption-aws-kms-key-id",
    ),
    ("storage-class", "x-amz-storage-class"),
    ("sse-c", "x-amz-server-side-encryption-customer-algorithm"),
    ("website-redirect", "x-amz-website-redirect-location"),
];

/// Headers that options of `aws s3api` set.
const API_HEADERS: [(&str, &str); 18] = [
    ("acl", "x-amz-acl"),
    ("server-side-encryption", "x-amz-server-side-encryption"),
    (
        "ssekms-key-id",
        "x-amz-server-side-encryption-aws-kms-key-id",
    ),
    (
        "sse-customer-algorithm",
        "x-amz-server-side-encryption-customer-algorithm",
    ),
    ("storage-class", "x-amz-storage-class"),
    ("tagging", "x-amz-tagging"),
    ("grant-full-control", "x-amz-grant-full-control"),
    ("grant-read", "x-amz-grant-read"),
    ("grant-read-acp", "x-amz-grant-read-acp"),
    ("grant-write-acp", "x-amz-grant-write-acp"),
    ("object-lock-mode", "x-amz-object-lock-mode"),
    (
        "object-lock-retain-until-date",
        "x-amz-object-lock-retain-until-date",
    ),
    (
        "object-lock-legal-hold-status",
        "x-amz-object-lock-legal-hold",
    ),
    (
        "website-redirect-location",
        "x-amz-website-redirect-location",
    ),
    ("copy-source", "x-amz-copy-source"),
    ("metadata-directive", "x-amz-metadata-directive"),
    ("if-none-match", "if-none-match"),
    ("if-match", "if-match"),
];

/// Headers that the permissions of `--grants` set.
const GRANTS: [(&str, &str); 4] = [
    ("read", "x-amz-grant-read"),
    ("readacl", "x-amz-grant-read-acp"),
    ("writeacl", "x-amz-grant-write-acp"),
    ("full", "x-amz-grant-full-control"),
];

fn find(table: &[(&str, &'static str)], name: &str) -> Option<&'static str> {
    table.iter().find(|(n, _)| *n == name).map(|(_, h)| *h)
}

/// True where the next word is the value of a global option.
pub fn is_global(option: &str) -> bool {
    GLOBAL.contains(&option)
}

/// True where the next word is the value of an option of `aws s3`.
pub fn takes_value(option: &str) -> bool {
    OF_COPIES.contains(&option) || is_global(option)
}

/// The header of an option of `aws s3`, without its dashes.
pub fn of_copy(name: &str) -> Option<&'static str> {
    find(&COPY_HEADERS, name)
}

/// The header of an option of `aws s3api`, without its dashes.
pub fn of_api(name: &str) -> Option<&'static str> {
    find(&API_HEADERS, name)
}

/// The header of a permission of `--grants`.
pub fn of_grant(permission: &str) -> Option<&'static str> {
    find(&GRANTS, permission)
}
