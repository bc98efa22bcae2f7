//! Paths into the properties of a resource of either format: through blocks, lists and mappings alike.

use crate::value::{Guards, Text, Value};

/// An entry inside others; the first of a list. Nothing for an empty path.
pub fn at<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    if path.is_empty() {
        return None;
    }
    path.split('.').try_fold(value, |value, name| {
        let value = value.as_items().and_then(<[Value]>::first).unwrap_or(value);
        value.get(name).filter(|v| !v.is_null())
    })
}

/// The texts at a path: one, or the members of a list.
pub fn texts(value: &Value, path: &str) -> Vec<Text> {
    let Some(found) = at(value, path) else {
        return Vec::new();
    };
    match found.as_items() {
        Some(items) => items.iter().filter_map(Value::as_text).collect(),
        None => found.as_text().into_iter().collect(),
    }
}

/// The objects that a path leads to, with their guards and what each stands in.
pub fn objects<'v>(value: &'v Value, path: &str) -> Vec<(Guards, &'v Value, Option<&'v Value>)> {
    let mut found: Vec<(Guards, &Value, Option<&Value>)> = vec![(Guards::new(), value, None)];
    for name in path.split('.').filter(|n| !n.is_empty()) {
        let mut next = Vec::new();
        for (guards, value, _) in found {
            let Some(inner) = value.get(name) else {
                continue;
            };
            for (more, arm) in inner.arms() {
                let items = match arm.as_items() {
                    Some(items) => items,
                    None => std::slice::from_ref(arm),
                };
                for (last, item) in items.iter().flat_map(Value::arms) {
                    if !item.is_null() {
                        let all = guards.iter().chain(&more).chain(&last).cloned().collect();
                        next.push((all, item, Some(value)));
                    }
                }
            }
        }
        found = next;
    }
    found
}
