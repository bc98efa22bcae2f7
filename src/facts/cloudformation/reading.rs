//! Reads the properties of a resource.

use crate::facts::Setting;
use crate::source::Resource;
use crate::value::{Guards, Place, Symbol, SymbolKind, Text, Value, ValueKind};

/// A property that is written and not null.
pub fn property<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    value.get(name).filter(|v| !v.is_null())
}

/// A property inside others.
pub fn inside<'v>(value: &'v Value, path: &[&str]) -> Option<&'v Value> {
    path.iter().try_fold(value, |v, name| property(v, name))
}

/// A property as a text, where it is one.
pub fn text(value: &Value, name: &str) -> Option<Text> {
    property(value, name)?.as_text()
}

/// The texts that a property can be, each with its guards.
pub fn texts(value: &Value, name: &str) -> Vec<(Guards, Text)> {
    property(value, name)
        .map(|v| {
            v.arms()
                .into_iter()
                .filter_map(|(g, v)| Some((g, v.as_text()?)))
                .collect()
        })
        .unwrap_or_default()
}

/// Members of a list with the guards they stand under; a single value is a list of one.
pub fn members<'v>(value: &'v Value, name: &str) -> Vec<(Guards, &'v Value)> {
    let mut out = Vec::new();
    let Some(found) = property(value, name) else {
        return out;
    };
    for (guards, arm) in found.arms() {
        match arm.as_items() {
            Some(items) => {
                for item in items {
                    for (more, inner) in item.arms() {
                        if !inner.is_null() {
                            let all = guards.iter().cloned().chain(more).collect();
                            out.push((all, inner));
                        }
                    }
                }
            }
            None if arm.is_null() => {}
            None => out.push((guards, arm)),
        }
    }
    out
}

/// Members of a list as texts.
pub fn items(value: &Value, name: &str) -> Vec<Text> {
    members(value, name)
        .into_iter()
        .filter_map(|(_, v)| v.as_text())
        .collect()
}

/// A setting read by `read`; the default where the property is absent.
pub fn setting<T: Clone>(
    found: Option<&Value>,
    default: Setting<T>,
    read: impl Fn(&Value) -> Option<T>,
) -> Setting<T> {
    let Some(found) = found else { return default };
    let one = |v: &Value| match read(v) {
        Some(read) => Setting::Is(read, v.place.clone()),
        None if v.is_null() => default.clone(),
        None => Setting::Unknown("its value is not known".into()),
    };
    match found.arms().as_slice() {
        [(_, only)] => one(only),
        arms => Setting::Choice(arms.iter().map(|(g, v)| (g.clone(), one(v))).collect()),
    }
}

/// A flag.
pub fn flag(value: &Value, name: &str, default: bool) -> Setting<bool> {
    setting(
        property(value, name),
        Setting::Default(default),
        Value::as_bool,
    )
}

/// An attribute of the resource, as its references have it.
pub fn own(resource: &Resource, attribute: &str) -> Text {
    let symbol = Symbol {
        scope: resource.scope,
        kind: SymbolKind::Resource,
        subject: resource.address.clone(),
        attribute: attribute.into(),
    };
    Text::symbol(symbol, "known only after it is made")
}

/// `Tags` as a list of `Key` and `Value`.
pub fn tags(value: &Value) -> Setting<Vec<(Text, Text)>> {
    setting(property(value, "Tags"), Setting::Default(Vec::new()), |v| {
        v.as_items()?
            .iter()
            .map(|t| Some((text(t, "Key")?, text(t, "Value")?)))
            .collect()
    })
}

/// Every text inside a value, with its place; limited.
pub fn strings(value: Option<&Value>) -> Vec<(Text, Place)> {
    fn walk(value: &Value, depth: usize, out: &mut Vec<(Text, Place)>) {
        if depth > 16 || out.len() > 500 {
            return;
        }
        match &value.kind {
            ValueKind::Text(text) => out.push((text.clone(), value.place.clone())),
            ValueKind::Json(inner) => walk(inner, depth + 1, out),
            ValueKind::List(items) | ValueKind::Set(items) => {
                items.iter().for_each(|v| walk(v, depth + 1, out))
            }
            ValueKind::Map(map) => map.iter().for_each(|(_, e)| walk(&e.value, depth + 1, out)),
            _ => {}
        }
    }
    let mut out = Vec::new();
    if let Some(value) = value {
        walk(value, 0, &mut out);
    }
    out
}
