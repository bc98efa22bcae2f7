//! AWS managed policies whose text the program holds.
//!
//! `managed_policies.json` maps the part of the ARN after `:policy/` to the document, as published by AWS and
//! collected in the data of moto 5.2.5 (Apache-2.0).

use std::sync::LazyLock;

use serde_json::{Map, Value};

static DOCUMENTS: LazyLock<Map<String, Value>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("managed_policies.json")).unwrap_or_default()
});

/// The document of a managed policy by its ARN, as JSON.
pub fn document(arn: &str) -> Option<String> {
    let (_, name) = arn.split_once("::aws:policy/")?;
    DOCUMENTS.get(name).map(Value::to_string)
}

#[cfg(test)]
mod tests {
    #[test]
    fn administrator_access_is_held() {
        let text = super::document("arn:aws:iam::aws:policy/AdministratorAccess").unwrap();
        assert!(text.contains("Allow"));
    }
}
