//! Encodings: JSON, YAML, CSV, base64, URLs.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{BYTES, Body, Call, ELEMENTS, Entry, FunctionError, Outcome, known, yaml};
use crate::source::json;
use crate::value::{Map, Value, ValueKind};

pub(super) fn find(name: &str) -> Option<Entry> {
    Some(match name {
        "jsonencode" => (1, 1, Body::Pure(jsonencode)),
        "jsondecode" => (1, 1, Body::Pure(jsondecode)),
        "yamlencode" => (1, 1, Body::Pure(yaml::encode)),
        "yamldecode" => (1, 1, Body::Pure(yaml::decode)),
        "csvdecode" => (1, 1, Body::Pure(csvdecode)),
        "base64encode" => (
            1,
            1,
            Body::Pure(|c| c.made_str(STANDARD.encode(c.literal(0)?.as_bytes()), 0)),
        ),
        "base64decode" => (1, 1, Body::Pure(base64decode)),
        "base64gzip" => (
            1,
            1,
            Body::Impure("is not computed, because compressed bytes are never read here"),
        ),
        "textencodebase64" => (2, 2, Body::Pure(textencodebase64)),
        "textdecodebase64" => (2, 2, Body::Pure(textdecodebase64)),
        "urlencode" => (1, 1, Body::Pure(urlencode)),
        "urldecode" => (1, 1, Body::Pure(urldecode)),
        _ => return None,
    })
}

fn jsonencode(call: &Call) -> Outcome {
    let value = call.argument(0)?;
    Ok(Value::new(
        ValueKind::Json(std::sync::Arc::new(value.clone())),
        value.place.clone(),
    ))
}

fn jsondecode(call: &Call) -> Outcome {
    let value = call.present(0)?;
    if let ValueKind::Json(inner) = &value.kind {
        return Ok((**inner).clone());
    }
    if let ValueKind::Unknown(unknown) = &value.kind {
        return Err(FunctionError::Unknown(unknown.reason.to_string()));
    }
    let text = call.text(0)?;
    match json::parse_text(&text, &value.place) {
        Ok(value) => Ok(value),
        Err(error) if text.is_literal() => call.error(error.message),
        Err(error) => Err(FunctionError::Unknown(error.message)),
    }
}

fn decoded(call: &Call, text: &str) -> Result<Vec<u8>, FunctionError> {
    match STANDARD.decode(text) {
        Ok(bytes) => Ok(bytes),
        Err(_) => call.error("failed to decode base64 data"),
    }
}

fn base64decode(call: &Call) -> Outcome {
    match String::from_utf8(decoded(call, &call.literal(0)?)?) {
        Ok(text) => call.made_str(text, 0),
        Err(_) => call.error("the result of decoding the provided string is not valid UTF-8"),
    }
}

/// The character encodings that texts are written in here.
enum Charset {
    Utf8,
    Latin1,
    Ascii,
    Utf16 { big: bool, mark: bool },
}

fn charset(call: &Call) -> Result<Charset, FunctionError> {
    let name = call.literal(1)?;
    Ok(match name.to_ascii_uppercase().as_str() {
        "UTF-8" | "UTF8" => Charset::Utf8,
        "US-ASCII" | "ASCII" => Charset::Ascii,
        "ISO-8859-1" | "LATIN1" => Charset::Latin1,
        "UTF-16LE" => Charset::Utf16 {
            big: false,
            mark: false,
        },
        "UTF-16BE" => Charset::Utf16 {
            big: true,
            mark: false,
        },
        "UTF-16" => Charset::Utf16 {
            big: true,
            mark: true,
        },
        _ => {
            return Err(FunctionError::Unknown(format!(
                "the encoding `{name}` is not known here"
            )));
        }
    })
}

fn textencodebase64(call: &Call) -> Outcome {
    let text = call.literal(0)?;
    let bytes: Option<Vec<u8>> = match charset(call)? {
        Charset::Utf8 => Some(text.as_bytes().to_vec()),
        Charset::Ascii => text.is_ascii().then(|| text.as_bytes().to_vec()),
        Charset::Latin1 => text
            .chars()
            .map(|c| u8::try_from(u32::from(c)).ok())
            .collect(),
        Charset::Utf16 { big, mark } => {
            let units = mark
                .then_some(0xfeff)
                .into_iter()
                .chain(text.encode_utf16());
            Some(
                units
                    .flat_map(|u| {
                        if big {
                            u.to_be_bytes()
                        } else {
                            u.to_le_bytes()
                        }
                    })
                    .collect(),
            )
        }
    };
    match bytes {
        Some(bytes) => call.made_str(STANDARD.encode(bytes), 0),
        None => call.error(
            "the given string contains characters that cannot be represented in that encoding",
        ),
    }
}

fn textdecodebase64(call: &Call) -> Outcome {
    let bytes = decoded(call, &call.literal(0)?)?;
    let text = match charset(call)? {
        Charset::Utf8 | Charset::Ascii => String::from_utf8(bytes).ok(),
        Charset::Latin1 => Some(bytes.into_iter().map(char::from).collect()),
        Charset::Utf16 { big, .. } => {
            let units = bytes.chunks(2).map(|c| match c {
                [a, b] => Some(if big {
                    u16::from_be_bytes([*a, *b])
                } else {
                    u16::from_le_bytes([*a, *b])
                }),
                _ => None,
            });
            units
                .collect::<Option<Vec<u16>>>()
                .and_then(|u| String::from_utf16(&u).ok())
        }
    };
    match text {
        Some(text) => call.made_str(text, 0),
        None => call.error("the given bytes are no text of that encoding"),
    }
}

fn urlencode(call: &Call) -> Outcome {
    let text = call.literal(0)?;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(byte))
            }
            b' ' => out.push('+'),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    call.made_str(out, 0)
}

fn urldecode(call: &Call) -> Outcome {
    let text = call.literal(0)?;
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'+' => out.push(b' '),
            b'%' => {
                let digits: Option<u32> = [bytes.next(), bytes.next()]
                    .into_iter()
                    .try_fold(0, |n, b| Some(n * 16 + char::from(b?).to_digit(16)?));
                match digits.and_then(|d| u8::try_from(d).ok()) {
                    Some(byte) => out.push(byte),
                    None => return call.error("invalid URL escape"),
                }
            }
            byte => out.push(byte),
        }
    }
    match String::from_utf8(out) {
        Ok(text) => call.made_str(text, 0),
        Err(_) => call.error("the result of decoding the provided string is not valid UTF-8"),
    }
}

/// Records of RFC 4180.
fn records(call: &Call, text: &str) -> Result<Vec<Vec<String>>, FunctionError> {
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut row: Vec<String> = Vec::new();
    let mut field = String::new();
    let mut quoted = false;
    let mut chars = text
        .strip_prefix('\u{feff}')
        .unwrap_or(text)
        .chars()
        .peekable();
    loop {
        let c = chars.next();
        match c {
            None if quoted => return call.error("extraneous or missing \" in quoted-field"),
            Some('"') if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                field.push('"');
            }
            Some('"') if quoted => {
                quoted = false;
                if !matches!(chars.peek(), None | Some(',' | '\n' | '\r')) {
                    return call.error("extraneous or missing \" in quoted-field");
                }
            }
            Some(c) if quoted => field.push(c),
            Some('"') if field.is_empty() => quoted = true,
            Some('"') => return call.error("bare \" in non-quoted field"),
            Some(',') => row.push(std::mem::take(&mut field)),
            Some('\r') if chars.peek() == Some(&'\n') => {}
            Some('\n') | None => {
                if !(row.is_empty() && field.is_empty()) {
                    row.push(std::mem::take(&mut field));
                    rows.push(std::mem::take(&mut row));
                }
                if c.is_none() {
                    return Ok(rows);
                }
                if rows.len() > ELEMENTS {
                    return call.limit();
                }
            }
            Some(c) => field.push(c),
        }
    }
}

fn csvdecode(call: &Call) -> Outcome {
    let text = known(&call.text(0)?)?;
    if text.len() > BYTES {
        return call.limit();
    }
    let mut rows = records(call, &text)?.into_iter();
    let Some(header) = rows.next() else {
        return call.error("missing header line");
    };
    let mut items = Vec::new();
    for row in rows {
        if row.len() != header.len() {
            return call.error("wrong number of fields");
        }
        let mut map = Map::default();
        for (name, field) in header.iter().zip(row) {
            if map.get(name).is_some() {
                return call.error(format!("duplicate column name \"{name}\""));
            }
            map.insert(
                name.as_str(),
                call.through(0),
                Value::text(field, call.through(0)),
            );
        }
        items.push(Value::map(map, call.through(0)));
    }
    call.list(items, call.through(0))
}
