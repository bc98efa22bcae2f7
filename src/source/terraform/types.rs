//! Type constraints of variables: conversion of values, with the defaults of optional attributes.

use std::sync::Arc;

use super::document::{Expression, ExpressionKind, ObjectKey};
use super::evaluate::{Failure, failure};
use crate::source::functions::convert;
use crate::value::{Arm, Map, Place, Span, Value, ValueKind};

/// A type constraint.
#[derive(Debug, Clone)]
pub enum Type {
    Any,
    Text,
    Number,
    Bool,
    List(Box<Type>),
    Set(Box<Type>),
    Map(Box<Type>),
    Tuple(Vec<Type>),
    Object(Vec<Field>),
}

/// An attribute of an object type.
#[derive(Debug, Clone)]
pub struct Field {
    name: Arc<str>,
    kind: Type,
    optional: bool,
    default: Option<Value>,
}

/// Reads a constraint; `constant` evaluates the defaults of optional attributes.
pub fn read(
    expression: &Expression,
    constant: &mut dyn FnMut(&Expression) -> Option<Value>,
) -> Type {
    match &expression.kind {
        ExpressionKind::Parenthesis(inner) => read(inner, constant),
        ExpressionKind::Call {
            name, arguments, ..
        } => {
            let first = arguments.first();
            let mut inner = || Box::new(first.map_or(Type::Any, |a| read(a, constant)));
            match &**name {
                "list" => Type::List(inner()),
                "set" => Type::Set(inner()),
                "map" => Type::Map(inner()),
                "tuple" => match first.map(|a| &a.kind) {
                    Some(ExpressionKind::Tuple(items)) => {
                        Type::Tuple(items.iter().map(|i| read(i, constant)).collect())
                    }
                    _ => Type::Any,
                },
                "object" => match first.map(|a| &a.kind) {
                    Some(ExpressionKind::Object(entries)) => Type::Object(
                        entries
                            .iter()
                            .filter_map(|(key, value)| field(key, value, constant))
                            .collect(),
                    ),
                    _ => Type::Any,
                },
                _ => Type::Any,
            }
        }
        _ => match expression.as_word() {
            Some("string") => Type::Text,
            Some("number") => Type::Number,
            Some("bool") => Type::Bool,
            Some("list") => Type::List(Box::new(Type::Any)),
            Some("set") => Type::Set(Box::new(Type::Any)),
            Some("map") => Type::Map(Box::new(Type::Any)),
            _ => Type::Any,
        },
    }
}

fn field(
    key: &ObjectKey,
    value: &Expression,
    constant: &mut dyn FnMut(&Expression) -> Option<Value>,
) -> Option<Field> {
    let name: Arc<str> = match key {
        ObjectKey::Name(name, _) => name.clone(),
        ObjectKey::Expression(expression) => expression.as_word()?.into(),
    };
    if let ExpressionKind::Call {
        name: call,
        arguments,
        ..
    } = &value.kind
        && &**call == "optional"
    {
        let kind = arguments.first().map_or(Type::Any, |a| read(a, constant));
        let default = arguments.get(1).and_then(&mut *constant);
        return Some(Field {
            name,
            kind,
            optional: true,
            default,
        });
    }
    Some(Field {
        name,
        kind: read(value, constant),
        optional: false,
        default: None,
    })
}

/// Converts a value; `at` is where the constraint is met.
pub fn convert(value: Value, kind: &Type, at: Span) -> Result<Value, Failure> {
    if value.is_null() || matches!(value.kind, ValueKind::Unknown(_)) {
        return Ok(value);
    }
    if let ValueKind::Choice(arms) = &value.kind {
        let mut out = Vec::with_capacity(arms.len());
        for arm in arms.iter() {
            out.push(Arm {
                guard: arm.guard.clone(),
                value: convert(arm.value.clone(), kind, at)?,
            });
        }
        return Ok(Value {
            kind: ValueKind::Choice(Arc::new(out)),
            ..value
        });
    }
    let refused = |wanted: &str, value: &Value| {
        Err(Failure::new(
            format!("{wanted} required, but have {}", convert::type_name(value)),
            at,
        ))
    };
    match kind {
        Type::Any => Ok(value),
        Type::Text => convert::to_string(&value).map_err(|e| failure(e, at)),
        Type::Number if matches!(&value.kind, ValueKind::Text(t) if !t.is_literal()) => Ok(value),
        Type::Number => convert::to_number(&value).map_err(|e| failure(e, at)),
        Type::Bool if matches!(&value.kind, ValueKind::Text(t) if !t.is_literal()) => Ok(value),
        Type::Bool => convert::to_bool(&value).map_err(|e| failure(e, at)),
        Type::List(inner) | Type::Set(inner) => {
            let Some(items) = value.as_items() else {
                return refused("a list is", &value);
            };
            let mut out = Vec::with_capacity(items.len());
            for item in items {
                out.push(convert(item.clone(), inner, at)?);
            }
            if matches!(**inner, Type::Any) {
                out = convert::unify(&out);
            }
            if matches!(kind, Type::Set(_)) {
                let set = convert::set_of(out, value.place.clone()).map_err(|e| failure(e, at))?;
                return Ok(Value {
                    sensitive: value.sensitive,
                    ..set
                });
            }
            Ok(Value {
                kind: ValueKind::List(Arc::new(out)),
                ..value
            })
        }
        Type::Map(inner) => {
            let Some(map) = value.as_map() else {
                return refused("a map is", &value);
            };
            let mut out = (**map).clone();
            for entry in out.entries.values_mut() {
                let taken =
                    std::mem::replace(&mut entry.value, Value::null(entry.key_place.clone()));
                entry.value = convert(taken, inner, at)?;
            }
            if matches!(**inner, Type::Any) {
                let values: Vec<Value> = out.entries.values().map(|e| e.value.clone()).collect();
                for (entry, value) in out.entries.values_mut().zip(convert::unify(&values)) {
                    entry.value = value;
                }
            }
            Ok(Value {
                kind: ValueKind::Map(Arc::new(out)),
                ..value
            })
        }
        Type::Tuple(kinds) => {
            let Some(items) = value.as_items() else {
                return refused("a tuple is", &value);
            };
            if items.len() != kinds.len() {
                return Err(Failure::new(
                    format!("a tuple of {} elements is required", kinds.len()),
                    at,
                ));
            }
            let mut out = Vec::with_capacity(items.len());
            for (item, kind) in items.iter().zip(kinds) {
                out.push(convert(item.clone(), kind, at)?);
            }
            Ok(Value {
                kind: ValueKind::List(Arc::new(out)),
                ..value
            })
        }
        Type::Object(fields) => {
            let Some(map) = value.as_map() else {
                return refused("an object is", &value);
            };
            let mut out = Map::default();
            for field in fields {
                let (key_place, given) = match map.entries.get(&field.name) {
                    Some(entry) => (entry.key_place.clone(), entry.value.clone()),
                    None if field.optional => (
                        Place::at(value.place.span),
                        Value::null(value.place.clone()),
                    ),
                    None => {
                        return Err(Failure::new(
                            format!("attribute \"{}\" is required", field.name),
                            at,
                        ));
                    }
                };
                let given = match &field.default {
                    Some(default) if given.is_null() => default.clone(),
                    _ => given,
                };
                out.insert(
                    field.name.clone(),
                    key_place,
                    convert(given, &field.kind, at)?,
                );
            }
            Ok(Value {
                kind: ValueKind::Map(Arc::new(out)),
                ..value
            })
        }
    }
}
