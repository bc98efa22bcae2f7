//! Expansion of `count` and `for_each`: which instances a block has, and under which guards.

use std::sync::Arc;

use super::document::Block;
use super::evaluate::{Binding, Env, Evaluator, Frame, Memo};
use super::traverse::members;
use super::unknown::is_unknown;
use crate::source::GapKind;
use crate::value::{Guard, Guards, Map, Place, Unknown, Value, ValueKind};

/// Instances of one block, and module instances of one run.
pub const INSTANCES: usize = 20_000;

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
