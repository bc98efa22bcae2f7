//! What is not known: naming it by the computation, so that equal computations are one unknown.

use std::sync::Arc;

use super::choice::guards_of;
use super::document::Expression;
use super::evaluate::failure;
use super::evaluate::{Evaluator, Failure, Outcome};
use crate::source::functions::convert;
use crate::value::{Piece, Place, ScopeId, Span, Symbol, SymbolKind, Unknown, Value, ValueKind};

/// Characters of a symbol that names a computed value.
const COMPUTED_NAME: usize = 240;

impl Evaluator<'_, '_> {
    /// The guards over an unknown test: named by the symbols it is made of, else by where it stands.
    pub fn guards(
        &self,
        value: &Value,
        test: &Expression,
    ) -> (crate::value::Guard, crate::value::Guard) {
        let label = self.source_text(test.span);
        match canonical(value) {
            Some(name) => guards_of(self.scope, &name, &label),
            None => {
                let path = self.instances.first().map_or("", |i| &*i.path).to_string();
                let at = test.span;
                guards_of(
                    self.scope,
                    &format!("{path}#{}:{}:{label}", at.file.0, at.start),
                    &label,
                )
            }
        }
    }

    /// The source of a span, on one line and not too long.
    pub fn source_text(&self, span: Span) -> String {
        let text = self
            .loader
            .sources
            .files
            .get(span.file)
            .and_then(|f| f.text.get(span.start as usize..span.end as usize))
            .unwrap_or("");
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if line.chars().count() > 120 {
            line.chars().take(117).chain("...".chars()).collect()
        } else {
            line
        }
    }
}

/// True for an unknown, and for a text or JSON that is nothing else.
pub fn is_unknown(value: &Value) -> bool {
    match &value.kind {
        ValueKind::Unknown(_) => true,
        ValueKind::Text(text) => !text.is_literal(),
        _ => false,
    }
}

pub fn not(value: Option<&Value>, span: Span) -> Outcome {
    let Some(value) = value else {
        return Ok(Value::null(Place::at(span)));
    };
    if is_unknown(value) {
        return Ok(match canonical(value) {
            Some(name) => named(scope_of(value), format!("!{}", wrapped(&name)), span),
            None => unknown_from("!", value, span),
        });
    }
    let holds = convert::boolean(value).map_err(|e| failure(e, span))?;
    Ok(Value {
        sensitive: value.sensitive,
        ..Value::bool(!holds, Place::at(span))
    })
}

fn wrapped(name: &str) -> String {
    if name.contains(' ') {
        format!("({name})")
    } else {
        name.to_string()
    }
}

/// The value as a text that two equal computations share: symbols by name, the rest as it is written.
pub fn canonical(value: &Value) -> Option<String> {
    match &value.kind {
        ValueKind::Null => Some("null".into()),
        ValueKind::Bool(b) => Some(b.to_string()),
        ValueKind::Number(n) => Some(n.to_string()),
        ValueKind::Unknown(unknown) => unknown.symbol.as_ref().map(|s| s.display()),
        ValueKind::Text(text) => {
            let whole = text
                .pieces()
                .iter()
                .all(|p| !matches!(p, Piece::Unknown(u) if u.symbol.is_none()));
            match text.pieces() {
                [
                    Piece::Unknown(Unknown {
                        symbol: Some(symbol),
                        ..
                    }),
                ] => Some(symbol.display()),
                _ => (whole && text.pieces().len() < 16).then(|| format!("\"{}\"", text.display())),
            }
        }
        ValueKind::List(items) | ValueKind::Set(items) if items.len() <= 8 => {
            let parts = items.iter().map(canonical).collect::<Option<Vec<_>>>()?;
            Some(format!("[{}]", parts.join(", ")))
        }
        _ => None,
    }
}

/// A value as the key of a map. A key that is not known is written as a person would read it.
pub fn key_text(key: &Value, span: Span) -> Result<Arc<str>, Failure> {
    match convert::to_string(key).map_err(|e| failure(e, span))?.kind {
        ValueKind::Text(text) => Ok(match text.as_literal() {
            Some(literal) => literal.into(),
            None => text.display().into(),
        }),
        ValueKind::Unknown(unknown) => Ok(match &unknown.symbol {
            Some(symbol) => format!("${{{}}}", symbol.display()).into(),
            None => "${?}".into(),
        }),
        ValueKind::Null => Err(Failure::new("a key must not be null", span)),
        _ => Ok("${?}".into()),
    }
}

/// The scope of the first symbol in a value.
pub fn scope_of(value: &Value) -> Option<ScopeId> {
    match &value.kind {
        ValueKind::Unknown(unknown) => unknown.symbol.as_ref().map(|s| s.scope),
        ValueKind::Text(text) => text.pieces().iter().find_map(|p| match p {
            Piece::Unknown(unknown) => unknown.symbol.as_ref().map(|s| s.scope),
            Piece::Literal(_) => None,
        }),
        ValueKind::List(items) | ValueKind::Set(items) => items.iter().take(8).find_map(scope_of),
        _ => None,
    }
}

/// An unknown that is named by what it is computed from, so that the same computation is the same unknown.
pub fn named(scope: Option<ScopeId>, name: String, span: Span) -> Value {
    let reason: Arc<str> = format!("`{name}` is not known").into();
    let symbol = scope.filter(|_| name.len() <= COMPUTED_NAME).map(|scope| {
        Arc::new(Symbol {
            scope,
            kind: SymbolKind::Input,
            subject: name.into(),
            attribute: "".into(),
        })
    });
    Value::unknown(Unknown { reason, symbol }, Place::at(span))
}

/// The unknown result of a pure computation.
pub fn computed(name: &str, operands: &[&Value], span: Span) -> Value {
    let parts: Option<Vec<String>> = operands.iter().map(|v| canonical(v)).collect();
    match parts {
        Some(parts) => named(
            operands.iter().find_map(|v| scope_of(v)),
            format!("{name}({})", parts.join(", ")),
            span,
        ),
        None => match operands.iter().find(|v| is_unknown(v)) {
            Some(value) => unknown_from(name, value, span),
            None => Value::unknown(
                Unknown::because(format!("`{name}` of a value that is not known")),
                Place::at(span),
            ),
        },
    }
}

/// An unknown without a name, because of another.
pub fn unknown_from(_what: &str, value: &Value, span: Span) -> Value {
    let reason: Arc<str> = match &value.kind {
        ValueKind::Unknown(unknown) => unknown.reason.clone(),
        ValueKind::Text(text) => text
            .pieces()
            .iter()
            .find_map(|p| match p {
                Piece::Unknown(unknown) => Some(unknown.reason.clone()),
                Piece::Literal(_) => None,
            })
            .unwrap_or_else(|| "a part of a text is not known".into()),
        _ => "depends on a value that is not known".into(),
    };
    Value {
        sensitive: value.sensitive,
        ..Value::unknown(Unknown::because(reason), Place::at(span))
    }
}
