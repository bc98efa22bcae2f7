//! Reads the properties of a resource.

use std::borrow::Cow;
use std::sync::Arc;

use crate::facts::Setting;
use crate::policy::guards::{self, exclude, implies, join};
use crate::source::Resource;
use crate::value::{
    Arm, Guard, Guards, Place, Symbol, SymbolKind, Text, Unknown, Value, ValueKind,
};

/// Depth to which values are searched.
const DEPTH: usize = 16;

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

/// What a property can be, each with its guards; null is nothing.
pub fn arms<'v>(value: &'v Value, name: &str) -> Vec<(Guards, &'v Value)> {
    let mut out = property(value, name).map(Value::arms).unwrap_or_default();
    out.retain(|(_, v)| !v.is_null());
    out
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
                        if let Some(all) = join(&guards, &more).filter(|_| !inner.is_null()) {
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

/// Worlds of one resource's properties that are told apart.
const CASES: usize = 64;

/// The properties as they are in each world of the conditions that the named ones mention, at any depth (a name may
/// be a path: `VpcConfig.SubnetIds`). Past the limit the named properties are not known.
pub fn cases<'v>(properties: &'v Value, paths: &[&str]) -> Vec<(Guards, Cow<'v, Value>)> {
    let mut inputs: Guards = Vec::new();
    let mut names: Vec<&str> = Vec::new();
    for path in paths {
        let segments: Vec<&str> = path.split('.').collect();
        asked_at(properties, &segments, 0, &mut inputs);
        names.extend(segments.first().filter(|n| !names.contains(n)));
    }
    let (true, Some(map)) = (!inputs.is_empty(), properties.as_map()) else {
        return vec![(Vec::new(), Cow::Borrowed(properties))];
    };
    let with = |replace: &dyn Fn(&Value) -> Value| {
        let mut map = (**map).clone();
        for name in &names {
            if let Some(entry) = map.entries.get_mut(*name) {
                entry.value = replace(&entry.value);
            }
        }
        Value::map(map, properties.place.clone())
    };
    let inputs: Vec<Vec<Guard>> = inputs.iter().map(guards::arms).collect();
    let Some(worlds) = guards::worlds(&inputs, CASES) else {
        let why = "it hangs on more conditions than are told apart";
        let unknown = |v: &Value| Value::unknown(Unknown::because(why), v.place.clone());
        return vec![(Vec::new(), Cow::Owned(with(&unknown)))];
    };
    worlds
        .into_iter()
        .map(|world| {
            let properties = with(&|v| in_world(v, &world));
            (world, Cow::Owned(properties))
        })
        .collect()
}

/// The inputs of the choices on the way to a property, and of those inside it.
fn asked_at(value: &Value, path: &[&str], depth: usize, out: &mut Guards) {
    if depth > DEPTH {
        return;
    }
    match (&value.kind, path.split_first()) {
        (_, None) => asked(value, depth, out),
        (ValueKind::Choice(arms), _) => {
            for arm in arms.iter() {
                note(&arm.guard, out);
                asked_at(&arm.value, path, depth + 1, out);
            }
        }
        (ValueKind::Map(map), Some((name, rest))) => {
            if let Some(inner) = map.get(name) {
                asked_at(inner, rest, depth + 1, out);
            }
        }
        (ValueKind::List(items) | ValueKind::Set(items), _) => {
            items.iter().for_each(|v| asked_at(v, path, depth + 1, out));
        }
        _ => {}
    }
}

fn note(guard: &Guard, out: &mut Guards) {
    if !out.iter().any(|g| g.same_input(guard)) {
        out.push(guard.clone());
    }
}

/// The inputs of every choice inside a value.
fn asked(value: &Value, depth: usize, out: &mut Guards) {
    if depth > DEPTH {
        return;
    }
    match &value.kind {
        ValueKind::Choice(arms) => {
            for arm in arms.iter() {
                note(&arm.guard, out);
                asked(&arm.value, depth + 1, out);
            }
        }
        ValueKind::Json(inner) => asked(inner, depth + 1, out),
        ValueKind::List(items) | ValueKind::Set(items) => {
            items.iter().for_each(|v| asked(v, depth + 1, out));
        }
        ValueKind::Map(map) => map
            .iter()
            .for_each(|(_, e)| asked(&e.value, depth + 1, out)),
        ValueKind::Null
        | ValueKind::Bool(_)
        | ValueKind::Number(_)
        | ValueKind::Text(_)
        | ValueKind::Unknown(_) => {}
    }
}

/// The value in one world: null where the world has no arm of it, a choice still where it does not decide.
fn in_world(value: &Value, world: &Guards) -> Value {
    let mut asked_here = Guards::new();
    asked(value, 0, &mut asked_here);
    if asked_here.is_empty() {
        return value.clone();
    }
    let kind = match &value.kind {
        ValueKind::Choice(arms) => {
            let holds = |g: &Guard| implies(world, std::slice::from_ref(g));
            if let Some(arm) = arms.iter().find(|a| holds(&a.guard)) {
                return in_world(&arm.value, world);
            }
            let left = arms
                .iter()
                .filter(|a| !exclude(world, std::slice::from_ref(&a.guard)))
                .map(|a| Arm {
                    guard: a.guard.clone(),
                    value: in_world(&a.value, world),
                });
            let left: Vec<Arm> = left.collect();
            if left.is_empty() {
                return Value::null(value.place.clone());
            }
            ValueKind::Choice(Arc::new(left))
        }
        ValueKind::Json(inner) => ValueKind::Json(Arc::new(in_world(inner, world))),
        ValueKind::List(items) => {
            let mut items: Vec<Value> = items.iter().map(|v| in_world(v, world)).collect();
            // `AWS::NoValue` takes its member away.
            items.retain(|v| !v.is_null());
            ValueKind::List(Arc::new(items))
        }
        ValueKind::Map(map) => {
            let mut map = (**map).clone();
            for entry in map.entries.values_mut() {
                entry.value = in_world(&entry.value, world);
            }
            ValueKind::Map(Arc::new(map))
        }
        other => other.clone(),
    };
    Value {
        kind,
        ..value.clone()
    }
}

/// The resource in each world of the conditions that the named properties mention.
pub fn in_each_world<'r>(r: &'r Resource, names: &[&str]) -> Vec<Cow<'r, Resource>> {
    cases(&r.properties, names)
        .into_iter()
        .filter_map(|(guards, properties)| {
            if guards.is_empty() && matches!(properties, Cow::Borrowed(_)) {
                return Some(Cow::Borrowed(r));
            }
            Some(Cow::Owned(Resource {
                guards: join(&r.guards, &guards)?,
                properties: properties.into_owned(),
                ..r.clone()
            }))
        })
        .collect()
}

/// A setting as it is in each world of the conditions that its properties mention.
pub fn setting_of<T>(
    properties: &Value,
    names: &[&str],
    read: impl Fn(&Value) -> Setting<T>,
) -> Setting<T> {
    let mut arms: Vec<(Guards, Setting<T>)> = cases(properties, names)
        .into_iter()
        .map(|(guards, p)| (guards, read(&p)))
        .collect();
    match (arms.len(), arms.pop()) {
        (1, Some((_, only))) => only,
        (_, Some(last)) => {
            arms.push(last);
            Setting::Choice(arms)
        }
        (_, None) => Setting::Unknown("its value is not known".into()),
    }
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

/// Every text inside a value that stands in all worlds, with its place; limited.
pub fn strings(value: Option<&Value>) -> Vec<(Text, Place)> {
    fn walk(value: &Value, depth: usize, out: &mut Vec<(Text, Place)>) {
        if depth > DEPTH || out.len() > 500 {
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
