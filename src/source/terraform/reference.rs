//! References: variables, locals, modules and resources, and which instance of them is meant.

use std::sync::Arc;

use super::choice::{same_arm, spread, worlds};
use super::document::{Expression, ExpressionKind, Operator};
use super::evaluate::{Env, Evaluator, Failure, Outcome};
use super::expansion::{Expanded, Form, Item};
use super::unknown::{is_unknown, key_text};
use crate::source::GapKind;
use crate::value::{Guards, Map, Place, Span, Step, Symbol, SymbolKind, Unknown, Value, ValueKind};

/// What is done with the instance that was chosen, and the operators that follow.
type Go<'g, 'l, 'f> =
    dyn FnMut(&mut Evaluator<'l, 'f>, &Item, &[(Operator, Span)], Env<'_>) -> Outcome + 'g;

impl<'l, 'f> Evaluator<'l, 'f> {
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
            // The same as without the word.
            "resource" if attribute(1).is_some() => {
                let name = format!(
                    "{}.{}",
                    attribute(0).unwrap_or_default(),
                    attribute(1).unwrap_or_default()
                )
                .into();
                self.resource_reference(&name, rest(2), span, env)
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
            "ephemeral" => {
                let [kind, name] = [attribute(0), attribute(1)].map(Option::unwrap_or_default);
                let subject = format!("ephemeral.{kind}.{name}");
                let reason = format!("`{subject}` is read anew in each run");
                let value = self.input_symbol(&subject, &reason, span);
                self.operate(value, rest(2), span, env)
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
        let import = |this: &Self, subject: &str| {
            let symbol = Symbol {
                scope: this.scope,
                kind: SymbolKind::Import,
                subject: subject.into(),
                attribute: "".into(),
            };
            let reason = format!("`{full}` is not on disk");
            Value::unknown(Unknown::symbol(symbol, reason), Place::at(span))
        };
        let Some(expanded) = self.expanded(env.instance, &name) else {
            let value = import(self, &full);
            return self.operate(value, operators, span, env);
        };
        self.pick(
            &expanded,
            operators,
            span,
            env,
            &mut |this, item, operators, env| {
                let Some(position) = item.position else {
                    let value = import(this, &item.address);
                    return this.operate(value, operators, span, env);
                };
                match operators.first() {
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
            let (value, taken) = self.undeclared_resource(name, operators, span, env)?;
            let rest = operators.get(taken..).unwrap_or_default();
            return self.operate(value, rest, span, env);
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
            &mut |this, item, operators, env| {
                let position = item.position.unwrap_or(usize::MAX);
                match operators.first() {
                    Some((Operator::Attribute(attribute), _)) => {
                        let value = this.attribute(position, attribute, span)?;
                        this.operate(value, operators.get(1..).unwrap_or_default(), span, env)
                    }
                    _ => {
                        let value = this.whole(position, span);
                        this.operate(value, operators, span, env)
                    }
                }
            },
        )
    }

    /// A resource that no file at hand declares: a symbol all the same, unless somebody asks whether it fails.
    /// Also how many operators the symbol has taken.
    fn undeclared_resource(
        &mut self,
        name: &Arc<str>,
        operators: &[(Operator, Span)],
        span: Span,
        env: Env<'_>,
    ) -> Result<(Value, usize), Failure> {
        if self.strict > 0 {
            return Err(Failure::new(format!("`{name}` is not declared"), span));
        }
        if self.undeclared.insert(name.clone()) {
            self.loader
                .gap(name, "is not declared", Some(span), None, GapKind::Unknown);
        }
        let path = self.instances.get(env.instance).map_or("", |i| &*i.path);
        let full = if path.is_empty() {
            name.to_string()
        } else {
            format!("{path}.{name}")
        };
        let data = name.strip_prefix("data.");
        let attribute = match operators.first() {
            Some((Operator::Attribute(attribute), _)) => &**attribute,
            _ => "",
        };
        let pseudo = match (data.and_then(|d| d.split('.').next()), attribute) {
            (Some("aws_caller_identity"), "account_id" | "id") => Some(SymbolKind::Account),
            (Some("aws_region"), "name" | "id" | "region") => Some(SymbolKind::Region),
            (Some("aws_partition"), "partition" | "id") => Some(SymbolKind::Partition),
            (Some("aws_partition"), "dns_suffix") => Some(SymbolKind::UrlSuffix),
            _ => None,
        };
        let (kind, subject, taken) = match (pseudo, data) {
            (Some(kind), _) => (kind, "".into(), 1),
            (None, Some(_)) => (SymbolKind::Data, full.into(), 0),
            (None, None) => (SymbolKind::Resource, full.into(), 0),
        };
        self.writes_own_account |= kind == SymbolKind::Account;
        let symbol = Symbol {
            scope: self.scope,
            kind,
            subject,
            attribute: "".into(),
        };
        let unknown = Unknown::symbol(symbol, format!("`{name}` is not declared"));
        Ok((Value::unknown(unknown, Place::at(span)), taken))
    }

    /// Chooses among instances by the operators that follow, then goes on with each.
    fn pick(
        &mut self,
        expanded: &Expanded,
        operators: &[(Operator, Span)],
        span: Span,
        env: Env<'_>,
        go: &mut Go<'_, 'l, 'f>,
    ) -> Outcome {
        let rest = operators.get(1..).unwrap_or_default();
        let first = expanded.items.first();
        if expanded.form == Form::Single {
            let Some(item) = first else {
                return Ok(Value::unknown(
                    Unknown::because("has no instance"),
                    Place::at(span),
                ));
            };
            return match operators.first() {
                Some((Operator::FullSplat | Operator::AttributeSplat, _)) => {
                    let value = go(self, item, rest, env)?;
                    Ok(Value::list(vec![value], Place::at(span)))
                }
                _ => go(self, item, operators, env),
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
            // Old sources leave the index out where they count.
            Some((Operator::Attribute(_), _))
                if expanded.form == Form::Count && self.strict == 0 =>
            {
                match first {
                    Some(item) => go(self, item, operators, env),
                    None => Err(Failure::new("there is no instance", span)),
                }
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
                let value = self.collected(expanded, true, span, &mut |this, item| {
                    go(this, item, inner, env)
                })?;
                self.operate(value, outer, span, env)
            }
            _ => {
                let value = match expanded.whole.get() {
                    Some(value) => Value {
                        place: Place::at(span),
                        ..value.clone()
                    },
                    None if expanded.open => {
                        let why = "how many instances there are is not known";
                        Value::unknown(Unknown::because(why), Place::at(span))
                    }
                    None => {
                        let list = expanded.form == Form::Count;
                        let value = self.collected(expanded, list, span, &mut |this, item| {
                            go(this, item, &[], env)
                        })?;
                        let _ = expanded.whole.set(value.clone());
                        value
                    }
                };
                self.operate(value, operators, span, env)
            }
        }
    }

    /// All instances as one list or map; a choice where some exist under guards.
    fn collected(
        &mut self,
        expanded: &Expanded,
        list: bool,
        span: Span,
        go: &mut dyn FnMut(&mut Self, &Item) -> Outcome,
    ) -> Outcome {
        let place = Place::at(span);
        let mut all = Vec::with_capacity(expanded.items.len());
        for item in &expanded.items {
            let key = if list {
                "".into()
            } else {
                key_text(&item.key, span)?
            };
            all.push((&item.guards, key, go(self, item)?));
        }
        let guards: Vec<&Guards> = expanded.items.iter().map(|i| &i.guards).collect();
        Ok(worlds(&guards, &place, &mut |holds| {
            let there = all.iter().filter(|(guards, ..)| holds(guards));
            if list {
                return Value::list(
                    there.map(|(.., value)| value.clone()).collect(),
                    place.clone(),
                );
            }
            let mut map = Map::default();
            for (_, key, value) in there {
                map.insert(key.clone(), place.clone(), value.clone());
            }
            Value::map(map, place.clone())
        }))
    }

    fn pick_key(
        &mut self,
        expanded: &Expanded,
        key: &Value,
        rest: &[(Operator, Span)],
        span: Span,
        env: Env<'_>,
        go: &mut Go<'_, 'l, 'f>,
    ) -> Outcome {
        if let ValueKind::Choice(_) = &key.kind {
            return spread(
                std::slice::from_ref(key),
                &Place::at(span),
                &mut |keys| match keys.first() {
                    Some(key) => self.pick_key(expanded, key, rest, span, env, go),
                    None => Ok(Value::null(Place::at(span))),
                },
            );
        }
        let wanted = key_text(key, span)?;
        let found = expanded
            .by_key
            .get(&wanted)
            .and_then(|at| expanded.items.get(*at));
        if let Some(item) = found {
            if self.strict > 0 {
                let owner = self.instances.get(env.instance);
                let known = owner.map_or(&[][..], |i| i.guards.as_slice());
                let open = item
                    .guards
                    .iter()
                    .filter(|g| !known.iter().any(|k| same_arm(k, g)));
                self.needed.extend(open.cloned());
            }
            return go(self, item, rest, env);
        }
        if expanded.open || is_unknown(key) {
            // Any of the instances; where there is one, it is that one.
            if let [item] = expanded.items.as_slice() {
                return go(self, item, rest, env);
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
