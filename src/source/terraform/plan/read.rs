//! The text of a plan or state to [`Plan`]: values, what of them is unknown or sensitive, and the configuration.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::{Known, Plan, configuration, split_key};
use crate::files::SourceFile;
use crate::source::GapKind;
use crate::source::json::{self, JsonError};
use crate::source::terraform::expansion::key_suffix;
use crate::source::terraform::load::Loader;
use crate::value::{Entry, FileId, Map, Span, Unknown, Value, ValueKind};

/// Values inside each other.
const DEPTH: usize = 200;
/// Instances of one plan.
const OBJECTS: usize = 200_000;

/// True where a text holds the words of a plan or state, so that it is worth parsing.
pub fn may_be_plan(bytes: &[u8]) -> bool {
    let has = |word: &[u8]| memchr::memmem::find(bytes, word).is_some();
    has(b"\"format_version\"") && (has(b"\"planned_values\"") || has(b"\"values\""))
}

/// What a plan or a state is told by.
fn is_plan(root: &Value) -> bool {
    let holds = |name: &str| root.get(name).is_some_and(|v| v.as_map().is_some());
    root.get("format_version")
        .is_some_and(|v| v.as_str().is_some())
        && (holds("planned_values") || holds("values"))
}

/// Reads a plan or state; `None` where the file is neither.
pub fn read(loader: &mut Loader<'_>, path: &str) -> Option<Plan> {
    let bytes = loader.files.read(path).ok()?;
    if !may_be_plan(&bytes) {
        return None;
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let Ok(text) = std::str::from_utf8(bytes) else {
        loader.gap(
            path,
            "is not UTF-8 text",
            None,
            Some(path),
            GapKind::Reading,
        );
        return None;
    };
    let file = FileId(loader.sources.files.len() as u32);
    let root = match json::parse_file(file, text) {
        Ok(root) => root,
        Err(JsonError { message, place }) => {
            loader.sources.files.add(SourceFile::new(path, text));
            let why = format!("does not parse: {message}");
            loader.gap(path, &why, Some(place.span), Some(path), GapKind::Syntax);
            return None;
        }
    };
    if !is_plan(&root) {
        return None;
    }
    let mut reading = Reading::default();
    let plan = reading.plan(&root, path);
    let shown = masked(text, &mut reading.secret);
    loader.sources.secrets.append(&mut reading.secrets);
    loader.sources.files.add(SourceFile::new(path, shown));
    let version = root.get("format_version").and_then(Value::as_str);
    let major = version.and_then(|v| v.split('.').next());
    let mut tell = |what: String, why: &str| {
        let at = Some(root.place.span);
        loader.gap(&what, why, at, Some(path), GapKind::Unsupported);
    };
    if !matches!(major, Some("0" | "1")) {
        let what = format!("format version {}", version.unwrap_or("of the plan"));
        tell(what, "is newer than what is understood here");
    }
    if root.get("errored").and_then(Value::as_bool) == Some(true) {
        tell(path.into(), "the plan failed, so that it is not whole");
    }
    if plan.objects.len() >= OBJECTS {
        tell(path.into(), &format!("more than {OBJECTS} instances"));
    }
    Some(plan)
}

/// The text with every sensitive value covered, byte for byte, so that no excerpt shows it.
fn masked(text: &str, secret: &mut [Span]) -> String {
    secret.sort();
    let mut out = String::with_capacity(text.len());
    let mut done = 0usize;
    for span in secret.iter() {
        let (start, end) = (span.start as usize, span.end as usize);
        if start < done {
            continue;
        }
        let (Some(before), Some(hidden)) = (text.get(done..start), text.get(start..end)) else {
            continue;
        };
        out.push_str(before);
        let quoted = hidden.len() >= 2 && hidden.starts_with('"') && hidden.ends_with('"');
        let inner = if quoted {
            hidden.len() - 2
        } else {
            hidden.len()
        };
        let mark = if quoted { "\"" } else { "" };
        out.push_str(&format!("{mark}{}{mark}", "*".repeat(inner)));
        done = end;
    }
    out.push_str(text.get(done..).unwrap_or(""));
    out
}

#[derive(Default)]
struct Reading {
    objects: FxHashMap<Arc<str>, Known>,
    keys: FxHashMap<Arc<str>, Vec<Value>>,
    /// Addresses whose keys are known.
    noted: FxHashSet<Arc<str>>,
    /// Scalars that must not be shown.
    secret: Vec<Span>,
    /// The texts among them.
    secrets: Vec<Arc<str>>,
}

impl Reading {
    fn plan(&mut self, root: &Value, path: &str) -> Plan {
        // What was read before planning, then what is planned, which is newer.
        let prior = root.get("prior_state").and_then(|s| s.get("values"));
        self.module_of(prior, "", true);
        self.module_of(root.get("planned_values"), "", false);
        self.module_of(root.get("values"), "", false);
        for change in items(root.get("resource_changes")) {
            self.change(change);
        }
        let configured = root.get("configuration").and_then(|c| c.get("root_module"));
        let variables = self.variables(root.get("variables"), configured);
        for outputs in [prior, root.get("planned_values"), root.get("values")] {
            for (_, output) in entries(outputs.and_then(|v| v.get("outputs"))) {
                if flag(output.value.get("sensitive")) {
                    self.hide(output.value.get("value"));
                }
            }
        }
        let said = |name: &str, expected: bool| {
            root.get(name).and_then(Value::as_bool).unwrap_or(expected) == expected
        };
        let module = match root.get("configuration") {
            Some(configuration) => configuration::root(configuration, path),
            None => {
                let values = root.get("values").or_else(|| root.get("planned_values"));
                configuration::of_values(values, path)
            }
        };
        let mut declared = FxHashSet::default();
        configuration::declared(&module, "", &mut declared);
        Plan {
            path: path.into(),
            variables,
            objects: std::mem::take(&mut self.objects),
            keys: std::mem::take(&mut self.keys),
            root: Arc::new(module),
            declared,
            complete: root.get("planned_values").is_some()
                && root.get("configuration").is_some()
                && said("complete", true)
                && said("errored", false),
        }
    }

    fn variables(&mut self, given: Option<&Value>, configured: Option<&Value>) -> Map {
        let declared = configured.and_then(|c| c.get("variables"));
        let mut out = Map::default();
        for (name, entry) in entries(given) {
            let Some(value) = entry.value.get("value") else {
                continue;
            };
            let block = declared.and_then(|d| d.get(name));
            let mut value = value.clone();
            if flag(block.and_then(|b| b.get("sensitive"))) {
                value.sensitive = true;
                self.hide(Some(&value));
                self.hide(block.and_then(|b| b.get("default")));
            }
            out.insert(name.clone(), entry.key_place.clone(), value);
        }
        out
    }

    fn hide(&mut self, value: Option<&Value>) {
        let Some(value) = value else { return };
        match &value.kind {
            ValueKind::List(items) => items.iter().for_each(|i| self.hide(Some(i))),
            ValueKind::Map(map) => map.iter().for_each(|(_, e)| self.hide(Some(&e.value))),
            ValueKind::Null => {}
            kind => {
                self.secret.push(value.place.span);
                if let ValueKind::Text(text) = kind {
                    self.secrets.extend(text.as_literal().map(Arc::from));
                }
            }
        }
    }

    fn module_of(&mut self, values: Option<&Value>, path: &str, data_only: bool) {
        if let Some(module) = values.and_then(|v| v.get("root_module")) {
            self.module(module, path, data_only);
        }
    }

    /// Resources of a module and of those inside it; true where there are any.
    fn module(&mut self, module: &Value, path: &str, data_only: bool) -> bool {
        let mut any = false;
        for resource in items(module.get("resources")) {
            let data = resource.get("mode").and_then(Value::as_str) == Some("data");
            let Some(values) = resource.get("values") else {
                continue;
            };
            let (values, secret) = sensitive(values, resource.get("sensitive_values"), 0);
            if secret {
                self.hide_marked(&values);
            }
            let (true, Some(map)) = (data || !data_only, values.as_map()) else {
                continue;
            };
            if let Some(address) = self.key_of(resource, path) {
                any = true;
                let known = known(resource, map.clone());
                if self.objects.len() < OBJECTS {
                    self.objects.insert(address, known);
                }
            }
        }
        for child in items(module.get("child_modules")) {
            let Some(address) = child.get("address").and_then(Value::as_str) else {
                continue;
            };
            let inside = self.module(child, address, data_only);
            // In the state before stand instances too that are no more.
            if inside || !data_only {
                let (prefix, key) = split_key(address);
                self.note(prefix, address.into(), key_of_text(key, child));
                any = true;
            }
        }
        any
    }

    /// The address of an instance, whose key is remembered.
    fn key_of(&mut self, resource: &Value, path: &str) -> Option<Arc<str>> {
        let word = |name: &str| resource.get(name).and_then(Value::as_str);
        let data = if word("mode") == Some("data") {
            "data."
        } else {
            ""
        };
        let dot = if path.is_empty() { "" } else { "." };
        let prefix = format!("{path}{dot}{data}{}.{}", word("type")?, word("name")?);
        let key = key_of_index(resource);
        let suffix = if key.is_null() {
            String::new()
        } else {
            key_suffix(&key)
        };
        let address: Arc<str> = format!("{prefix}{suffix}").into();
        self.note(&prefix, address.clone(), key);
        Some(address)
    }

    fn note(&mut self, prefix: &str, address: Arc<str>, key: Value) {
        if self.noted.insert(address) {
            self.keys.entry(prefix.into()).or_default().push(key);
        }
    }

    /// What of an instance is known only after apply.
    fn change(&mut self, entry: &Value) {
        let Some(change) = entry.get("change") else {
            return;
        };
        for (values, marks) in [("before", "before_sensitive"), ("after", "after_sensitive")] {
            if let (Some(values), Some(marks)) = (change.get(values), change.get(marks)) {
                let (values, secret) = sensitive(values, Some(marks), 0);
                if secret {
                    self.hide_marked(&values);
                }
            }
        }
        let gone = items(change.get("actions"))
            .iter()
            .all(|a| matches!(a.as_str(), Some("delete" | "forget")));
        if gone || entry.get("deposed").is_some() {
            return;
        }
        let path = entry.get("module_address").and_then(Value::as_str);
        let Some(address) = self.key_of(entry, path.unwrap_or("")) else {
            return;
        };
        let after = change.get("after");
        let values = match (self.objects.get(&address), after.and_then(Value::as_map)) {
            (Some(known), _) => known.values.clone(),
            (None, Some(map)) => map.clone(),
            (None, None) => Arc::new(Map::default()),
        };
        let values = Value::map((*values).clone(), entry.place.clone());
        let values = match change.get("after_unknown") {
            Some(marks) => unknown(&values, marks, 0),
            None => values,
        };
        let values = sensitive(&values, change.get("after_sensitive"), 0).0;
        let Some(map) = values.as_map() else { return };
        let room = self.objects.len() < OBJECTS;
        match self.objects.get_mut(&address) {
            Some(known) => known.values = map.clone(),
            None if room => {
                self.objects.insert(address, known(entry, map.clone()));
            }
            None => {}
        }
    }

    fn hide_marked(&mut self, value: &Value) {
        match &value.kind {
            _ if value.sensitive => self.hide(Some(value)),
            ValueKind::List(items) => items.iter().for_each(|i| self.hide_marked(i)),
            ValueKind::Map(map) => map.iter().for_each(|(_, e)| self.hide_marked(&e.value)),
            _ => {}
        }
    }
}

fn known(entry: &Value, values: Arc<Map>) -> Known {
    let header = entry
        .get("address")
        .map_or(entry.place.span, |a| a.place.span);
    Known {
        values,
        key: key_of_index(entry),
        header,
        span: entry.place.span,
    }
}

fn key_of_index(entry: &Value) -> Value {
    match entry.get("index") {
        Some(index) => index.clone(),
        None => Value::null(entry.place.clone()),
    }
}

/// The key between the brackets of an address.
fn key_of_text(key: Option<&str>, at: &Value) -> Value {
    let place = at.place.clone();
    match key {
        None => Value::null(place),
        Some(key) => match key.parse::<i128>() {
            Ok(number) => Value::int(number, place),
            Err(_) => {
                let text = key
                    .trim_matches('"')
                    .replace("\\\"", "\"")
                    .replace("\\\\", "\\");
                Value::text(text, place)
            }
        },
    }
}

/// Marks what is sensitive; also whether anything is.
fn sensitive(value: &Value, marks: Option<&Value>, depth: usize) -> (Value, bool) {
    let Some(marks) = marks.filter(|_| depth < DEPTH) else {
        return (value.clone(), false);
    };
    let mut any = false;
    let kind = match (&value.kind, &marks.kind) {
        (_, ValueKind::Bool(true)) => {
            let marked = Value {
                sensitive: true,
                ..value.clone()
            };
            return (marked, true);
        }
        (ValueKind::Map(map), ValueKind::Map(marks)) if !marks.is_empty() => {
            let mut map = (**map).clone();
            for (key, entry) in &mut map.entries {
                if let Some(mark) = marks.get(key) {
                    let (value, marked) = sensitive(&entry.value, Some(mark), depth + 1);
                    any |= marked;
                    entry.value = value;
                }
            }
            ValueKind::Map(Arc::new(map))
        }
        (ValueKind::List(items), ValueKind::List(marks)) => {
            let mut out = Vec::with_capacity(items.len());
            for (i, item) in items.iter().enumerate() {
                let (value, marked) = sensitive(item, marks.get(i), depth + 1);
                any |= marked;
                out.push(value);
            }
            ValueKind::List(Arc::new(out))
        }
        _ => return (value.clone(), false),
    };
    let out = Value {
        kind,
        ..value.clone()
    };
    (if any { out } else { value.clone() }, any)
}

/// Puts unknown values where the marks say that they are known only after apply.
fn unknown(value: &Value, marks: &Value, depth: usize) -> Value {
    let later =
        |at: &Value| Value::unknown(Unknown::because("known after apply"), at.place.clone());
    let kind = match (&value.kind, &marks.kind) {
        _ if depth > DEPTH => return value.clone(),
        (_, ValueKind::Bool(true)) => return later(marks),
        (ValueKind::Map(map), ValueKind::Map(marks)) => {
            let mut map = (**map).clone();
            for (key, mark) in marks.iter() {
                let value = match map.entries.get(key) {
                    Some(known) => unknown(&known.value, &mark.value, depth + 1),
                    None if mark.value.as_bool() == Some(true) => later(&mark.value),
                    None => continue,
                };
                let key_place = mark.key_place.clone();
                let entry = map.entries.entry(key.clone());
                entry
                    .and_modify(|e| e.value = value.clone())
                    .or_insert(Entry { key_place, value });
            }
            ValueKind::Map(Arc::new(map))
        }
        (ValueKind::List(items), ValueKind::List(marks)) => {
            let mut out = Vec::new();
            for i in 0..items.len().max(marks.len()) {
                match (items.get(i), marks.get(i)) {
                    (Some(item), Some(mark)) => out.push(unknown(item, mark, depth + 1)),
                    (Some(item), None) => out.push(item.clone()),
                    (None, Some(mark)) => out.push(later(mark)),
                    (None, None) => {}
                }
            }
            ValueKind::List(Arc::new(out))
        }
        _ => return value.clone(),
    };
    Value {
        kind,
        ..value.clone()
    }
}

fn flag(value: Option<&Value>) -> bool {
    value.and_then(Value::as_bool).unwrap_or(false)
}

fn items(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_items).unwrap_or_default()
}

fn entries(value: Option<&Value>) -> impl Iterator<Item = (&Arc<str>, &Entry)> {
    value
        .and_then(Value::as_map)
        .into_iter()
        .flat_map(|m| m.iter())
}
