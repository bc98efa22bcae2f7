//! AWS managed policies that the program holds, as far as they bear on an upload.
//!
//! `managed_policies.json` maps the part of the ARN after `:policy/` to the document: the statements that reach an
//! action of an upload, with the actions of S3 and KMS only; `null` where there is none. It is made by
//! `scripts/managed_policies.py` from the data of moto 5.2.5 (Apache-2.0), which collects what AWS publishes.

use std::sync::LazyLock;

use serde_json::{Map, Value};

static DOCUMENTS: LazyLock<Map<String, Value>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("managed_policies.json")).unwrap_or_default()
});

/// What is held of a managed policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    /// No statement reaches an action of an upload.
    Nothing,
    /// The statements that do, as a JSON document.
    Document(String),
}

/// The name in the ARN of a policy that AWS manages, which is written for no bucket in particular.
pub fn name(arn: &str) -> Option<&str> {
    arn.split_once("::aws:policy/").map(|(_, name)| name)
}

/// What is held of a managed policy by its ARN; `None` for one that is not known.
pub fn held(arn: &str) -> Option<Held> {
    let name = name(arn)?;
    Some(match DOCUMENTS.get(name)? {
        Value::Null => Held::Nothing,
        document => Held::Document(document.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_by_their_arns() {
        for (name, reaches) in [
            ("AdministratorAccess", Some("\"*\"")),
            ("AmazonS3FullAccess", Some("s3:*")),
            ("AmazonSSMManagedInstanceCore", None),
            ("service-role/AWSLambdaBasicExecutionRole", None),
            (
                "service-role/AmazonElasticMapReduceforEC2Role",
                Some("s3:*"),
            ),
        ] {
            match (held(&format!("arn:aws:iam::aws:policy/{name}")), reaches) {
                (Some(Held::Nothing), None) => {}
                (Some(Held::Document(text)), Some(part)) => assert!(text.contains(part), "{name}"),
                other => panic!("{name}: {other:?}"),
            }
        }
        assert_eq!(held("arn:aws:iam::aws:policy/NoSuchPolicy"), None);
        assert_eq!(
            held("arn:aws:iam::111122223333:policy/AdministratorAccess"),
            None
        );
    }
}
