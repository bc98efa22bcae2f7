//! How values, texts, places and guards stand in a facts file.
//!
//! A literal text is a JSON string, one with symbols an array of pieces. A place is
//! `[file, line, column, end line, end column]`, with the module calls on the way to it as a sixth element.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use indexmap::IndexSet;
use rustc_hash::FxHashMap;
use serde_json::{Map as Object, Value as Json, json};

use crate::facts::Setting;
use crate::facts::link::Linker;
use crate::files::SourceFile;
use crate::source::{Format, json as json_source};
use crate::value::{
    Arm, ELSEWHERE, Entry, FileId, Guard, Map, Number, Piece, Place, ScopeId, Span, Step, Symbol,
    SymbolKind, Text, Unknown, Value, ValueKind,
};

/// Nesting of a value that is written; JSON readers take 128 levels, and one of these is at most three.
const DEPTH: usize = 32;

/// What is wrong with a facts file, and in which field.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fault(pub String);

impl Fault {
    pub fn of(expected: &str) -> Fault {
        Fault(format!("{expected} is expected"))
    }

    pub fn inside(self, field: &str) -> Fault {
        Fault(format!("{field}: {}", self.0))
    }
}

pub(super) type Read<T> = Result<T, Fault>;

/// Something that has a form in facts files.
pub(super) trait Wire: Sized {
    fn write(&self, to: &Writer<'_, '_>) -> Json;
    fn read(json: &Json, from: &Reader<'_>) -> Read<Self>;
}

pub(super) struct Writer<'l, 's> {
    pub linker: &'l Linker<'s>,
    /// Positions of scopes in the file.
    pub scopes: &'l FxHashMap<ScopeId, usize>,
    /// Files that places mention, in order.
    files: &'l RefCell<IndexSet<FileId>>,
    depth: Cell<usize>,
}

impl<'l, 's> Writer<'l, 's> {
    pub fn new(
        linker: &'l Linker<'s>,
        scopes: &'l FxHashMap<ScopeId, usize>,
        files: &'l RefCell<IndexSet<FileId>>,
    ) -> Writer<'l, 's> {
        Writer {
            linker,
            scopes,
            files,
            depth: Cell::new(0),
        }
    }

    /// Adds a field; nothing for what is absent or empty.
    pub fn field<T: Wire>(&self, out: &mut Object<String, Json>, name: &str, value: &T) {
        let json = value.write(self);
        if !json.is_null() {
            out.insert(called(name).into(), json);
        }
    }

    fn span(&self, span: Span) -> Vec<Json> {
        let (file, _) = self.files.borrow_mut().insert_full(span.file);
        let of = |offset| {
            let table = &self.linker.sources().files;
            table
                .get(span.file)
                .map_or((1, 1), |f| f.line_column(offset))
        };
        let (start, end) = (of(span.start), of(span.end));
        vec![
            json!(file),
            json!(start.0),
            json!(start.1),
            json!(end.0),
            json!(end.1),
        ]
    }

    fn unknown(&self, unknown: &Unknown) -> Json {
        let mut out = Object::new();
        out.insert("why".into(), json!(&*unknown.reason));
        if let Some(symbol) = &unknown.symbol {
            if let Some(scope) = self.scopes.get(&symbol.scope) {
                let kind = symbol_word(symbol.kind);
                out.insert(
                    "symbol".into(),
                    json!([scope, kind, &*symbol.subject, &*symbol.attribute]),
                );
            }
        }
        Json::Object(out)
    }
}

pub(super) struct Reader<'r> {
    pub files: &'r [SourceFile],
    /// Number of the first of them.
    pub file_base: u32,
    pub scope_base: u32,
    pub scopes: u32,
}

impl Reader<'_> {
    pub fn field<T: Wire>(&self, json: &Json, name: &str) -> Read<T> {
        let object = json.as_object().ok_or_else(|| Fault::of("an object"))?;
        let name = called(name);
        T::read(object.get(name).unwrap_or(&Json::Null), self).map_err(|f| f.inside(name))
    }

    pub fn scope(&self, json: &Json) -> Read<ScopeId> {
        let index = number(json)?;
        if index >= self.scopes {
            return Err(Fault("no such scope".into()));
        }
        Ok(ScopeId(self.scope_base.saturating_add(index)))
    }

    fn span(&self, items: &[Json]) -> Read<Span> {
        let [file, line, column, end_line, end_column] = items else {
            return Err(Fault::of("a place"));
        };
        let index = number(file)?;
        let held = self
            .files
            .get(index as usize)
            .ok_or_else(|| Fault("no such file".into()))?;
        let start = (number(line)?, number(column)?);
        let end = (number(end_line)?, number(end_column)?);
        let id = FileId(self.file_base.saturating_add(index));
        held.span_elsewhere(id, start, end)
            .ok_or_else(|| Fault("no such file".into()))
    }

    fn unknown(&self, json: &Json) -> Read<Unknown> {
        let reason: Arc<str> = self.field(json, "why")?;
        let symbol = match json.get("symbol") {
            None => None,
            Some(symbol) => {
                let Some([scope, kind, subject, attribute]) = symbol.as_array().map(Vec::as_slice)
                else {
                    return Err(Fault::of("a symbol"));
                };
                let kind = kind.as_str().unwrap_or_default();
                Some(Arc::new(Symbol {
                    scope: self.scope(scope)?,
                    kind: symbol_kind(kind).ok_or_else(|| Fault::of("a kind of symbol"))?,
                    subject: Arc::read(subject, self)?,
                    attribute: Arc::read(attribute, self)?,
                }))
            }
        };
        Ok(Unknown { reason, symbol })
    }
}

/// The name of a field in the file.
fn called(field: &str) -> &str {
    if field == "place" { "at" } else { field }
}

pub(super) fn number(json: &Json) -> Read<u32> {
    json.as_u64()
        .and_then(|n| u32::try_from(n).ok())
        .ok_or_else(|| Fault::of("a number"))
}

const SYMBOLS: [(SymbolKind, &str); 10] = [
    (SymbolKind::Resource, "resource"),
    (SymbolKind::Data, "data"),
    (SymbolKind::Input, "input"),
    (SymbolKind::Import, "import"),
    (SymbolKind::Account, "account"),
    (SymbolKind::OwnAccount, "own_account"),
    (SymbolKind::Region, "region"),
    (SymbolKind::Partition, "partition"),
    (SymbolKind::UrlSuffix, "url_suffix"),
    (SymbolKind::GeneratedName, "generated_name"),
];

fn symbol_word(kind: SymbolKind) -> &'static str {
    SYMBOLS
        .iter()
        .find(|(k, _)| *k == kind)
        .map_or("", |(_, word)| word)
}

fn symbol_kind(word: &str) -> Option<SymbolKind> {
    SYMBOLS
        .iter()
        .find(|(_, w)| *w == word)
        .map(|(kind, _)| *kind)
}

impl Wire for bool {
    fn write(&self, _: &Writer<'_, '_>) -> Json {
        json!(self)
    }

    fn read(json: &Json, _: &Reader<'_>) -> Read<bool> {
        json.as_bool().ok_or_else(|| Fault::of("true or false"))
    }
}

impl Wire for Arc<str> {
    fn write(&self, _: &Writer<'_, '_>) -> Json {
        json!(&**self)
    }

    fn read(json: &Json, _: &Reader<'_>) -> Read<Arc<str>> {
        json.as_str()
            .map(Arc::from)
            .ok_or_else(|| Fault::of("a text"))
    }
}

impl<T: Wire> Wire for Option<T> {
    fn write(&self, to: &Writer<'_, '_>) -> Json {
        self.as_ref().map_or(Json::Null, |value| value.write(to))
    }

    fn read(json: &Json, from: &Reader<'_>) -> Read<Option<T>> {
        match json {
            Json::Null => Ok(None),
            some => T::read(some, from).map(Some),
        }
    }
}

impl<T: Wire> Wire for Vec<T> {
    fn write(&self, to: &Writer<'_, '_>) -> Json {
        if self.is_empty() {
            return Json::Null;
        }
        Json::Array(self.iter().map(|item| item.write(to)).collect())
    }

    fn read(json: &Json, from: &Reader<'_>) -> Read<Vec<T>> {
        match json {
            Json::Null => Ok(Vec::new()),
            Json::Array(items) => items.iter().map(|item| T::read(item, from)).collect(),
            _ => Err(Fault::of("a list")),
        }
    }
}

impl<A: Wire, B: Wire> Wire for (A, B) {
    fn write(&self, to: &Writer<'_, '_>) -> Json {
        json!([self.0.write(to), self.1.write(to)])
    }

    fn read(json: &Json, from: &Reader<'_>) -> Read<(A, B)> {
        match json.as_array().map(Vec::as_slice) {
            Some([a, b]) => Ok((A::read(a, from)?, B::read(b, from)?)),
            _ => Err(Fault::of("a pair")),
        }
    }
}

impl Wire for Place {
    fn write(&self, to: &Writer<'_, '_>) -> Json {
        let mut out = to.span(self.span);
        let calls: Vec<Json> = self
            .module_calls()
            .into_iter()
            .map(|(address, span)| json!([address, to.span(span)]))
            .collect();
        if !calls.is_empty() {
            out.push(Json::Array(calls));
        }
        Json::Array(out)
    }

    fn read(json: &Json, from: &Reader<'_>) -> Read<Place> {
        let items = json.as_array().ok_or_else(|| Fault::of("a place"))?;
        let mut place = Place::at(from.span(items.get(..5).unwrap_or_default())?);
        let calls = items.get(5).and_then(Json::as_array);
        // The outermost call comes first, and is the last use that is added.
        for call in calls.into_iter().flatten().rev() {
            let Some([address, span]) = call.as_array().map(Vec::as_slice) else {
                return Err(Fault::of("a module call"));
            };
            let span = from.span(span.as_array().map_or(&[], Vec::as_slice))?;
            place = place.through(Step::ModuleCall(Arc::read(address, from)?), span);
        }
        Ok(place)
    }
}

impl Wire for Guard {
    /// A test is told apart from others, but the expression of it is not given away.
    fn write(&self, to: &Writer<'_, '_>) -> Json {
        let scope = to.linker.scope(self.scope);
        let label = match scope.map(|s| s.format) {
            Some(Format::CloudFormation) => self.label.to_string(),
            _ => "a condition of its sources".to_string(),
        };
        json!({
            "scope": to.scopes.get(&self.scope).copied().unwrap_or_default(),
            "input": super::write::digest(&self.input),
            "label": label,
            "arm": self.arm,
            "arms": self.arms,
        })
    }

    fn read(json: &Json, from: &Reader<'_>) -> Read<Guard> {
        let get = |name: &str| json.get(name).unwrap_or(&Json::Null);
        Ok(Guard {
            scope: from.scope(get("scope"))?,
            input: from.field(json, "input")?,
            label: from.field(json, "label")?,
            arm: number(get("arm"))?,
            arms: number(get("arms"))?,
        })
    }
}

impl Wire for Text {
    fn write(&self, to: &Writer<'_, '_>) -> Json {
        let text = to.linker.resolve(self);
        if let Some(literal) = text.as_literal() {
            return json!(literal);
        }
        let pieces = text.pieces().iter();
        Json::Array(
            pieces
                .map(|piece| match piece {
                    Piece::Literal(literal) => json!(&**literal),
                    Piece::Unknown(unknown) => to.unknown(unknown),
                })
                .collect(),
        )
    }

    fn read(json: &Json, from: &Reader<'_>) -> Read<Text> {
        match json {
            Json::String(literal) => Ok(Text::literal(literal.as_str())),
            Json::Array(pieces) => {
                let mut text = crate::value::TextBuilder::default();
                for piece in pieces {
                    match piece {
                        Json::String(literal) => text.push_str(literal),
                        other => text.push_unknown(from.unknown(other)?),
                    }
                }
                Ok(text.finish())
            }
            _ => Err(Fault::of("a text")),
        }
    }
}

impl Wire for Value {
    fn write(&self, to: &Writer<'_, '_>) -> Json {
        let mut out = Object::new();
        out.insert("at".into(), self.place.write(to));
        if to.depth.get() >= DEPTH {
            out.insert(
                "unknown".into(),
                to.unknown(&Unknown::because("it is nested too deep")),
            );
            return Json::Object(out);
        }
        to.depth.set(to.depth.get() + 1);
        let (name, json) = kind(self, to);
        to.depth.set(to.depth.get() - 1);
        out.insert(name.into(), json);
        Json::Object(out)
    }

    fn read(json: &Json, from: &Reader<'_>) -> Read<Value> {
        let object = json.as_object().ok_or_else(|| Fault::of("a value"))?;
        let place = from.field(json, "at")?;
        let found = object.iter().find(|(name, _)| *name != "at");
        let (name, json) = found.ok_or_else(|| Fault::of("a value"))?;
        let items = || json.as_array().ok_or_else(|| Fault::of("a list"));
        let values = || -> Read<Arc<Vec<Value>>> {
            let read = items()?.iter().map(|item| Value::read(item, from));
            read.collect::<Read<Vec<_>>>().map(Arc::new)
        };
        let kind = match name.as_str() {
            "null" => ValueKind::Null,
            "bool" => ValueKind::Bool(bool::read(json, from)?),
            "number" => {
                let written = json.as_str().unwrap_or_default();
                let whole = written.parse().map(Number::Int);
                let number = whole.or_else(|_| written.parse().map(Number::Float));
                ValueKind::Number(number.map_err(|_| Fault::of("a number"))?)
            }
            "text" => ValueKind::Text(Text::read(json, from)?),
            "json" => ValueKind::Json(Arc::new(Value::read(json, from)?)),
            "list" => ValueKind::List(values()?),
            "set" => ValueKind::Set(values()?),
            "unknown" => ValueKind::Unknown(from.unknown(json)?),
            "choice" => {
                let arms = items()?.iter().map(|arm| {
                    let (guard, value) = <(Guard, Value)>::read(arm, from)?;
                    Ok(Arm { guard, value })
                });
                ValueKind::Choice(Arc::new(arms.collect::<Read<_>>()?))
            }
            "map" => {
                let mut map = Map::default();
                for entry in items()? {
                    let Some([key, at, value]) = entry.as_array().map(Vec::as_slice) else {
                        return Err(Fault::of("an entry"));
                    };
                    let key: Arc<str> = Arc::read(key, from)?;
                    let key_place = Place::read(at, from)?;
                    match value {
                        // An earlier writing of a key that stands again below.
                        Json::Null => map.duplicates.push((key, key_place)),
                        value => {
                            let value = Value::read(value, from)?;
                            map.entries.insert(key, Entry { key_place, value });
                        }
                    }
                }
                ValueKind::Map(Arc::new(map))
            }
            _ => return Err(Fault::of("a kind of value")),
        };
        Ok(Value::new(kind, place))
    }
}

/// The kind of a value and its form.
fn kind(value: &Value, to: &Writer<'_, '_>) -> (&'static str, Json) {
    let list = |items: &[Value]| Json::Array(items.iter().map(|i| i.write(to)).collect());
    match &value.kind {
        ValueKind::Null => ("null", json!(true)),
        ValueKind::Bool(b) => ("bool", json!(b)),
        ValueKind::Number(n) => ("number", json!(n.to_string())),
        ValueKind::Text(text) => match document(text, &value.place) {
            // A document in a text is written as what it says: places in it need the text.
            Some(Ok(inner)) => ("json", inner.write(to)),
            Some(Err(why)) => ("unknown", to.unknown(&Unknown::because(why))),
            None => ("text", text.write(to)),
        },
        ValueKind::Json(inner) => ("json", inner.write(to)),
        ValueKind::List(items) => ("list", list(items)),
        ValueKind::Set(items) => ("set", list(items)),
        ValueKind::Map(map) => {
            let earlier = map.duplicates.iter();
            let earlier = earlier.map(|(key, place)| json!([&**key, place.write(to), null]));
            let entries = map.iter().map(|(key, entry)| {
                json!([&**key, entry.key_place.write(to), entry.value.write(to)])
            });
            ("map", Json::Array(earlier.chain(entries).collect()))
        }
        ValueKind::Unknown(unknown) => {
            let text = to.linker.resolve(&Text::unknown(unknown.clone()));
            match text.pieces() {
                [Piece::Unknown(same)] => ("unknown", to.unknown(same)),
                _ => ("text", text.write(to)),
            }
        }
        ValueKind::Choice(arms) => {
            let arms = arms.iter();
            let arms = arms.map(|arm| json!([arm.guard.write(to), arm.value.write(to)]));
            ("choice", Json::Array(arms.collect()))
        }
    }
}

/// The document that a text holds, if it looks like one.
fn document(text: &Text, place: &Place) -> Option<Result<Value, String>> {
    if !text.known_prefix().trim_start().starts_with('{') {
        return None;
    }
    let parsed = json_source::parse_text(text, place);
    Some(parsed.map_err(|e| format!("it is not valid JSON: {}", e.message)))
}

impl<T: Wire> Wire for Setting<T> {
    fn write(&self, to: &Writer<'_, '_>) -> Json {
        match self {
            Setting::Is(value, place) => json!({ "is": value.write(to), "at": place.write(to) }),
            Setting::Default(value) => json!({ "default": value.write(to) }),
            Setting::Choice(arms) => {
                let arms = arms.iter();
                let arms = arms.map(|(guards, arm)| json!([guards.write(to), arm.write(to)]));
                json!({ "choice": arms.collect::<Vec<_>>() })
            }
            Setting::Unknown(why) => json!({ "unknown": &**why }),
        }
    }

    fn read(json: &Json, from: &Reader<'_>) -> Read<Setting<T>> {
        let object = json.as_object().ok_or_else(|| Fault::of("a setting"))?;
        if let Some(value) = object.get("is") {
            return Ok(Setting::Is(T::read(value, from)?, from.field(json, "at")?));
        }
        if let Some(value) = object.get("default") {
            return Ok(Setting::Default(T::read(value, from)?));
        }
        if object.contains_key("choice") {
            return Ok(Setting::Choice(from.field(json, "choice")?));
        }
        Ok(Setting::Unknown(from.field(json, "unknown")?))
    }
}

/// The first number that files and scopes of another repository get.
pub(super) fn first(taken: usize) -> u32 {
    ELSEWHERE.saturating_add(u32::try_from(taken).unwrap_or(u32::MAX))
}
