//! The block of one instance, from what the plan knows of it and from the references of its configuration.
//!
//! What is known stands there as a value. Of the rest a plan names the references only; where an argument names
//! another resource (`bucket`, `role`, `policy`) and refers to one attribute that names one, it is that reference.

use std::sync::Arc;

use super::Plan;
use crate::source::terraform::document::{
    Attribute, Block, Body, Expression, ExpressionKind, Operator,
};
use crate::source::terraform::load::Module;
use crate::source::terraform::parse::{self, Origin};
use crate::value::{Map, Span, Value, ValueKind};

/// Arguments that name another resource, and the attributes that name one.
const NAMING: &[(&str, &[&str])] = &[
    ("access_point", &["id", "arn", "name"]),
    ("access_point_arn", &["arn"]),
    ("assume_role_policy", &["json", "minified_json"]),
    ("bucket", &["id", "bucket", "arn"]),
    ("execution_role_arn", &["arn"]),
    ("group", &["id", "name"]),
    ("iam_instance_profile", &["id", "name", "arn"]),
    ("iam_role_arn", &["arn"]),
    ("key_id", &["id", "key_id", "arn"]),
    ("kms_key_arn", &["arn"]),
    ("kms_key_id", &["id", "key_id", "arn"]),
    ("kms_master_key_id", &["id", "key_id", "arn"]),
    ("permissions_boundary", &["arn"]),
    ("policy", &["json", "minified_json"]),
    ("policy_arn", &["id", "arn"]),
    ("policy_id", &["id"]),
    ("role", &["id", "name", "arn"]),
    ("role_arn", &["arn"]),
    ("route_table_id", &["id"]),
    ("service_role", &["arn"]),
    ("service_role_arn", &["arn"]),
    ("subnet_id", &["id"]),
    ("target_key_id", &["id", "key_id", "arn"]),
    ("task_role_arn", &["arn"]),
    ("user", &["id", "name"]),
    ("vpc_endpoint_id", &["id"]),
    ("vpc_id", &["id"]),
];

/// Arguments that the provider fills with what other resources set; only a configuration says whose they are.
const MIRRORS: &[(&str, &[&str])] = &[
    (
        "aws_s3_bucket",
        &[
            "acceleration_status",
            "acl",
            "cors_rule",
            "grant",
            "lifecycle_rule",
            "logging",
            "object_lock_configuration",
            "policy",
            "replication_configuration",
            "request_payer",
            "server_side_encryption_configuration",
            "versioning",
            "website",
        ],
    ),
    ("aws_iam_role", &["inline_policy", "managed_policy_arns"]),
];

/// The instance whose block it is: the type, and the key where there is one.
#[derive(Clone, Copy)]
pub struct Of<'o> {
    kind: &'o str,
    key: Option<&'o Value>,
}

/// The block of an instance of a module that was read from a plan.
pub fn block(plan: &Plan, module: &Module, name: &Arc<str>, address: &str) -> Option<Arc<Block>> {
    let written = module.resources.get(name)?;
    let planned = module.planned.as_ref()?;
    let known = plan.objects.get(address);
    let kind = name.strip_prefix("data.").unwrap_or(name);
    let kind = kind.split('.').next().unwrap_or("");
    let config = planned.expressions.get(name).and_then(Value::as_map);
    let key = known.map(|k| &k.key).filter(|key| !key.is_null());
    let of = Some(Of { kind, key });
    let mut made = body(of, config.map(|m| &**m), known.map(|k| &*k.values));
    made.attributes.extend(written.body.attributes.clone());
    let (header, span) = known.map_or((written.header, written.span), |k| (k.header, k.span));
    Some(Arc::new(Block {
        kind: written.kind.clone(),
        labels: written.labels.clone(),
        body: made,
        header,
        span,
    }))
}

fn mirrors(kind: &str, name: &str) -> bool {
    let of = MIRRORS.iter().find(|(of, _)| *of == kind);
    of.is_some_and(|(_, names)| names.contains(&name))
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_items().is_some_and(<[Value]>::is_empty)
}

/// True for what the plan tells of an expression; anything else is nested blocks.
pub fn is_expression(value: &Value) -> bool {
    value.as_map().is_some_and(|map| {
        map.iter()
            .all(|(key, _)| matches!(&**key, "constant_value" | "references"))
    })
}

/// The arguments and blocks that are configured, with their values where these are known.
pub fn body(of: Option<Of<'_>>, config: Option<&Map>, known: Option<&Map>) -> Body {
    let mut out = Body::default();
    let kind = of.map_or("", |of| of.kind);
    for (name, entry) in config.into_iter().flat_map(Map::iter) {
        let value = known.and_then(|k| k.get(name));
        if is_expression(&entry.value) {
            let expression = match value {
                Some(value) if !matches!(value.kind, ValueKind::Unknown(_)) => constant(value),
                _ => argument(&entry.value, of.map(|of| (of, &**name))),
            };
            let attribute = Attribute {
                name_span: entry.key_place.span,
                expression,
            };
            out.attributes.insert(name.clone(), attribute);
            continue;
        }
        let one = std::slice::from_ref(&entry.value);
        let configured = entry.value.as_items().unwrap_or(one);
        let planned = match value {
            Some(Value {
                kind: ValueKind::Map(_),
                ..
            }) => value.map(std::slice::from_ref),
            _ => value.and_then(Value::as_items),
        };
        match planned {
            // Dynamic blocks stand in the values only.
            Some(planned) if planned.len() != configured.len() => {
                out.blocks
                    .extend(planned.iter().map(|p| nested(of, name, None, Some(p))));
            }
            _ => {
                for (i, block) in configured.iter().enumerate() {
                    let value = planned.and_then(|p| p.get(i));
                    out.blocks.push(nested(of, name, Some(block), value));
                }
            }
        }
    }
    for (name, entry) in known.into_iter().flat_map(Map::iter) {
        let told = config.is_some_and(|c| c.get(name).is_some());
        if told || mirrors(kind, name) {
            continue;
        }
        let blocks = entry
            .value
            .as_items()
            .filter(|items| !items.is_empty() && items.iter().all(|i| i.as_map().is_some()));
        match (blocks, config) {
            (Some(blocks), _) => {
                out.blocks
                    .extend(blocks.iter().map(|b| nested(of, name, None, Some(b))));
            }
            // A state, or a block that only the values tell.
            (None, None) if !is_empty(&entry.value) => {
                let attribute = Attribute {
                    name_span: entry.key_place.span,
                    expression: constant(&entry.value),
                };
                out.attributes.insert(name.clone(), attribute);
            }
            _ => {}
        }
    }
    out
}

fn nested(
    of: Option<Of<'_>>,
    name: &Arc<str>,
    config: Option<&Value>,
    known: Option<&Value>,
) -> Block {
    let map = |value: Option<&Value>| value.and_then(Value::as_map).cloned();
    let (configured, values) = (map(config), map(known));
    let span = known.or(config).map_or_else(no_span, |v| v.place.span);
    Block {
        kind: name.clone(),
        labels: Vec::new(),
        body: body(of, configured.as_deref(), values.as_deref()),
        header: span,
        span,
    }
}

fn no_span() -> Span {
    Span::new(crate::value::FileId(0), 0, 0)
}

/// A value that is at hand.
pub fn constant(value: &Value) -> Expression {
    Expression {
        kind: ExpressionKind::Value(Box::new(value.clone())),
        span: value.place.span,
    }
}

/// What the plan tells of an expression. The place is that of an argument of a resource type; without one
/// (inputs and outputs of modules, which are handed on) a single reference is the value.
pub fn argument(told: &Value, place: Option<(Of<'_>, &str)>) -> Expression {
    if let Some(value) = told.get("constant_value") {
        return constant(value);
    }
    // After each reference stand its beginnings, shorter and shorter.
    let mut full: Vec<(&str, &Value)> = Vec::new();
    let mut before = "";
    let listed = told.get("references").and_then(Value::as_items);
    for value in listed.unwrap_or_default() {
        let Some(text) = value.as_str() else { continue };
        let rest = before.strip_prefix(text).unwrap_or("");
        if !rest.starts_with(['.', '[']) {
            full.push((text, value));
        }
        before = text;
    }
    let parsed = match (full.as_slice(), place) {
        ([(text, value)], _) => reference(text, value),
        // The instance with the same key: of an index that is no literal only the parts are told.
        ([(text, value), (key, _)], Some((of, name)))
            if matches!(*key, "each.key" | "count.index") =>
        {
            of.key.and_then(|key| beside(text, value, key, name))
        }
        _ => None,
    };
    let mut document = None;
    if let Some(parsed) = parsed {
        match place.map_or(Names::This, |(of, name)| names(of.kind, name, &parsed)) {
            Names::This => return parsed,
            Names::Document => document = Some(Box::new(parsed)),
            Names::Nothing => {}
        }
    }
    Expression {
        kind: ExpressionKind::Opaque {
            references: full.iter().map(|(text, _)| Arc::from(*text)).collect(),
            document,
        },
        span: told.place.span,
    }
}

/// A reference to something that the configuration tells of.
fn reference(text: &str, value: &Value) -> Option<Expression> {
    if text.starts_with("local.") || text.starts_with("path.") || text.starts_with("terraform.") {
        return None;
    }
    let span = value.place.span;
    let ValueKind::Text(written) = &value.kind else {
        return None;
    };
    let origin = match written.source_map() {
        Some(map) => Origin::Decoded(map, span),
        None => Origin::File(span.file, span.start as usize + 1),
    };
    parse::expression(text, origin).ok()
}

/// The attribute that an argument asks for, of the instance of another block that has the same key.
fn beside(text: &str, value: &Value, key: &Value, argument: &str) -> Option<Expression> {
    let dots = text.strip_prefix("data.").unwrap_or(text).matches('.');
    if dots.count() != 1 || text.contains('[') {
        return None;
    }
    let (_, attributes) = NAMING.iter().find(|(name, _)| *name == argument)?;
    let span = value.place.span;
    let mut parsed = reference(text, value)?;
    if let ExpressionKind::Traversal { operators, .. } = &mut parsed.kind {
        operators.push((Operator::Index(constant(key)), span));
        operators.push((Operator::Attribute(Arc::from(*attributes.first()?)), span));
    }
    Some(parsed)
}

/// What a single reference is to an argument.
enum Names {
    /// The argument is this reference.
    This,
    /// It is, if the reference is a policy document.
    Document,
    Nothing,
}

fn names(kind: &str, argument: &str, reference: &Expression) -> Names {
    // The bucket's own name may be made of another's.
    if (kind, argument) == ("aws_s3_bucket", "bucket") {
        return Names::Nothing;
    }
    let Some((_, attributes)) = NAMING.iter().find(|(name, _)| *name == argument) else {
        return Names::Nothing;
    };
    let ExpressionKind::Traversal { base, operators } = &reference.kind else {
        return Names::Nothing;
    };
    // What a module is given, or gives, is looked at where it comes from.
    if matches!(base.as_word(), Some("var" | "module")) {
        return match attributes.contains(&"json") {
            true => Names::Document,
            false => Names::This,
        };
    }
    match operators.last() {
        Some((Operator::Attribute(last), _)) if attributes.contains(&&**last) => Names::This,
        _ => Names::Nothing,
    }
}
