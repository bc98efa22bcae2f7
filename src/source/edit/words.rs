//! Values in the words of a syntax: quoted texts, references to what is declared, texts made longer.

use super::{Change, Syntax, Written};
use crate::source::encode::escape;

/// How the neighbour of a new scalar is quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quote {
    Plain,
    Single,
    Double,
}

impl Quote {
    pub fn of(bytes: &str) -> Quote {
        let value = match bytes.strip_prefix('!') {
            Some(tagged) => tagged
                .split_once(' ')
                .map_or("", |(_, rest)| rest.trim_start()),
            None => bytes,
        };
        match value.as_bytes().first() {
            Some(b'"') => Quote::Double,
            Some(b'\'') => Quote::Single,
            _ => Quote::Plain,
        }
    }
}

/// The value in the words of the syntax.
pub fn write(value: &Written, syntax: Syntax, quote: Quote) -> Option<String> {
    match value {
        Written::Text(text) => scalar(text, syntax, quote),
        Written::Arn { address, suffix } => arn(address, suffix, syntax),
    }
}

fn scalar(text: &str, syntax: Syntax, quote: Quote) -> Option<String> {
    if text.is_empty() || text.chars().any(char::is_control) {
        return None;
    }
    Some(match syntax {
        Syntax::Json => format!("\"{}\"", escape(text)),
        Syntax::Hcl | Syntax::TerraformJson => {
            let text = text.replace('\\', "\\\\").replace('"', "\\\"");
            format!("\"{}\"", text.replace("${", "$${").replace("%{", "%%{"))
        }
        Syntax::Yaml => match quote {
            Quote::Plain if plain(text) => text.to_string(),
            Quote::Single => format!("'{}'", text.replace('\'', "''")),
            Quote::Plain | Quote::Double => {
                format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
            }
        },
    })
}

/// Stands for itself in YAML, in flow lists too.
fn plain(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.ends_with(|c: char| c.is_ascii_alphanumeric())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b':' | b'/' | b'.' | b'-' | b'_'))
        && !["true", "false", "null", "yes", "no", "on", "off"]
            .contains(&text.to_ascii_lowercase().as_str())
}

fn arn(address: &str, suffix: &str, syntax: Syntax) -> Option<String> {
    let terraform = address.contains('.');
    let logical = !address.is_empty() && address.bytes().all(|b| b.is_ascii_alphanumeric());
    if address.starts_with("module.") || address.starts_with("data.") {
        return None;
    }
    match syntax {
        Syntax::Hcl if terraform && suffix.is_empty() => Some(format!("{address}.arn")),
        // An instance's name is quoted inside of a quoted text, which older versions do not read.
        Syntax::Hcl | Syntax::TerraformJson if terraform && !address.contains('"') => {
            Some(format!("\"${{{address}.arn}}{suffix}\""))
        }
        Syntax::Yaml if logical && suffix.is_empty() => Some(format!("!GetAtt {address}.Arn")),
        Syntax::Yaml if logical => Some(format!("!Sub \"${{{address}.Arn}}{suffix}\"")),
        Syntax::Json if logical && suffix.is_empty() => {
            Some(format!("{{ \"Fn::GetAtt\": [\"{address}\", \"Arn\"] }}"))
        }
        Syntax::Json if logical => {
            Some(format!("{{ \"Fn::Sub\": \"${{{address}.Arn}}{suffix}\" }}"))
        }
        Syntax::Hcl | Syntax::TerraformJson | Syntax::Yaml | Syntax::Json => None,
    }
}

/// A written text with more at its end.
pub fn append(bytes: &str, suffix: &str, syntax: Syntax) -> Option<String> {
    let quoted = |text: &str| {
        ['"', '\'']
            .iter()
            .any(|q| text.len() >= 2 && text.starts_with(*q) && text.ends_with(*q))
    };
    let inside = |text: &str| {
        let (head, quote) = text.split_at_checked(text.len().checked_sub(1)?)?;
        Some(format!("{head}{suffix}{quote}"))
    };
    match syntax {
        Syntax::Hcl if quoted(bytes) => inside(bytes),
        Syntax::Hcl if is_traversal(bytes) => Some(format!("\"${{{bytes}}}{suffix}\"")),
        Syntax::TerraformJson if quoted(bytes) => inside(bytes),
        Syntax::Hcl | Syntax::TerraformJson => None,
        Syntax::Yaml => yaml(bytes, suffix, &quoted, &inside),
        Syntax::Json if quoted(bytes) => inside(bytes),
        Syntax::Json => {
            let value: serde_json::Value = serde_json::from_str(bytes).ok()?;
            let (name, inner) = value.as_object().filter(|o| o.len() == 1)?.iter().next()?;
            let hole = match (name.as_str(), inner) {
                ("Fn::GetAtt", serde_json::Value::String(path)) => path.clone(),
                ("Fn::GetAtt", serde_json::Value::Array(parts)) => {
                    let parts: Option<Vec<&str>> = parts.iter().map(|p| p.as_str()).collect();
                    parts?.join(".")
                }
                ("Fn::Sub", serde_json::Value::String(_)) => {
                    let end = bytes.rfind('"')?;
                    let (head, tail) = bytes.split_at_checked(end)?;
                    return Some(format!("{head}{suffix}{tail}"));
                }
                _ => return None,
            };
            Some(format!("{{ \"Fn::Sub\": \"${{{hole}}}{suffix}\" }}"))
        }
    }
}

fn yaml(
    bytes: &str,
    suffix: &str,
    quoted: &dyn Fn(&str) -> bool,
    inside: &dyn Fn(&str) -> Option<String>,
) -> Option<String> {
    let Some((tag, rest)) = bytes.strip_prefix('!').and_then(|t| t.split_once(' ')) else {
        return match () {
            () if bytes.contains('\n') || bytes.starts_with(['{', '[', '&', '*', '|', '>']) => None,
            () if quoted(bytes) => inside(bytes),
            // Long forms of functions are mappings.
            () if bytes.contains(": ") => None,
            () => Some(format!("\"{bytes}{suffix}\"")),
        };
    };
    let rest = rest.trim_start();
    if rest.contains('\n') {
        return None;
    }
    match tag {
        "GetAtt" => Some(format!(
            "!Sub \"${{{}}}{suffix}\"",
            rest.trim_matches(['"', '\''])
        )),
        "Sub" if quoted(rest) => Some(format!("!Sub {}", inside(rest)?)),
        "Sub" if !rest.starts_with(['[', '|', '>']) => Some(format!("!Sub \"{rest}{suffix}\"")),
        // `!Join ["", [a, b]]`: one more part.
        "Join"
            if rest.ends_with("]]")
                && rest.get(1..).is_some_and(|r| {
                    r.trim_start().starts_with("\"\"") || r.trim_start().starts_with("''")
                }) =>
        {
            let (head, tail) = rest.split_at_checked(rest.len().checked_sub(2)?)?;
            Some(format!("!Join {head}, \"{suffix}\"{tail}"))
        }
        _ => None,
    }
}

/// `aws_s3_bucket.b.arn`, `aws_s3_bucket.b[0].arn`.
fn is_traversal(bytes: &str) -> bool {
    bytes.contains('.')
        && bytes
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'[' | b']'))
}

/// True where the bytes are what a change starts from: the text that is known to stand there, or an expression
/// that writes it by reference.
pub fn stands(bytes: &str, was: Option<&str>, change: &Change) -> bool {
    let bare = bytes.trim_matches(['"', '\'']);
    match change {
        Change::Statement { .. } | Change::Condition { .. } | Change::Send { .. } => true,
        Change::Add { .. }
        | Change::Replace { .. }
        | Change::Append { .. }
        | Change::Begin { .. } => {
            was == Some(bare)
                || (bytes.starts_with('"') && bytes.contains("${"))
                || (bytes.starts_with('!') && !bytes.contains('\n'))
                || (bytes.starts_with('{') && bytes.contains("Fn::"))
                || (bytes.starts_with('{') && bytes.contains("\"Ref\""))
                || is_traversal(bytes)
        }
    }
}
