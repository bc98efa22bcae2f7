//! Uploads that scripts show: `aws s3 cp`, `mv`, `sync` and `aws s3api put-object …` in user data, build
//! specifications and container commands.
//!
//! A script is read as text and never run; a word that a shell would compute is not known.

mod line;
mod options;
mod variable;

use std::cell::Cell;
use std::sync::Arc;

use crate::facts::Header;
use crate::value::{Piece, Place, Text, Unknown};
use variable::Variables;

/// An upload that a command shows.
#[derive(Debug, Clone, PartialEq)]
pub struct ShownCommand {
    pub bucket: Text,
    /// `None` where the key is not known in full (folders, computed names).
    pub key: Option<Text>,
    pub headers: Vec<Header>,
    pub multipart: bool,
    /// The command's line.
    pub place: Place,
}

/// Bytes of one script that are looked at.
const LIMIT: usize = 256 * 1024;

/// First of the private letters that stand for symbolic pieces; three bytes each, as in a text's source map.
const HOLE: u32 = 0xE000;

/// Stands for a `$` that the shell takes as it is.
const DOLLAR: char = '\u{F8FF}';

/// Variables that one word may lead to.
const EXPANSIONS: usize = 64;

/// The uploads in a script; `given` are the workload's own environment variables.
pub fn commands(script: &Text, given: &[(Arc<str>, Text)], place: &Place) -> Vec<ShownCommand> {
    // Launch templates hold their script encoded; where a word of it stands is lost with that.
    let plain = decoded(script);
    let script = plain.as_ref().unwrap_or(script);
    let mut source = String::new();
    let mut holes: Vec<&Unknown> = Vec::new();
    for piece in script.pieces() {
        match piece {
            Piece::Literal(text) => source.push_str(text),
            Piece::Unknown(unknown) => {
                if holes.len() >= 0x1000 {
                    return Vec::new();
                }
                source.extend(char::from_u32(HOLE + holes.len() as u32));
                holes.push(unknown);
            }
        }
    }
    // A script that takes other credentials uploads as somebody else.
    const OTHERS: [&str; 3] = ["AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL"];
    let assumes = source.contains("assume-role")
        || OTHERS.iter().any(|w| source.contains(w))
        || given
            .iter()
            .any(|(name, _)| OTHERS.iter().any(|w| name.starts_with(w)));
    if source.len() > LIMIT || !source.contains("aws") || assumes {
        return Vec::new();
    }
    let lines = line::logical(&source);
    let variables = Variables::read(&lines, given);
    let mut out = Vec::new();
    for (start, whole) in &lines {
        for (from, words) in invocations(whole) {
            let context = Line {
                script,
                place,
                holes: &holes,
                variables: &variables,
                start: start + from,
            };
            out.extend(context.read(&words));
        }
    }
    out
}

/// The text that a script encodes as base64, where it is one.
fn decoded(script: &Text) -> Option<Text> {
    use base64::Engine;
    let literal = script.as_literal()?.trim();
    if literal.len() > LIMIT || literal.len() % 4 != 0 || literal.contains(char::is_whitespace) {
        return None;
    }
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(literal)
        .ok()?;
    Some(Text::literal(String::from_utf8(bytes).ok()?))
}

/// The `aws` commands of a line: offset and words with their offsets.
fn invocations(line: &str) -> Vec<(usize, Vec<(String, usize)>)> {
    let mut out = Vec::new();
    let mut from = 0;
    while let Some(found) = line.get(from..).and_then(|rest| rest.find("aws ")) {
        let start = from + found;
        from = start + 4;
        let before = line.get(..start).and_then(|b| b.chars().next_back());
        if before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '/' | '.'))
            && before != Some('/')
        {
            continue;
        }
        if line.get(..start).is_some_and(only_told) {
            continue;
        }
        let Some(rest) = line.get(start..) else { break };
        // A command in quotes (`sh -c "aws s3 …"`) ends with them.
        let quote = before.filter(|c| matches!(c, '\'' | '"'));
        let end = quote.and_then(|q| closing(rest, q)).unwrap_or(rest.len());
        out.push((start, words(rest.get(..end).unwrap_or(rest))));
    }
    out
}

/// What stands before a command makes it a comment or a message.
fn only_told(before: &str) -> bool {
    let segment = before
        .rsplit([';', '&', '|', '(', '`'])
        .next()
        .unwrap_or("")
        .trim_start();
    let first = segment
        .strip_prefix("- ")
        .unwrap_or(segment)
        .trim_start_matches(['\'', '"']);
    before.trim_start().starts_with('#')
        || ["#", "echo ", "printf ", "logger "]
            .iter()
            .any(|w| first.starts_with(w))
}

/// Where a quote ends.
fn closing(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().find_map(|(i, c)| {
        if escaped {
            escaped = false;
            return None;
        }
        escaped = c == '\\' && quote == '"';
        (c == quote).then_some(i)
    })
}

/// Words of a simple command, up to the operator that ends it.
fn words(text: &str) -> Vec<(String, usize)> {
    let mut out: Vec<(String, usize)> = Vec::new();
    let mut word = String::new();
    let mut begun: Option<usize> = None;
    let mut quote: Option<char> = None;
    let mut escaped = false;
    for (i, c) in text.char_indices() {
        if escaped {
            word.push(if c == '$' { DOLLAR } else { c });
            escaped = false;
            continue;
        }
        match (quote, c) {
            (_, line::FILLER) => {}
            (Some(q), c) if c == q => quote = None,
            (Some('"') | None, '\\') => {
                begun.get_or_insert(i);
                escaped = true;
            }
            (Some('\''), '$') => word.push(DOLLAR),
            (Some(_), c) => word.push(c),
            (None, '\'' | '"') => {
                begun.get_or_insert(i);
                quote = Some(c);
            }
            (None, c) if c.is_whitespace() => {
                if let Some(start) = begun.take() {
                    out.push((std::mem::take(&mut word), start));
                }
            }
            (None, ';' | '|' | '&' | ')' | '>' | '<' | '`') => break,
            (None, '#') if begun.is_none() => break,
            (None, c) => {
                begun.get_or_insert(i);
                word.push(c);
            }
        }
    }
    if let Some(start) = begun {
        out.push((word, start));
    }
    out
}

struct Line<'s> {
    script: &'s Text,
    place: &'s Place,
    holes: &'s [&'s Unknown],
    variables: &'s Variables<'s>,
    start: usize,
}

impl Line<'_> {
    fn read(&self, words: &[(String, usize)]) -> Option<ShownCommand> {
        // Options of the command line itself stand before the service.
        let mut from = 1;
        while let Some(word) = words.get(from).filter(|w| w.0.starts_with("--")) {
            from += 1 + usize::from(options::is_global(&word.0));
        }
        let mut rest = words.iter().skip(from);
        let service = rest.next()?.0.as_str();
        let verb = rest.next()?.0.as_str();
        let global = words.get(1..from).unwrap_or_default();
        let words: Vec<&(String, usize)> = rest.collect();
        // Other credentials, another store, or no request at all: not this workload's upload.
        let other = |w: &&(String, usize)| {
            [
                "--profile",
                "--endpoint-url",
                "--no-sign-request",
                "--dryrun",
            ]
            .iter()
            .any(|o| w.0.starts_with(o))
        };
        if words.iter().copied().chain(global).any(|w| other(&w)) {
            return None;
        }
        let whole = self.span(words.last()?);
        match (service, verb) {
            ("s3", "cp" | "mv" | "sync") => self.copy(verb, &words, whole),
            ("s3api", "put-object" | "create-multipart-upload" | "copy-object") => {
                self.put(verb, &words, whole)
            }
            _ => None,
        }
    }

    /// `aws s3 cp SOURCE s3://bucket/key …`
    fn copy(&self, verb: &str, words: &[&(String, usize)], place: Place) -> Option<ShownCommand> {
        let mut targets = Vec::new();
        let mut grants: Vec<&(String, usize)> = Vec::new();
        let mut found: Vec<(&str, Option<&(String, usize)>, &(String, usize))> = Vec::new();
        let mut i = 0;
        while let Some(word) = words.get(i) {
            i += 1;
            if let Some(name) = word.0.strip_prefix("--") {
                let (name, inline) = name
                    .split_once('=')
                    .map_or((name, false), |(n, _)| (n, true));
                if name == "grants" {
                    // Each word of the list is a grant of its own.
                    while let Some(grant) = words
                        .get(i)
                        .filter(|w| w.0.contains('=') && !w.0.starts_with("--"))
                    {
                        i += 1;
                        grants.push(*grant);
                    }
                    continue;
                }
                let valued = options::takes_value(&format!("--{name}"));
                let next = words
                    .get(i)
                    .filter(|w| valued && !inline && !w.0.starts_with("--"));
                if next.is_some() {
                    i += 1;
                }
                found.push((name, next.copied(), word));
            } else {
                targets.push(*word);
            }
        }
        let [.., target] = targets.as_slice() else {
            return None;
        };
        if targets.len() < 2
            || targets
                .first()
                .is_some_and(|s| s.0.starts_with("s3://") && verb != "cp")
        {
            return None;
        }
        let (bucket, key) = self.address(target.0.strip_prefix("s3://")?)?;
        let recursive = verb == "sync" || found.iter().any(|(n, ..)| *n == "recursive");
        let mut headers = Vec::new();
        for grant in grants {
            let (permission, grantee) = grant.0.split_once('=')?;
            if let Some(header) = options::of_grant(permission) {
                headers.push(Header {
                    name: Arc::from(header),
                    value: self.text(grantee),
                    place: self.span(grant),
                });
            }
        }
        for (name, value, word) in &found {
            let inline = word.0.split_once('=').map(|(_, v)| (v.to_string(), word.1));
            let value = value.map(|v| (v.0.clone(), v.1)).or(inline);
            let Some(header) = options::of_copy(name) else {
                continue;
            };
            let text = match value {
                Some((value, _)) => self.text(&value),
                // `--sse` alone means AES256.
                None => Text::literal("AES256"),
            };
            headers.push(Header {
                name: Arc::from(header),
                value: text,
                place: self.span(word),
            });
        }
        if let Some(source) = targets.first().filter(|s| s.0.starts_with("s3://")) {
            let rest = source.0.trim_start_matches("s3://");
            headers.push(Header {
                name: "x-amz-copy-source".into(),
                value: self.text(rest),
                place: self.span(source),
            });
        }
        let key = key.filter(|k| {
            !recursive && !k.is_empty() && !k.as_literal().is_some_and(|k| k.ends_with('/'))
        });
        Some(ShownCommand {
            bucket,
            key,
            headers,
            multipart: false,
            place,
        })
    }

    /// `aws s3api put-object --bucket B --key K …`
    fn put(&self, verb: &str, words: &[&(String, usize)], place: Place) -> Option<ShownCommand> {
        let mut bucket = None;
        let mut key = None;
        let mut headers = Vec::new();
        let mut i = 0;
        while let Some(word) = words.get(i) {
            i += 1;
            let Some(name) = word.0.strip_prefix("--") else {
                continue;
            };
            let (name, inline) = match name.split_once('=') {
                Some((name, value)) => (name, Some(value.to_string())),
                None => (name, None),
            };
            let value = match inline {
                Some(value) => value,
                None => match words.get(i).filter(|w| !w.0.starts_with("--")) {
                    Some(next) => {
                        i += 1;
                        next.0.clone()
                    }
                    None => continue,
                },
            };
            let header = match name {
                "bucket" => {
                    bucket = Some(self.text(&value));
                    continue;
                }
                "key" => {
                    key = Some(self.text(&value));
                    continue;
                }
                name => match options::of_api(name) {
                    Some(header) => header,
                    None => continue,
                },
            };
            headers.push(Header {
                name: Arc::from(header),
                value: self.text(&value),
                place: self.span(word),
            });
        }
        Some(ShownCommand {
            bucket: bucket?,
            key,
            headers,
            multipart: verb == "create-multipart-upload",
            place,
        })
    }

    /// `bucket/key` of an `s3://` address.
    fn address(&self, rest: &str) -> Option<(Text, Option<Text>)> {
        let (bucket, key) = rest
            .split_once('/')
            .map_or((rest, None), |(b, k)| (b, Some(k)));
        if bucket.is_empty() {
            return None;
        }
        Some((self.text(bucket), key.map(|k| self.text(k))))
    }

    /// A word with its symbolic pieces back and its plain variables replaced; what the shell computes is unknown.
    fn text(&self, word: &str) -> Text {
        let mut out = Text::default();
        self.expand(word, &mut Vec::new(), &Cell::new(0), &mut out);
        out
    }

    fn expand<'w>(
        &'w self,
        word: &'w str,
        within: &mut Vec<&'w str>,
        count: &Cell<usize>,
        out: &mut Text,
    ) {
        let mut rest = word;
        while let Some(c) = rest.chars().next() {
            rest = rest.get(c.len_utf8()..).unwrap_or("");
            let hole = (c as u32)
                .checked_sub(HOLE)
                .and_then(|i| self.holes.get(i as usize));
            match hole {
                Some(unknown) => out.push_unknown((*unknown).clone()),
                None if c == DOLLAR => out.push_str("$"),
                None if c == '$' => {
                    let (name, after) = variable_at(rest);
                    rest = after;
                    count.set(count.get() + 1);
                    // A variable that leads to itself has another value before it.
                    let value = name
                        .filter(|n| !within.contains(n) && count.get() <= EXPANSIONS)
                        .and_then(|n| Some((n, self.variables.get(n)?)));
                    match value {
                        Some((_, variable::Value::Given(text))) => out.push(text),
                        Some((name, variable::Value::Word(word))) => {
                            within.push(name);
                            self.expand(word, within, count, out);
                            within.pop();
                        }
                        None => out.push_unknown(Unknown::because("a variable of the shell")),
                    }
                }
                None => out.push_str(c.encode_utf8(&mut [0; 4])),
            }
        }
    }

    fn span(&self, word: &(String, usize)) -> Place {
        let from = self.start + word.1;
        let mut place = self.place.clone();
        if let Some(span) = self
            .script
            .source_map()
            .and_then(|m| m.locate(from, from + word.0.len().max(1)))
        {
            place.span = span;
        }
        place
    }
}

/// What follows a `$`: the name of a variable, where it is one and stands without operators, and the rest.
fn variable_at(text: &str) -> (Option<&str>, &str) {
    fn name(text: &str) -> Option<&str> {
        variable::is_name(text).then_some(text)
    }
    match text.chars().next() {
        Some('{') => match text.strip_prefix('{').and_then(|t| t.split_once('}')) {
            Some((inner, rest)) => (name(inner), rest),
            None => (None, ""),
        },
        Some('(') => (None, text.split_once(')').map_or("", |(_, rest)| rest)),
        Some(c) if c.is_ascii_alphabetic() || c == '_' => {
            let end = text
                .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                .unwrap_or(text.len());
            (
                text.get(..end).and_then(name),
                text.get(end..).unwrap_or(""),
            )
        }
        Some(c) if matches!(c, '?' | '@' | '*' | '#' | '$' | '!') || c.is_ascii_digit() => {
            (None, text.get(1..).unwrap_or(""))
        }
        _ => (None, text),
    }
}

#[cfg(test)]
mod tests;
