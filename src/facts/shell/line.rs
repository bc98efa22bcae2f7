//! Logical lines of a script: continued, quoted and folded lines as one text of the same length.
//!
//! Build specifications and cloud configurations are YAML around commands; what YAML writes around a command
//! becomes blanks, so that every offset stays.

/// A byte that no word takes up; it stands for a character that YAML adds to a quote.
pub const FILLER: char = '\u{1}';

/// Logical lines with their offsets.
pub fn logical(source: &str) -> Vec<(usize, String)> {
    let mut out = Vec::new();
    let mut at = 0;
    let mut lines = source.split_inclusive('\n').peekable();
    while let Some(line) = lines.next() {
        let start = at;
        at += line.len();
        let mut whole = line.to_string();
        if let Some(indent) = folds(line) {
            while let Some(next) =
                lines.next_if(|next| !next.trim().is_empty() && indent_of(next) > indent)
            {
                at += next.len();
                blank_end(&mut whole, 0);
                whole.push_str(next);
            }
        } else {
            // A backslash at the end of a line goes on with the next one.
            while whole.trim_end_matches(['\n', '\r']).ends_with('\\') {
                let Some(next) = lines.next() else { break };
                at += next.len();
                blank_end(&mut whole, 1);
                whole.push_str(next);
            }
        }
        out.push((start, unquoted(whole)));
    }
    out
}

/// Replaces the end of the line, and `more` bytes before it, by blanks.
fn blank_end(line: &mut String, more: usize) {
    let kept = line
        .trim_end_matches(['\n', '\r'])
        .len()
        .saturating_sub(more);
    let pad = line.len() - kept;
    line.truncate(kept);
    line.push_str(&" ".repeat(pad));
}

fn indent_of(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// The indent below which lines belong to this one: a folded text (`>-`), or a list item without a mapping.
fn folds(line: &str) -> Option<usize> {
    let text = line.trim();
    let header = |text: &str| matches!(text, ">" | ">-" | ">+");
    let last = text.rsplit([' ', '\t']).next().unwrap_or("");
    let item = text.strip_prefix("- ").map(str::trim_start);
    let folded = header(last) && (item.is_some_and(header) || text.ends_with(&format!(": {last}")));
    let plain = item.is_some_and(|t| {
        !t.starts_with(['|', '>', '[', '{', '-', '#'])
            && !t.contains(": ")
            && !t.ends_with([':', '\\'])
    });
    (folded || plain).then(|| indent_of(line))
}

/// A list item that YAML quotes as a whole, without its quotes.
fn unquoted(line: String) -> String {
    let content = line.trim_end();
    let from = indent_of(content);
    let Some(item) = content.get(from..).and_then(|t| t.strip_prefix("- ")) else {
        return line;
    };
    let inner = item.trim_start();
    let open = content.len() - inner.len();
    let Some(quote) = inner.chars().next().filter(|c| matches!(c, '\'' | '"')) else {
        return line;
    };
    let Some(body) = inner.get(1..).and_then(|b| b.strip_suffix(quote)) else {
        return line;
    };
    let escaped = if quote == '"' { "\\\"" } else { "''" };
    // Another quote inside ends the item's text: two quoted words, not one.
    if body.replace(escaped, "").contains(quote) {
        return line;
    }
    let replaced = body.replace(escaped, &format!("{FILLER}{quote}"));
    let mut out = " ".repeat(open + 1);
    out.push_str(&replaced);
    out.push(' ');
    out.push_str(line.get(content.len()..).unwrap_or(""));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_keep_their_length() {
        for (source, expected) in [
            ("a \\\n b\nc", vec!["a    b\n", "c"]),
            ("- >-\n  a\n  b\n- c", vec!["- >-   a   b\n", "- c"]),
            ("- a b\n    c\nd", vec!["- a b     c\n", "d"]),
            ("- 'a ''b'''\n", vec!["   a \u{1}'b\u{1}' \n"]),
            ("- \"a \\\"b\\\" c\"", vec!["   a \u{1}\"b\u{1}\" c "]),
            ("- \"a\" \"b\"", vec!["- \"a\" \"b\""]),
            ("- name: x\n  run: y", vec!["- name: x\n", "  run: y"]),
        ] {
            let lines = logical(source);
            assert_eq!(
                lines.iter().map(|(_, l)| l.as_str()).collect::<Vec<_>>(),
                expected,
                "{source}"
            );
            assert_eq!(
                lines.iter().map(|(_, l)| l.len()).sum::<usize>(),
                source.len()
            );
        }
    }
}
