//! Plans and states, as `terraform show -json` prints them: what they say of each instance of a root module.
//!
//! Beside its sources a plan settles what they leave open; alone, its `configuration` part is one more syntax
//! of Terraform, and the values of a state stand for one. The format is the documented "JSON Output Format".

pub mod configuration;
pub mod graft;
pub mod instance;
pub mod read;
pub mod told;

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::load::Module;
use crate::value::{Map, Span, Value};

/// One plan or state.
#[derive(Debug)]
pub struct Plan {
    pub path: Arc<str>,
    /// Values of the root's variables.
    pub variables: Map,
    /// What is known of each instance of a resource or data source, by address.
    pub objects: FxHashMap<Arc<str>, Known>,
    /// Instance keys by the address without its last key: of resources, data sources and module calls. A block
    /// that does not multiply has the key null.
    pub keys: FxHashMap<Arc<str>, Vec<Value>>,
    /// The configuration of the root module as the plan tells it; of a state, what can be told from its values.
    pub root: Arc<Module>,
    /// `a.b|aws_s3_bucket.b`: resources that the configuration declares, by the path of their module.
    pub declared: FxHashSet<String>,
    /// Every resource of the configuration was planned, so that one without instances has none.
    pub complete: bool,
}

/// Attributes of one instance. What is known only after apply is an unknown value.
#[derive(Debug, Clone)]
pub struct Known {
    pub values: Arc<Map>,
    /// The key of the instance, or null.
    pub key: Value,
    /// The address, where the plan names it.
    pub header: Span,
    /// The whole entry.
    pub span: Span,
}

/// What only a module has that was read from a plan.
#[derive(Debug, Default)]
pub struct Planned {
    /// `expressions` of each resource by `type.name` and `data.type.name`.
    pub expressions: FxHashMap<Arc<str>, Value>,
    /// Modules by the name of their call.
    pub children: FxHashMap<Arc<str>, Arc<Module>>,
}

impl Plan {
    /// The module that a call leads to, by its path without instance keys (`a.b`).
    pub fn module(&self, key: &str) -> Option<Arc<Module>> {
        let mut module = self.root.clone();
        for call in key.split('.') {
            module = module.planned.as_ref()?.children.get(call)?.clone();
        }
        Some(module)
    }

    /// An attribute that is known, all of it, and not null.
    pub fn known(&self, address: &str, attribute: &str) -> Option<&Value> {
        let value = self.objects.get(address)?.values.get(attribute)?;
        (!value.is_null() && graft::is_known(value)).then_some(value)
    }
}

/// The address without its last instance key, and that key's text between the brackets.
pub fn split_key(address: &str) -> (&str, Option<&str>) {
    let Some(inside) = address.strip_suffix(']') else {
        return (address, None);
    };
    let (mut quoted, mut escaped, mut open) = (false, false, None);
    for (at, c) in inside.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '[' if !quoted => open = Some(at),
            _ => {}
        }
    }
    let split = open.and_then(|at| Some((address.get(..at)?, inside.get(at + 1..)?)));
    match split {
        Some((before, key)) => (before, Some(key)),
        None => (address, None),
    }
}

/// An address without any instance key.
pub fn without_keys(address: &str) -> String {
    let (mut out, mut quoted, mut escaped, mut depth) = (String::new(), false, false, 0usize);
    for c in address.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '[' if !quoted => depth += 1,
            ']' if !quoted => depth = depth.saturating_sub(1),
            c if depth == 0 && !quoted => out.push(c),
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_addresses() {
        let cases = [
            (
                "aws_s3_bucket.b",
                ("aws_s3_bucket.b", None),
                "aws_s3_bucket.b",
            ),
            ("module.a[0]", ("module.a", Some("0")), "module.a"),
            (
                r#"module.a["x.y[1]"].aws_s3_bucket.b["q\"]"]"#,
                (r#"module.a["x.y[1]"].aws_s3_bucket.b"#, Some(r#""q\"]""#)),
                "module.a.aws_s3_bucket.b",
            ),
            ("b]", ("b]", None), "b"),
        ];
        for (address, split, bare) in cases {
            assert_eq!(split_key(address), split, "{address}");
            assert_eq!(without_keys(address), bare, "{address}");
        }
    }
}
