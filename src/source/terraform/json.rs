//! Terraform's JSON syntax to the same tree: strings are templates, blocks are objects under their labels.

use std::sync::Arc;

use super::document::*;
use super::parse::{self, Origin};
use crate::source::json::{self, JsonError};
use crate::value::{FileId, Map, Segment, SourceMap, Span, Text, Value, ValueKind};

/// The body of a configuration file in JSON.
pub fn body(file: FileId, text: &str) -> Result<Body, (String, Span)> {
    let root = json::parse_file(file, text)
        .map_err(|JsonError { message, place }| (message, place.span))?;
    let mut out = Body::default();
    let Some(map) = root.as_map() else {
        return Err(("is no JSON object".into(), root.place.span));
    };
    for (kind, entry) in map.iter() {
        let labels = match &**kind {
            "resource" | "data" => 2,
            "variable" | "output" | "module" | "provider" => 1,
            "locals" | "terraform" => 0,
            _ => continue,
        };
        blocks(
            kind,
            labels,
            &mut Vec::new(),
            &entry.value,
            entry.key_place.span,
            &mut out.blocks,
        );
    }
    Ok(out)
}

/// A map of values in JSON (`terraform.tfvars.json`), without templates.
pub fn values(file: FileId, text: &str) -> Result<Arc<Map>, (String, Span)> {
    let root = json::parse_file(file, text)
        .map_err(|JsonError { message, place }| (message, place.span))?;
    root.as_map()
        .cloned()
        .ok_or_else(|| ("is no JSON object".into(), root.place.span))
}

fn blocks(
    kind: &Arc<str>,
    labels: usize,
    path: &mut Vec<Arc<str>>,
    value: &Value,
    header: Span,
    out: &mut Vec<Block>,
) {
    match &value.kind {
        ValueKind::List(items) => {
            for item in items.iter() {
                blocks(kind, labels, path, item, header, out);
            }
        }
        ValueKind::Map(map) if labels > 0 => {
            for (name, entry) in map.iter() {
                if &**name == "//" {
                    continue;
                }
                path.push(name.clone());
                blocks(
                    kind,
                    labels - 1,
                    path,
                    &entry.value,
                    entry.key_place.span,
                    out,
                );
                path.pop();
            }
        }
        ValueKind::Map(map) => out.push(Block {
            kind: kind.clone(),
            labels: path.clone(),
            body: inner(kind, path, map),
            header,
            span: header.cover(value.place.span),
        }),
        _ => {}
    }
}

/// The inside of a block. What is a block and what an attribute only the provider's schema says; here blocks
/// are what the reader itself treats as such.
fn inner(kind: &str, labels: &[Arc<str>], map: &Map) -> Body {
    let mut body = Body::default();
    for (name, entry) in map.iter() {
        let nested = match (kind, &**name) {
            (_, "//") => continue,
            ("terraform", "backend") => Some(1),
            ("terraform", "required_providers" | "cloud") => Some(0),
            ("provider", "assume_role" | "default_tags" | "assume_role_with_web_identity") => {
                Some(0)
            }
            ("resource" | "data" | "dynamic" | "content", "dynamic") => Some(1),
            ("dynamic", "content") => Some(0),
            ("resource" | "data", "lifecycle" | "provisioner") => continue,
            ("variable" | "output" | "module" | "provider" | "locals" | "terraform", _) => None,
            (_, block) if is_block(labels.first().map_or("", |l| l), block, &entry.value) => {
                Some(0)
            }
            _ => None,
        };
        match nested {
            Some(labels_inside) => {
                blocks(
                    name,
                    labels_inside,
                    &mut Vec::new(),
                    &entry.value,
                    entry.key_place.span,
                    &mut body.blocks,
                );
            }
            None => {
                let literal =
                    matches!((kind, &**name), ("variable", "type") | ("module", "source"));
                let expression = if literal {
                    plain(&entry.value)
                } else {
                    expression(&entry.value)
                };
                body.attributes.insert(
                    name.clone(),
                    Attribute {
                        name_span: entry.key_place.span,
                        expression,
                    },
                );
            }
        }
    }
    body
}

/// Objects under these names are maps of the user's own keys.
const MAPS: [&str; 20] = [
    "tags",
    "tags_all",
    "metadata",
    "variables",
    "parameters",
    "triggers",
    "triggers_replace",
    "keepers",
    "vars",
    "attributes",
    "headers",
    "input",
    "labels",
    "inputs",
    "default_arguments",
    "environment_variables",
    "options",
    "stage_variables",
    "content",
    "values",
];

fn is_block(type_name: &str, name: &str, value: &Value) -> bool {
    if !type_name.starts_with("aws_") && !type_name.is_empty() || MAPS.contains(&name) {
        return false;
    }
    match &value.kind {
        ValueKind::Map(_) => true,
        ValueKind::List(items) => {
            !items.is_empty() && items.iter().all(|i| matches!(i.kind, ValueKind::Map(_)))
        }
        _ => false,
    }
}

fn plain(value: &Value) -> Expression {
    let span = value.place.span;
    let kind = match value.as_str() {
        Some(text) => {
            match parse::expression(text, Origin::File(span.file, span.start as usize + 1)) {
                Ok(parsed) => parsed.kind,
                Err(_) => literal(text, span),
            }
        }
        None => return expression(value),
    };
    Expression { kind, span }
}

fn literal(text: &str, span: Span) -> ExpressionKind {
    let segment = Segment {
        value: 0,
        len: text.len() as u32,
        span,
    };
    let parts = vec![Part::Literal {
        text: text.into(),
        segments: Arc::new([segment]),
    }];
    ExpressionKind::Template(Template {
        parts,
        unwraps: false,
    })
}

/// A JSON value as an expression; its strings are templates.
pub fn expression(value: &Value) -> Expression {
    let span = value.place.span;
    let kind = match &value.kind {
        ValueKind::Bool(b) => ExpressionKind::Bool(*b),
        ValueKind::Number(n) => ExpressionKind::Number(*n),
        ValueKind::Text(text) => string(text, span),
        ValueKind::List(items) | ValueKind::Set(items) => {
            ExpressionKind::Tuple(items.iter().map(expression).collect())
        }
        ValueKind::Map(map) => ExpressionKind::Object(
            map.iter()
                .map(|(name, entry)| {
                    let key_span = entry.key_place.span;
                    let key = Expression {
                        kind: string(&Text::literal(name.clone()), key_span),
                        span: key_span,
                    };
                    (ObjectKey::Expression(key), expression(&entry.value))
                })
                .collect(),
        ),
        _ => ExpressionKind::Null,
    };
    Expression { kind, span }
}

fn string(text: &Text, span: Span) -> ExpressionKind {
    let content = text.as_literal().unwrap_or("");
    if content.is_empty() {
        return ExpressionKind::Template(Template {
            parts: Vec::new(),
            unwraps: false,
        });
    }
    let direct = SourceMap {
        segments: vec![Segment {
            value: 0,
            len: content.len() as u32,
            span: if (span.end - span.start) as usize == content.len() + 2 {
                Span {
                    file: span.file,
                    start: span.start + 1,
                    end: span.end - 1,
                }
            } else {
                span
            },
        }],
    };
    let map = text.source_map().map_or(&direct, |m| &**m);
    match parse::template(content, Origin::Decoded(map, span)) {
        Ok(template) => ExpressionKind::Template(template),
        Err(_) => literal(content, span),
    }
}
