//! Uploads that the definition of a state machine or of a schedule shows: both can call S3 themselves.
//!
//! The definition comes as a value of either format. What is computed when it runs is not known.

use std::sync::Arc;

use crate::facts::Header;
use crate::source::json;
use crate::value::{Piece, Place, Text, Unknown, Value, ValueKind};

/// A task that uploads.
#[derive(Debug, Clone)]
pub struct Task {
    pub bucket: Text,
    /// `None` where the key is computed.
    pub key: Option<Text>,
    pub headers: Vec<Header>,
    pub multipart: bool,
    pub place: Place,
}

/// Parameters of the S3 calls that become headers, lower-cased.
const HEADERS: [(&str, &str); 15] = [
    ("acl", "x-amz-acl"),
    ("serversideencryption", "x-amz-server-side-encryption"),
    ("ssekmskeyid", "x-amz-server-side-encryption-aws-kms-key-id"),
    (
        "ssecustomeralgorithm",
        "x-amz-server-side-encryption-customer-algorithm",
    ),
    ("storageclass", "x-amz-storage-class"),
    ("tagging", "x-amz-tagging"),
    ("grantfullcontrol", "x-amz-grant-full-control"),
    ("grantread", "x-amz-grant-read"),
    ("grantreadacp", "x-amz-grant-read-acp"),
    ("grantwriteacp", "x-amz-grant-write-acp"),
    ("objectlockmode", "x-amz-object-lock-mode"),
    (
        "objectlockretainuntildate",
        "x-amz-object-lock-retain-until-date",
    ),
    ("objectlocklegalholdstatus", "x-amz-object-lock-legal-hold"),
    ("copysource", "x-amz-copy-source"),
    ("ifnonematch", "if-none-match"),
];

/// Nesting of a definition that is followed.
const DEPTH: usize = 32;

/// The tasks of a definition that upload; `given` are the substitutions of its template.
pub fn tasks(definition: &Value, given: &[(Arc<str>, Text)]) -> Vec<Task> {
    let mut out = Vec::new();
    walk(definition, given, 0, &mut out);
    out
}

fn walk(value: &Value, given: &[(Arc<str>, Text)], depth: usize, out: &mut Vec<Task>) {
    if depth > DEPTH || out.len() > 200 {
        return;
    }
    match &value.kind {
        ValueKind::Json(inner) => walk(inner, given, depth + 1, out),
        ValueKind::List(items) => items.iter().for_each(|v| walk(v, given, depth + 1, out)),
        ValueKind::Map(map) => {
            out.extend(state(value, given));
            map.iter()
                .for_each(|(_, e)| walk(&e.value, given, depth + 1, out));
        }
        _ => {}
    }
}

/// The upload of a schedule whose target is a call of S3 (`arn:aws:scheduler:::aws-sdk:s3:putObject`), which sends
/// its input as parameters (EventBridge Scheduler, "Using universal targets").
pub fn scheduled(target: &Value, input: &Value) -> Option<Task> {
    let parsed;
    let parameters = match &input.kind {
        ValueKind::Json(inner) => inner,
        ValueKind::Text(text) => {
            parsed = json::parse_text(text, &input.place).ok()?;
            &parsed
        }
        _ => input,
    };
    task(target, parameters, &[])
}

/// The call that a state makes.
fn state(state: &Value, given: &[(Arc<str>, Text)]) -> Option<Task> {
    let parameters = ["Parameters", "Arguments"]
        .iter()
        .find_map(|name| state.get(name).filter(|v| v.as_map().is_some()))?;
    task(state.get("Resource")?, parameters, given)
}

fn task(resource: &Value, parameters: &Value, given: &[(Arc<str>, Text)]) -> Option<Task> {
    let named = resource.as_text()?;
    let written = named.display();
    // `arn:aws:states:::aws-sdk:s3:putObject`, and the writer of a distributed map's results.
    let (before, call) = written.rsplit_once(":s3:")?;
    let writes_results = before.ends_with(":states::");
    let calls = [":states:::aws-sdk", ":scheduler:::aws-sdk"];
    if !(writes_results || calls.iter().any(|service| before.ends_with(service))) {
        return None;
    }
    let multipart = match call.split('.').next()? {
        "putObject" | "copyObject" => false,
        "createMultipartUpload" => true,
        _ => return None,
    };
    let mut bucket = None;
    let mut key = None;
    let mut headers = Vec::new();
    for (name, entry) in parameters.as_map()?.iter() {
        let text = read(name, &entry.value, given);
        let plain = name.trim_end_matches(".$").to_ascii_lowercase();
        match plain.as_str() {
            "bucket" => bucket = Some(text),
            "key" if !writes_results => key = Some(text).filter(Text::is_literal),
            "prefix" if writes_results => {
                key = Some(text).map(|mut prefix| {
                    prefix.push_str("/x");
                    prefix
                });
            }
            plain => {
                if let Some((_, header)) = HEADERS.iter().find(|(n, _)| *n == plain) {
                    headers.push(Header {
                        name: Arc::from(*header),
                        value: text,
                        place: entry.value.place.clone(),
                    });
                }
            }
        }
    }
    let bucket = bucket.filter(|b| !b.is_empty())?;
    Some(Task {
        bucket,
        key,
        headers,
        multipart,
        place: resource.place.clone(),
    })
}

/// A parameter's value; a path or an expression is computed when the state runs.
fn read(name: &str, value: &Value, given: &[(Arc<str>, Text)]) -> Text {
    let computed = || Text::unknown(Unknown::because("computed when it runs"));
    if name.ends_with(".$") {
        return computed();
    }
    match value.as_text() {
        // What a schedule fills in: `<aws.scheduler.execution-id>`.
        Some(text) if text.display().contains("<aws.scheduler.") => computed(),
        Some(text) if !text.known_prefix().trim_start().starts_with("{%") => {
            substituted(&text, given)
        }
        _ => computed(),
    }
}

/// `${Name}` of a template's substitutions.
fn substituted(text: &Text, given: &[(Arc<str>, Text)]) -> Text {
    if given.is_empty() {
        return text.clone();
    }
    let mut out = Text::default();
    for piece in text.pieces() {
        let mut rest = match piece {
            Piece::Literal(literal) => &**literal,
            Piece::Unknown(unknown) => {
                out.push_unknown(unknown.clone());
                continue;
            }
        };
        while let Some((before, after)) = rest.split_once("${") {
            out.push_str(before);
            let Some((name, after)) = after.split_once('}') else {
                out.push_str("${");
                rest = after;
                continue;
            };
            match given.iter().find(|(n, _)| **n == *name) {
                Some((_, value)) => out.push(value),
                None => out.push_unknown(Unknown::because("a substitution that is not given")),
            }
            rest = after;
        }
        out.push_str(rest);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{FileId, Span};

    #[test]
    fn tasks_that_upload() {
        let place = Place::at(Span::new(FileId(0), 0, 1));
        for (state, expected) in [
            (
                r#"{"Resource": "arn:aws:states:::aws-sdk:s3:putObject", "Parameters": {"Bucket": "b", "Key": "k", "Acl": "public-read", "Body.$": "$"}}"#,
                Some("b k false x-amz-acl=public-read"),
            ),
            (
                r#"{"Resource": "arn:aws:states:::aws-sdk:s3:createMultipartUpload", "Arguments": {"Bucket": "${Store}", "Key": "{% $key %}", "StorageClass.$": "$.class"}}"#,
                Some("store - true x-amz-storage-class=${?}"),
            ),
            (
                r#"{"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "b", "Prefix": "runs"}}"#,
                Some("b runs/x false"),
            ),
            (
                r#"{"Resource": "arn:aws:states:::aws-sdk:s3:getObject", "Parameters": {"Bucket": "b", "Key": "k"}}"#,
                None,
            ),
            (
                r#"{"Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"Bucket": "b"}}"#,
                None,
            ),
        ] {
            let text = format!(r#"{{"States": {{"One": {state}}}}}"#);
            let value = json::parse_text(&Text::literal(text), &place).unwrap();
            let found: Vec<String> = tasks(&value, &[("Store".into(), Text::literal("store"))])
                .iter()
                .map(|t| {
                    let mut line = format!(
                        "{} {} {}",
                        t.bucket.display(),
                        t.key.as_ref().map_or("-".into(), Text::display),
                        t.multipart
                    );
                    for h in &t.headers {
                        line.push_str(&format!(" {}={}", h.name, h.value.display()));
                    }
                    line
                })
                .collect();
            assert_eq!(found.first().map(String::as_str), expected, "{state}");
        }
    }
}
