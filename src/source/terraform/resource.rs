//! Attributes and blocks of resources and data sources, instance by instance.

use std::sync::Arc;

use super::choice::{assume_all, otherwise};
use super::document::{Block, Body};
use super::evaluate::{Binding, Env, Evaluator, Frame, Memo, Outcome};
use super::expansion::{Form, Target};
use super::plan::graft;
use super::plan::told::pseudo;
use super::traverse::{WHOLE, members};
use super::unknown::is_unknown;
use crate::source::{GapKind, Resource};
use crate::value::{
    Arm, Guard, Map, Place, Span, Step, Symbol, SymbolKind, Unknown, Value, ValueKind,
};

/// Blocks and arguments of Terraform itself, which are no properties.
const META: &[&str] = &[
    "count",
    "for_each",
    "provider",
    "depends_on",
    "lifecycle",
    "provisioner",
    "connection",
];

/// What is done with each block.
type EachBlock<'r, 'l, 'f> = dyn FnMut(&mut Evaluator<'l, 'f>, Shown<'_>, Env<'_>, &[Guard]) + 'r;

/// A nested block, or the content of a `dynamic` one.
#[derive(Clone, Copy)]
pub struct Shown<'b> {
    pub body: &'b Body,
    pub header: Span,
    pub span: Span,
}

impl<'l, 'f> Evaluator<'l, 'f> {
    fn block_of(&self, position: usize) -> Option<(Arc<Target>, Arc<Block>)> {
        let target = self.targets.get(position)?.clone();
        let block = target.block.clone();
        Some((target, block))
    }

    /// An attribute of a resource: configured, or a symbol. Nothing is written at the declaration of what is known
    /// after apply: the place that a person can change is the use.
    pub fn attribute(&mut self, position: usize, name: &Arc<str>, span: Span) -> Outcome {
        let mut value = self.remembered(position, name, span)?;
        let header = self.block_of(position).map(|(_, block)| block.header);
        if matches!(&value.kind, ValueKind::Unknown(u) if u.symbol.is_some())
            && header == Some(value.place.span)
            && value.place.via.is_none()
        {
            value.place = Place::at(span);
        }
        Ok(value)
    }

    fn remembered(&mut self, position: usize, name: &Arc<str>, span: Span) -> Outcome {
        let key = (position, name.clone());
        match self.attributes.get(&key) {
            Some(Memo::Done(outcome)) => return outcome.clone(),
            Some(Memo::Busy) => {
                return Ok(Value::unknown(
                    Unknown::because(format!("`{name}` depends on itself")),
                    Place::at(span),
                ));
            }
            None => {}
        }
        self.attributes.insert(key.clone(), Memo::Busy);
        let strict = std::mem::take(&mut self.strict);
        let outcome = self.compute_attribute(position, name, span);
        self.strict = strict;
        self.attributes.insert(key, Memo::Done(outcome.clone()));
        outcome
    }

    fn compute_attribute(&mut self, position: usize, name: &Arc<str>, span: Span) -> Outcome {
        let Some((target, block)) = self.block_of(position) else {
            return Ok(Value::unknown(
                Unknown::because("no such resource"),
                Place::at(span),
            ));
        };
        let data = target.name.starts_with("data.");
        let told = self.told(&target, name, block.header);
        if target.planned
            && !pseudo(&target.name)
            && let Some(value) = told
        {
            return Ok(value);
        }
        if let Some(value) = self.known_data(&target, &block, position, name, span) {
            return value;
        }
        if let Some(expression) = block.body.expression(name) {
            if !META.contains(&&**name) {
                let value =
                    self.with_bindings(target.instance, &target.bindings, &mut |this, env| {
                        this.eval(expression, env)
                    })?;
                // A null argument is one that the provider computes.
                if !value.is_null() {
                    return Ok(match told.filter(|_| data && is_unknown(&value)) {
                        Some(told) => told,
                        None => value,
                    });
                }
            }
        } else if data && let Some(told) = told {
            return Ok(told);
        } else if has_block(&block.body, name) {
            let blocks = self.with_bindings(target.instance, &target.bindings, &mut |this, env| {
                this.nested(&block.body, name, env, block.header)
            });
            return Ok(self.open_blocks(blocks, &target, name));
        }
        let symbol = Symbol {
            scope: self.scope,
            kind: if data {
                SymbolKind::Data
            } else {
                SymbolKind::Resource
            },
            subject: target.address.clone(),
            attribute: name.clone(),
        };
        let reason = if data {
            format!("`{}.{name}` is read from AWS", target.address)
        } else {
            format!("`{}.{name}` is known after apply", target.address)
        };
        Ok(Value::unknown(
            Unknown::symbol(symbol, reason),
            Place::at(block.header),
        ))
    }

    /// Blocks as the value of an attribute: what they do not set, the provider may.
    fn open_blocks(&self, blocks: Value, target: &Target, name: &str) -> Value {
        let ValueKind::List(items) = &blocks.kind else {
            return blocks;
        };
        let kind = match target.name.starts_with("data.") {
            true => SymbolKind::Data,
            false => SymbolKind::Resource,
        };
        let open = |(i, item): (usize, &Value)| {
            let ValueKind::Map(map) = &item.kind else {
                return item.clone();
            };
            let symbol = Symbol {
                scope: self.scope,
                kind,
                subject: target.address.clone(),
                attribute: format!("{name}[{i}]").into(),
            };
            let reason = format!("`{}` is known after apply", target.address);
            let whole = Value::unknown(Unknown::symbol(symbol, reason), item.place.clone());
            let mut map = (**map).clone();
            map.insert(WHOLE, item.place.clone(), whole);
            Value {
                kind: ValueKind::Map(Arc::new(map)),
                ..item.clone()
            }
        };
        let items = items.iter().enumerate().map(open).collect();
        Value {
            kind: ValueKind::List(Arc::new(items)),
            ..blocks
        }
    }

    /// Data sources whose attributes mean something before anything is read.
    fn known_data(
        &mut self,
        target: &Target,
        block: &Block,
        position: usize,
        name: &Arc<str>,
        span: Span,
    ) -> Option<Outcome> {
        let kind = target.name.strip_prefix("data.")?.split('.').next()?;
        let pseudo = |this: &Self, kind: SymbolKind, reason: &str| {
            let provider = this.provider_of(target, block);
            let symbol = Symbol {
                scope: this.scope,
                kind,
                subject: "".into(),
                attribute: provider,
            };
            Some(Ok(Value::unknown(
                Unknown::symbol(symbol, reason),
                Place::at(span),
            )))
        };
        match (kind, &**name) {
            ("aws_caller_identity", "account_id" | "id") => {
                self.writes_own_account = true;
                pseudo(self, SymbolKind::Account, "the account is not stated")
            }
            ("aws_region", "name" | "id" | "region") if block.body.expression("name").is_none() => {
                pseudo(self, SymbolKind::Region, "the region is not stated")
            }
            ("aws_partition", "partition" | "id") => {
                pseudo(self, SymbolKind::Partition, "the partition is not stated")
            }
            ("aws_partition", "dns_suffix") => {
                pseudo(self, SymbolKind::UrlSuffix, "the partition is not stated")
            }
            ("aws_iam_policy_document", "json" | "minified_json") => {
                let document =
                    self.with_bindings(target.instance, &target.bindings, &mut |this, env| {
                        this.policy_document(&block.body, env, block.header)
                    });
                let place = Place::at(block.header);
                let _ = position;
                Some(Ok(Value::new(ValueKind::Json(Arc::new(document)), place)
                    .through(Step::Document(target.address.clone()), span)))
            }
            ("template_file", "rendered") => Some(self.template_file(target, block, span)),
            _ => None,
        }
    }

    fn template_file(&mut self, target: &Target, block: &Block, span: Span) -> Outcome {
        let Some(template) = block.body.expression("template") else {
            return Ok(Value::unknown(
                Unknown::because("template_file has no template"),
                Place::at(span),
            ));
        };
        let (text, vars) =
            self.with_bindings(target.instance, &target.bindings, &mut |this, env| {
                let vars = block.body.expression("vars").map(|e| this.eval(e, env));
                (this.eval(template, env), vars)
            });
        let text = text?;
        let vars = match vars {
            Some(vars) => vars?,
            None => Value::map(Map::default(), Place::at(span)),
        };
        self.apply_named(
            "templatestring",
            &[text, vars],
            span,
            Env::of(target.instance),
        )
    }

    /// The root scope's provider of a resource; empty for the default one.
    pub fn provider_of(&self, target: &Target, block: &Block) -> Arc<str> {
        let Some(owner) = self.instances.get(target.instance) else {
            return "".into();
        };
        match block.body.expression("provider").and_then(|e| e.as_path()) {
            Some(path) => self.provider_name(owner, &path.join(".")),
            None => self.provider_name(owner, "aws"),
        }
    }

    /// A resource as one object, with a hidden entry by which other attributes are named.
    pub fn whole(&mut self, position: usize, span: Span) -> Value {
        let Some((target, _)) = self.block_of(position) else {
            return Value::unknown(Unknown::because("no such resource"), Place::at(span));
        };
        let mut map = match self.properties(position) {
            Some(Value {
                kind: ValueKind::Map(map),
                ..
            }) => (*map).clone(),
            _ => Map::default(),
        };
        let symbol = Symbol {
            scope: self.scope,
            kind: if target.name.starts_with("data.") {
                SymbolKind::Data
            } else {
                SymbolKind::Resource
            },
            subject: target.address.clone(),
            attribute: "".into(),
        };
        let whole = Value::unknown(
            Unknown::symbol(symbol, format!("`{}` is known after apply", target.address)),
            Place::at(span),
        );
        map.insert(WHOLE, Place::at(span), whole);
        Value::map(map, Place::at(span))
    }

    /// All configured arguments and blocks of a resource, in the worlds where it exists.
    pub fn properties(&mut self, position: usize) -> Option<Value> {
        match self.properties.get(&position) {
            Some(Memo::Done(value)) => return Some(value.clone()),
            Some(Memo::Busy) => return None,
            None => {}
        }
        let (target, block) = self.block_of(position)?;
        self.properties.insert(position, Memo::Busy);
        let strict = std::mem::take(&mut self.strict);
        let value = self.with_bindings(target.instance, &target.bindings, &mut |this, env| {
            this.body(&block.body, env, block.header, &target.address, true)
        });
        self.strict = strict;
        let value = assume_all(&value, &target.guards, 0);
        let value = match self
            .plan
            .as_ref()
            .and_then(|p| p.objects.get(&target.address))
        {
            Some(known) if !target.planned => {
                let plan = Value::map((*known.values).clone(), value.place.clone());
                graft::graft(&value, &plan)
            }
            _ => value,
        };
        self.properties.insert(position, Memo::Done(value.clone()));
        Some(value)
    }

    /// A body as a map: attributes as values, nested blocks as lists of maps under their type.
    fn body(&mut self, body: &Body, env: Env<'_>, span: Span, address: &str, top: bool) -> Value {
        let mut map = Map::default();
        for (name, attribute) in &body.attributes {
            if top && META.contains(&&**name) {
                continue;
            }
            let value = match self.eval(&attribute.expression, env) {
                Ok(value) => value,
                Err(failure) => {
                    let what = format!("{address}.{name}");
                    self.loader.gap(
                        &what,
                        &failure.message,
                        Some(failure.span),
                        None,
                        GapKind::Unsupported,
                    );
                    Value::unknown(
                        Unknown::because(failure.message),
                        Place::at(attribute.expression.span),
                    )
                }
            };
            map.insert(name.clone(), Place::at(attribute.name_span), value);
        }
        let mut kinds: Vec<Arc<str>> = Vec::new();
        for block in &body.blocks {
            let kind = kind_of(block);
            let meta = top && META.contains(&&*kind);
            if !meta && !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        for kind in kinds {
            let value = self.nested(body, &kind, env, span);
            let place = value.place.clone();
            map.insert(kind, place, value);
        }
        Value::map(map, Place::at(span))
    }

    /// The nested blocks of one type, `dynamic` ones expanded.
    pub fn nested(&mut self, body: &Body, kind: &str, env: Env<'_>, span: Span) -> Value {
        let mut out = Vec::new();
        let mut first: Option<Span> = None;
        self.each_block(body, kind, env, &mut |this, block, env, guards| {
            first.get_or_insert(block.header);
            let value = this.body(block.body, env, block.span, kind, false);
            out.push(under(guards, value));
        });
        Value::list(out, Place::at(first.unwrap_or(span)))
    }

    /// Calls back for every block of a type, with the environment of its content and the guards it stands under.
    pub fn each_block(
        &mut self,
        body: &Body,
        kind: &str,
        env: Env<'_>,
        run: &mut EachBlock<'_, 'l, 'f>,
    ) {
        for block in &body.blocks {
            if &*block.kind == kind {
                let shown = Shown {
                    body: &block.body,
                    header: block.header,
                    span: block.span,
                };
                run(self, shown, env, &[]);
                continue;
            }
            if &*block.kind != "dynamic" || block.labels.first().map(|l| &**l) != Some(kind) {
                continue;
            }
            let Some(content) = block.body.blocks("content").next() else {
                continue;
            };
            let Some(each) = block.body.expression("for_each") else {
                continue;
            };
            let iterator: Arc<str> = block
                .body
                .expression("iterator")
                .and_then(|e| e.as_word())
                .unwrap_or(kind)
                .into();
            let collection = self.eval(each, env).unwrap_or_else(|f| {
                Value::unknown(Unknown::because(f.message), Place::at(each.span))
            });
            for (guards, arm) in collection.arms() {
                let (entries, open) = match members(arm) {
                    Some(entries) => (entries, None),
                    None => {
                        let unknown = |what: &str| {
                            Value::unknown(
                                Unknown::because(format!("{what} of `{iterator}` is not known")),
                                Place::at(each.span),
                            )
                        };
                        let guard = self.some_instance(
                            Form::ForEach,
                            arm,
                            each,
                            &self.source_text(each.span),
                        );
                        (
                            vec![(unknown("the key"), unknown("the value"))],
                            Some(guard),
                        )
                    }
                };
                let mut all = guards.clone();
                all.extend(open);
                for (key, value) in entries {
                    let mut map = Map::default();
                    map.insert("key", key.place.clone(), key);
                    map.insert("value", value.place.clone(), value);
                    let bound = Value::map(map, Place::at(each.span));
                    let frame = Frame {
                        binding: Binding::One(&iterator, &bound),
                        next: env.frame,
                    };
                    // The content stands where a person reads it.
                    let shown = Shown {
                        body: &content.body,
                        header: block.header,
                        span: content.span,
                    };
                    run(
                        self,
                        shown,
                        Env {
                            frame: Some(&frame),
                            ..env
                        },
                        &all,
                    );
                }
            }
        }
    }

    /// The properties and, as blocks of `provisioner`, the commands that are run where the configuration is applied.
    fn with_commands(&mut self, target: &Target, block: &Block, properties: Value) -> Value {
        let local = |b: &&Block| {
            &*b.kind == "provisioner" && b.labels.first().is_some_and(|l| &**l == "local-exec")
        };
        let ValueKind::Map(known) = &properties.kind else {
            return properties;
        };
        if !block.body.blocks.iter().any(|b| local(&b)) {
            return properties;
        }
        let commands: Vec<Value> =
            self.with_bindings(target.instance, &target.bindings, &mut |this, env| {
                let mut out = Vec::new();
                for provisioner in block.body.blocks.iter().filter(local) {
                    let mut map = Map::default();
                    for (name, attribute) in &provisioner.body.attributes {
                        // What speaks of the resource itself is not known before it is made.
                        if let Ok(value) = this.eval(&attribute.expression, env) {
                            map.insert(name.clone(), Place::at(attribute.name_span), value);
                        }
                    }
                    out.push(Value::map(map, Place::at(provisioner.header)));
                }
                out
            });
        let mut map = (**known).clone();
        let place = properties.place.clone();
        map.insert(
            "provisioner",
            place.clone(),
            Value::list(commands, place.clone()),
        );
        Value::map(map, place)
    }

    /// The resource of a target, evaluated.
    pub fn resource(&mut self, position: usize) -> Option<Resource> {
        let (target, block) = self.block_of(position)?;
        let properties = self.properties(position)?;
        let properties = self.with_commands(&target, &block, properties);
        let owner = self.instances.get(target.instance)?.clone();
        let data = target.name.starts_with("data.");
        let kind = target
            .name
            .strip_prefix("data.")
            .unwrap_or(&target.name)
            .split('.')
            .next()
            .unwrap_or("");
        let mut place = Place::at(block.header);
        for (address, span) in owner.calls.iter().rev() {
            place = place.through(Step::ModuleCall(address.clone()), *span);
        }
        Some(Resource {
            scope: self.scope,
            address: target.address.clone(),
            type_name: kind.into(),
            data,
            attributes: self.attributes_of_plan(&target, &properties, block.header),
            properties,
            guards: target.guards.clone(),
            provider: self.provider_of(&target, &block),
            place,
            block: block.span,
            unseen: false,
        })
    }
}

/// A value under guards: a choice whose other arms are null.
pub fn under(guards: &[Guard], value: Value) -> Value {
    guards.iter().rev().fold(value, |value, guard| {
        let place = value.place.clone();
        let mut arms = vec![Arm {
            guard: guard.clone(),
            value,
        }];
        for arm in (0..guard.arms).filter(|arm| *arm != guard.arm) {
            arms.push(Arm {
                guard: otherwise(guard, arm),
                value: Value::null(place.clone()),
            });
        }
        Value::new(ValueKind::Choice(Arc::new(arms)), place)
    })
}

fn kind_of(block: &Block) -> Arc<str> {
    match &*block.kind {
        "dynamic" => block.labels.first().cloned().unwrap_or_default(),
        _ => block.kind.clone(),
    }
}

fn has_block(body: &Body, name: &str) -> bool {
    body.blocks.iter().any(|b| &*kind_of(b) == name)
}
