//! Templates to resources: parameters, conditions, intrinsic functions, nested stacks, exports, serverless functions.
//!
//! YAML and JSON templates come to one tree of values; one evaluator serves both. Account, region and what
//! follows from them stay symbols, for the facts know which scope stands where; only `iaclint eval` puts the
//! account and region of the options in their place.

mod choice;
mod condition;
mod environment;
mod evaluate;
mod for_each;
mod intrinsic;
mod nested;
mod parameter;
mod sam;
mod sam_connectors;
mod sam_policies;
mod substitution;
mod template;
#[cfg(test)]
mod tests;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::files::Files;
use crate::source::environment::Environment;
use crate::source::{
    Evaluated, Format, Gap, GapKind, Inputs, Provider, Resource, Scope, Sources, json,
};
use crate::value::{FileId, Guards, Map, Place, ScopeId, Value, ValueKind};
use evaluate::{Evaluator, text_of};
use template::{Document, Entry, Run, Template};

/// Reads the templates among the paths (boundary-relative) into scopes and resources.
pub fn read(files: &dyn Files, paths: &[Arc<str>], inputs: &Inputs, sources: &mut Sources) {
    read_as(files, paths, inputs, sources, false);
}

/// The same with account and region of the options put in place of their symbols, as `iaclint eval` shows them.
pub fn read_known(files: &dyn Files, paths: &[Arc<str>], inputs: &Inputs, sources: &mut Sources) {
    read_as(files, paths, inputs, sources, true);
}

/// True for what is a template: `Resources` of which some `Type` holds `::`, a format version, or a transform of AWS.
pub fn is_template(value: &Value) -> bool {
    let Some(map) = value.as_map() else {
        return false;
    };
    if map.get("AWSTemplateFormatVersion").is_some() || map.get("Transform").is_some_and(names_aws)
    {
        return true;
    }
    map.get("Resources")
        .and_then(Value::as_map)
        .is_some_and(|resources| {
            resources.iter().any(|(_, entry)| {
                entry
                    .value
                    .get("Type")
                    .and_then(Value::as_str)
                    .is_some_and(|kind| kind.contains("::"))
            })
        })
}

fn names_aws(transform: &Value) -> bool {
    transforms(transform)
        .iter()
        .any(|name| name.starts_with("AWS::"))
}

/// The names of a `Transform`.
fn transforms(transform: &Value) -> Vec<&str> {
    let one = |value: &'_ Value| value.as_str().is_some() || value.get("Name").is_some();
    fn name(value: &Value) -> Option<&str> {
        value
            .as_str()
            .or_else(|| value.get("Name").and_then(Value::as_str))
    }
    if one(transform) {
        return name(transform).into_iter().collect();
    }
    transform
        .as_items()
        .unwrap_or_default()
        .iter()
        .filter_map(name)
        .collect()
}

/// True where a text holds a word of templates, so that it is worth parsing, or its faults worth telling.
fn may_be_template(bytes: &[u8]) -> bool {
    let has = |word: &[u8]| memchr::memmem::find(bytes, word).is_some();
    (has(b"Resources") && has(b"::"))
        || has(b"AWSTemplateFormatVersion")
        || (has(b"Transform") && has(b"AWS::"))
}

fn run_over<'f>(files: &'f dyn Files, inputs: &'f Inputs, known: bool) -> Run<'f> {
    Run {
        files,
        inputs,
        known,
        table: RefCell::default(),
        gaps: RefCell::default(),
        comments: RefCell::default(),
        documents: RefCell::default(),
        exports: RefCell::default(),
        secrets: RefCell::default(),
        importing: RefCell::default(),
        steps: Cell::new(0),
        opened: Cell::new(0),
    }
}

fn read_as(
    files: &dyn Files,
    paths: &[Arc<str>],
    inputs: &Inputs,
    sources: &mut Sources,
    known: bool,
) {
    let run = run_over(files, inputs, known);
    run.table.replace(std::mem::take(&mut sources.files));
    let mut documents: Vec<(Arc<str>, Document)> = Vec::new();
    for path in paths {
        match files.read(path) {
            Ok(bytes) if !may_be_template(&bytes) => continue,
            _ => {}
        }
        match run.document(path) {
            Ok(document) if is_template(&document.root) => documents.push((path.clone(), document)),
            Ok(_) => {}
            Err(gap) => run.gaps.borrow_mut().push(gap),
        }
    }
    let nested: FxHashSet<Arc<str>> = documents
        .iter()
        .flat_map(|(path, document)| nested::nested_paths(path, &document.root))
        .collect();
    let standing: Vec<(&Arc<str>, &Document)> = documents
        .iter()
        .map(|(path, document)| (path, document))
        .filter(|(path, _)| !nested.contains(*path) || stands_in_circle(path, &documents))
        .collect();
    let environments = environment::of_templates(&run, paths, &standing, &mut sources.unused);
    let mut templates = Vec::new();
    for ((path, document), environments) in standing.into_iter().zip(environments) {
        if document.more {
            let place = Place::at(document.root.place.span);
            run.gap(
                GapKind::Syntax,
                path.clone(),
                "more than one document: only the template is read",
                &place,
            );
        }
        let all = match environments.is_empty() {
            true => vec![None],
            false => environments.into_iter().map(Some).collect(),
        };
        for environment in all {
            let number = sources.scopes.len() + templates.len();
            let scope = ScopeId(u32::try_from(number).unwrap_or(u32::MAX));
            let environment = environment.map(Arc::new);
            templates.push(open_root(&run, document, path, scope, environment));
        }
    }
    for template in &templates {
        collect_exports(&run, template);
    }
    for template in &templates {
        let scope = scope_of(&run, template);
        sources.scopes.push(scope);
        emit(&run, template, &mut sources.resources);
    }
    sources.files = run.table.take();
    sources.gaps.append(&mut run.gaps.take());
    sources.comments.append(&mut run.comments.take());
    sources.secrets.append(&mut run.secrets.take());
}

/// True where every template that nests this one is nested by it in turn: one of them must stand on its own.
fn stands_in_circle(path: &Arc<str>, documents: &[(Arc<str>, Document)]) -> bool {
    let children: FxHashMap<&str, Vec<Arc<str>>> = documents
        .iter()
        .map(|(p, d)| (&**p, nested::nested_paths(p, &d.root)))
        .collect();
    let mut reached: FxHashSet<Arc<str>> = FxHashSet::default();
    let mut open = vec![path.clone()];
    while let Some(next) = open.pop() {
        for child in children.get(&*next).map(Vec::as_slice).unwrap_or_default() {
            if reached.insert(child.clone()) {
                open.push(child.clone());
            }
        }
    }
    reached.contains(path)
        && documents
            .iter()
            .map(|(p, _)| p)
            .find(|p| reached.contains(*p))
            == Some(path)
}

fn open_root(
    run: &Run<'_>,
    document: &Document,
    path: &Arc<str>,
    scope: ScopeId,
    environment: Option<Arc<Environment>>,
) -> Rc<Template> {
    let opening = Opening {
        path: path.clone(),
        scope,
        prefix: "".into(),
        chain: vec![path.clone()],
        guards: Guards::new(),
        passed: None,
        environment,
    };
    open_template(run, document, opening)
}

/// Where and with what a template is opened.
struct Opening {
    path: Arc<str>,
    scope: ScopeId,
    prefix: Arc<str>,
    chain: Vec<Arc<str>>,
    guards: Guards,
    passed: Option<Arc<Map>>,
    environment: Option<Arc<Environment>>,
}

fn open_template(run: &Run<'_>, document: &Document, opening: Opening) -> Rc<Template> {
    run.opened.set(run.opened.get() + 1);
    let root = document.root.clone();
    let mut stated: Vec<(String, String)> = Vec::new();
    stated.extend(
        opening
            .environment
            .iter()
            .flat_map(|e| e.parameters.iter().cloned()),
    );
    stated.extend(run.inputs.parameters.iter().cloned());
    let given = parameter::Given {
        scope: opening.scope,
        prefix: &opening.prefix,
        stated: &stated,
        passed: opening.passed.as_deref(),
    };
    let parameters = parameter::values(root.get("Parameters").and_then(Value::as_map), &given);
    for value in parameters.values().filter(|value| value.sensitive) {
        value.literals(&mut |text| run.secrets.borrow_mut().push(text.into()));
    }
    let mut template = Template {
        path: opening.path,
        scope: opening.scope,
        root,
        prefix: opening.prefix,
        chain: opening.chain,
        guards: opening.guards,
        environment: opening.environment,
        parameters,
        resources: Vec::new(),
        conditions: Vec::new(),
        outputs: Vec::new(),
        serverless: false,
        macros: false,
        settled: RefCell::default(),
        output_values: RefCell::default(),
        children: RefCell::default(),
    };
    look_at_transforms(run, &mut template);
    let members = |template: &Template, name: &str| {
        for_each::members(&Evaluator::new(run, template), template.section(name))
    };
    template.conditions = members(&template, "Conditions");
    let mut resources = members(&template, "Resources");
    let complete = include_resources(run, &template, &mut resources);
    template.macros |= !complete;
    template.resources = resources;
    template.outputs = members(&template, "Outputs");
    Rc::new(template)
}

fn look_at_transforms(run: &Run<'_>, template: &mut Template) {
    let root = template.root.clone();
    let Some(transform) = root.get("Transform") else {
        return;
    };
    for name in transforms(transform) {
        match name {
            "AWS::Serverless-2016-10-31" => template.serverless = true,
            // What these add is no upload; what they bring is handled where it stands.
            "AWS::LanguageExtensions"
            | "AWS::Include"
            | "AWS::SecretsManager-2020-07-23"
            | "AWS::SecretsManager-2024-09-16"
            | "AWS::CodeDeployBlueGreen" => {}
            _ => {
                template.macros = true;
                let why = "a macro runs at AWS: what it changes is not seen";
                run.gap(
                    GapKind::Unsupported,
                    format!("transform {name}"),
                    why,
                    &transform.place,
                );
            }
        }
    }
}

/// Resources that `AWS::Include` brings into the section; false where a transform brings others that are not seen.
fn include_resources(run: &Run<'_>, template: &Template, resources: &mut Vec<Entry>) -> bool {
    let Some(entry) = template
        .section("Resources")
        .and_then(|m| m.entries.get("Fn::Transform"))
    else {
        return true;
    };
    let operand = &entry.value;
    let evaluator = Evaluator::new(run, template);
    let location = operand
        .get("Parameters")
        .and_then(|p| p.get("Location"))
        .map(|l| evaluator.value(l));
    let path = location
        .as_ref()
        .and_then(Value::as_str)
        .and_then(|l| nested::local(&template.path, l));
    if operand.get("Name").and_then(Value::as_str) != Some("AWS::Include") {
        evaluator.not_understood("Fn::Transform", "a macro runs at AWS", operand);
        return false;
    }
    let Some(Ok(document)) = path.map(|path| run.document(&path)) else {
        let why = "the included file is not on disk";
        run.gap(GapKind::Missing, "AWS::Include", why, &operand.place);
        return false;
    };
    resources.extend(for_each::members(&evaluator, document.root.as_map()));
    true
}

fn collect_exports(run: &Run<'_>, template: &Rc<Template>) {
    for entry in &template.outputs {
        let Some(name) = entry.node.get("Export").and_then(|e| e.get("Name")) else {
            continue;
        };
        let evaluator = Evaluator::new(run, template).within(entry);
        let name = evaluator.settle(&text_of(&evaluator.value(name)));
        if let Some(literal) = name.as_literal() {
            let mut exports = run.exports.borrow_mut();
            exports
                .entry((template.environment_name(), literal.into()))
                .or_insert_with(|| (template.clone(), entry.clone()));
        }
    }
    let evaluator = Evaluator::new(run, template);
    for entry in &template.resources {
        if nested::location(&entry.node).is_some()
            && let Some(child) = nested::child(&evaluator, &entry.name)
        {
            collect_exports(run, &child);
        }
    }
}

/// True where the template, or one that it nests, writes its own account as a value.
fn writes_own_account(run: &Run<'_>, template: &Template) -> bool {
    let here = run.document(&template.path).is_ok_and(|document| {
        run.table
            .borrow()
            .get(document.file)
            .is_some_and(|file| file.text.contains("AWS::AccountId"))
    });
    here || template
        .children
        .borrow()
        .values()
        .flatten()
        .any(|child| writes_own_account(run, child))
}

/// Addresses of the resources of templates that a macro rewrites.
fn rewritten(template: &Template) -> Vec<Arc<str>> {
    let own = template.resources.iter().filter(|_| template.macros);
    let mut out: Vec<Arc<str>> = own.map(|entry| template.address(&entry.name)).collect();
    let children = template.children.borrow();
    let mut nested: Vec<_> = children.iter().collect();
    nested.sort_by_key(|(name, _)| name.to_string());
    out.extend(
        nested
            .into_iter()
            .filter_map(|(_, child)| Some(rewritten(child.as_ref()?)))
            .flatten(),
    );
    out
}

fn scope_of(run: &Run<'_>, template: &Template) -> Scope {
    let evaluator = Evaluator::new(run, template);
    let mut outputs = Map::default();
    let mut exports = Vec::new();
    for entry in &template.outputs {
        let inner = evaluator.within(entry);
        if let Some(condition) = entry.node.get("Condition")
            && inner.guards_of(condition).is_none()
        {
            continue;
        }
        let value = nested::output_value(&inner, template, entry);
        if let Some(name) = entry.node.get("Export").and_then(|e| e.get("Name")) {
            exports.push((inner.value(name), value.clone()));
        }
        outputs.insert(entry.name.clone(), entry.key_place.clone(), value);
    }
    let stated = |of: fn(&Environment) -> &Option<Arc<str>>| {
        let environment = template.environment.as_deref()?;
        of(environment).clone()
    };
    Scope {
        id: template.scope,
        format: Format::CloudFormation,
        path: template.path.clone(),
        environment: template.environment.clone(),
        providers: vec![Provider {
            name: "".into(),
            account: stated(|e| &e.account).or(run.inputs.account.as_deref().map(Arc::from)),
            region: stated(|e| &e.region).or(run.inputs.region.as_deref().map(Arc::from)),
            place: None,
            assume_role: None,
        }],
        library: false,
        writes_own_account: writes_own_account(run, template),
        exposed: rewritten(template),
        outputs,
        exports,
        backend: None,
    }
}

fn emit(run: &Run<'_>, template: &Template, out: &mut Vec<Resource>) {
    let evaluator = Evaluator::new(run, template);
    if let Some(resources) = template.root.get("Resources")
        && resources.as_map().is_none()
        && !resources.is_null()
    {
        run.gap(GapKind::Syntax, "Resources", "is no map", &resources.place);
    }
    for entry in &template.resources {
        emit_one(&evaluator.within(entry), entry, out);
    }
}

fn emit_one(evaluator: &Evaluator<'_, '_>, entry: &Entry, out: &mut Vec<Resource>) {
    let run = evaluator.run;
    let template = evaluator.template;
    let address = template.address(&entry.name);
    let Some(map) = entry.node.as_map() else {
        run.gap(
            GapKind::Syntax,
            address,
            "the resource is no map",
            &entry.node.place,
        );
        return;
    };
    let type_name = map.get("Type").and_then(Value::as_str);
    if type_name.is_none() {
        let (kind, why) = match map.get("Type") {
            Some(_) => (
                GapKind::Unsupported,
                "the type of the resource is not understood",
            ),
            None => (GapKind::Syntax, "the resource has no type"),
        };
        run.gap(kind, address.clone(), why, &entry.key_place);
        if kind == GapKind::Syntax {
            return;
        }
    }
    if let Some(body) = nested::body(&entry.node) {
        run.gap(
            GapKind::Unsupported,
            address.clone(),
            "a template inside `TemplateBody` is not read; one in a file is",
            &body.place,
        );
    }
    let mut guards = template.guards.clone();
    if let Some(condition) = map.get("Condition") {
        match evaluator.guards_of(condition) {
            Some(more) => guards.extend(more),
            None => return,
        }
    }
    let inner = Evaluator {
        assumed: guards.clone(),
        ..evaluator.clone()
    };
    let properties = match map.get("Properties") {
        Some(node) => inner.value(node),
        None => Value::map(Map::default(), entry.key_place.clone()),
    };
    let properties = match properties.kind {
        ValueKind::Null => Value::map(Map::default(), properties.place),
        ValueKind::List(_) | ValueKind::Text(_) | ValueKind::Bool(_) | ValueKind::Number(_) => {
            run.gap(
                GapKind::Syntax,
                address,
                "the properties of the resource are no map",
                &properties.place,
            );
            return;
        }
        _ => properties,
    };
    let mut attributes = Map::default();
    for (key, attribute) in map.iter() {
        if !matches!(&**key, "Type" | "Properties" | "Condition") {
            attributes.insert(
                key.clone(),
                attribute.key_place.clone(),
                inner.value(&attribute.value),
            );
        }
    }
    let is_stack = nested::location(&entry.node).is_some();
    let child = is_stack
        .then(|| nested::child(&inner, &entry.name))
        .flatten();
    let resource = Resource {
        scope: template.scope,
        address,
        type_name: type_name.unwrap_or_default().into(),
        data: false,
        properties,
        attributes: Value::map(attributes, entry.node.place.clone()),
        guards,
        provider: "".into(),
        place: entry.key_place.clone(),
        block: entry.key_place.span.cover(entry.node.place.span),
        unseen: type_name.is_none() || is_stack && child.is_none(),
    };
    if template.serverless {
        sam::transform(&inner, entry, resource, out);
    } else {
        out.push(resource);
    }
    if let Some(child) = child {
        emit(run, &child, out);
    }
}

/// The conditions of a template by name, as `iaclint eval` shows them.
pub fn conditions(files: &dyn Files, path: &str, inputs: &Inputs) -> Map {
    let run = run_over(files, inputs, true);
    let mut out = Map::default();
    let Ok(document) = run.document(path) else {
        return out;
    };
    let template = open_root(&run, &document, &path.into(), ScopeId(0), None);
    let evaluator = Evaluator::new(&run, &template);
    for entry in &template.conditions {
        let value = evaluator.condition(&entry.name, &entry.key_place);
        out.insert(entry.name.clone(), entry.key_place.clone(), value);
    }
    out
}

/// One node in JSON, with the long form of intrinsic functions, in the scope of a template.
pub fn evaluate_node(files: &dyn Files, path: &str, inputs: &Inputs, node_json: &str) -> Evaluated {
    let run = run_over(files, inputs, true);
    let document = match run.document(path) {
        Ok(document) => document,
        Err(gap) => return Evaluated::Error(format!("{}: {}", gap.what, gap.why)),
    };
    let node = match json::parse_file(FileId(u32::MAX), node_json) {
        Ok(node) => node,
        Err(error) => return Evaluated::Error(format!("the node is no JSON: {}", error.message)),
    };
    let template = open_root(&run, &document, &path.into(), ScopeId(0), None);
    collect_exports(&run, &template);
    let value = Evaluator::new(&run, &template).value(&node);
    let faults: Vec<Gap> = run
        .gaps
        .take()
        .into_iter()
        .filter(|g| g.kind == GapKind::Unsupported)
        .collect();
    match faults.first() {
        Some(fault) if matches!(value.kind, ValueKind::Unknown(_)) => {
            Evaluated::Error(format!("{}: {}", fault.what, fault.why))
        }
        _ => Evaluated::Value(value),
    }
}
