//! An upload as a line that a person can run; the only place that prints one.

use std::sync::Arc;

use crate::facts::{Bucket, Estate};
use crate::rule::ShownRequest;
use crate::upload::headers;
use crate::upload::{Headers, Path, Route, Uploader};
use crate::value::Text;

/// Longest value that is printed whole.
const LONG: usize = 120;

/// The upload as an `aws s3api` line, with who sends it and by which path.
pub fn shown(
    estate: &Estate,
    uploader: &Uploader,
    bucket: &Bucket,
    path: &Path,
    headers: &Headers,
) -> ShownRequest {
    let mut parameters: Vec<(Arc<str>, String)> = Vec::new();
    let mut command = String::new();
    if let Uploader::Service { service, .. } = uploader {
        let title = crate::upload::writers::writer(service).map_or(&**service, |w| w.title);
        command.push_str(&format!(
            "the delivery by {title} to {}",
            bucket_name(bucket)
        ));
        for (name, value) in &headers.set {
            command.push_str(&format!(", {name}: {}", word(value)));
            parameters.push((name.clone(), word(value)));
        }
        return ShownRequest {
            command,
            parameters,
            notes: Vec::new(),
        };
    }
    command.push_str(match &headers.copies {
        Some(_) => "aws s3api copy-object",
        None if headers.multipart => "aws s3api create-multipart-upload",
        None => "aws s3api put-object",
    });
    let target = match path.access_point.and_then(|i| estate.access_points.get(i)) {
        Some(point) => quote(&point.arn, "access point"),
        None => bucket_name(bucket),
    };
    command.push_str(&format!(" --bucket {target} --key {}", key(&headers.key)));
    match &headers.copies {
        Some(source) => command.push_str(&format!(" --copy-source {}", quote(source, "source"))),
        None if headers.multipart => {}
        None => command.push_str(" --body f"),
    }
    for (name, value) in &headers.set {
        let option = if &**name == headers::TAGGING {
            "--tagging"
        } else {
            headers::by_name(name).map_or("--metadata", |h| h.option)
        };
        command.push_str(&format!(" {option} {}", quote(value, "value")));
        parameters.push((name.clone(), word(value)));
    }
    if headers.multipart {
        command.push_str(", then upload-part and complete-multipart-upload");
    }
    let mut notes = vec![format!(
        "as {}{}",
        who(estate, uploader),
        through(estate, path)
    )];
    if let Some(ip) = &headers.source_ip {
        notes.push(format!("from the address {}", word(ip)));
    }
    ShownRequest {
        command,
        parameters,
        notes,
    }
}

/// A call of the deployment, by its name on the command line.
pub fn deploying(bucket: &Bucket, call: &str) -> ShownRequest {
    ShownRequest {
        command: format!("aws s3api {call} --bucket {}", bucket_name(bucket)),
        parameters: Vec::new(),
        notes: vec!["as whoever applies the configuration".into()],
    }
}

/// Name of the sender for a reader.
pub fn who(estate: &Estate, uploader: &Uploader) -> String {
    match uploader {
        Uploader::Declared(index) => estate.callers.get(*index).map_or_else(String::new, |c| {
            c.name
                .as_literal()
                .map_or_else(|| c.address.to_string(), str::to_string)
        }),
        Uploader::External { principal, .. } => principal.display(),
        Uploader::Deployer { .. } => "whoever applies the configuration".into(),
        Uploader::Service { principal, .. } => principal.to_string(),
    }
}

fn through(estate: &Estate, path: &Path) -> String {
    match &path.route {
        Route::Internet => String::new(),
        Route::Elsewhere => ", through a VPC endpoint that is not declared here".into(),
        Route::Endpoint(index) => estate
            .endpoints
            .get(*index)
            .map_or_else(String::new, |e| format!(", through {}", e.address)),
    }
}

/// A legal bucket name, or `<bucket>`.
fn bucket_name(bucket: &Bucket) -> String {
    match bucket.name.as_literal() {
        Some(name) if is_bucket_name(name) => name.to_string(),
        _ => "<bucket>".into(),
    }
}

fn is_bucket_name(name: &str) -> bool {
    (3..=63).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.')
}

fn key(key: &Text) -> String {
    quote(key, "key")
}

/// A POSIX word; a placeholder where the value is not known.
fn quote(value: &Text, placeholder: &str) -> String {
    match value.as_literal() {
        Some("") | None => format!("<{placeholder}>"),
        Some(literal) => {
            let clean = clean(literal);
            let plain = clean.bytes().all(|b| {
                b.is_ascii_alphanumeric()
                    || matches!(
                        b,
                        b'-' | b'_' | b'.' | b'/' | b':' | b'=' | b'@' | b',' | b'+'
                    )
            });
            if plain {
                clean
            } else {
                format!("'{}'", clean.replace('\'', "'\\''"))
            }
        }
    }
}

fn word(value: &Text) -> String {
    clean(&value.display())
}

/// Control and bidirectional characters escaped, long values shortened.
fn clean(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars().take(LONG) {
        let bidi = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if c.is_control() || bidi {
            out.extend(c.escape_unicode())
        } else {
            out.push(c)
        }
    }
    if text.chars().count() > LONG {
        out.push('…');
    }
    out
}
