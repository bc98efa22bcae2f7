//! Values back to JSON text, symbols kept as pieces; the rendering of [`ValueKind::Json`].

use crate::value::{Piece, Text, TextBuilder, Unknown, Value, ValueKind};

/// JSON text as Terraform's `jsonencode` writes it: no blanks, keys in lexical order, `<`, `>`, `&` and the
/// line separators escaped. A collection or choice that is not known becomes one unknown piece.
pub fn json_text(value: &Value) -> Text {
    let mut out = TextBuilder::default();
    write(value, &mut out);
    out.finish()
}

fn write(value: &Value, out: &mut TextBuilder) {
    match &value.kind {
        ValueKind::Null => out.push_str("null"),
        ValueKind::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        ValueKind::Number(n) => out.push_str(&n.to_string()),
        ValueKind::Text(text) => write_text(text, out),
        ValueKind::Json(inner) => write_text(&json_text(inner), out),
        ValueKind::List(items) | ValueKind::Set(items) => {
            out.push_str("[");
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push_str(",");
                }
                write(item, out);
            }
            out.push_str("]");
        }
        ValueKind::Map(map) => {
            let mut entries: Vec<_> = map
                .iter()
                .filter(|(key, _)| !key.starts_with('\u{0}'))
                .collect();
            entries.sort_by(|a, b| a.0.cmp(b.0));
            out.push_str("{");
            for (i, (key, entry)) in entries.into_iter().enumerate() {
                if i > 0 {
                    out.push_str(",");
                }
                write_text(&Text::literal(key.clone()), out);
                out.push_str(":");
                write(&entry.value, out);
            }
            out.push_str("}");
        }
        ValueKind::Unknown(unknown) => out.push_unknown(Unknown::because(unknown.reason.clone())),
        ValueKind::Choice(_) => out.push_unknown(Unknown::because("one of several values")),
    }
}

fn write_text(text: &Text, out: &mut TextBuilder) {
    out.push_str("\"");
    for piece in text.pieces() {
        match piece {
            Piece::Literal(literal) => out.push_str(&escape(literal)),
            Piece::Unknown(unknown) => out.push_unknown(unknown.clone()),
        }
    }
    out.push_str("\"");
}

/// The inside of a JSON string.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                out.push_str(&format!("\\u{:04x}", c as u32))
            }
            c if (c as u32) < 0x20 => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out
}
