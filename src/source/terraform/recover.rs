//! What to do with a file that does not parse: split it at its top-level blocks, and use those that do.
//!
//! One scanner knows strings, heredocs and comments; blocks and the lines of a `for` are found with it.

use std::ops::Range;

/// Kind of a byte, as far as splitting needs to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Code,
    Text,
    Comment,
}

/// Calls `see` for each byte that is code, text or comment.
fn scan(text: &str, mut see: impl FnMut(usize, u8, Kind)) {
    let bytes = text.as_bytes();
    let at = |i: usize| bytes.get(i).copied().unwrap_or(0);
    // Open quotes and interpolations: a quote is `None`, an interpolation its depth of braces.
    let mut stack: Vec<Option<usize>> = Vec::new();
    let mut i = 0;
    while i < bytes.len() {
        let byte = at(i);
        let in_text = matches!(stack.last(), Some(None));
        if in_text {
            match byte {
                b'\\' => {
                    see(i, byte, Kind::Text);
                    i += 1;
                    if i < bytes.len() {
                        see(i, at(i), Kind::Text);
                    }
                }
                b'"' => {
                    stack.pop();
                    see(i, byte, Kind::Text);
                }
                b'$' | b'%' if at(i + 1) == byte && at(i + 2) == b'{' => {
                    for k in i..i + 3 {
                        see(k, at(k), Kind::Text);
                    }
                    i += 2;
                }
                b'$' | b'%' if at(i + 1) == b'{' => {
                    see(i, byte, Kind::Text);
                    i += 1;
                    see(i, b'{', Kind::Text);
                    stack.push(Some(0));
                }
                // A quoted text ends with its line; an unclosed one must not swallow the file.
                b'\n' => {
                    stack.clear();
                    see(i, byte, Kind::Code);
                }
                _ => see(i, byte, Kind::Text),
            }
            i += 1;
            continue;
        }
        match byte {
            b'"' => {
                stack.push(None);
                see(i, byte, Kind::Text);
            }
            b'#' => {
                while i < bytes.len() && at(i) != b'\n' {
                    see(i, at(i), Kind::Comment);
                    i += 1;
                }
                continue;
            }
            b'/' if at(i + 1) == b'/' => {
                while i < bytes.len() && at(i) != b'\n' {
                    see(i, at(i), Kind::Comment);
                    i += 1;
                }
                continue;
            }
            b'/' if at(i + 1) == b'*' => {
                let end = text
                    .get(i + 2..)
                    .and_then(|r| r.find("*/"))
                    .map_or(bytes.len(), |e| i + 2 + e + 2);
                while i < end {
                    see(i, at(i), Kind::Comment);
                    i += 1;
                }
                continue;
            }
            b'<' if at(i + 1) == b'<' => {
                if let Some(end) = heredoc_end(text, i) {
                    while i < end {
                        see(i, at(i), Kind::Text);
                        i += 1;
                    }
                    continue;
                }
                see(i, byte, Kind::Code);
            }
            b'{' => {
                match stack.last_mut() {
                    Some(Some(depth)) => {
                        *depth += 1;
                        see(i, byte, Kind::Text);
                    }
                    _ => see(i, byte, Kind::Code),
                };
            }
            b'}' => match stack.last_mut() {
                Some(Some(0)) => {
                    stack.pop();
                    see(i, byte, Kind::Text);
                }
                Some(Some(depth)) => {
                    *depth -= 1;
                    see(i, byte, Kind::Text);
                }
                _ => see(i, byte, Kind::Code),
            },
            _ => see(
                i,
                byte,
                if stack.is_empty() {
                    Kind::Code
                } else {
                    Kind::Text
                },
            ),
        }
        i += 1;
    }
}

/// End of the heredoc that opens at `start`.
fn heredoc_end(text: &str, start: usize) -> Option<usize> {
    let rest = text.get(start + 2..)?;
    let rest = rest.strip_prefix('-').unwrap_or(rest);
    let (first, _) = rest.split_once('\n')?;
    let mark = first.trim_end();
    if mark.is_empty()
        || !mark
            .chars()
            .all(|c| c.is_alphanumeric() || c == '_' || c == '-')
    {
        return None;
    }
    let mut at = text.len() - rest.len() + first.len() + 1;
    for line in text.get(at..)?.split_inclusive('\n') {
        if line.trim() == mark {
            return Some(at + line.trim_end().len());
        }
        at += line.len();
    }
    None
}

/// The text with another key, of the same length, in the place of the one that begins at the offset.
pub fn other_key(text: &str, offset: usize, attempt: usize) -> Option<String> {
    let rest = text.get(offset..)?;
    let (start, length) = match rest.strip_prefix('"') {
        Some(quoted) => (offset + 1, quoted.find('"')?),
        None => {
            let ends = |c: char| !(c.is_alphanumeric() || c == '_' || c == '-');
            (offset, rest.find(ends)?)
        }
    };
    let letter = char::from(b'A' + (attempt % 26) as u8);
    let key = text.get(start..start + length)?;
    if key.is_empty() || key.contains(['\\', '$', '%']) {
        return None;
    }
    let mut changed = String::with_capacity(text.len());
    changed.push_str(text.get(..start)?);
    changed.push_str(&letter.to_string().repeat(length));
    changed.push_str(text.get(start + length..)?);
    Some(changed)
}

/// The text with other marks, of the same length, for heredocs in which a line begins like the mark: it ends
/// none, but the parser takes it for the end. `None` where there is no such heredoc.
pub fn other_marks(text: &str) -> Option<String> {
    let mut edits: Vec<(Range<usize>, String)> = Vec::new();
    let mut inside_until = 0;
    scan(text, |start, byte, kind| {
        if byte != b'<' || kind != Kind::Text || start < inside_until {
            return;
        }
        let Some(end) = heredoc_end(text, start) else {
            return;
        };
        inside_until = end;
        let Some((first, rest)) = text.get(start + 2..end).and_then(|h| h.split_once('\n')) else {
            return;
        };
        let indent = usize::from(first.starts_with('-'));
        let mark = first.trim_start_matches('-').trim_end();
        let Some(content) = rest.get(..rest.len().saturating_sub(mark.len())) else {
            return;
        };
        let begins = |mark: &str| {
            content
                .lines()
                .any(|line| line.trim_start().starts_with(mark))
        };
        if !begins(mark) {
            return;
        }
        let free = ('A'..='Z')
            .map(|c| c.to_string().repeat(mark.len()))
            .find(|other| !begins(other));
        if let Some(other) = free {
            let opening = start + 2 + indent;
            edits.push((opening..opening + mark.len(), other.clone()));
            edits.push((end - mark.len()..end, other));
        }
    });
    let mut out = text.to_string();
    for (range, mark) in &edits {
        if out.get(range.clone()).is_some() {
            out.replace_range(range.clone(), mark);
        }
    }
    (!edits.is_empty()).then_some(out)
}

/// The byte ranges of the top-level blocks (and what stands between them) of a file that does not parse.
pub fn split(text: &str) -> Vec<Range<usize>> {
    // A block that is never closed ends where the next line begins like a block in the first column.
    let mut out = Vec::new();
    let mut depth = 0usize;
    let mut start = 0;
    let mut line_start = true;
    let mut line_has_code = false;
    scan(text, |i, byte, kind| {
        if line_start
            && depth > 0
            && kind == Kind::Code
            && looks_like_block(text.get(i..).unwrap_or(""))
        {
            out.push(start..i);
            start = i;
            depth = 0;
        }
        line_start = byte == b'\n';
        if kind != Kind::Code {
            return;
        }
        match byte {
            b'{' | b'[' | b'(' => depth += 1,
            b'}' | b']' | b')' => depth = depth.saturating_sub(1),
            b'\n' if depth == 0 && line_has_code => {
                out.push(start..i + 1);
                start = i + 1;
            }
            _ => {}
        }
        if byte == b'\n' {
            line_has_code = false;
        } else if !byte.is_ascii_whitespace() {
            line_has_code = true;
        }
    });
    if start < text.len() {
        out.push(start..text.len());
    }
    out
}

fn looks_like_block(rest: &str) -> bool {
    const KINDS: [&str; 10] = [
        "resource ",
        "data ",
        "module ",
        "variable ",
        "output ",
        "locals ",
        "provider ",
        "terraform ",
        "moved ",
        "check ",
    ];
    KINDS.iter().any(|kind| rest.starts_with(kind))
        && rest
            .lines()
            .next()
            .is_some_and(|l| l.trim_end().ends_with('{'))
}

/// The text with newlines inside `{ for … }` and `[ for … ]` as blanks; `None` where there are none.
pub fn join_for_lines(text: &str) -> Option<String> {
    let mut bytes = text.as_bytes().to_vec();
    // Open brackets: whether each one opens a `for`.
    let mut open: Vec<bool> = Vec::new();
    let mut changed = false;
    let mut comments: Vec<usize> = Vec::new();
    let mut blanks: Vec<usize> = Vec::new();
    scan(text, |i, byte, kind| match kind {
        Kind::Code => match byte {
            b'{' | b'[' | b'(' => {
                let inside = text.get(i + 1..).unwrap_or("").trim_start();
                let is_for = byte != b'('
                    && inside
                        .strip_prefix("for")
                        .is_some_and(|r| r.starts_with([' ', '\t', '\n']));
                open.push(is_for);
            }
            b'}' | b']' | b')' => {
                open.pop();
            }
            b'\n' | b'\r' if open.last() == Some(&true) => blanks.push(i),
            _ => {}
        },
        Kind::Comment if open.last() == Some(&true) => comments.push(i),
        _ => {}
    });
    for i in blanks.into_iter().chain(comments) {
        if let Some(byte) = bytes.get_mut(i) {
            *byte = b' ';
            changed = true;
        }
    }
    if !changed {
        return None;
    }
    String::from_utf8(bytes).ok()
}

/// Comments that hold `iaclint:`, as ranges of the text with their text and whether they stand alone on a line.
pub fn marked_comments(text: &str) -> Vec<(Range<usize>, String, bool)> {
    if !text.contains("iaclint:") {
        return Vec::new();
    }
    let mut ranges: Vec<Range<usize>> = Vec::new();
    scan(text, |i, byte, kind| {
        if kind == Kind::Comment {
            match ranges.last_mut() {
                Some(last) if last.end == i && byte != b'\n' => last.end = i + 1,
                _ => ranges.push(i..i + 1),
            }
        }
    });
    ranges
        .into_iter()
        .filter_map(|range| {
            let raw = text.get(range.clone())?;
            if !raw.contains("iaclint:") {
                return None;
            }
            let trimmed = raw
                .trim_start_matches(['#', '/', '*'])
                .trim_end_matches(['*', '/'])
                .trim();
            let line = text.get(..range.start)?.rsplit('\n').next().unwrap_or("");
            Some((range, trimmed.to_string(), line.trim().is_empty()))
        })
        .collect()
}
