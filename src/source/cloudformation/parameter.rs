//! Parameters of a template: what the command line, the parent stack or a default gives, else what is known of them.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::choice;
use super::evaluate::text_of;
use super::intrinsic::number_or_text;
use crate::value::{
    Arm, Guard, Map, Piece, Place, ScopeId, Step, Symbol, SymbolKind, Text, Unknown, Value,
    ValueKind,
};

/// Allowed values that are told apart where none is chosen.
const ALLOWED: usize = 16;

/// What a template is opened with.
pub(super) struct Given<'g> {
    pub scope: ScopeId,
    pub prefix: &'g str,
    /// From the command line, in order: the last one wins.
    pub stated: &'g [(String, String)],
    /// From the parent stack.
    pub passed: Option<&'g Map>,
}

/// The values of the declared parameters.
pub(super) fn values(declared: Option<&Arc<Map>>, given: &Given<'_>) -> FxHashMap<Arc<str>, Value> {
    let mut out = FxHashMap::default();
    let Some(declared) = declared else { return out };
    for (name, entry) in declared.iter() {
        let mut value = one(name, &entry.key_place, &entry.value, given);
        let hidden = entry.value.get("NoEcho").is_some_and(|v| {
            let said = v.as_str().is_some_and(|s| s.eq_ignore_ascii_case("true"));
            said || v.as_bool() == Some(true)
        });
        value.sensitive |= hidden;
        out.insert(name.clone(), value);
    }
    out
}

fn one(name: &Arc<str>, key: &Place, declaration: &Value, given: &Given<'_>) -> Value {
    let kind = declaration
        .get("Type")
        .and_then(Value::as_str)
        .unwrap_or("String");
    if let Some(value) = given.passed.and_then(|p| p.get(name)) {
        return typed(
            kind,
            value.clone().through(Step::Input(name.clone()), key.span),
        );
    }
    let subject: Arc<str> = format!("{}{name}", given.prefix).into();
    let stored = kind.starts_with("AWS::SSM::Parameter::Value");
    let stated = match given.prefix.is_empty() {
        true => given.stated.iter().rev().find(|(n, _)| **n == **name),
        false => None,
    };
    if let Some((_, text)) = stated
        && !stored
    {
        let value = if kind == "Number" {
            number_or_text(text, key.clone())
        } else {
            Value::text(text.as_str(), key.clone())
        };
        return typed(kind, value);
    }
    let symbol = |kind, attribute: &str, why: String| {
        let symbol = Symbol {
            scope: given.scope,
            kind,
            subject: subject.clone(),
            attribute: attribute.into(),
        };
        Value::unknown(Unknown::symbol(symbol, why), key.clone())
    };
    if stored {
        let why = format!("parameter `{subject}` is read from Systems Manager");
        // The same stored parameter is the same unknown, however it is named.
        let place = stated
            .map(|(_, text)| text.as_str())
            .or_else(|| declaration.get("Default")?.as_str());
        if let Some(place) = place.filter(|_| !kind.contains("List<")) {
            let symbol = Symbol {
                scope: given.scope,
                kind: SymbolKind::Data,
                subject: format!("resolve:ssm:{place}").into(),
                attribute: "".into(),
            };
            return Value::unknown(Unknown::symbol(symbol, why), key.clone());
        }
        return symbol(SymbolKind::Data, "value", why);
    }
    if let Some(default) = declaration.get("Default") {
        return typed(kind, default.clone());
    }
    let allowed = declaration
        .get("AllowedValues")
        .and_then(Value::as_items)
        .unwrap_or_default();
    if !allowed.is_empty() && allowed.len() <= ALLOWED {
        let arms = allowed
            .iter()
            .enumerate()
            .map(|(i, value)| Arm {
                guard: Guard {
                    scope: given.scope,
                    input: subject.clone(),
                    label: format!("parameter `{subject}` is `{}`", text_of(value).display())
                        .into(),
                    arm: i as u32,
                    arms: allowed.len() as u32,
                },
                value: typed(kind, value.clone()),
            })
            .collect();
        return choice::choice(arms, key.clone());
    }
    symbol(
        SymbolKind::Input,
        "",
        format!("parameter `{subject}` has no value"),
    )
}

/// The value in its type: lists are written as one text with commas.
fn typed(kind: &str, value: Value) -> Value {
    if kind != "CommaDelimitedList" && !kind.starts_with("List<") {
        return value;
    }
    choice::lift(std::slice::from_ref(&value), &value.place, &mut |values| {
        let Some(value) = values.first() else {
            return Value::null(value.place.clone());
        };
        if value.as_items().is_some() {
            return value.clone();
        }
        let text = text_of(value);
        if text.pieces().iter().any(|p| matches!(p, Piece::Unknown(_))) {
            return match text.pieces() {
                [_] => value.clone(),
                _ => split(&text, value),
            };
        }
        split(&text, value)
    })
}

fn split(text: &Text, value: &Value) -> Value {
    let mut parts = vec![Text::default()];
    for piece in text.pieces() {
        match piece {
            Piece::Literal(literal) => {
                for (i, part) in literal.split(',').enumerate() {
                    if i > 0 {
                        parts.push(Text::default());
                    }
                    if let Some(last) = parts.last_mut() {
                        last.push_str(part.trim());
                    }
                }
            }
            Piece::Unknown(unknown) => {
                if let Some(last) = parts.last_mut() {
                    last.push_unknown(unknown.clone());
                }
            }
        }
    }
    if matches!(parts.as_slice(), [only] if only.is_empty()) {
        parts.clear();
    }
    let items = parts
        .into_iter()
        .map(|p| Value::new(ValueKind::Text(p), value.place.clone()))
        .collect();
    Value::list(items, value.place.clone())
}
