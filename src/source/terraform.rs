//! Terraform: folders of configuration to root modules, root modules to resources.
//!
//! Every folder that nobody calls is a root of its own; a called one is read through its calls only.

mod call;
mod choice;
mod document;
mod environment;
mod evaluate;
mod expansion;
mod json;
mod literal;
mod load;
mod module;
mod operators;
mod parse;
mod plan;
mod policy_document;
mod recover;
mod reference;
mod resource;
mod template;
mod traverse;
mod types;
mod uncertain;
mod unknown;
mod variables;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use self::document::{Block, Expression};
use self::evaluate::{Env, Evaluator};
use self::load::{Loader, is_configuration};
use self::module::Instance;
use self::plan::Plan;
use crate::files::{self, Files};
use crate::source::environment::Environment;
use crate::source::{Evaluated, Format, GapKind, Inputs, Provider, Resource, Scope, Sources};
use crate::value::{Map, Place, ScopeId, Span, Value, ValueKind};

/// Reads every root module among the paths.
pub fn read(files: &dyn Files, paths: &[Arc<str>], inputs: &Inputs, sources: &mut Sources) {
    if paths.is_empty() {
        return;
    }
    with_room(&mut || read_here(files, paths, inputs, sources));
}

/// Bytes of stack for the levels of evaluation that are allowed.
const STACK: usize = 256 << 20;

/// Runs where there is room for deep evaluation; here, if no thread can be had.
fn with_room(run: &mut (dyn FnMut() + Send)) {
    let ran = std::thread::scope(|scope| {
        let builder = std::thread::Builder::new().stack_size(STACK);
        match builder.spawn_scoped(scope, &mut *run) {
            Ok(thread) => {
                if let Err(panic) = thread.join() {
                    std::panic::resume_unwind(panic);
                }
                true
            }
            Err(_) => false,
        }
    });
    if !ran {
        run();
    }
}

fn read_here(files: &dyn Files, paths: &[Arc<str>], inputs: &Inputs, sources: &mut Sources) {
    let mut loader = Loader::new(files, paths, sources);
    let mut plans = plans(&mut loader, paths, inputs);
    let mut folders = roots(&mut loader, paths);
    // What was planned is a root, whoever else calls it.
    for folder in plans.keys() {
        if !folders.contains(folder) && loader.is_module(folder) {
            folders.push(folder.clone());
        }
    }
    let environments = environment::of_roots(&mut loader, &folders, inputs);
    for (folder, environments) in folders.iter().zip(environments) {
        let mut of_folder = plans.remove(folder).unwrap_or_default();
        if environments.is_empty() && of_folder.len() < 2 {
            root(&mut loader, folder, inputs, None, of_folder.pop());
            continue;
        }
        let mut runs: Vec<(Environment, Option<Arc<Plan>>)> =
            environments.into_iter().map(|e| (e, None)).collect();
        for plan in of_folder {
            let name = name_of(&plan.path);
            match runs.iter_mut().find(|(e, p)| e.name == name && p.is_none()) {
                Some((_, known)) => *known = Some(plan),
                None => runs.push((
                    Environment {
                        name,
                        ..Environment::default()
                    },
                    Some(plan),
                )),
            }
        }
        for (environment, plan) in runs {
            let files = environment.variable_files.iter().map(|f| f.to_string());
            let inputs = Inputs {
                variable_files: inputs.variable_files.iter().cloned().chain(files).collect(),
                ..inputs.clone()
            };
            root(&mut loader, folder, &inputs, Some(environment), plan);
        }
    }
    for plan in plans.into_values().flatten() {
        let path = plan.path.to_string();
        root(&mut loader, &path, inputs, None, Some(plan));
    }
}

/// The plans and states among the paths, by the folder of their sources; those without sources by their own.
fn plans(
    loader: &mut Loader<'_>,
    paths: &[Arc<str>],
    inputs: &Inputs,
) -> BTreeMap<String, Vec<Arc<Plan>>> {
    let mut out: BTreeMap<String, Vec<Arc<Plan>>> = BTreeMap::new();
    for path in paths.iter().filter(|p| is_plan_name(p)) {
        let Some(plan) = plan::read::read(loader, path) else {
            continue;
        };
        let folder = files::folder_of(path);
        let folder = match &inputs.plan_sources {
            Some(root) if !loader.is_module(folder) && loader.is_module(root) => root,
            _ => folder,
        };
        out.entry(folder.to_string())
            .or_default()
            .push(Arc::new(plan));
    }
    out
}

/// True where a file may be a plan or state, by its name.
pub fn is_plan_name(path: &str) -> bool {
    path.ends_with(".json") && !is_configuration(path)
}

/// True where a file may be a plan or state, by its content.
pub fn may_be_plan(files: &dyn Files, path: &str) -> bool {
    is_plan_name(path) && files.read(path).is_ok_and(|b| plan::read::may_be_plan(&b))
}

/// How the environment of a plan is called: its file name without the words that say what it is.
fn name_of(path: &str) -> Arc<str> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let stem = name.strip_suffix(".json").unwrap_or(name);
    let words = stem.split(['-', '.', '_']);
    let words = words.filter(|w| !matches!(*w, "plan" | "tfplan" | "state" | "tfstate"));
    let name = words.collect::<Vec<_>>().join("-");
    if name.is_empty() { stem } else { &name }.into()
}

/// `iaclint eval terraform DIR --expr EXPR`.
pub fn evaluate_expression(
    files: &dyn Files,
    folder: &str,
    inputs: &Inputs,
    expression: &str,
) -> Evaluated {
    let mut out = Evaluated::Error("was not evaluated".into());
    with_room(&mut || out = evaluate_here(files, folder, inputs, expression));
    out
}

fn evaluate_here(files: &dyn Files, folder: &str, inputs: &Inputs, expression: &str) -> Evaluated {
    let mut sources = Sources::default();
    // As the value of an argument, so that a heredoc may stand there too.
    let text = format!("value = {}\n", expression.trim_end_matches('\n'));
    let id = sources
        .files
        .add(files::SourceFile::new("expression", text.as_str()));
    let parsed = match parse::body(&text, parse::Origin::File(id, 0)) {
        Ok(body) => body.expression("value").cloned(),
        Err(_) => None,
    };
    let parsed = match parsed.map_or_else(
        || parse::expression(expression, parse::Origin::File(id, 0)),
        Ok,
    ) {
        Ok(parsed) => parsed,
        Err(fault) => return Evaluated::Error(fault.message),
    };
    let mut loader = Loader::new(files, &[], &mut sources);
    let plan = beside(&mut loader, folder, inputs);
    let mut evaluator = start(&mut loader, folder, inputs, plan);
    evaluator.strict = 1;
    match evaluator.eval(&parsed, Env::of(0)) {
        Ok(value) => Evaluated::Value(value),
        Err(failure) => Evaluated::Error(failure.message.to_string()),
    }
}

/// Outputs and locals of a root module, for `iaclint eval terraform DIR`.
pub fn evaluate_names(files: &dyn Files, folder: &str, inputs: &Inputs) -> (Map, Map) {
    let mut out = (Map::default(), Map::default());
    with_room(&mut || out = names_here(files, folder, inputs));
    out
}

fn names_here(files: &dyn Files, folder: &str, inputs: &Inputs) -> (Map, Map) {
    let mut sources = Sources::default();
    let mut loader = Loader::new(files, &[], &mut sources);
    let plan = beside(&mut loader, folder, inputs);
    let mut evaluator = start(&mut loader, folder, inputs, plan);
    let span = Span::new(crate::value::FileId(0), 0, 0);
    let Some(module) = evaluator.instances.first().map(|i| i.module.clone()) else {
        return (Map::default(), Map::default());
    };
    let unknown = |f: evaluate::Failure| {
        Value::unknown(crate::value::Unknown::because(f.message), Place::at(f.span))
    };
    let mut outputs = Map::default();
    for name in module.outputs.keys() {
        let value = evaluator.output(0, name, span).unwrap_or_else(unknown);
        outputs.insert(name.clone(), Place::at(span), value);
    }
    let mut locals = Map::default();
    for name in module.locals.keys() {
        let value = evaluator.local(0, name, span).unwrap_or_else(unknown);
        locals.insert(name.clone(), Place::at(span), value);
    }
    (outputs, locals)
}

/// The first plan or state in a folder.
fn beside(loader: &mut Loader<'_>, folder: &str, inputs: &Inputs) -> Option<Arc<Plan>> {
    let names = loader.names(folder);
    let plans = plans(loader, &names, inputs);
    plans.into_values().flatten().next()
}

/// Folders that nobody calls, in order; all of them where they call each other in a circle.
fn roots(loader: &mut Loader<'_>, paths: &[Arc<str>]) -> Vec<String> {
    let folders: BTreeSet<String> = paths
        .iter()
        .filter(|p| is_configuration(p))
        .map(|p| files::folder_of(p).to_string())
        .collect();
    let mut called: BTreeSet<String> = BTreeSet::new();
    for folder in &folders {
        let module = loader.module(folder);
        for block in module.modules.values() {
            let source = block
                .body
                .expression("source")
                .and_then(Expression::as_word)
                .unwrap_or("");
            if source.starts_with("./") || source.starts_with("../") {
                if let Some(target) = files::join(folder, source) {
                    if target != *folder {
                        called.insert(target);
                    }
                }
            }
        }
    }
    let roots: Vec<String> = folders
        .iter()
        .filter(|f| !called.contains(*f))
        .cloned()
        .collect();
    if roots.is_empty() {
        folders.into_iter().collect()
    } else {
        roots
    }
}

/// An evaluator of a root module: that of the folder, or what a plan tells of it where there are no sources.
fn start<'l, 'f>(
    loader: &'l mut Loader<'f>,
    folder: &str,
    inputs: &Inputs,
    plan: Option<Arc<Plan>>,
) -> Evaluator<'l, 'f> {
    let module = match &plan {
        Some(plan) if !loader.is_module(folder) => plan.root.clone(),
        _ => loader.module(folder),
    };
    let scope = ScopeId(loader.sources.scopes.len() as u32);
    let mut evaluator = Evaluator {
        loader,
        scope,
        root_folder: module.folder.clone(),
        instances: vec![Arc::new(Instance {
            module,
            path: "".into(),
            key: "".into(),
            parent: None,
            call: "".into(),
            bindings: Vec::new(),
            guards: Vec::new(),
            calls: Vec::new(),
            providers: Vec::new(),
            depth: 0,
        })],
        properties: FxHashMap::default(),
        targets: Vec::new(),
        names: FxHashMap::default(),
        attributes: FxHashMap::default(),
        expansions: FxHashMap::default(),
        module_keys: None,
        inputs: variables::RootInputs::default(),
        plan,
        writes_own_account: false,
        depth: 0,
        strict: 0,
        needed: Vec::new(),
        undeclared: FxHashSet::default(),
        unseen: Vec::new(),
        steps: 0,
    };
    evaluator.read_inputs(inputs);
    evaluator
}

fn root(
    loader: &mut Loader<'_>,
    folder: &str,
    inputs: &Inputs,
    environment: Option<Environment>,
    plan: Option<Arc<Plan>>,
) {
    let mut evaluator = start(loader, folder, inputs, plan);
    let found = resources(&mut evaluator);
    let span = Span::new(crate::value::FileId(0), 0, 0);
    let Some(module) = evaluator.instances.first().map(|i| i.module.clone()) else {
        return;
    };
    let mut outputs = Map::default();
    for (name, block) in &module.outputs {
        if let Ok(value) = evaluator.output(0, name, span) {
            outputs.insert(name.clone(), Place::at(block.header), value);
        }
    }
    let mut without_value = false;
    for name in module.variables.keys() {
        let value = evaluator.variable(0, name, span);
        without_value |= matches!(
            value,
            Ok(Value {
                kind: ValueKind::Unknown(_),
                ..
            })
        );
    }
    let mut providers = providers(&mut evaluator, &module.providers);
    evaluator.accounts_of_plan(&found, &mut providers);
    let backend = module
        .terraform
        .iter()
        .flat_map(|t| t.body.blocks.iter())
        .find(|b| &*b.kind == "backend");
    let backend = backend.and_then(|block| {
        let name = block.labels.first()?.clone();
        let mut map = Map::default();
        for (key, attribute) in &block.body.attributes {
            if let Ok(value) = evaluator.eval(&attribute.expression, Env::of(0)) {
                map.insert(key.clone(), Place::at(attribute.name_span), value);
            }
        }
        Some((name, Value::map(map, Place::at(block.header))))
    });
    let library = without_value
        && module.providers.is_empty()
        && backend.is_none()
        && environment.is_none()
        && !evaluator.inputs.files;
    let scope = Scope {
        id: evaluator.scope,
        format: Format::Terraform,
        path: folder.into(),
        environment: environment.map(Arc::new),
        providers,
        library,
        writes_own_account: evaluator.writes_own_account,
        exposed: Vec::new(),
        outputs,
        exports: Vec::new(),
        backend,
    };
    loader.sources.scopes.push(scope);
    loader.sources.resources.extend(found);
    if loader.sources.resources.len() > 1_000_000 {
        loader.gap(
            folder,
            "more than 1000000 resources",
            None,
            Some(folder),
            GapKind::Reading,
        );
    }
}

/// Every resource and data source of the root and of the modules that it calls.
fn resources(evaluator: &mut Evaluator<'_, '_>) -> Vec<Resource> {
    let mut found = Vec::new();
    // Instances are appended while they are visited.
    let mut next = 0;
    while next < evaluator.instances.len() {
        let Some(module) = evaluator.instances.get(next).map(|i| i.module.clone()) else {
            break;
        };
        for name in module.modules.keys() {
            let name = format!("module.{name}").into();
            evaluator.expanded(next, &name);
        }
        for call in std::mem::take(&mut evaluator.unseen) {
            found.extend(evaluator.unseen_module(call));
        }
        for name in module.resources.keys() {
            let Some(expanded) = evaluator.expanded(next, name) else {
                continue;
            };
            for item in &expanded.items {
                found.extend(item.position.and_then(|p| evaluator.resource(p)));
            }
        }
        next += 1;
    }
    found
}

/// The AWS provider configurations of a root module.
fn providers(evaluator: &mut Evaluator<'_, '_>, blocks: &[Block]) -> Vec<Provider> {
    let mut out = Vec::new();
    for block in blocks
        .iter()
        .filter(|b| b.labels.first().map(|l| &**l) == Some("aws"))
    {
        let mut text = |body: &document::Body, name: &str| {
            body.expression(name)
                .and_then(|e| evaluator.eval(e, Env::of(0)).ok())
        };
        let alias = text(&block.body, "alias").and_then(|v| v.as_str().map(|a| format!("aws.{a}")));
        let region = text(&block.body, "region").and_then(|v| v.as_str().map(Arc::from));
        // Roles are assumed one after the other, that of a web identity first.
        let roles = ["assume_role", "assume_role_with_web_identity"];
        let last = roles.iter().find_map(|r| block.body.blocks(r).last());
        let assumed = last.and_then(|b| text(&b.body, "role_arn"));
        let allowed = text(&block.body, "allowed_account_ids");
        let account = match allowed.as_ref().and_then(|v| v.as_items()) {
            Some([one]) => one.as_text().and_then(|t| t.as_literal().map(Arc::from)),
            _ => None,
        };
        // The account is known where its field is whole, whatever the role is called.
        let account = account.or_else(|| {
            let arn = assumed.as_ref()?.as_text()?;
            let (before, _) = arn.known_prefix().split_once(":role/")?;
            let id = before.split(':').nth(4)?;
            let is_id = id.len() == 12 && id.bytes().all(|b| b.is_ascii_digit());
            is_id.then(|| Arc::from(id))
        });
        out.push(Provider {
            name: alias.unwrap_or_default().into(),
            account,
            region,
            place: Some(Place::at(block.header)),
            assume_role: assumed.and_then(|v| v.as_text()),
        });
    }
    out
}

#[cfg(test)]
mod tests;
