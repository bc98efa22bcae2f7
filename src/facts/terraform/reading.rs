//! Reads the arguments and nested blocks of a resource.

use crate::facts::Setting;
use crate::source::Resource;
use crate::value::{Guards, Symbol, SymbolKind, Text, Value};

/// An argument that is written and not null.
pub fn argument<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    value.get(name).filter(|v| !v.is_null())
}

/// The blocks of a type.
pub fn blocks<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    match value.get(name) {
        Some(v) if v.as_map().is_some() => std::slice::from_ref(v),
        Some(v) => v.as_items().unwrap_or_default(),
        None => &[],
    }
}

/// The first block of a type.
pub fn block<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    blocks(value, name).first()
}

/// An argument as a text, where it is one.
pub fn text(value: &Value, name: &str) -> Option<Text> {
    argument(value, name)?.as_text()
}

/// The texts that an argument can be, each with its guards.
pub fn texts(value: &Value, name: &str) -> Vec<(Guards, Text)> {
    let Some(found) = argument(value, name) else {
        return Vec::new();
    };
    found
        .arms()
        .into_iter()
        .filter_map(|(g, v)| Some((g, v.as_text()?)))
        .collect()
}

/// Members of a list argument as texts.
pub fn items(value: &Value, name: &str) -> Vec<Text> {
    argument(value, name)
        .and_then(Value::as_items)
        .unwrap_or_default()
        .iter()
        .filter_map(Value::as_text)
        .collect()
}

/// A setting read by `read`; the default where the argument is absent.
pub fn setting<T: Clone>(
    value: &Value,
    name: &str,
    default: Setting<T>,
    read: impl Fn(&Value) -> Option<T>,
) -> Setting<T> {
    let Some(found) = argument(value, name) else {
        return default;
    };
    let one = |v: &Value| match read(v) {
        Some(read) => Setting::Is(read, v.place.clone()),
        None if v.is_null() => default.clone(),
        None => Setting::Unknown(format!("`{name}` is not known").into()),
    };
    match found.arms().as_slice() {
        [(_, only)] => one(only),
        arms => Setting::Choice(arms.iter().map(|(g, v)| (g.clone(), one(v))).collect()),
    }
}

/// A flag.
pub fn flag(value: &Value, name: &str, default: bool) -> Setting<bool> {
    setting(value, name, Setting::Default(default), Value::as_bool)
}

/// An attribute of the resource, as its references have it.
pub fn own(resource: &Resource, attribute: &str) -> Text {
    let subject = resource.address.clone();
    let symbol = Symbol {
        scope: resource.scope,
        kind: SymbolKind::Resource,
        subject,
        attribute: attribute.into(),
    };
    Text::symbol(symbol, "known only after it is made")
}

/// Tags of a resource.
pub fn tags(value: &Value) -> Setting<Vec<(Text, Text)>> {
    setting(value, "tags", Setting::Default(Vec::new()), |v| {
        v.as_map()?
            .iter()
            .map(|(k, e)| Some((Text::literal(k.clone()), e.value.as_text()?)))
            .collect()
    })
}
