//! Expressions to values: a partial evaluator that keeps places and symbols.
//!
//! What Terraform would refuse is a [`Failure`] (`try` and `can` see it); what is not known is a value.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::choice::{choose, same_arm, spread};
use super::document::*;
use super::expansion::{Expanded, Target};
use super::load::Loader;
use super::module::{Instance, UnseenCall};
use super::plan::Plan;
use super::traverse::members;
use super::unknown::{computed, is_unknown, key_text, not, unknown_from};
use crate::source::GapKind;
use crate::source::functions::{FunctionError, convert};
use crate::value::{
    Arm, Guards, Map, Number, Place, ScopeId, Span, Step, Unknown, Value, ValueKind,
};

/// Levels of evaluation inside each other.
pub const DEPTH: u32 = 700;
/// Expressions evaluated for one root module.
const STEPS: u64 = 30_000_000;

/// What Terraform would refuse, and where.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    pub message: Arc<str>,
    pub span: Span,
}

impl Failure {
    pub fn new(message: impl Into<Arc<str>>, span: Span) -> Failure {
        Failure {
            message: message.into(),
            span,
        }
    }
}

pub type Outcome = Result<Value, Failure>;

/// A result that is being computed, or known.
#[derive(Debug, Clone)]
pub enum Memo<T> {
    Busy,
    Done(T),
}

/// Names that an expression sees beside those of its module.
#[derive(Clone, Copy)]
pub struct Env<'e> {
    pub instance: usize,
    pub frame: Option<&'e Frame<'e>>,
    /// In a template file only its own variables exist.
    pub template: bool,
}

pub struct Frame<'e> {
    pub binding: Binding<'e>,
    pub next: Option<&'e Frame<'e>>,
}

pub enum Binding<'e> {
    One(&'e str, &'e Value),
    Many(&'e Map),
}

impl<'e> Env<'e> {
    pub fn of(instance: usize) -> Env<'static> {
        Env {
            instance,
            frame: None,
            template: false,
        }
    }

    pub fn find(&self, name: &str) -> Option<&'e Value> {
        let mut frame = self.frame;
        while let Some(current) = frame {
            match &current.binding {
                Binding::One(known, value) if *known == name => return Some(value),
                Binding::Many(map) => {
                    if let Some(value) = map.get(name) {
                        return Some(value);
                    }
                }
                Binding::One(..) => {}
            }
            frame = current.next;
        }
        None
    }
}

/// Evaluates one root module with all that it calls.
pub struct Evaluator<'l, 'f> {
    pub loader: &'l mut Loader<'f>,
    pub scope: ScopeId,
    pub root_folder: Arc<str>,
    pub instances: Vec<Arc<Instance>>,
    pub targets: Vec<Arc<Target>>,
    /// Variables, locals and outputs by module instance.
    pub names: FxHashMap<(usize, Arc<str>), Memo<Outcome>>,
    pub attributes: FxHashMap<(usize, Arc<str>), Memo<Outcome>>,
    /// All arguments of resources, by position.
    pub properties: FxHashMap<usize, Memo<Value>>,
    pub expansions: FxHashMap<(usize, Arc<str>), Memo<Arc<Expanded>>>,
    pub module_keys: Option<FxHashMap<String, Arc<str>>>,
    pub inputs: super::variables::RootInputs,
    pub plan: Option<Arc<Plan>>,
    pub writes_own_account: bool,
    pub depth: u32,
    /// Above zero inside `try` and `can`, which want to see failures.
    pub strict: u32,
    /// Inside `try` and `can`: guards without which the expression fails.
    pub needed: Guards,
    /// Variables that are used and not declared, as far as they were told.
    pub undeclared: FxHashSet<Arc<str>>,
    /// Calls of modules that are not on disk.
    pub unseen: Vec<UnseenCall>,
    pub steps: u64,
}

impl Evaluator<'_, '_> {
    pub fn eval(&mut self, expression: &Expression, env: Env<'_>) -> Outcome {
        self.steps += 1;
        if self.depth > DEPTH || self.steps > STEPS {
            let why = if self.depth > DEPTH {
                format!("nested deeper than {DEPTH} levels")
            } else {
                format!("the run evaluates more than {STEPS} expressions")
            };
            return Ok(Value::unknown(
                Unknown::because(why),
                Place::at(expression.span),
            ));
        }
        self.depth += 1;
        let out = self.eval_kind(expression, env);
        self.depth -= 1;
        out
    }

    fn eval_kind(&mut self, expression: &Expression, env: Env<'_>) -> Outcome {
        let span = expression.span;
        let place = || Place::at(span);
        Ok(match &expression.kind {
            ExpressionKind::Null => Value::null(place()),
            ExpressionKind::Bool(value) => Value::bool(*value, place()),
            ExpressionKind::Number(value) => Value::number(*value, place()),
            ExpressionKind::Template(template) => return self.template(template, span, env),
            ExpressionKind::Tuple(items) => {
                let items = items
                    .iter()
                    .map(|i| self.element(i, env))
                    .collect::<Result<Vec<_>, _>>()?;
                Value::list(items, place())
            }
            ExpressionKind::Object(entries) => return self.object(entries, span, env),
            ExpressionKind::Parenthesis(inner) => return self.eval(inner, env),
            ExpressionKind::Variable(_) | ExpressionKind::Traversal { .. } => {
                return self.reference(expression, env);
            }
            ExpressionKind::Conditional(parts) => {
                let [test, yes, no] = &**parts;
                return self.conditional(test, yes, no, span, env);
            }
            ExpressionKind::Call {
                name,
                arguments,
                expand,
            } => {
                return self.call(name, arguments, *expand, span, env);
            }
            ExpressionKind::Not(inner) => {
                let value = self.eval(inner, env)?;
                return spread(&[value], &place(), &mut |v| not(v.first(), span));
            }
            ExpressionKind::Negative(inner) => {
                let value = self.eval(inner, env)?;
                return spread(&[value], &place(), &mut |v| {
                    let Some(value) = v.first() else {
                        return Ok(Value::null(Place::at(span)));
                    };
                    if is_unknown(value) {
                        return Ok(computed("-", &[value], span));
                    }
                    let number = convert::number(value).map_err(|e| failure(e, span))?;
                    Ok(Value::number(
                        match number {
                            Number::Int(n) => Number::Int(n.saturating_neg()),
                            Number::Float(f) => Number::Float(-f),
                        },
                        Place::at(span),
                    ))
                });
            }
            ExpressionKind::Binary { operator, operands } => {
                let [left, right] = &**operands;
                let left = self.eval(left, env)?;
                let right = self.eval(right, env)?;
                return spread(&[left, right], &place(), &mut |v| match v {
                    [left, right] => super::operators::binary(*operator, left, right, span),
                    _ => Ok(Value::null(Place::at(span))),
                });
            }
            ExpressionKind::For(each) => return self.for_expression(each, span, env),
            ExpressionKind::Value(value) => (**value).clone(),
            ExpressionKind::Opaque {
                references,
                document,
            } => {
                if let Some(document) = document
                    && let Ok(value) = self.eval(document, env)
                    && matches!(value.kind, ValueKind::Json(_))
                {
                    return Ok(value);
                }
                let told = references.join("`, `");
                let why = match references.as_slice() {
                    [] => "known after apply".into(),
                    _ => {
                        format!("known after apply; the plan tells only that it refers to `{told}`")
                    }
                };
                Value::unknown(Unknown::because(why), place())
            }
        })
    }

    fn object(&mut self, entries: &[(ObjectKey, Expression)], span: Span, env: Env<'_>) -> Outcome {
        let mut map = Map::default();
        for (key, value) in entries {
            let (name, key_span) = match key {
                ObjectKey::Name(name, key_span) => (name.clone(), *key_span),
                ObjectKey::Expression(expression) => {
                    let key = self.eval(expression, env)?;
                    (key_text(&key, expression.span)?, expression.span)
                }
            };
            let value = self.element(value, env)?;
            map.insert(name, Place::at(key_span), value);
        }
        Ok(Value::map(map, Place::at(span)))
    }

    /// A part of a list or object. Where nobody asks whether it fails, one that does is not known, and the
    /// rest stays.
    fn element(&mut self, expression: &Expression, env: Env<'_>) -> Outcome {
        match self.eval(expression, env) {
            Err(failure) if self.strict == 0 => {
                let what = self.source_text(expression.span);
                self.loader.gap(
                    &what,
                    &failure.message,
                    Some(failure.span),
                    None,
                    GapKind::Unsupported,
                );
                let unknown = Unknown::because(failure.message);
                Ok(Value::unknown(unknown, Place::at(expression.span)))
            }
            outcome => outcome,
        }
    }

    fn conditional(
        &mut self,
        test: &Expression,
        yes: &Expression,
        no: &Expression,
        span: Span,
        env: Env<'_>,
    ) -> Outcome {
        let value = self.eval(test, env)?;
        let sensitive = value.sensitive;
        let mut out = self.decide(&value, test, yes, no, span, env)?;
        out.sensitive |= sensitive;
        Ok(out)
    }

    fn decide(
        &mut self,
        value: &Value,
        test: &Expression,
        yes: &Expression,
        no: &Expression,
        span: Span,
        env: Env<'_>,
    ) -> Outcome {
        if let ValueKind::Choice(arms) = &value.kind {
            // Both outcomes are evaluated once at most.
            let (mut yes_value, mut no_value, mut out) = (None, None, Vec::new());
            let mut failure = None;
            for arm in arms.iter() {
                let arm_value = match arm.value.as_bool() {
                    Some(true) => yes_value.get_or_insert_with(|| self.eval(yes, env)).clone(),
                    Some(false) => no_value.get_or_insert_with(|| self.eval(no, env)).clone(),
                    None => self.decide(&arm.value, test, yes, no, span, env),
                };
                // What is asked for in this case only is there.
                self.needed.retain(|g| !same_arm(g, &arm.guard));
                match arm_value {
                    Ok(value) => out.push(Arm {
                        guard: arm.guard.clone(),
                        value: super::choice::assume(&value, &arm.guard),
                    }),
                    Err(error) => failure = Some(error),
                }
            }
            return match failure {
                Some(error) if out.is_empty() => Err(error),
                _ => Ok(limited(choose(out, &Place::at(span)))),
            };
        }
        if !is_unknown(value) {
            let holds = convert::boolean(value).map_err(|e| failure(e, test.span))?;
            let chosen = self.eval(if holds { yes } else { no }, env)?;
            // What the other result says of the type, where that is plain to see.
            let literals = (literal_type(yes), literal_type(no));
            if let (Some(a), Some(b)) = literals
                && a != b
            {
                if [a, b].iter().any(|t| matches!(*t, "tuple" | "object")) {
                    return Err(Failure::new(
                        format!("the results of the conditional are {a} and {b}"),
                        span,
                    ));
                }
                return convert::to_string(&chosen).map_err(|e| failure(e, span));
            }
            return Ok(chosen);
        }
        let (holds, fails) = self.guards(value, test);
        let yes = self.eval(yes, env);
        self.needed.retain(|g| !same_arm(g, &holds));
        let no = self.eval(no, env);
        self.needed.retain(|g| !same_arm(g, &fails));
        let (yes, no) = match (yes, no) {
            (Ok(yes), Ok(no)) => unified(yes, no),
            (Ok(yes), Err(_)) => return Ok(yes),
            (Err(_), Ok(no)) => return Ok(no),
            (Err(error), Err(_)) => return Err(error),
        };
        let arms = vec![
            Arm {
                value: super::choice::assume(&yes, &holds),
                guard: holds,
            },
            Arm {
                value: super::choice::assume(&no, &fails),
                guard: fails,
            },
        ];
        Ok(limited(choose(arms, &Place::at(span))))
    }

    fn for_expression(&mut self, each: &For, span: Span, env: Env<'_>) -> Outcome {
        let collection = self.eval(&each.collection, env)?;
        let sensitive = collection.sensitive;
        let place = Place::at(span);
        let mut out = spread(&[collection], &place, &mut |v| {
            let Some(collection) = v.first() else {
                return Ok(Value::null(Place::at(span)));
            };
            self.for_over(each, collection, span, env)
        })?;
        out.sensitive |= sensitive;
        Ok(out)
    }

    fn for_over(&mut self, each: &For, collection: &Value, span: Span, env: Env<'_>) -> Outcome {
        let members = match members(collection) {
            Some(members) => members,
            None if is_unknown(collection) => {
                return Ok(unknown_from("for", collection, span));
            }
            None => {
                return Err(Failure::new(
                    format!("cannot iterate over {}", convert::type_name(collection)),
                    each.collection.span,
                ));
            }
        };
        let mut list = Vec::new();
        let mut map = Map::default();
        let mut groups: indexmap::IndexMap<Arc<str>, (Place, Vec<Value>)> =
            indexmap::IndexMap::new();
        for (key, value) in members {
            let value_frame = Frame {
                binding: Binding::One(&each.value_name, &value),
                next: env.frame,
            };
            let key_frame;
            let frame = match &each.key_name {
                Some(name) => {
                    key_frame = Frame {
                        binding: Binding::One(name, &key),
                        next: Some(&value_frame),
                    };
                    &key_frame
                }
                None => &value_frame,
            };
            let inner = Env {
                frame: Some(frame),
                ..env
            };
            if let Some(test) = &each.test {
                let passes = self.eval(test, inner)?;
                match &passes.kind {
                    _ if is_unknown(&passes) || matches!(passes.kind, ValueKind::Choice(_)) => {
                        return Ok(Value::unknown(
                            Unknown::because(format!(
                                "`{}` is not known",
                                self.source_text(test.span)
                            )),
                            Place::at(span),
                        ));
                    }
                    _ => {
                        if !convert::boolean(&passes).map_err(|e| failure(e, test.span))? {
                            continue;
                        }
                    }
                }
            }
            let instance = Step::Instance(key_text(&key, span).unwrap_or_else(|_| "".into()));
            match &each.key {
                None => list.push(self.element(&each.value, inner)?.through(instance, span)),
                Some(key_expression) => {
                    let name = self.eval(key_expression, inner)?;
                    let name = key_text(&name, key_expression.span)?;
                    let value = self.element(&each.value, inner)?.through(instance, span);
                    let key_place = Place::at(key_expression.span);
                    if each.grouping {
                        groups
                            .entry(name)
                            .or_insert_with(|| (key_place, Vec::new()))
                            .1
                            .push(value);
                    } else if map.get(&name).is_some() && !name.contains("${") {
                        return Err(Failure::new(
                            format!("two different items have the key \"{name}\""),
                            span,
                        ));
                    } else {
                        map.insert(name, key_place, value);
                    }
                }
            }
        }
        if each.key.is_none() {
            return Ok(Value::list(list, Place::at(span)));
        }
        for (name, (place, values)) in groups {
            map.insert(name, place, Value::list(values, Place::at(span)));
        }
        map.entries.sort_keys();
        Ok(Value::map(map, Place::at(span)))
    }
}

/// A failed conversion as a failure of the expression.
pub fn failure(error: FunctionError, span: Span) -> Failure {
    match error {
        FunctionError::Error(message) | FunctionError::Unknown(message) => {
            Failure::new(message, span)
        }
    }
}

/// The type of a literal.
fn literal_type(expression: &Expression) -> Option<&'static str> {
    match &expression.kind {
        ExpressionKind::Number(_) => Some("number"),
        ExpressionKind::Bool(_) => Some("bool"),
        ExpressionKind::Template(template) if !template.unwraps => Some("string"),
        ExpressionKind::Parenthesis(inner) => literal_type(inner),
        ExpressionKind::Tuple(_) => Some("tuple"),
        ExpressionKind::Object(_) => Some("object"),
        _ => None,
    }
}

/// The two results of a conditional have one type: where scalars differ, both are texts.
fn unified(yes: Value, no: Value) -> (Value, Value) {
    let scalar = |v: &Value| {
        matches!(
            v.kind,
            ValueKind::Text(_) | ValueKind::Number(_) | ValueKind::Bool(_)
        )
    };
    if scalar(&yes)
        && scalar(&no)
        && std::mem::discriminant(&yes.kind) != std::mem::discriminant(&no.kind)
    {
        let text = |v: Value| convert::to_string(&v).unwrap_or(v);
        return (text(yes), text(no));
    }
    (yes, no)
}

fn limited(value: Value) -> Value {
    if super::choice::width(&value) > super::choice::ARMS {
        return Value::unknown(
            Unknown::because("more than 16 possible values"),
            value.place,
        );
    }
    value
}
