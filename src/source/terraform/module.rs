//! Module instances and the resources in them: expansion of `count` and `for_each`, references between them.

use std::sync::Arc;

use super::document::{Block, Expression, ExpressionKind, Operator};
use super::evaluate::{
    Binding, Env, Evaluator, Failure, Frame, Memo, Outcome, is_unknown, members,
};
use super::load::Module;
use crate::source::GapKind;
use crate::value::{
    Arm, Guard, Guards, Map, Place, Span, Step, Symbol, SymbolKind, Unknown, Value, ValueKind,
};

/// Instances of one block, and module instances of one run.
const INSTANCES: usize = 20_000;
/// Modules inside modules.
const NESTING: usize = 24;

/// One instance of a module.
#[derive(Debug, Clone)]
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

/// One instance of a resource or data source.
#[derive(Debug, Clone)]
pub struct Target {
    pub instance: usize,
    /// `aws_s3_bucket.b`, `data.aws_x.y`.
    pub name: Arc<str>,
    pub address: Arc<str>,
    pub bindings: Vec<(Arc<str>, Value)>,
    pub guards: Guards,
}

/// How a block multiplies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Single,
    Count,
    ForEach,
}

/// The instances of a block: positions of targets or module instances.
#[derive(Debug, Clone)]
pub struct Expanded {
    pub form: Form,
    pub items: Vec<(Value, usize)>,
    /// Which instances there are is not known; the items stand for them.
    pub open: bool,
}

/// One possibility of an expansion before it has a position.
struct Copy {
    key: Option<Value>,
    bindings: Vec<(Arc<str>, Value)>,
    guards: Guards,
}

impl<'l, 'f> Evaluator<'l, 'f> {
    /// Evaluates with the bindings of a block instance.
    pub fn with_bindings<T>(
        &mut self,
        instance: usize,
        bindings: &[(Arc<str>, Value)],
        run: &mut dyn FnMut(&mut Self, Env<'_>) -> T,
    ) -> T {
        let base = Env::of(instance);
        match bindings {
            [] => run(self, base),
            [(name, value), ..] => {
                let frame = Frame {
                    binding: Binding::One(name, value),
                    next: None,
                };
                run(
                    self,
                    Env {
                        frame: Some(&frame),
                        ..base
                    },
                )
            }
        }
    }

    fn copies(&mut self, block: &Block, env_instance: usize) -> (Form, Vec<Copy>, bool) {
        let single = || Copy {
            key: None,
            bindings: Vec::new(),
            guards: Vec::new(),
        };
        if let Some(expression) = block.body.expression("count") {
            let span = expression.span;
            let value = self
                .eval(expression, Env::of(env_instance))
                .unwrap_or_else(|f| Value::unknown(Unknown::because(f.message), Place::at(span)));
            let mut out = Vec::new();
            let mut open = false;
            for (guards, arm) in value.arms() {
                match count_of(arm) {
                    Some(count) => {
                        for i in 0..count.min(INSTANCES) {
                            let key = Value::int(i as i128, Place::at(span));
                            merge_copy(&mut out, count_copy(key, &guards), &guards);
                        }
                        if count > INSTANCES {
                            self.loader.gap(
                                "count",
                                "more instances than the limit",
                                Some(span),
                                None,
                                GapKind::Reading,
                            );
                        }
                    }
                    None => {
                        open = true;
                        let key = Value::unknown(
                            Unknown::because("a count that is not known"),
                            Place::at(span),
                        );
                        let mut guards = guards.clone();
                        guards.push(self.guards(arm, expression).0);
                        merge_copy(&mut out, count_copy(key, &guards), &guards);
                    }
                }
            }
            return (Form::Count, out, open);
        }
        if let Some(expression) = block.body.expression("for_each") {
            let span = expression.span;
            let value = self
                .eval(expression, Env::of(env_instance))
                .unwrap_or_else(|f| Value::unknown(Unknown::because(f.message), Place::at(span)));
            let mut out = Vec::new();
            let mut open = false;
            for (guards, arm) in value.arms() {
                match members(arm) {
                    Some(all) => {
                        if all.len() > INSTANCES {
                            self.loader.gap(
                                "for_each",
                                "more instances than the limit",
                                Some(span),
                                None,
                                GapKind::Reading,
                            );
                        }
                        let is_list = matches!(arm.kind, ValueKind::List(_));
                        for (key, value) in all.into_iter().take(INSTANCES) {
                            let key = if is_list { value.clone() } else { key };
                            merge_copy(&mut out, each_copy(key, value, &guards), &guards);
                        }
                    }
                    None => {
                        open = true;
                        let key = Value::unknown(
                            Unknown::because("a key of for_each that is not known"),
                            Place::at(span),
                        );
                        let inner = Value::unknown(
                            Unknown::because("a value of for_each that is not known"),
                            Place::at(span),
                        );
                        let mut guards = guards.clone();
                        guards.push(self.guards(arm, expression).0);
                        merge_copy(&mut out, each_copy(key, inner, &guards), &guards);
                    }
                }
            }
            return (Form::ForEach, out, open);
        }
        (Form::Single, vec![single()], false)
    }

    /// The instances of a resource, data source (`data.` name) or module call (`module.` name) of a module instance.
    pub fn expanded(&mut self, instance: usize, name: &Arc<str>) -> Option<Arc<Expanded>> {
        let key = (instance, name.clone());
        match self.expansions.get(&key) {
            Some(Memo::Done(expanded)) => return Some(expanded.clone()),
            Some(Memo::Busy) => return None,
            None => {}
        }
        let owner = self.instances.get(instance)?.clone();
        let block = match name.strip_prefix("module.") {
            Some(call) => owner.module.modules.get(call)?,
            None => owner.module.resources.get(name)?,
        };
        self.expansions.insert(key.clone(), Memo::Busy);
        let (form, copies, open) = self.copies(block, instance);
        let mut items = Vec::new();
        for copy in copies {
            let suffix = match &copy.key {
                None => String::new(),
                Some(value) => key_suffix(value),
            };
            let prefix = if owner.path.is_empty() {
                String::new()
            } else {
                format!("{}.", owner.path)
            };
            let address: Arc<str> = format!("{prefix}{name}{suffix}").into();
            let mut guards = owner.guards.clone();
            for guard in &copy.guards {
                if !guards.contains(guard) {
                    guards.push(guard.clone());
                }
            }
            let shown = copy
                .key
                .unwrap_or_else(|| Value::null(Place::at(block.header)));
            let position = match name.strip_prefix("module.") {
                Some(call) => match self.enter(
                    instance,
                    &owner,
                    call,
                    block,
                    address,
                    copy.bindings,
                    guards,
                ) {
                    Some(position) => position,
                    None => continue,
                },
                None => {
                    self.targets.push(Target {
                        instance,
                        name: name.clone(),
                        address,
                        bindings: copy.bindings,
                        guards,
                    });
                    self.targets.len() - 1
                }
            };
            items.push((shown, position));
        }
        let expanded = Arc::new(Expanded { form, items, open });
        self.expansions.insert(key, Memo::Done(expanded.clone()));
        Some(expanded)
    }

    #[allow(clippy::too_many_arguments)]
    fn enter(
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
        let folder = self.folder_of_call(owner, &key, block)?;
        if owner.depth >= NESTING || self.instances.len() >= INSTANCES {
            self.loader.gap(
                &address,
                "modules nested deeper, or more often, than the limit",
                Some(block.header),
                None,
                GapKind::Reading,
            );
            return None;
        }
        let module = self.loader.module(&folder);
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
        self.instances.push(Instance {
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
        });
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
        let name = format!("module.{}", key.replace('.', ".module."));
        self.loader.gap(
            &name,
            "not on disk: run `terraform init -backend=false`",
            Some(block.header),
            None,
            GapKind::Missing,
        );
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

    /// A reference, a traversal or an indexed expression.
    pub fn reference(&mut self, expression: &Expression, env: Env<'_>) -> Outcome {
        let span = expression.span;
        let (base, operators): (&Expression, &[(Operator, Span)]) = match &expression.kind {
            ExpressionKind::Traversal { base, operators } => (base, operators),
            _ => (expression, &[]),
        };
        let ExpressionKind::Variable(name) = &base.kind else {
            let value = self.eval(base, env)?;
            return self.operate(value, operators, span, env);
        };
        if let Some(value) = env.find(name) {
            return self.operate(value.clone(), operators, span, env);
        }
        if env.template {
            return Err(Failure::new(
                format!("the template has no variable `{name}`"),
                span,
            ));
        }
        let attribute = |i: usize| match operators.get(i) {
            Some((Operator::Attribute(name), _)) => Some(name.clone()),
            Some((Operator::Index(key), _)) => key.as_word().map(Arc::from),
            _ => None,
        };
        let rest = |n: usize| operators.get(n..).unwrap_or_default();
        match &**name {
            "var" => {
                let Some(input) = attribute(0) else {
                    return Err(Failure::new("`var` needs a name", span));
                };
                let value = self
                    .variable(env.instance, &input, span)?
                    .through(Step::Input(input), span);
                self.operate(value, rest(1), span, env)
            }
            "local" => {
                let Some(local) = attribute(0) else {
                    return Err(Failure::new("`local` needs a name", span));
                };
                let value = self
                    .local(env.instance, &local, span)?
                    .through(Step::Local(local), span);
                self.operate(value, rest(1), span, env)
            }
            "module" => {
                let Some(call) = attribute(0) else {
                    return Err(Failure::new("`module` needs a name", span));
                };
                self.module_reference(&call, rest(1), span, env)
            }
            "data" => match (attribute(0), attribute(1)) {
                (Some(kind), Some(name)) => {
                    let name = format!("data.{kind}.{name}").into();
                    self.resource_reference(&name, rest(2), span, env)
                }
                _ => Err(Failure::new("`data` needs a type and a name", span)),
            },
            "path" => {
                let folder = match attribute(0).as_deref() {
                    Some("module") => {
                        let owner = self.instances.get(env.instance);
                        let folder = owner.map_or("", |i| &*i.module.folder).to_string();
                        relative_folder(&self.root_folder, &folder)
                    }
                    Some("root" | "cwd") => ".".to_string(),
                    _ => return Err(Failure::new("`path` has module, root and cwd", span)),
                };
                Ok(Value::text(folder, Place::at(span)))
            }
            "terraform" => {
                Ok(self.input_symbol("terraform.workspace", "the workspace is not known", span))
            }
            "each" | "count" | "self" => {
                Err(Failure::new(format!("`{name}` has no value here"), span))
            }
            kind => match attribute(0) {
                Some(name) => {
                    let name = format!("{kind}.{name}").into();
                    self.resource_reference(&name, rest(1), span, env)
                }
                None => Err(Failure::new(format!("`{kind}` is not declared"), span)),
            },
        }
    }

    pub fn input_symbol(&self, subject: &str, reason: &str, span: Span) -> Value {
        let symbol = Symbol {
            scope: self.scope,
            kind: SymbolKind::Input,
            subject: subject.into(),
            attribute: "".into(),
        };
        Value::unknown(Unknown::symbol(symbol, reason), Place::at(span))
    }

    fn module_reference(
        &mut self,
        call: &Arc<str>,
        operators: &[(Operator, Span)],
        span: Span,
        env: Env<'_>,
    ) -> Outcome {
        let name: Arc<str> = format!("module.{call}").into();
        let owner_path = self
            .instances
            .get(env.instance)
            .map_or_else(|| "".into(), |i| i.path.clone());
        let full = if owner_path.is_empty() {
            name.to_string()
        } else {
            format!("{owner_path}.{name}")
        };
        let import = |this: &Self| {
            let symbol = Symbol {
                scope: this.scope,
                kind: SymbolKind::Import,
                subject: full.clone().into(),
                attribute: "".into(),
            };
            Value::unknown(
                Unknown::symbol(symbol, format!("`{full}` is not on disk")),
                Place::at(span),
            )
        };
        let Some(expanded) = self.expanded(env.instance, &name) else {
            let value = import(self);
            return self.operate(value, operators, span, env);
        };
        if expanded.items.is_empty() && expanded.form == Form::Single {
            let value = import(self);
            return self.operate(value, operators, span, env);
        }
        self.pick(
            &expanded,
            operators,
            span,
            env,
            &mut |this, position, operators, env| match operators.first() {
                Some((Operator::Attribute(output), _)) => {
                    let value = this
                        .output(position, output, span)?
                        .through(Step::Output(output.clone()), span);
                    this.operate(value, operators.get(1..).unwrap_or_default(), span, env)
                }
                _ => {
                    let mut map = Map::default();
                    let names: Vec<Arc<str>> = this
                        .instances
                        .get(position)
                        .map(|i| i.module.outputs.keys().cloned().collect())
                        .unwrap_or_default();
                    for output in names {
                        let value = this.output(position, &output, span).unwrap_or_else(|f| {
                            Value::unknown(Unknown::because(f.message), Place::at(span))
                        });
                        map.insert(output, Place::at(span), value);
                    }
                    this.operate(Value::map(map, Place::at(span)), operators, span, env)
                }
            },
        )
    }

    fn resource_reference(
        &mut self,
        name: &Arc<str>,
        operators: &[(Operator, Span)],
        span: Span,
        env: Env<'_>,
    ) -> Outcome {
        let declared = self
            .instances
            .get(env.instance)
            .is_some_and(|i| i.module.resources.contains_key(name));
        if !declared {
            return Err(Failure::new(format!("`{name}` is not declared"), span));
        }
        let Some(expanded) = self.expanded(env.instance, name) else {
            return Ok(Value::unknown(
                Unknown::because(format!("`{name}` depends on itself")),
                Place::at(span),
            ));
        };
        self.pick(
            &expanded,
            operators,
            span,
            env,
            &mut |this, position, operators, env| match operators.first() {
                Some((Operator::Attribute(attribute), _)) => {
                    let value = this.attribute(position, attribute, span)?;
                    this.operate(value, operators.get(1..).unwrap_or_default(), span, env)
                }
                _ => {
                    let value = this.whole(position, span);
                    this.operate(value, operators, span, env)
                }
            },
        )
    }

    /// Chooses among instances by the operators that follow, then goes on with each.
    fn pick(
        &mut self,
        expanded: &Expanded,
        operators: &[(Operator, Span)],
        span: Span,
        env: Env<'_>,
        go: &mut dyn FnMut(&mut Self, usize, &[(Operator, Span)], Env<'_>) -> Outcome,
    ) -> Outcome {
        let rest = operators.get(1..).unwrap_or_default();
        let first = expanded.items.first().map(|(_, position)| *position);
        if expanded.form == Form::Single {
            let Some(position) = first else {
                return Ok(Value::unknown(
                    Unknown::because("has no instance"),
                    Place::at(span),
                ));
            };
            return match operators.first() {
                Some((Operator::FullSplat | Operator::AttributeSplat, _)) => {
                    let value = go(self, position, rest, env)?;
                    Ok(Value::list(vec![value], Place::at(span)))
                }
                _ => go(self, position, operators, env),
            };
        }
        match operators.first() {
            Some((Operator::Index(key), _)) => {
                let key = self.eval(key, env)?;
                self.pick_key(expanded, &key, rest, span, env, go)
            }
            Some((Operator::Attribute(name), _)) if name.bytes().all(|b| b.is_ascii_digit()) => {
                let key = Value::int(name.parse().unwrap_or(0), Place::at(span));
                self.pick_key(expanded, &key, rest, span, env, go)
            }
            Some((Operator::FullSplat | Operator::AttributeSplat, _)) => {
                if expanded.open {
                    return Ok(Value::unknown(
                        Unknown::because("how many instances there are is not known"),
                        Place::at(span),
                    ));
                }
                let full = matches!(operators.first(), Some((Operator::FullSplat, _)));
                let taken = if full {
                    rest.len()
                } else {
                    rest.iter()
                        .take_while(|(o, _)| matches!(o, Operator::Attribute(_)))
                        .count()
                };
                let (inner, outer) = (
                    rest.get(..taken).unwrap_or_default(),
                    rest.get(taken..).unwrap_or_default(),
                );
                let mut out = Vec::new();
                for (_, position) in &expanded.items {
                    out.push(go(self, *position, inner, env)?);
                }
                self.operate(Value::list(out, Place::at(span)), outer, span, env)
            }
            _ => {
                if expanded.open {
                    let value = Value::unknown(
                        Unknown::because("how many instances there are is not known"),
                        Place::at(span),
                    );
                    return self.operate(value, operators, span, env);
                }
                let value = if expanded.form == Form::Count {
                    let mut out = Vec::new();
                    for (_, position) in &expanded.items {
                        out.push(go(self, *position, &[], env)?);
                    }
                    Value::list(out, Place::at(span))
                } else {
                    let mut map = Map::default();
                    for (key, position) in &expanded.items {
                        let key = self.key_text(key, span)?;
                        let value = go(self, *position, &[], env)?;
                        map.insert(key, Place::at(span), value);
                    }
                    Value::map(map, Place::at(span))
                };
                self.operate(value, operators, span, env)
            }
        }
    }

    fn pick_key(
        &mut self,
        expanded: &Expanded,
        key: &Value,
        rest: &[(Operator, Span)],
        span: Span,
        env: Env<'_>,
        go: &mut dyn FnMut(&mut Self, usize, &[(Operator, Span)], Env<'_>) -> Outcome,
    ) -> Outcome {
        let wanted = self.key_text(key, span)?;
        for (known, position) in &expanded.items {
            if self.key_text(known, span)? == wanted {
                return go(self, *position, rest, env);
            }
        }
        if expanded.open || is_unknown(key) {
            // Any of the instances; where there is one, it is that one.
            if let [(_, position)] = expanded.items.as_slice() {
                return go(self, *position, rest, env);
            }
            let value = Value::unknown(
                Unknown::because("which instance is meant is not known"),
                Place::at(span),
            );
            return self.operate(value, rest, span, env);
        }
        Err(Failure::new(
            format!("there is no instance `{wanted}`"),
            span,
        ))
    }

    /// Applies attribute, index and splat operators to a value.
    pub fn operate(
        &mut self,
        value: Value,
        operators: &[(Operator, Span)],
        span: Span,
        env: Env<'_>,
    ) -> Outcome {
        let Some((operator, _)) = operators.first() else {
            return Ok(value);
        };
        let rest = operators.get(1..).unwrap_or_default();
        if let ValueKind::Choice(arms) = &value.kind {
            let mut out = Vec::new();
            let mut failure = None;
            for arm in arms.iter() {
                match self.operate(arm.value.clone(), operators, span, env) {
                    Ok(value) => out.push(Arm {
                        guard: arm.guard.clone(),
                        value,
                    }),
                    Err(f) => failure = Some(f),
                }
            }
            return match failure {
                Some(f) if out.is_empty() => Err(f),
                _ => Ok(super::choice::choose(out, &value.place)),
            };
        }
        match operator {
            Operator::Attribute(name) => {
                let next = get(&value, name, span)?;
                self.operate(next, rest, span, env)
            }
            Operator::Index(key) => {
                let key = self.eval(key, env)?;
                let next = index(&value, &key, span)?;
                self.operate(next, rest, span, env)
            }
            Operator::FullSplat | Operator::AttributeSplat => {
                let full = matches!(operator, Operator::FullSplat);
                let taken = if full {
                    rest.len()
                } else {
                    rest.iter()
                        .take_while(|(o, _)| matches!(o, Operator::Attribute(_)))
                        .count()
                };
                let (inner, outer) = (
                    rest.get(..taken).unwrap_or_default(),
                    rest.get(taken..).unwrap_or_default(),
                );
                let items = match &value.kind {
                    ValueKind::Null => Vec::new(),
                    ValueKind::List(_) | ValueKind::Set(_) => members(&value)
                        .unwrap_or_default()
                        .into_iter()
                        .map(|(_, v)| v)
                        .collect(),
                    ValueKind::Unknown(_) => {
                        return Ok(super::evaluate::unknown_from("splat", &value, span));
                    }
                    _ => vec![value.clone()],
                };
                let mut out = Vec::new();
                for item in items {
                    out.push(self.operate(item, inner, span, env)?);
                }
                self.operate(Value::list(out, Place::at(span)), outer, span, env)
            }
        }
    }
}

/// Key of the hidden entry that names the resource which a map is the value of.
pub const WHOLE: &str = "\u{0}resource";

fn extended(unknown: &Unknown, part: &str, span: Span, value: &Value) -> Value {
    let next = match &unknown.symbol {
        Some(symbol) => {
            let attribute = if symbol.attribute.is_empty() {
                part.trim_start_matches('.').to_string()
            } else {
                format!("{}{part}", symbol.attribute)
            };
            let symbol = Symbol {
                attribute: attribute.into(),
                ..(**symbol).clone()
            };
            Unknown {
                reason: unknown.reason.clone(),
                symbol: Some(Arc::new(symbol)),
            }
        }
        None => unknown.clone(),
    };
    Value {
        sensitive: value.sensitive,
        ..Value::unknown(next, Place::at(span))
    }
}

fn get(value: &Value, name: &str, span: Span) -> Outcome {
    match &value.kind {
        ValueKind::Map(map) => {
            if let Some(found) = map.get(name) {
                return Ok(super::evaluate::inherit(found.clone(), value));
            }
            if let Some(Value {
                kind: ValueKind::Unknown(whole),
                ..
            }) = map.get(WHOLE)
            {
                return Ok(extended(whole, &format!(".{name}"), span, value));
            }
            Err(Failure::new(
                format!("there is no attribute `{name}`"),
                span,
            ))
        }
        ValueKind::Unknown(unknown) => Ok(extended(unknown, &format!(".{name}"), span, value)),
        ValueKind::List(items) => match name.parse::<usize>() {
            Ok(i) => match items.get(i) {
                Some(found) => Ok(super::evaluate::inherit(found.clone(), value)),
                None => Err(Failure::new(format!("there is no element {i}"), span)),
            },
            Err(_) => Err(Failure::new(
                format!("a list has no attribute `{name}`"),
                span,
            )),
        },
        ValueKind::Null => Err(Failure::new(
            format!("null has no attribute `{name}`"),
            span,
        )),
        _ => Err(Failure::new(
            format!("the value has no attribute `{name}`"),
            span,
        )),
    }
}

fn index(value: &Value, key: &Value, span: Span) -> Outcome {
    if let ValueKind::Unknown(unknown) = &value.kind {
        let part = match super::evaluate::canonical(key) {
            Some(key) => format!("[{key}]"),
            None => return Ok(super::evaluate::unknown_from("index", value, span)),
        };
        return Ok(extended(unknown, &part, span, value));
    }
    if is_unknown(key) || matches!(key.kind, ValueKind::Choice(_)) {
        return Ok(super::evaluate::unknown_from("index", key, span));
    }
    match &value.kind {
        ValueKind::List(items) => {
            let number = crate::source::functions::convert::number(key)
                .map_err(|e| super::evaluate::failure(e, span))?
                .as_i128()
                .and_then(|n| usize::try_from(n).ok());
            match number.and_then(|n| items.get(n)) {
                Some(found) => Ok(super::evaluate::inherit(found.clone(), value)),
                None => Err(Failure::new("the index is outside the list", span)),
            }
        }
        ValueKind::Map(map) => {
            let text = crate::source::functions::convert::text(key)
                .map_err(|e| super::evaluate::failure(e, span))?;
            match text.as_literal() {
                Some(name) => match map.get(name) {
                    Some(found) => Ok(super::evaluate::inherit(found.clone(), value)),
                    None => get(value, name, span),
                },
                None => Ok(super::evaluate::unknown_from("index", key, span)),
            }
        }
        _ => Err(Failure::new("only lists and maps can be indexed", span)),
    }
}

/// The folder as `path.module` prints it: relative to the root module.
fn relative_folder(root: &str, folder: &str) -> String {
    if root == folder {
        return ".".into();
    }
    let inside = if root.is_empty() {
        Some(folder)
    } else {
        folder.strip_prefix(root).and_then(|r| r.strip_prefix('/'))
    };
    if let Some(inside) = inside {
        return inside.to_string();
    }
    let root_parts: Vec<&str> = root.split('/').filter(|p| !p.is_empty()).collect();
    let parts: Vec<&str> = folder.split('/').filter(|p| !p.is_empty()).collect();
    let common = root_parts
        .iter()
        .zip(&parts)
        .take_while(|(a, b)| a == b)
        .count();
    let mut out: Vec<&str> = vec![".."; root_parts.len() - common];
    out.extend(parts.iter().skip(common));
    out.join("/")
}

fn count_of(value: &Value) -> Option<usize> {
    match &value.kind {
        ValueKind::Null => Some(1),
        _ if is_unknown(value) => None,
        _ => crate::source::functions::convert::number(value)
            .ok()
            .and_then(|n| n.as_i128())
            .and_then(|n| usize::try_from(n).ok()),
    }
}

fn count_copy(index: Value, guards: &[Guard]) -> Copy {
    let mut map = Map::default();
    map.insert("index", index.place.clone(), index.clone());
    let place = index.place.clone();
    Copy {
        key: Some(index),
        bindings: vec![("count".into(), Value::map(map, place))],
        guards: guards.to_vec(),
    }
}

fn each_copy(key: Value, value: Value, guards: &[Guard]) -> Copy {
    let mut map = Map::default();
    map.insert("key", key.place.clone(), key.clone());
    map.insert("value", value.place.clone(), value);
    let place = key.place.clone();
    Copy {
        key: Some(key),
        bindings: vec![("each".into(), Value::map(map, place))],
        guards: guards.to_vec(),
    }
}

/// An instance that exists in several arms is one instance; in all arms of one input it is unconditional.
fn merge_copy(out: &mut Vec<Copy>, copy: Copy, guards: &[Guard]) {
    // Only small choices are merged; long lists come from one arm.
    if !guards.is_empty() {
        if let Some(known) = out.iter_mut().find(|c| c.key == copy.key) {
            known
                .guards
                .retain(|g| !guards.iter().any(|h| h.input == g.input && h.arm != g.arm));
            return;
        }
    }
    out.push(copy);
}

fn key_suffix(key: &Value) -> String {
    match &key.kind {
        ValueKind::Number(n) => format!("[{n}]"),
        ValueKind::Text(text) => match text.as_literal() {
            Some(literal) => format!("[\"{literal}\"]"),
            None => format!("[\"{}\"]", text.display()),
        },
        _ => "[…]".into(),
    }
}
