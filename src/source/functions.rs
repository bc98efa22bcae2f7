//! The built-in functions of Terraform 1.11, one file per family, over values that may be partly unknown.
//!
//! A function of plain values answers as Terraform does. Where an argument is symbolic, the result is unknown
//! only as far as it really depends on it. Choices among the arguments become a choice of results.

mod collection;
pub mod convert;
mod date;
mod encoding;
mod filesystem;
mod format;
mod hash;
mod network;
mod numeric;
mod pieces;
mod provider;
mod regular;
mod set;
mod string;
mod yaml;

use std::sync::Arc;

use crate::source::encode;
use crate::value::{Arm, FileId, Map, Number, Place, Span, Step, Text, Unknown, Value, ValueKind};

/// What functions ask of their surroundings.
pub trait FunctionContext {
    /// Content of a file that the path names, as the module at hand sees it.
    fn read_file(&mut self, path: &Value) -> Result<(FileId, Arc<str>), FunctionError>;

    /// Renders a template of that file with these variables.
    fn render_template(
        &mut self,
        file: FileId,
        text: Arc<str>,
        variables: &Map,
        at: Span,
    ) -> Result<Value, FunctionError>;

    /// Files below a folder, relative to it.
    fn list_files(&mut self, folder: &Value) -> Result<Vec<String>, FunctionError>;

    /// True inside `try` and `can`, where a case that fails counts. Else it is no possibility.
    fn asks_for_failures(&self) -> bool {
        false
    }
}

/// Why a call has no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FunctionError {
    /// Terraform refuses the call.
    Error(String),
    /// The result cannot be computed here; the reason is for a reader.
    Unknown(String),
}

type Outcome = Result<Value, FunctionError>;

/// Elements of a computed collection.
const ELEMENTS: usize = 100_000;
/// Bytes of a computed text.
const BYTES: usize = 4 << 20;
/// Worlds that choices among the arguments may make.
const WORLDS: usize = 64;
/// Levels of a value that are looked into.
const DEPTH: usize = 200;

/// Calls the function of that name; `core::` may stand before it.
pub fn call(
    name: &str,
    arguments: &[Value],
    at: Span,
    context: &mut dyn FunctionContext,
) -> Result<Value, FunctionError> {
    let name = name.strip_prefix("core::").unwrap_or(name);
    let mut worlds = WORLDS;
    let mut value = over_choices(name, arguments, at, context, &mut worlds)?;
    if !matches!(name, "nonsensitive" | "issensitive" | "length")
        && arguments.iter().any(|a| {
            if reads_inside(name) {
                is_sensitive(a, 0)
            } else {
                a.sensitive
            }
        })
    {
        value.sensitive = true;
    }
    Ok(value)
}

/// True for functions that make one scalar of the parts of their arguments.
fn reads_inside(name: &str) -> bool {
    matches!(
        name,
        "join"
            | "format"
            | "formatlist"
            | "jsonencode"
            | "yamlencode"
            | "contains"
            | "index"
            | "sum"
            | "max"
            | "min"
    )
}

fn is_sensitive(value: &Value, depth: usize) -> bool {
    value.sensitive
        || depth < DEPTH
            && match &value.kind {
                ValueKind::List(items) | ValueKind::Set(items) => {
                    items.iter().any(|i| is_sensitive(i, depth + 1))
                }
                ValueKind::Map(map) => map.iter().any(|(_, e)| is_sensitive(&e.value, depth + 1)),
                ValueKind::Json(inner) => is_sensitive(inner, depth + 1),
                ValueKind::Choice(arms) => arms.iter().any(|a| is_sensitive(&a.value, depth + 1)),
                _ => false,
            }
}

fn over_choices(
    name: &str,
    arguments: &[Value],
    at: Span,
    context: &mut dyn FunctionContext,
    worlds: &mut usize,
) -> Outcome {
    let choice = match name {
        "jsonencode" | "sensitive" | "nonsensitive" | "issensitive" => None,
        _ => arguments
            .iter()
            .find_map(|a| choice_in(a, depth_of_choices(name))),
    };
    let Some(arms) = choice else {
        return dispatch(name, arguments, at, context);
    };
    if *worlds < arms.len() {
        return Err(FunctionError::Unknown(format!(
            "limit of {WORLDS} cases met in `{name}`"
        )));
    }
    *worlds -= arms.len();
    let place = arguments.first().map_or(Place::at(at), |a| a.place.clone());
    let mut results = Vec::new();
    let mut refused = None;
    for arm in arms.iter() {
        let world: Vec<Value> = arguments
            .iter()
            .map(|a| in_world(a, arm, depth_of_choices(name)))
            .collect();
        let value = match over_choices(name, &world, at, context, worlds) {
            Ok(value) => value,
            Err(FunctionError::Unknown(reason)) => {
                Value::unknown(Unknown::because(reason), place.clone())
            }
            Err(FunctionError::Error(message)) if context.asks_for_failures() => {
                let value = Value::unknown(Unknown::because(message.as_str()), place.clone());
                refused = Some(message);
                value
            }
            Err(FunctionError::Error(message)) => {
                refused = Some(message);
                continue;
            }
        };
        results.push(Arm {
            guard: arm.guard.clone(),
            value,
        });
    }
    if let Some(message) = refused {
        let failed =
            |arm: &Arm| matches!(&arm.value.kind, ValueKind::Unknown(u) if *u.reason == *message);
        if results.iter().all(failed) {
            return Err(FunctionError::Error(message));
        }
        if let ([only], false) = (results.as_slice(), context.asks_for_failures()) {
            return Ok(only.value.clone());
        }
    }
    Ok(Value::new(ValueKind::Choice(Arc::new(results)), place))
}

/// How deep inside lists a choice decides the result's shape.
fn depth_of_choices(name: &str) -> usize {
    match name {
        "flatten" => 8,
        "join" | "formatlist" | "distinct" | "compact" | "contains" | "index" | "sort"
        | "toset" | "sum" | "alltrue" | "anytrue" | "setunion" | "setintersection"
        | "setsubtract" | "zipmap" => 1,
        _ => 0,
    }
}

fn choice_in(value: &Value, depth: usize) -> Option<Arc<Vec<Arm>>> {
    match &value.kind {
        ValueKind::Choice(arms) => Some(arms.clone()),
        ValueKind::List(items) | ValueKind::Set(items) if depth > 0 => {
            items.iter().find_map(|i| choice_in(i, depth - 1))
        }
        _ => None,
    }
}

/// The value where the input of the arm's guard has that arm.
fn in_world(value: &Value, world: &Arm, depth: usize) -> Value {
    match &value.kind {
        ValueKind::Choice(arms) => {
            let same =
                |a: &&Arm| a.guard.scope == world.guard.scope && a.guard.input == world.guard.input;
            let Some(_) = arms.iter().find(same) else {
                return value.clone();
            };
            match arms
                .iter()
                .filter(same)
                .find(|a| a.guard.arm == world.guard.arm)
            {
                Some(arm) => {
                    let mut chosen = in_world(&arm.value, world, 0);
                    chosen.sensitive |= value.sensitive;
                    chosen
                }
                None => Value::unknown(
                    Unknown::because("has no value in this case"),
                    value.place.clone(),
                ),
            }
        }
        ValueKind::List(items) | ValueKind::Set(items) if depth > 0 => {
            let items = Arc::new(
                items
                    .iter()
                    .map(|i| in_world(i, world, depth - 1))
                    .collect(),
            );
            let kind = match &value.kind {
                ValueKind::Set(_) => ValueKind::Set(items),
                _ => ValueKind::List(items),
            };
            Value {
                kind,
                place: value.place.clone(),
                sensitive: value.sensitive,
            }
        }
        _ => value.clone(),
    }
}

/// A function: fewest and most arguments, and its work.
type Entry = (usize, usize, Body);

#[derive(Clone, Copy)]
enum Body {
    Pure(fn(&Call) -> Outcome),
    Reading(fn(&Call, &mut dyn FunctionContext) -> Outcome),
    /// The result differs from run to run.
    Impure(&'static str),
}

const MANY: usize = usize::MAX;

fn dispatch(
    name: &str,
    arguments: &[Value],
    at: Span,
    context: &mut dyn FunctionContext,
) -> Outcome {
    let found = string::find(name)
        .or_else(|| collection::find(name))
        .or_else(|| set::find(name))
        .or_else(|| numeric::find(name))
        .or_else(|| encoding::find(name))
        .or_else(|| hash::find(name))
        .or_else(|| date::find(name))
        .or_else(|| network::find(name))
        .or_else(|| convert::find(name))
        .or_else(|| filesystem::find(name))
        .or_else(|| provider::find(name));
    let Some((least, most, body)) = found else {
        return Err(if name.contains("::") {
            FunctionError::Unknown(format!("function `{name}` is not known here"))
        } else {
            FunctionError::Error(format!("there is no function named \"{name}\""))
        });
    };
    if arguments.len() < least || arguments.len() > most {
        let few = if arguments.len() < least {
            "not enough"
        } else {
            "too many"
        };
        return Err(FunctionError::Error(format!(
            "{few} arguments for function \"{name}\""
        )));
    }
    let call = Call {
        name,
        arguments,
        at,
    };
    match body {
        Body::Pure(work) => work(&call),
        Body::Reading(work) => work(&call, context),
        Body::Impure(why) => Err(FunctionError::Unknown(format!("function `{name}` {why}"))),
    }
}

/// One call: its arguments as the functions want them.
struct Call<'a> {
    name: &'a str,
    arguments: &'a [Value],
    at: Span,
}

impl<'a> Call<'a> {
    fn error<T>(&self, message: impl std::fmt::Display) -> Result<T, FunctionError> {
        Err(FunctionError::Error(format!("{}: {message}", self.name)))
    }

    fn limit<T>(&self) -> Result<T, FunctionError> {
        Err(FunctionError::Unknown(format!(
            "the result of `{}` is larger than {BYTES} bytes or {ELEMENTS} elements",
            self.name
        )))
    }

    fn argument(&self, index: usize) -> Result<&'a Value, FunctionError> {
        match self.arguments.get(index) {
            Some(value) => Ok(value),
            None => self.error("not enough arguments"),
        }
    }

    fn present(&self, index: usize) -> Result<&'a Value, FunctionError> {
        let value = self.argument(index)?;
        if value.is_null() {
            self.error(format!("argument {} must not be null", index + 1))
        } else {
            Ok(value)
        }
    }

    fn text(&self, index: usize) -> Result<Text, FunctionError> {
        convert::text(self.present(index)?)
    }

    /// The argument as a known text.
    fn literal(&self, index: usize) -> Result<Arc<str>, FunctionError> {
        known(&self.text(index)?)
    }

    fn number(&self, index: usize) -> Result<Number, FunctionError> {
        convert::number(self.present(index)?)
    }

    fn whole(&self, index: usize) -> Result<i128, FunctionError> {
        match self.number(index)?.as_i128() {
            Some(n) => Ok(n),
            None => self.error(format!("argument {} must be a whole number", index + 1)),
        }
    }

    /// The members of a list, set or tuple.
    fn items(&self, index: usize) -> Result<&'a [Value], FunctionError> {
        let value = self.present(index)?;
        match (&value.kind, value.as_items()) {
            (_, Some(items)) => Ok(items),
            (ValueKind::Unknown(unknown), _) => {
                Err(FunctionError::Unknown(unknown.reason.to_string()))
            }
            _ => self.error(format!("argument {} must be a list", index + 1)),
        }
    }

    fn map(&self, index: usize) -> Result<&'a Map, FunctionError> {
        let value = self.present(index)?;
        match &value.kind {
            ValueKind::Map(map) => Ok(map),
            ValueKind::Unknown(unknown) => Err(FunctionError::Unknown(unknown.reason.to_string())),
            _ => self.error(format!("argument {} must be a map or an object", index + 1)),
        }
    }

    /// The place of an argument, marked with this function.
    fn through(&self, index: usize) -> Place {
        match self.arguments.get(index) {
            Some(value) => value
                .place
                .through(Step::Function(self.name.into()), self.at),
            None => Place::at(self.at),
        }
    }

    /// The place of an argument, unmarked: for collections whose parts keep their own.
    fn of(&self, index: usize) -> Place {
        self.arguments
            .get(index)
            .map_or(Place::at(self.at), |value| value.place.clone())
    }

    fn list(&self, items: Vec<Value>, place: Place) -> Outcome {
        if items.len() > ELEMENTS {
            self.limit()
        } else {
            Ok(Value::list(items, place))
        }
    }

    /// A computed text, placed at the argument it was made from.
    fn made(&self, text: Text, from: usize) -> Outcome {
        if pieces::width(&text) > BYTES {
            return self.limit();
        }
        Ok(Value::new(pieces::kind(text), self.through(from)))
    }

    fn made_str(&self, text: impl Into<Arc<str>>, from: usize) -> Outcome {
        self.made(Text::literal(text), from)
    }

    fn made_bool(&self, value: bool, from: usize) -> Outcome {
        Ok(Value::bool(value, self.through(from)))
    }

    fn made_number(&self, value: Number, from: usize) -> Outcome {
        Ok(Value::number(value, self.through(from)))
    }

    fn made_int(&self, value: i128, from: usize) -> Outcome {
        self.made_number(Number::Int(value), from)
    }
}

/// The whole text, or why it is not known.
fn known(text: &Text) -> Result<Arc<str>, FunctionError> {
    match text.pieces() {
        [] => Ok("".into()),
        [crate::value::Piece::Literal(literal)] => Ok(literal.clone()),
        _ => Err(FunctionError::Unknown(pieces::reason(text))),
    }
}

/// A value that no function can look into: its reason.
fn depends(value: &Value) -> FunctionError {
    FunctionError::Unknown(match &value.kind {
        ValueKind::Unknown(unknown) => unknown.reason.to_string(),
        ValueKind::Text(text) => pieces::reason(text),
        ValueKind::Json(inner) => pieces::reason(&encode::json_text(inner)),
        ValueKind::Choice(_) => "one of several values".into(),
        _ => "a part of it is not known".into(),
    })
}

#[cfg(test)]
mod tests;
