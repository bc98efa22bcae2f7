//! The `configuration` part of a plan as modules, so that the evaluator reads it like any other source.
//!
//! Of an expression it tells a constant, or the references in it and nothing else. Blocks of resources are made
//! instance by instance (`instance`), since the plan knows the values of each.

use std::sync::Arc;

use rustc_hash::FxHashSet;

use super::Planned;
use super::instance::{argument, constant, is_expression};
use crate::source::terraform::document::{Attribute, Block, Body, Expression};
use crate::source::terraform::load::Module;
use crate::value::{Map, Span, Value};

/// The root module of a plan.
pub fn root(configuration: &Value, path: &str) -> Module {
    let folder = crate::files::folder_of(path);
    let mut module = match configuration.get("root_module") {
        Some(root) => module(root, folder),
        None => empty(folder),
    };
    let configs = configuration.get("provider_config").and_then(Value::as_map);
    for (_, entry) in configs.into_iter().flat_map(|m| m.iter()) {
        // Configurations of modules belong to these.
        if entry.value.get("module_address").is_some() {
            continue;
        }
        let Some(name) = entry.value.get("name").and_then(Value::as_str) else {
            continue;
        };
        let header = entry.key_place.span;
        let config = entry.value.get("expressions").and_then(Value::as_map);
        let mut body = super::instance::body(None, config.map(|m| &**m), None);
        if let Some(alias) = entry.value.get("alias") {
            put(&mut body, "alias", header, constant(alias));
        }
        module.providers.push(Block {
            kind: "provider".into(),
            labels: vec![name.into()],
            body,
            header,
            span: header,
        });
    }
    module
}

fn empty(folder: &str) -> Module {
    Module {
        folder: folder.into(),
        planned: Some(Box::default()),
        ..Module::default()
    }
}

fn put(body: &mut Body, name: &str, name_span: Span, expression: Expression) {
    let attribute = Attribute {
        name_span,
        expression,
    };
    body.attributes.insert(name.into(), attribute);
}

fn block(kind: &str, label: &Arc<str>, header: Span, span: Span, body: Body) -> Arc<Block> {
    Arc::new(Block {
        kind: kind.into(),
        labels: vec![label.clone()],
        body,
        header,
        span: header.cover(span),
    })
}

/// How a block multiplies, and with which provider it is made.
fn meta(entry: &Value, body: &mut Body) {
    for (written, name) in [
        ("count_expression", "count"),
        ("for_each_expression", "for_each"),
    ] {
        if let Some(expression) = entry.get(written) {
            put(
                body,
                name,
                expression.place.span,
                argument(expression, None),
            );
        }
    }
    if let Some(key) = entry.get("provider_config_key")
        && key.as_str().is_some_and(|k| !k.contains(':'))
    {
        put(body, "provider", key.place.span, constant(key));
    }
}

fn module(value: &Value, folder: &str) -> Module {
    let mut out = empty(folder);
    let mut planned = Planned::default();
    let named = |name: &str| {
        let map = value.get(name).and_then(Value::as_map);
        map.into_iter().flat_map(|m| m.iter())
    };
    for (name, entry) in named("variables") {
        let mut body = Body::default();
        for part in ["default", "sensitive"] {
            if let Some(value) = entry.value.get(part) {
                put(&mut body, part, value.place.span, constant(value));
            }
        }
        let (header, span) = (entry.key_place.span, entry.value.place.span);
        let block = block("variable", name, header, span, body);
        out.variables.insert(name.clone(), block);
    }
    for (name, entry) in named("outputs") {
        let mut body = Body::default();
        if let Some(expression) = entry.value.get("expression") {
            put(
                &mut body,
                "value",
                expression.place.span,
                argument(expression, None),
            );
        }
        if let Some(value) = entry.value.get("sensitive") {
            put(&mut body, "sensitive", value.place.span, constant(value));
        }
        let (header, span) = (entry.key_place.span, entry.value.place.span);
        out.outputs
            .insert(name.clone(), block("output", name, header, span, body));
    }
    for entry in value
        .get("resources")
        .and_then(Value::as_items)
        .unwrap_or_default()
    {
        let Some(name) = name_of(entry) else { continue };
        let header = entry.get("address").unwrap_or(entry).place.span;
        let mut body = Body::default();
        meta(entry, &mut body);
        let made = block("resource", &name, header, entry.place.span, body);
        let expressions = match entry.get("expressions") {
            Some(expressions) => expressions.clone(),
            None => Value::map(Map::default(), entry.place.clone()),
        };
        planned.expressions.insert(name.clone(), expressions);
        out.resources.insert(name, made);
    }
    for (name, entry) in named("module_calls") {
        let mut body = Body::default();
        let given = entry.value.get("expressions").and_then(Value::as_map);
        for (input, expression) in given.into_iter().flat_map(|m| m.iter()) {
            if is_expression(&expression.value) {
                let value = argument(&expression.value, None);
                put(&mut body, input, expression.key_place.span, value);
            }
        }
        meta(&entry.value, &mut body);
        let (header, span) = (entry.key_place.span, entry.key_place.span);
        out.modules
            .insert(name.clone(), block("module", name, header, span, body));
        let child = entry.value.get("module").map(|m| module(m, folder));
        let child = child.unwrap_or_else(|| empty(folder));
        planned.children.insert(name.clone(), Arc::new(child));
    }
    out.planned = Some(Box::new(planned));
    out
}

/// `aws_s3_bucket.b`, `data.aws_iam_role.r`.
fn name_of(entry: &Value) -> Option<Arc<str>> {
    let word = |name: &str| entry.get(name).and_then(Value::as_str);
    let data = if word("mode") == Some("data") {
        "data."
    } else {
        ""
    };
    Some(format!("{data}{}.{}", word("type")?, word("name")?).into())
}

/// A module with nothing but the names that the values of a state hold.
pub fn of_values(values: Option<&Value>, path: &str) -> Module {
    let mut out = empty(crate::files::folder_of(path));
    if let Some(root) = values.and_then(|v| v.get("root_module")) {
        add_values(&mut out, root);
    }
    if let Some(outputs) = values
        .and_then(|v| v.get("outputs"))
        .and_then(Value::as_map)
    {
        for (name, entry) in outputs.iter() {
            let mut body = Body::default();
            for (part, written) in [("value", "value"), ("sensitive", "sensitive")] {
                if let Some(value) = entry.value.get(written) {
                    put(&mut body, part, value.place.span, constant(value));
                }
            }
            let (header, span) = (entry.key_place.span, entry.value.place.span);
            out.outputs
                .insert(name.clone(), block("output", name, header, span, body));
        }
    }
    out
}

fn add_values(out: &mut Module, values: &Value) {
    let list = |name: &str| {
        values
            .get(name)
            .and_then(Value::as_items)
            .unwrap_or_default()
    };
    for entry in list("resources") {
        let Some(name) = name_of(entry) else { continue };
        let header = entry.get("address").unwrap_or(entry).place.span;
        let made = || block("resource", &name, header, entry.place.span, Body::default());
        out.resources.entry(name.clone()).or_insert_with(made);
    }
    let folder = out.folder.to_string();
    for entry in list("child_modules") {
        let address = entry.get("address").and_then(Value::as_str).unwrap_or("");
        let bare = super::without_keys(address);
        let Some(call) = bare.rsplit('.').next().filter(|c| !c.is_empty()) else {
            continue;
        };
        let call: Arc<str> = call.into();
        let header = entry.get("address").unwrap_or(entry).place.span;
        let made = || block("module", &call, header, header, Body::default());
        out.modules.entry(call.clone()).or_insert_with(made);
        let planned = out.planned.get_or_insert_default();
        let child = planned.children.entry(call);
        let child = child.or_insert_with(|| Arc::new(empty(&folder)));
        // Nobody else holds it while it is built.
        if let Some(child) = Arc::get_mut(child) {
            add_values(child, entry);
        }
    }
}

/// Resources by the path of their module.
pub fn declared(module: &Module, key: &str, out: &mut FxHashSet<String>) {
    out.extend(module.resources.keys().map(|name| format!("{key}|{name}")));
    for (call, child) in module.planned.iter().flat_map(|p| p.children.iter()) {
        let key = match key {
            "" => call.to_string(),
            _ => format!("{key}.{call}"),
        };
        out.insert(format!("{key}|module"));
        declared(child, &key, out);
    }
}
