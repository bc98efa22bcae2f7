//! Variables of a script whose value is plain: assigned once, or given by the workload's configuration.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::words;
use crate::value::Text;

/// What a variable stands for.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'v> {
    /// A word of the script, as it is written.
    Word(&'v str),
    Given(&'v Text),
}

/// The variables of a script.
#[derive(Debug, Default)]
pub struct Variables<'g> {
    /// `None`: more than one value, or one that a shell computes.
    assigned: BTreeMap<String, Option<String>>,
    given: BTreeMap<&'g str, Option<&'g Text>>,
}

impl<'g> Variables<'g> {
    /// Reads the assignments of logical lines; `given` are the workload's own variables.
    pub fn read(lines: &[(usize, String)], given: &'g [(Arc<str>, Text)]) -> Variables<'g> {
        let mut out = Variables::default();
        for (name, text) in given {
            out.given
                .entry(&**name)
                .and_modify(|known| *known = known.filter(|k| *k == text))
                .or_insert(Some(text));
        }
        // `variables:` of a build specification, by the indent of its line.
        let mut block: Option<usize> = None;
        for (_, line) in lines {
            let indent = line.len() - line.trim_start().len();
            let text = line.trim();
            if block.is_some_and(|outer| indent > outer) {
                if let Some((name, value)) = text.split_once(": ").filter(|(n, _)| is_name(n)) {
                    out.assign(name, words(value).into_iter().next().map(|(w, _)| w));
                    continue;
                }
            } else if !text.is_empty() {
                block = None;
            }
            if text == "variables:" {
                block = Some(indent);
                continue;
            }
            segments(line)
                .into_iter()
                .for_each(|segment| out.segment(segment));
        }
        out
    }

    /// The value of a variable, where it is plain.
    pub fn get(&self, name: &str) -> Option<Value<'_>> {
        match self.assigned.get(name) {
            Some(word) => word.as_deref().map(Value::Word),
            None => self.given.get(name).copied().flatten().map(Value::Given),
        }
    }

    fn assign(&mut self, name: &str, value: Option<String>) {
        let value = value.filter(|v| !v.is_empty());
        self.assigned
            .entry(name.to_string())
            .and_modify(|known| *known = None)
            .or_insert(value);
    }

    /// One simple command.
    fn segment(&mut self, segment: &str) {
        let words = words(segment);
        let mut rest = words.iter().map(|(w, _)| w.as_str()).peekable();
        while rest
            .next_if(|w| matches!(*w, "-" | "then" | "do" | "else" | "{" | "if" | "while"))
            .is_some()
        {}
        if let Some("read" | "for" | "unset") = rest.peek().copied() {
            let names: Vec<&str> = rest
                .skip(1)
                .take_while(|w| *w != "in")
                .filter(|w| is_name(w))
                .collect();
            names.into_iter().for_each(|name| self.assign(name, None));
            return;
        }
        let exported = rest
            .next_if(|w| matches!(*w, "export" | "local" | "readonly" | "declare"))
            .is_some();
        let mut found: Vec<(&str, &str)> = Vec::new();
        let mut command = false;
        for word in rest {
            match word
                .split_once('=')
                .map(|(name, value)| (name.strip_suffix('+').unwrap_or(name), name, value))
            {
                Some((name, written, value)) if is_name(name) && (exported || !command) => {
                    found.push((name, if written == name { value } else { "" }));
                }
                _ => command = true,
            }
        }
        // Before a command an assignment holds for that command alone; a substitution is computed.
        let plain = (exported || !command) && !segment.contains('`');
        for (name, value) in found {
            self.assign(name, Some(value.to_string()).filter(|_| plain));
        }
    }
}

/// True for the name of a shell variable.
pub fn is_name(text: &str) -> bool {
    text.chars()
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// The simple commands of a line; a substitution stays with the command that it stands in.
fn segments(line: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let (mut from, mut quote, mut escaped, mut depth) = (0, None, false, 0_usize);
    for (i, c) in line.char_indices() {
        if escaped {
            escaped = false;
            continue;
        }
        match (quote, c) {
            (Some(q), c) if q == c => quote = None,
            (Some('"') | None, '\\') => escaped = true,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '(') => depth += 1,
            (None, ')') => depth = depth.saturating_sub(1),
            (None, ';' | '&' | '|' | '\n') if depth == 0 => {
                out.extend(line.get(from..i));
                from = i + 1;
            }
            _ => {}
        }
    }
    out.extend(line.get(from..));
    out
}
