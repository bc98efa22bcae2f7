//! Functions of files and paths; all reading goes through the context.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{Body, Call, Entry, FunctionContext, FunctionError, Outcome, convert, regular};
use crate::value::{Place, Segment, SourceMap, Span, Step, Text, Value, ValueKind};

pub(super) fn find(name: &str) -> Option<Entry> {
    Some(match name {
        "file" => (1, 1, Body::Reading(file)),
        "fileexists" => (1, 1, Body::Reading(fileexists)),
        "filebase64" => (1, 1, Body::Reading(filebase64)),
        "fileset" => (2, 2, Body::Reading(fileset)),
        "templatefile" => (2, 2, Body::Reading(templatefile)),
        "templatestring" => (2, 2, Body::Reading(templatestring)),
        "basename" => (1, 1, Body::Pure(basename)),
        "dirname" => (1, 1, Body::Pure(dirname)),
        "abspath" => (1, 1, Body::Pure(abspath)),
        "pathexpand" => (1, 1, Body::Pure(pathexpand)),
        _ => return None,
    })
}

fn file(call: &Call, context: &mut dyn FunctionContext) -> Outcome {
    let (id, text) = context.read_file(call.present(0)?)?;
    let span = Span::new(id, 0, text.len());
    let map = SourceMap {
        segments: vec![Segment {
            value: 0,
            len: span.end,
            span,
        }],
    };
    let text = Text::literal(text).with_source_map(Some(Arc::new(map)));
    Ok(Value::new(
        ValueKind::Text(text),
        Place::at(span).through(Step::File, call.at),
    ))
}

fn fileexists(call: &Call, context: &mut dyn FunctionContext) -> Outcome {
    match context.read_file(call.present(0)?) {
        Ok(_) => call.made_bool(true, 0),
        Err(FunctionError::Error(_)) => call.made_bool(false, 0),
        Err(unknown) => Err(unknown),
    }
}

fn filebase64(call: &Call, context: &mut dyn FunctionContext) -> Outcome {
    let (_, text) = context.read_file(call.present(0)?)?;
    call.made_str(STANDARD.encode(text.as_bytes()), 0)
}

fn fileset(call: &Call, context: &mut dyn FunctionContext) -> Outcome {
    let pattern = call.literal(1)?;
    let Some(glob) = regular::glob(&pattern) else {
        return call.error(format!("failed to glob pattern \"{pattern}\""));
    };
    let files = context.list_files(call.present(0)?)?;
    let found = files
        .into_iter()
        .filter(|f| glob.is_match(f))
        .map(|f| Value::text(f, call.through(1)))
        .collect();
    convert::set_of(found, call.of(1))
}

fn templatefile(call: &Call, context: &mut dyn FunctionContext) -> Outcome {
    let variables = call.map(1)?;
    let (id, text) = context.read_file(call.present(0)?)?;
    context.render_template(id, text, variables, call.at)
}

/// The template is a text of the module; where it is known it is read as if it stood in its file.
fn templatestring(call: &Call, context: &mut dyn FunctionContext) -> Outcome {
    let variables = call.map(1)?;
    let template = call.literal(0)?;
    let file = call.argument(0)?.place.span.file;
    context.render_template(file, template, variables, call.at)
}

/// A path without empty parts, `.`, and `..` that can be resolved, as Go's `filepath.Clean` writes it.
fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|p| *p != "..") => {
                parts.pop();
            }
            ".." if rooted => {}
            part => parts.push(part),
        }
    }
    match (rooted, parts.is_empty()) {
        (true, _) => format!("/{}", parts.join("/")),
        (false, true) => ".".into(),
        (false, false) => parts.join("/"),
    }
}

fn basename(call: &Call) -> Outcome {
    let path = call.literal(0)?;
    let trimmed = path.trim_end_matches('/');
    let name = match (path.is_empty(), trimmed.rsplit_once('/')) {
        (true, _) => ".",
        (false, _) if trimmed.is_empty() => "/",
        (false, Some((_, name))) => name,
        (false, None) => trimmed,
    };
    call.made_str(name, 0)
}

fn dirname(call: &Call) -> Outcome {
    let path = call.literal(0)?;
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let folder = if folder.is_empty() && path.starts_with('/') {
        "/".into()
    } else {
        clean(folder)
    };
    call.made_str(folder, 0)
}

fn abspath(call: &Call) -> Outcome {
    let path = call.literal(0)?;
    if path.starts_with('/') {
        return call.made_str(clean(&path), 0);
    }
    Err(FunctionError::Unknown(
        "the absolute path depends on the machine".into(),
    ))
}

fn pathexpand(call: &Call) -> Outcome {
    let path = call.literal(0)?;
    if path.starts_with('~') {
        return Err(FunctionError::Unknown(
            "the home folder depends on the machine".into(),
        ));
    }
    call.made_str(path, 0)
}
