//! Values as `iaclint eval` prints them: plain JSON, with `$unknown`, `$text`, `$choice` and `$sensitive` for the rest.

use serde_json::{Map as JsonMap, Value as Json, json};

use crate::source::encode;
use crate::value::{Number, Piece, Text, Unknown, Value, ValueKind};

/// The form that the command line's contract describes.
pub fn to_json(value: &Value) -> Json {
    if value.sensitive {
        return json!({ "$sensitive": true });
    }
    match &value.kind {
        ValueKind::Null => Json::Null,
        ValueKind::Bool(b) => Json::Bool(*b),
        ValueKind::Number(n) => number(*n),
        ValueKind::Text(text) => text_to_json(text),
        ValueKind::Json(inner) => text_to_json(&encode::json_text(inner)),
        ValueKind::List(items) | ValueKind::Set(items) => {
            Json::Array(items.iter().map(to_json).collect())
        }
        ValueKind::Map(map) => {
            let mut out = JsonMap::new();
            // Hidden entries begin with a mark that no key has.
            for (key, entry) in map.iter().filter(|(key, _)| !key.starts_with('\u{0}')) {
                out.insert(key.to_string(), to_json(&entry.value));
            }
            Json::Object(out)
        }
        ValueKind::Unknown(Unknown {
            symbol: Some(symbol),
            ..
        }) => {
            json!({ "$text": [{ "$ref": symbol.display() }] })
        }
        ValueKind::Unknown(unknown) => json!({ "$unknown": &*unknown.reason }),
        ValueKind::Choice(arms) => json!({
            "$choice": arms
                .iter()
                .map(|arm| json!({ "when": &*arm.guard.label, "value": to_json(&arm.value) }))
                .collect::<Vec<_>>()
        }),
    }
}

fn number(n: Number) -> Json {
    match n.as_i128() {
        Some(i) => match (i64::try_from(i), u64::try_from(i)) {
            (Ok(i), _) => json!(i),
            (_, Ok(u)) => json!(u),
            _ => json!(n.as_f64()),
        },
        None => json!(n.as_f64()),
    }
}

fn text_to_json(text: &Text) -> Json {
    if let Some(literal) = text.as_literal() {
        return Json::String(literal.to_string());
    }
    if let [
        Piece::Unknown(Unknown {
            symbol: None,
            reason,
        }),
    ] = text.pieces()
    {
        return json!({ "$unknown": &**reason });
    }
    let pieces: Vec<Json> = text
        .pieces()
        .iter()
        .map(|piece| match piece {
            Piece::Literal(literal) => Json::String(literal.to_string()),
            Piece::Unknown(Unknown {
                symbol: Some(symbol),
                ..
            }) => json!({ "$ref": symbol.display() }),
            Piece::Unknown(unknown) => json!({ "$unknown": &*unknown.reason }),
        })
        .collect();
    json!({ "$text": pieces })
}
