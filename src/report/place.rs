//! Spans turned into what readers of reports expect: path, line and column from 1, the end exclusive;
//! repository-relative paths and URIs.

use crate::report::Report;
use crate::value::Span;

/// A span as lines and columns; columns count Unicode code points, the end column is exclusive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// Name of the repository, where it is another one: nothing here can link to it.
    pub repository: Option<String>,
    /// Relative to the read boundary; in another repository, to its root.
    pub path: String,
    pub line: u32,
    pub column: u32,
    pub end_line: u32,
    pub end_column: u32,
}

/// Where a span stands; `None` for a file that the report does not hold.
pub fn position(report: &Report, span: Span) -> Option<Position> {
    let file = report.files.get(span.file)?;
    let (line, column) = file.line_column(span.start);
    let (mut end_line, mut end_column) = file.line_column(span.end.max(span.start));
    if (end_line, end_column) <= (line, column) {
        (end_line, end_column) = (line, column + 1);
    }
    if end_line > line && end_column == 1 {
        // A span that ends with its line break ends on the line before.
        end_line -= 1;
        end_column = file
            .line(end_line)
            .map_or(1, |l| l.chars().count() as u32 + 1);
        if (end_line, end_column) <= (line, column) {
            end_column = column + 1;
        }
    }
    Some(Position {
        repository: file.repository().map(|name| name.to_string()),
        path: file.path.to_string(),
        line,
        column,
        end_line,
        end_column,
    })
}

/// A place of another repository, in words.
pub fn elsewhere(report: &Report, span: Span) -> Option<String> {
    let at = position(report, span)?;
    let repository = at.repository?;
    Some(format!(
        "{repository}: {}:{}:{}",
        at.path, at.line, at.column
    ))
}

/// The path from the repository root.
pub fn repository_path(report: &Report, path: &str) -> String {
    match report.uri_prefix.trim_matches('/') {
        "" => path.to_string(),
        prefix => format!("{prefix}/{path}"),
    }
}

/// The path from the repository root, percent-encoded as a relative URI.
pub fn uri(report: &Report, path: &str) -> String {
    let mut out = String::new();
    for byte in repository_path(report, path).bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                out.push(byte as char)
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::SourceFile;

    #[test]
    fn positions_start_at_one_and_are_never_empty() {
        let mut report = Report::default();
        let file = report
            .files
            .add(SourceFile::new("a b/ü.tf", "é = 1\nsecond\n"));
        let at = |start, end| position(&report, Span::new(file, start, end)).unwrap();
        let lines = |p: Position| (p.line, p.column, p.end_line, p.end_column);
        assert_eq!(lines(at(0, 2)), (1, 1, 1, 2));
        assert_eq!(lines(at(3, 3)), (1, 3, 1, 4));
        assert_eq!(lines(at(0, 7)), (1, 1, 1, 6));
        assert_eq!(lines(at(7, 13)), (2, 1, 2, 7));
        assert_eq!(lines(at(900, 901)), (3, 1, 3, 2));
        assert_eq!(uri(&report, "a b/ü.tf"), "a%20b/%C3%BC.tf");
        report.uri_prefix = "infra/".into();
        assert_eq!(uri(&report, "x.tf"), "infra/x.tf");
    }
}
