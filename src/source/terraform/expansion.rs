//! Expansion of `count` and `for_each`: which instances a block has, and under which guards.

use std::sync::{Arc, OnceLock};

use indexmap::IndexMap;
use rustc_hash::FxHashMap;

use super::choice::{compatible, same};
use super::document::{Block, Expression};
use super::evaluate::{Binding, Env, Evaluator, Frame, Memo};
use super::module::Instance;
use super::plan;
use super::traverse::members;
use super::unknown::{canonical, is_unknown, key_text};
use crate::source::GapKind;
use crate::value::{Arm, Guard, Guards, Map, Place, Span, Unknown, Value, ValueKind};

/// Instances of one block, and module instances of one run.
pub const INSTANCES: usize = 20_000;

/// One instance of a resource or data source.
#[derive(Debug)]
pub struct Target {
    pub instance: usize,
    /// `aws_s3_bucket.b`, `data.aws_x.y`.
    pub name: Arc<str>,
    pub address: Arc<str>,
    pub bindings: Vec<(Arc<str>, Value)>,
    pub guards: Guards,
    pub block: Arc<Block>,
    /// The block was made from a plan.
    pub planned: bool,
}

/// How a block multiplies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Single,
    Count,
    ForEach,
}

/// The instances of a block.
#[derive(Debug)]
pub struct Expanded {
    pub form: Form,
    pub items: Vec<Item>,
    /// Which instances there are is not known; the items stand for them.
    pub open: bool,
    /// Position in `items` by the text of the key.
    pub by_key: FxHashMap<Arc<str>, usize>,
    /// All instances as one list or map, once somebody asked.
    pub whole: OnceLock<Value>,
}

/// One instance in an expansion.
#[derive(Debug)]
pub struct Item {
    pub key: Value,
    /// Position among the targets or module instances; none for a module that is not on disk.
    pub position: Option<usize>,
    pub address: Arc<str>,
    /// Guards of the expansion alone, without those of the module instance.
    pub guards: Guards,
}

/// One possibility of an expansion before it has a position.
struct Copy {
    key: Option<Value>,
    bindings: Vec<(Arc<str>, Value)>,
    guards: Guards,
}

/// A key that was met: in each arm where it stands, the number of the arm, its guards and its value.
struct Met {
    key: Value,
    arms: Vec<(usize, Guards, Value)>,
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

    fn copies(&mut self, block: &Block, instance: usize, address: &str) -> (Form, Vec<Copy>, bool) {
        let (form, expression) = match (
            block.body.expression("count"),
            block.body.expression("for_each"),
        ) {
            (Some(expression), _) => (Form::Count, expression),
            (None, Some(expression)) => (Form::ForEach, expression),
            (None, None) => {
                let single = Copy {
                    key: None,
                    bindings: Vec::new(),
                    guards: Vec::new(),
                };
                return (Form::Single, vec![single], false);
            }
        };
        let span = expression.span;
        let value = self
            .eval(expression, Env::of(instance))
            .unwrap_or_else(|f| Value::unknown(Unknown::because(f.message), Place::at(span)));
        let mut met: IndexMap<Arc<str>, Met, rustc_hash::FxBuildHasher> = IndexMap::default();
        let mut open = Vec::new();
        for (number, (guards, arm)) in value.arms().into_iter().enumerate() {
            let Some(keys) = self.keys(form, arm, span) else {
                let key = Value::unknown(
                    Unknown::because("which instances there are is not known"),
                    Place::at(span),
                );
                let mut guards = guards.clone();
                guards.push(self.some_instance(form, arm, expression, address));
                open.push(Copy {
                    bindings: bindings(form, &key, key.clone()),
                    key: Some(key),
                    guards,
                });
                continue;
            };
            for (key, value) in keys {
                let name = key_text(&key, span).unwrap_or_else(|_| "null".into());
                met.entry(name)
                    .or_insert_with(|| Met {
                        key,
                        arms: Vec::new(),
                    })
                    .arms
                    .push((number, guards.clone(), value));
            }
        }
        let is_open = !open.is_empty();
        let mut out: Vec<Copy> = met.into_values().map(|m| merged(form, m, &value)).collect();
        out.extend(open);
        (form, out, is_open)
    }

    /// The instances of a block of a module that was read from a plan: those that the plan names.
    fn planned_copies(
        &self,
        owner: &Instance,
        name: &Arc<str>,
        block: &Block,
        prefix: &str,
    ) -> Option<(Form, Vec<Copy>)> {
        let (plan, _) = self.plan.as_ref().zip(owner.module.planned.as_ref())?;
        let single =
            block.body.expression("count").is_none() && block.body.expression("for_each").is_none();
        let keys = match plan.keys.get(prefix) {
            Some(keys) => keys.as_slice(),
            // A call of a module without resources.
            None if single && name.starts_with("module.") => return None,
            None => &[],
        };
        let form = match keys.first().map(|k| &k.kind) {
            Some(ValueKind::Number(_)) => Form::Count,
            Some(ValueKind::Text(_)) => Form::ForEach,
            None if !single => Form::ForEach,
            _ => Form::Single,
        };
        Some((form, keys.iter().map(|key| told(form, key)).collect()))
    }

    /// The instances that the plan names, where the sources do not say which there are.
    fn settled(
        &self,
        owner: &Instance,
        name: &Arc<str>,
        form: Form,
        prefix: &str,
        (copies, open): (Vec<Copy>, bool),
    ) -> (Vec<Copy>, bool) {
        let Some(plan) = &self.plan else {
            return (copies, open);
        };
        let declared = match name.strip_prefix("module.") {
            Some(call) if owner.key.is_empty() => format!("{call}|module"),
            Some(call) => format!("{}.{call}|module", owner.key),
            None => format!("{}|{name}", owner.key),
        };
        let keys = match plan.keys.get(prefix) {
            Some(keys) => keys.as_slice(),
            None if plan.complete && plan.declared.contains(&declared) => &[],
            None => return (copies, open),
        };
        let mut known: Vec<Option<Copy>> = copies.into_iter().map(Some).collect();
        let mut at: FxHashMap<Arc<str>, usize> = FxHashMap::default();
        for (i, copy) in known.iter().enumerate() {
            if let Some(key) = copy.as_ref().and_then(|c| c.key.as_ref())
                && !is_unknown(key)
                && let Ok(text) = key_text(key, key.place.span)
            {
                at.insert(text, i);
            }
        }
        let named = keys.iter().filter(|key| !key.is_null()).map(|key| {
            let text = key_text(key, key.place.span).unwrap_or_else(|_| "".into());
            let found = at.get(&text).and_then(|i| known.get_mut(*i)?.take());
            match found {
                Some(copy) => Copy {
                    guards: Vec::new(),
                    ..copy
                },
                None => told(form, key),
            }
        });
        (named.collect(), false)
    }

    /// Keys and values of the instances that one arm makes; `None` where they are not known.
    fn keys(&mut self, form: Form, arm: &Value, span: Span) -> Option<Vec<(Value, Value)>> {
        let mut keys: Vec<(Value, Value)> = match form {
            Form::Count => {
                let count = count_of(arm)?;
                // One more than the limit, so that the limit is seen below.
                (0..count.min(INSTANCES + 1))
                    .map(|i| Value::int(i as i128, Place::at(span)))
                    .map(|key| (key.clone(), key))
                    .collect()
            }
            _ => {
                let all = members(arm)?;
                match arm.kind {
                    ValueKind::List(_) => all
                        .into_iter()
                        .map(|(_, value)| (value.clone(), value))
                        .collect(),
                    _ => all,
                }
            }
        };
        if keys.len() > INSTANCES {
            let what = self.source_text(span);
            let why = format!("more than {INSTANCES} instances");
            self.loader
                .gap(&what, &why, Some(span), None, GapKind::Reading);
            keys.truncate(INSTANCES);
        }
        Some(keys)
    }

    /// The guard under which a collection that is not known makes an instance. Its input is no boolean test:
    /// blocks that multiply over the same value share it, and nothing else does.
    pub fn some_instance(
        &self,
        form: Form,
        arm: &Value,
        expression: &Expression,
        address: &str,
    ) -> Guard {
        let of = canonical(arm).unwrap_or_else(|| address.to_string());
        let text = self.source_text(expression.span);
        let (input, label) = match form {
            Form::Count => (format!("count of {of}"), format!("`{text}` is not 0")),
            _ => (
                format!("for_each of {of}"),
                format!("`{text}` is not empty"),
            ),
        };
        Guard {
            scope: self.scope,
            input: input.into(),
            label: label.into(),
            arm: 1,
            arms: 2,
        }
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
        let call = name.strip_prefix("module.");
        let block = match call {
            Some(call) => owner.module.modules.get(call)?,
            None => owner.module.resources.get(name)?,
        };
        self.expansions.insert(key.clone(), Memo::Busy);
        let prefix = if owner.path.is_empty() {
            name.to_string()
        } else {
            format!("{}.{name}", owner.path)
        };
        let (form, copies, open) = match self.planned_copies(&owner, name, block, &prefix) {
            Some((form, copies)) => (form, copies, false),
            None => self.copies(block, instance, &prefix),
        };
        // What the plan tells of the blocks that the sources leave open.
        let (copies, open) = match open || copies.iter().any(|c| !c.guards.is_empty()) {
            true => self.settled(&owner, name, form, &prefix, (copies, open)),
            false => (copies, open),
        };
        let mut items: Vec<Item> = Vec::with_capacity(copies.len());
        let mut by_key = FxHashMap::default();
        for copy in copies {
            // In no world do both the module instance and this one exist.
            if !compatible(&owner.guards, &copy.guards) {
                continue;
            }
            let suffix = copy.key.as_ref().map_or_else(String::new, key_suffix);
            let address: Arc<str> = format!("{prefix}{suffix}").into();
            let mut guards = owner.guards.clone();
            for guard in &copy.guards {
                if !guards.contains(guard) {
                    guards.push(guard.clone());
                }
            }
            let key = copy
                .key
                .unwrap_or_else(|| Value::null(Place::at(block.header)));
            let position = match call {
                Some(call) => {
                    let at = address.clone();
                    self.enter(instance, &owner, call, block, at, copy.bindings, guards)
                }
                None => {
                    let made = match (&self.plan, &owner.module.planned) {
                        (Some(plan), Some(_)) => {
                            plan::instance::block(plan, &owner.module, name, &address)
                        }
                        _ => None,
                    };
                    let target = Target {
                        instance,
                        name: name.clone(),
                        address: address.clone(),
                        bindings: copy.bindings,
                        guards,
                        planned: made.is_some(),
                        block: made.unwrap_or_else(|| block.clone()),
                    };
                    self.targets.push(Arc::new(target));
                    Some(self.targets.len() - 1)
                }
            };
            if let Ok(text) = key_text(&key, block.header)
                && !matches!(key.kind, ValueKind::Unknown(_))
            {
                by_key.entry(text).or_insert(items.len());
            }
            items.push(Item {
                address,
                key,
                position,
                guards: copy.guards,
            });
        }
        let expanded = Arc::new(Expanded {
            form,
            items,
            open,
            by_key,
            whole: OnceLock::new(),
        });
        self.expansions.insert(key, Memo::Done(expanded.clone()));
        Some(expanded)
    }
}

/// An instance of which only the key is known.
fn told(form: Form, key: &Value) -> Copy {
    if form == Form::Single {
        return Copy {
            key: None,
            bindings: Vec::new(),
            guards: Vec::new(),
        };
    }
    let why = "the plan does not tell `each.value`";
    let value = Value::unknown(Unknown::because(why), key.place.clone());
    Copy {
        bindings: bindings(form, key, value),
        key: Some(key.clone()),
        guards: Vec::new(),
    }
}

fn count_of(value: &Value) -> Option<usize> {
    match &value.kind {
        ValueKind::Null => Some(1),
        // Old sources count with flags.
        ValueKind::Bool(flag) => Some(usize::from(*flag)),
        ValueKind::Text(text) if text.as_literal() == Some("true") => Some(1),
        ValueKind::Text(text) if text.as_literal() == Some("false") => Some(0),
        _ if is_unknown(value) => None,
        _ => crate::source::functions::convert::number(value)
            .ok()
            .and_then(|n| n.as_i128())
            .and_then(|n| usize::try_from(n).ok()),
    }
}

/// What the block sees as `count` or `each`.
fn bindings(form: Form, key: &Value, value: Value) -> Vec<(Arc<str>, Value)> {
    let mut map = Map::default();
    if form == Form::Count {
        map.insert("index", key.place.clone(), key.clone());
        return vec![("count".into(), Value::map(map, key.place.clone()))];
    }
    map.insert("key", key.place.clone(), key.clone());
    map.insert("value", value.place.clone(), value);
    vec![("each".into(), Value::map(map, key.place.clone()))]
}

/// A key that stands in several arms is one instance: its value is a choice, and it exists where they agree.
fn merged(form: Form, met: Met, collection: &Value) -> Copy {
    let Some(((_, first, value), others)) = met.arms.split_first() else {
        return Copy {
            key: Some(met.key),
            bindings: Vec::new(),
            guards: Vec::new(),
        };
    };
    let mut guards = first.clone();
    guards.retain(|g| others.iter().all(|(_, other, _)| other.contains(g)));
    let value = match others.iter().all(|(_, _, other)| same(value, other, 0)) {
        true => value.clone(),
        false => project(collection, &met.arms, &mut 0),
    };
    Copy {
        bindings: bindings(form, &met.key, value),
        key: Some(met.key),
        guards,
    }
}

/// The choice of the collection with the value of one key in each arm; null where the arm does not have it.
fn project(collection: &Value, arms: &[(usize, Guards, Value)], number: &mut usize) -> Value {
    let ValueKind::Choice(choice) = &collection.kind else {
        let found = arms.iter().find(|(arm, ..)| arm == number);
        *number += 1;
        return found.map_or_else(
            || Value::null(collection.place.clone()),
            |(_, _, v)| v.clone(),
        );
    };
    let arms = choice
        .iter()
        .map(|arm| Arm {
            guard: arm.guard.clone(),
            value: project(&arm.value, arms, number),
        })
        .collect();
    super::choice::choose(arms, &collection.place)
}

pub fn key_suffix(key: &Value) -> String {
    match &key.kind {
        ValueKind::Number(n) => format!("[{n}]"),
        ValueKind::Text(text) => match text.as_literal() {
            Some(literal) => format!("[\"{literal}\"]"),
            None => format!("[\"{}\"]", text.display()),
        },
        _ => "[…]".into(),
    }
}
