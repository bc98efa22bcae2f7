//! What a template reaches outside of itself: nested stacks, exports of other templates, included files.

use std::rc::Rc;
use std::sync::Arc;

use super::evaluate::{Evaluator, limited, text_of};
use super::intrinsic::missing;
use super::template::{Entry, Template};
use crate::files;
use crate::source::GapKind;
use crate::value::{Arm, Guards, Map, Place, Step, SymbolKind, Text, Unknown, Value, ValueKind};

/// Stacks inside stacks, and imports of imports.
const NESTED: usize = 8;
/// Templates of a run.
const TEMPLATES: usize = 20_000;

/// Where the template of a nested stack stands: the property's text, if the resource is a nested stack.
pub(super) fn location(resource: &Value) -> Option<&Value> {
    let properties = resource.get("Properties");
    match resource.get("Type")?.as_str()? {
        "AWS::CloudFormation::Stack" => properties?.get("TemplateURL"),
        "AWS::Serverless::Application" => properties?.get("Location"),
        _ => None,
    }
}

/// The boundary-relative path that a location names beside the template.
pub(super) fn local(template_path: &str, location: &str) -> Option<String> {
    if location.contains("://") {
        return None;
    }
    files::join(files::folder_of(template_path), location)
}

/// The nested stack of a logical id, opened once.
pub(super) fn child(evaluator: &Evaluator<'_, '_>, name: &str) -> Option<Rc<Template>> {
    let template = evaluator.template;
    if let Some(known) = template.children.borrow().get(name) {
        return known.clone();
    }
    let entry = template.resource(name)?;
    let location = location(&entry.node)?;
    template.children.borrow_mut().insert(name.into(), None);
    let opened = open(evaluator, entry, location);
    template
        .children
        .borrow_mut()
        .insert(name.into(), opened.clone());
    opened
}

fn open(evaluator: &Evaluator<'_, '_>, entry: &Entry, location: &Value) -> Option<Rc<Template>> {
    let run = evaluator.run;
    let template = evaluator.template;
    let inner = evaluator.within(entry);
    let address = template.address(&entry.name);
    let text = text_of(&inner.value(location));
    let gap = |kind, why: &str| run.gap(kind, address.clone(), why, &location.place);
    let Some(literal) = text.as_literal() else {
        gap(GapKind::Missing, "the nested template is not on disk");
        return None;
    };
    let Some(path) = local(&template.path, literal) else {
        gap(GapKind::Missing, "the nested template is not on disk");
        return None;
    };
    if template.chain.len() > NESTED || template.chain.iter().any(|p| **p == *path) {
        gap(
            GapKind::Reading,
            &format!("nested stacks stand in a circle, or deeper than {NESTED} levels"),
        );
        return None;
    }
    if run.opened.get() > TEMPLATES {
        gap(
            GapKind::Reading,
            &format!("nested stacks open more than {TEMPLATES} templates"),
        );
        return None;
    }
    let document = match run.document(&path) {
        Ok(document) => document,
        Err(error) if error.kind == GapKind::Syntax => {
            run.gaps.borrow_mut().push(error);
            return None;
        }
        Err(error) => {
            gap(
                error.kind,
                &format!("the nested template `{path}`: {}", error.why),
            );
            return None;
        }
    };
    let mut guards = template.guards.clone();
    if let Some(condition) = entry.node.get("Condition") {
        guards.extend(inner.guards_of(condition)?);
    }
    let inner = Evaluator {
        assumed: guards.clone(),
        ..inner
    };
    let parameters = entry
        .node
        .get("Properties")
        .and_then(|p| p.get("Parameters"))
        .map(|p| inner.value(p));
    let mut chain = template.chain.clone();
    chain.push(path.as_str().into());
    Some(super::open_template(
        run,
        &document,
        super::Opening {
            path: path.as_str().into(),
            scope: template.scope,
            prefix: format!("{address}.").into(),
            chain,
            guards,
            environment: template.environment.clone(),
            passed: parameters
                .as_ref()
                .and_then(Value::as_map)
                .map(|p| Arc::new(handed_all(p))),
        },
    ))
}

/// What goes from one template to another: texts, numbers, and flat lists of them, as at AWS.
fn handed(value: &Value) -> Value {
    let kind = match &value.kind {
        ValueKind::Json(_) => ValueKind::Text(limited(text_of(value))),
        ValueKind::Choice(arms) => ValueKind::Choice(Arc::new(
            arms.iter()
                .map(|a| Arm {
                    guard: a.guard.clone(),
                    value: handed(&a.value),
                })
                .collect(),
        )),
        ValueKind::List(items) if items.iter().any(|i| i.as_text().is_none()) => {
            ValueKind::Unknown(Unknown::because("a list of collections between templates"))
        }
        ValueKind::Map(_) | ValueKind::Set(_) => {
            ValueKind::Unknown(Unknown::because("a collection between templates"))
        }
        _ => return value.clone(),
    };
    Value {
        kind,
        place: value.place.clone(),
        sensitive: value.sensitive,
    }
}

fn handed_all(map: &Map) -> Map {
    let mut out = Map::default();
    for (key, entry) in map.iter() {
        out.insert(key.clone(), entry.key_place.clone(), handed(&entry.value));
    }
    out
}

/// Output of a nested stack, where its template is at hand.
pub(super) fn output(
    evaluator: &Evaluator<'_, '_>,
    stack: &str,
    name: &str,
    place: &Place,
) -> Option<Value> {
    let child = child(evaluator, stack)?;
    let entry = child.outputs.iter().find(|e| &*e.name == name)?;
    let value = output_value(evaluator, &child, entry);
    Some(value.through(Step::Output(name.into()), place.span))
}

/// The value of an output in its own template, computed once.
pub(super) fn output_value(
    evaluator: &Evaluator<'_, '_>,
    template: &Template,
    entry: &Entry,
) -> Value {
    if let Some(known) = template.output_values.borrow().get(&entry.name) {
        return known.clone().unwrap_or_else(|| {
            Value::unknown(
                Unknown::because("outputs refer to each other in a circle"),
                entry.key_place.clone(),
            )
        });
    }
    template
        .output_values
        .borrow_mut()
        .insert(entry.name.clone(), None);
    let inner = Evaluator {
        run: evaluator.run,
        template,
        loops: entry.loops.clone(),
        assumed: Guards::new(),
        depth: evaluator.depth + 1,
        encodings: 0,
    };
    let value = match entry.node.get("Value") {
        Some(node) => handed(&inner.value(node)),
        None => Value::null(entry.key_place.clone()),
    };
    template
        .output_values
        .borrow_mut()
        .insert(entry.name.clone(), Some(value.clone()));
    value
}

/// `Fn::ImportValue`: the output that another template of the run exports under the name, else a symbol.
pub(super) fn import(evaluator: &Evaluator<'_, '_>, name: &Text, node: &Value) -> Value {
    let run = evaluator.run;
    let settled = evaluator.settle(name);
    // The stack of the same environment, else one that stands in every one.
    let environment = evaluator.template.environment_name();
    let export = settled.as_literal().and_then(|n| {
        let exports = run.exports.borrow();
        let found = exports.get(&(environment, n.into()));
        found
            .or_else(|| exports.get(&("".into(), n.into())))
            .cloned()
    });
    if let (Some((template, entry)), Some(literal)) = (export, settled.as_literal()) {
        let circle = run.importing.borrow().iter().any(|n| **n == *literal);
        if !circle && run.importing.borrow().len() < NESTED {
            run.importing.borrow_mut().push(literal.into());
            let value = output_value(evaluator, &template, &entry);
            run.importing.borrow_mut().pop();
            return value.through(Step::Output(literal.into()), node.place.span);
        }
    }
    let said = name.display();
    let symbol = evaluator.symbol(SymbolKind::Import, said.as_str(), "");
    Value::unknown(
        Unknown::symbol(
            symbol,
            format!("`{said}` is exported by a stack that is not here"),
        ),
        node.place.clone(),
    )
}

/// `AWS::Include` of a local file.
pub(super) fn include(
    evaluator: &Evaluator<'_, '_>,
    location: &Text,
    node: &Value,
) -> Option<Value> {
    let template = evaluator.template;
    let path = location.as_literal().and_then(|l| local(&template.path, l));
    let Some(path) = path else {
        return Some(missing(
            evaluator,
            "AWS::Include",
            "the included file is not on disk",
            node,
        ));
    };
    match evaluator.run.document(&path) {
        Ok(document) => {
            let mark: Arc<str> = format!("include {path}").into();
            if evaluator.run.importing.borrow().contains(&mark) {
                return Some(missing(
                    evaluator,
                    "AWS::Include",
                    "files include each other in a circle",
                    node,
                ));
            }
            evaluator.run.importing.borrow_mut().push(mark);
            let value = evaluator.evaluate(&document.root);
            evaluator.run.importing.borrow_mut().pop();
            let value = value?;
            Some(value.through(Step::File, node.place.span))
        }
        Err(error) => Some(missing(
            evaluator,
            "AWS::Include",
            &format!("`{path}`: {}", error.why),
            node,
        )),
    }
}

/// The paths that a template nests, for finding out which templates stand on their own.
pub(super) fn nested_paths(path: &str, root: &Value) -> Vec<Arc<str>> {
    let resources = root.get("Resources").and_then(Value::as_map);
    resources
        .map(|m| m.iter())
        .into_iter()
        .flatten()
        .filter_map(|(_, entry)| {
            location(&entry.value)?
                .as_str()
                .and_then(|l| local(path, l))
        })
        .filter(|p| p != path)
        .map(Arc::from)
        .collect()
}
