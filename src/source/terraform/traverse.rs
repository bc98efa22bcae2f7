//! Parts of values: attributes, elements and splats, and the members of collections.

use std::sync::Arc;

use super::choice::{ARMS, assume, choose, guards_of, width};
use super::document::Operator;
use super::evaluate::{Env, Evaluator, Failure, Outcome, failure};
use super::unknown::{canonical, is_unknown, scope_of, unknown_from};
use crate::source::functions::convert;
use crate::value::{Arm, Entry, Map, Place, Span, Symbol, Unknown, Value, ValueKind};

impl<'l, 'f> Evaluator<'l, 'f> {
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
            let (mut out, mut unknown) = (Vec::new(), Vec::new());
            let mut failure = None;
            for arm in arms.iter() {
                match self.operate(arm.value.clone(), operators, span, env) {
                    Ok(value) => out.push(Arm {
                        guard: arm.guard.clone(),
                        value,
                    }),
                    Err(f) => {
                        // Whoever asks for failures must not take the others for all there is.
                        if self.strict > 0 {
                            unknown.push(Arm {
                                guard: arm.guard.clone(),
                                value: Value::unknown(
                                    Unknown::because(f.message.clone()),
                                    Place::at(span),
                                ),
                            });
                        }
                        failure = Some(f);
                    }
                }
            }
            return match failure {
                Some(f) if out.is_empty() => Err(f),
                _ => {
                    out.append(&mut unknown);
                    Ok(choose(out, &value.place))
                }
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
                        return Ok(unknown_from("splat", &value, span));
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

/// Entries of a map among which a key that is not known may choose.
const CHOSEN: usize = 8;

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
                return Ok(inherit(found.clone(), value));
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
                Some(found) => Ok(inherit(found.clone(), value)),
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
        let part = match canonical(key) {
            Some(key) => format!("[{key}]"),
            None => return Ok(unknown_from("index", value, span)),
        };
        return Ok(extended(unknown, &part, span, value));
    }
    if let ValueKind::Map(map) = &value.kind
        && let Some(chosen) = chosen_by(map, key, None, span)
    {
        return Ok(inherit(chosen, value));
    }
    if is_unknown(key) || matches!(key.kind, ValueKind::Choice(_)) {
        return Ok(unknown_from("index", key, span));
    }
    match &value.kind {
        ValueKind::List(items) => {
            let number = convert::number(key)
                .map_err(|e| failure(e, span))?
                .as_i128()
                .and_then(|n| usize::try_from(n).ok());
            match number.and_then(|n| items.get(n)) {
                Some(found) => Ok(inherit(found.clone(), value)),
                None => Err(Failure::new("the index is outside the list", span)),
            }
        }
        ValueKind::Map(map) => {
            let text = convert::text(key).map_err(|e| failure(e, span))?;
            match text.as_literal() {
                Some(name) => match map.get(name) {
                    Some(found) => Ok(inherit(found.clone(), value)),
                    None => get(value, name, span),
                },
                None => Ok(unknown_from("index", key, span)),
            }
        }
        // In which order they stand is not known.
        ValueKind::Set(items) if items.iter().any(|i| !convert::is_known(i)) => {
            let why = "the order of a set is not known";
            Ok(Value::unknown(Unknown::because(why), Place::at(span)))
        }
        _ => Err(Failure::new("only lists and maps can be indexed", span)),
    }
}

/// Keys and values of a collection, with the places of the collection added; `None` for anything else.
pub fn members(collection: &Value) -> Option<Vec<(Value, Value)>> {
    let inherit = |value: &Value| inherit(value.clone(), collection);
    match &collection.kind {
        ValueKind::List(items) => Some(
            items
                .iter()
                .enumerate()
                .map(|(i, v)| (Value::int(i as i128, collection.place.clone()), inherit(v)))
                .collect(),
        ),
        ValueKind::Set(items) => Some(items.iter().map(|v| (inherit(v), inherit(v))).collect()),
        ValueKind::Map(map) => {
            let mut entries: Vec<(&Arc<str>, &Entry)> =
                map.iter().filter(|(key, _)| &***key != WHOLE).collect();
            entries.sort_by(|a, b| a.0.cmp(b.0));
            Some(
                entries
                    .into_iter()
                    .map(|(k, e)| {
                        (
                            Value::text(k.clone(), e.key_place.clone()),
                            inherit(&e.value),
                        )
                    })
                    .collect(),
            )
        }
        _ => None,
    }
}

/// The element of a small map under a key that is not known: a choice by what the key may be equal to.
pub fn chosen_by(map: &Map, key: &Value, default: Option<&Value>, span: Span) -> Option<Value> {
    let (name, scope) = (canonical(key)?, scope_of(key)?);
    let entries: Vec<(&Arc<str>, &Entry)> = map.iter().filter(|(k, _)| &***k != WHOLE).collect();
    if !is_unknown(key) || entries.len() > CHOSEN || map.get(WHOLE).is_some() {
        return None;
    }
    let place = Place::at(span);
    let mut entries = entries.into_iter().rev();
    let mut chosen = match default {
        Some(default) => default.clone(),
        None => entries.next()?.1.value.clone(),
    };
    for (known, entry) in entries {
        let test = format!("{name} == \"{known}\"");
        let (yes, no) = guards_of(scope, &test, &test);
        let arms = vec![
            Arm {
                value: assume(&entry.value, &yes),
                guard: yes,
            },
            Arm {
                value: assume(&chosen, &no),
                guard: no,
            },
        ];
        chosen = choose(arms, &place);
    }
    (width(&chosen) <= ARMS).then_some(chosen)
}

/// A part of a collection went through the same uses as the collection.
pub fn inherit(mut part: Value, whole: &Value) -> Value {
    if whole.place.via.is_some() {
        let uses: Vec<_> = whole
            .place
            .uses()
            .take(16)
            .map(|v| (v.step.clone(), v.span))
            .collect();
        for (step, span) in uses.into_iter().rev() {
            part.place = part.place.through(step, span);
        }
    }
    part.sensitive |= whole.sensitive;
    part
}
