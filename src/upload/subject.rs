//! What a condition key is about: a header, the network, the caller.

use crate::upload::blame;

/// What a condition is about, for names and messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    EncryptionHeader,
    KeyIdHeader,
    CustomerKeyHeader,
    Acl,
    GrantHeader,
    StorageClass,
    Tags,
    Lock,
    ConditionalWrite,
    CopySource,
    Network,
    Transport,
    Caller,
    Organization,
    ServiceSource,
    EncryptionContext,
    Other,
}

/// The subject of a condition key.
pub fn subject(key: &str) -> Subject {
    let key = key.to_ascii_lowercase();
    match key.as_str() {
        "s3:x-amz-server-side-encryption" => Subject::EncryptionHeader,
        "s3:x-amz-server-side-encryption-aws-kms-key-id" => Subject::KeyIdHeader,
        "s3:x-amz-server-side-encryption-customer-algorithm" => Subject::CustomerKeyHeader,
        "s3:x-amz-acl" => Subject::Acl,
        "s3:x-amz-storage-class" => Subject::StorageClass,
        "s3:x-amz-copy-source" | "s3:x-amz-metadata-directive" => Subject::CopySource,
        "s3:if-match" | "s3:if-none-match" => Subject::ConditionalWrite,
        "aws:securetransport" | "s3:tlsversion" => Subject::Transport,
        "aws:principalarn"
        | "aws:userid"
        | "aws:username"
        | "aws:principalaccount"
        | "aws:principaltype" => Subject::Caller,
        "aws:principalorgid" | "aws:principalorgpaths" => Subject::Organization,
        "aws:sourcearn" | "aws:sourceaccount" | "aws:sourceorgid" | "aws:sourceorgpaths" => {
            Subject::ServiceSource
        }
        "kms:viaservice" | "kms:calleraccount" | "kms:requestalias" | "kms:resourcealiases" => {
            Subject::EncryptionContext
        }
        key if key.starts_with("kms:encryptioncontext") => Subject::EncryptionContext,
        key if key.starts_with("s3:x-amz-grant-") => Subject::GrantHeader,
        key if key.starts_with("s3:requestobjecttag") => Subject::Tags,
        key if key.starts_with("s3:object-lock-") => Subject::Lock,
        key if key.starts_with("aws:principaltag/") => Subject::Caller,
        key if blame::is_network_key(key) => Subject::Network,
        _ => Subject::Other,
    }
}
