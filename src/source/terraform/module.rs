//! Module instances: where a call leads, and what its instance knows of its caller.

use std::sync::Arc;

use super::document::{Block, Expression, ExpressionKind};
use super::evaluate::Evaluator;
use super::expansion::INSTANCES;
use super::load::Module;
use crate::source::{GapKind, Resource};
use crate::value::{Guards, Map, Place, Span, Step, Value};

/// Modules inside modules.
const NESTING: usize = 24;

/// One instance of a module.
#[derive(Debug)]
pub struct Instance {
    pub module: Arc<Module>,
    /// `module.a["x"].module.b`; empty for the root.
    pub path: Arc<str>,
    /// The same without instance keys, as `modules.json` has it: `a.b`.
    pub key: Arc<str>,
    pub parent: Option<usize>,
    /// Name of the call in the parent.
    pub call: Arc<str>,
    /// Values of `each` and `count` in the call.
    pub bindings: Vec<(Arc<str>, Value)>,
    pub guards: Guards,
    /// Calls from the outermost: address and span.
    pub calls: Vec<(Arc<str>, Span)>,
    /// Child provider name to the name in the root's scope.
    pub providers: Vec<(Arc<str>, Arc<str>)>,
    pub depth: usize,
}

/// A call of a module that is not on disk.
#[derive(Debug)]
pub struct UnseenCall {
    /// Position of the module instance that calls it.
    parent: usize,
    address: Arc<str>,
    block: Block,
    /// Values of `each` and `count` in the call.
    bindings: Vec<(Arc<str>, Value)>,
    guards: Guards,
}

impl<'l, 'f> Evaluator<'l, 'f> {
    /// A call of a module that is not on disk as a resource whose properties are what it is given.
    pub fn unseen_module(&mut self, call: UnseenCall) -> Option<Resource> {
        let header = call.block.header;
        let owner = self.instances.get(call.parent)?.clone();
        let properties = self.with_bindings(call.parent, &call.bindings, &mut |this, env| {
            let mut given = Map::default();
            for (name, argument) in &call.block.body.attributes {
                let meta = matches!(
                    &**name,
                    "source" | "version" | "providers" | "count" | "for_each" | "depends_on"
                );
                if !meta && let Ok(value) = this.eval(&argument.expression, env) {
                    given.insert(name.clone(), Place::at(argument.name_span), value);
                }
            }
            given
        });
        let mut place = Place::at(header);
        for (address, span) in owner.calls.iter().rev() {
            place = place.through(Step::ModuleCall(address.clone()), *span);
        }
        Some(Resource {
            scope: self.scope,
            address: call.address,
            type_name: "module".into(),
            data: false,
            properties: Value::map(properties, Place::at(header)),
            attributes: Value::map(Map::default(), Place::at(header)),
            guards: call.guards,
            provider: "".into(),
            place,
            block: call.block.span,
            unseen: true,
        })
    }

    #[allow(clippy::too_many_arguments)]
    pub fn enter(
        &mut self,
        parent: usize,
        owner: &Instance,
        call: &str,
        block: &Block,
        address: Arc<str>,
        bindings: Vec<(Arc<str>, Value)>,
        guards: Guards,
    ) -> Option<usize> {
        let key: Arc<str> = if owner.key.is_empty() {
            call.into()
        } else {
            format!("{}.{call}", owner.key).into()
        };
        let Some(module) = self.module_of_call(owner, &key, call, block) else {
            self.unseen.push(UnseenCall {
                parent,
                address,
                block: block.clone(),
                bindings,
                guards,
            });
            return None;
        };
        if owner.depth >= NESTING || self.instances.len() >= INSTANCES {
            self.loader.gap(
                &address,
                &format!("modules nested deeper than {NESTING} levels, or more than {INSTANCES} instances of them"),
                Some(block.header),
                None,
                GapKind::Reading,
            );
            return None;
        }
        let mut calls = owner.calls.clone();
        calls.push((address.clone(), block.header));
        let mut providers = Vec::new();
        match block.body.expression("providers").map(|e| &e.kind) {
            Some(ExpressionKind::Object(entries)) => {
                for (name, value) in entries {
                    let child = match name {
                        super::document::ObjectKey::Name(name, _) => name.to_string(),
                        super::document::ObjectKey::Expression(e) => match e.as_path() {
                            Some(path) => path.join("."),
                            None => continue,
                        },
                    };
                    if let Some(path) = value.as_path() {
                        providers
                            .push((Arc::from(child), self.provider_name(owner, &path.join("."))));
                    }
                }
            }
            _ => {
                providers = owner.providers.clone();
            }
        }
        self.instances.push(Arc::new(Instance {
            module,
            path: address,
            key,
            parent: Some(parent),
            call: call.into(),
            bindings,
            guards,
            calls,
            providers,
            depth: owner.depth + 1,
        }));
        Some(self.instances.len() - 1)
    }

    /// The root scope's name for a provider reference in a module instance.
    pub fn provider_name(&self, owner: &Instance, written: &str) -> Arc<str> {
        if let Some((_, name)) = owner
            .providers
            .iter()
            .find(|(child, _)| &**child == written)
        {
            return name.clone();
        }
        if written.contains('.') {
            written.into()
        } else {
            "".into()
        }
    }

    /// The module that a call leads to: on disk, else as the plan tells it.
    fn module_of_call(
        &mut self,
        owner: &Instance,
        key: &str,
        call: &str,
        block: &Block,
    ) -> Option<Arc<Module>> {
        if let Some(planned) = &owner.module.planned {
            return planned.children.get(call).cloned();
        }
        if let Some(folder) = self.folder_of_call(owner, key, block) {
            return Some(self.loader.module(&folder));
        }
        let told = self.plan.as_ref().and_then(|plan| plan.module(key));
        if told.is_none() {
            let name = format!("module.{}", key.replace('.', ".module."));
            let why = "not on disk: run `terraform init -backend=false`";
            let at = Some(block.header);
            self.loader.gap(&name, why, at, None, GapKind::Missing);
        }
        told
    }

    /// The folder that a call's source means, inside the read boundary.
    fn folder_of_call(&mut self, owner: &Instance, key: &str, block: &Block) -> Option<String> {
        let source = block
            .body
            .expression("source")
            .and_then(Expression::as_word)
            .unwrap_or("")
            .to_string();
        if source.starts_with("./") || source.starts_with("../") {
            if let Some(folder) = crate::files::join(&owner.module.folder, &source) {
                if self.loader.is_module(&folder) {
                    return Some(folder);
                }
            }
        }
        if let Some(folder) = self.installed(key) {
            if self.loader.is_module(&folder) {
                return Some(folder);
            }
        }
        None
    }

    /// Where `terraform init` put a module.
    fn installed(&mut self, key: &str) -> Option<String> {
        if self.module_keys.is_none() {
            let mut found = rustc_hash::FxHashMap::default();
            let path = crate::files::join(&self.root_folder, ".terraform/modules/modules.json")?;
            if self.loader.files.is_file(&path) {
                if let Ok(loaded) = self.loader.text(&path) {
                    if let Ok(value) = crate::source::json::parse_file(loaded.id, &loaded.text) {
                        for entry in value
                            .get("Modules")
                            .and_then(Value::as_items)
                            .unwrap_or_default()
                        {
                            if let (Some(key), Some(dir)) = (
                                entry.get("Key").and_then(Value::as_str),
                                entry.get("Dir").and_then(Value::as_str),
                            ) {
                                if let Some(folder) = crate::files::join(&self.root_folder, dir) {
                                    found.insert(key.to_string(), Arc::from(folder));
                                }
                            }
                        }
                    }
                }
            }
            self.module_keys = Some(found);
        }
        self.module_keys.as_ref()?.get(key).map(|f| f.to_string())
    }
}
