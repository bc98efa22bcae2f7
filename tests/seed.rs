//! The advice of AWS's article on refused uploads, each with the pages that check it: both formats are there, and
//! the denied example of each format gives the rule of the page.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;

use iaclint::analysis::{self, Request};
use iaclint::files::MemoryFiles;
use iaclint::rule::registry;

/// Advice, and the pages for it (8.7 of the specification).
const ADVICE: &[(&str, &[&str])] = &[
    (
        "allow s3:PutObjectAcl for uploads with an ACL",
        &[
            "identity-policy-omits-put-object-acl",
            "bucket-policy-omits-put-object-acl",
        ],
    ),
    (
        "look for conditions on aws:SourceIp",
        &[
            "bucket-policy-denies-network",
            "bucket-policy-allows-only-from-network",
            "identity-policy-allows-only-from-network",
            "identity-policy-denies-network",
        ],
    ),
    (
        "send the storage class that a condition asks for",
        &[
            "bucket-policy-denies-missing-storage-class",
            "bucket-policy-allows-only-with-header",
        ],
    ),
    (
        "send the canned ACL that a condition asks for",
        &[
            "bucket-policy-denies-missing-acl",
            "bucket-policy-allows-only-with-header",
            "block-public-acls-rejects-public-acl",
            "bucket-owner-enforced-rejects-acl",
        ],
    ),
    (
        "send x-amz-grant-full-control with the owner's canonical id",
        &[
            "bucket-policy-denies-missing-grant-header",
            "bucket-policy-allows-only-with-header",
        ],
    ),
    (
        "send the KMS key id that a condition asks for",
        &["bucket-policy-denies-missing-kms-key-id"],
    ),
    (
        "send the encryption header that a condition asks for",
        &["bucket-policy-denies-missing-encryption-header"],
    ),
    (
        "the endpoint policy names the bucket and its objects",
        &[
            "endpoint-policy-omits-bucket",
            "endpoint-policy-names-bucket-not-objects",
            "endpoint-policy-omits-put-object",
        ],
    ),
    (
        "the endpoint policy allows s3:PutObjectAcl",
        &["endpoint-policy-omits-put-object-acl"],
    ),
    (
        "the caller and the key policy allow the KMS actions",
        &[
            "identity-policy-omits-generate-data-key",
            "key-policy-omits-caller",
            "key-policy-omits-generate-data-key",
        ],
    ),
    (
        "aws/s3 serves its own account only",
        &["managed-key-rejects-other-accounts"],
    ),
    (
        "multipart uploads and Bucket Keys need kms:Decrypt",
        &["identity-policy-omits-decrypt", "key-policy-omits-decrypt"],
    ),
    (
        "meet the conditions of Allow, avoid those of Deny",
        &[
            "bucket-policy-allows-only-with-condition",
            "identity-policy-allows-only-with-condition",
            "bucket-policy-denies-upload",
        ],
    ),
];

#[test]
fn every_advice_is_checked() {
    let mut wrong = Vec::new();
    for (advice, pages) in ADVICE {
        for name in *pages {
            let Some(page) = registry::find(name) else {
                wrong.push(format!("{advice}: no page {name}"));
                continue;
            };
            let mut formats: BTreeMap<&str, MemoryFiles> = BTreeMap::new();
            for example in page.examples("Denied") {
                let format = if example.language == "hcl" {
                    "Terraform"
                } else {
                    "CloudFormation"
                };
                formats
                    .entry(format)
                    .or_default()
                    .insert(example.path, example.text);
            }
            if formats.len() < 2 && page.formats.is_none() {
                wrong.push(format!("{advice}: {name} has only {:?}", formats.keys()));
            }
            for (format, files) in &formats {
                let report = analysis::run(files, &Request::default());
                let rules: Vec<&str> = report.findings.iter().map(|f| f.rule).collect();
                if !rules.contains(name) {
                    wrong.push(format!("{advice}: {name}, {format}: found {rules:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
