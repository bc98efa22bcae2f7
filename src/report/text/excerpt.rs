//! An excerpt of a source file with marked characters, drawn by miette.
//!
//! The lines are prepared here (made harmless, clipped to the width, a few lines of context); a span of many
//! lines keeps its beginning and its end, the lines between are folded into one.

use std::borrow::Cow;
use std::fmt;

use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError,
    MietteSpanContents, SourceCode, SourceSpan, SpanContents, ThemeCharacters, ThemeStyles,
};

use crate::report::Report;
use crate::report::place;
use crate::report::plain::sanitize_lines;
use crate::report::text::TextStyle;
use crate::rule::Level;
use crate::value::Span;

/// Lines shown of one span; longer ones are folded.
const LINES: u32 = 7;
/// Lines of context above a span of one line.
const CONTEXT: u32 = 2;

/// Prepared lines, the marked bytes in them, and where they come from.
#[derive(Debug)]
struct Excerpt {
    name: String,
    text: String,
    /// Number of the first line, from 0.
    first: usize,
    mark: SourceSpan,
    label: Option<String>,
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl std::error::Error for Excerpt {}

impl SourceCode for Excerpt {
    /// The whole excerpt, whatever is asked: the choice of lines was made before.
    fn read_span<'a>(
        &'a self,
        _span: &SourceSpan,
        _before: usize,
        _after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        Ok(Box::new(MietteSpanContents::new_named(
            self.name.clone(),
            self.text.as_bytes(),
            (0, self.text.len()).into(),
            self.first,
            0,
            self.text.lines().count(),
        )))
    }
}

impl Diagnostic for Excerpt {
    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(self)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(std::iter::once(
            LabeledSpan::new_primary_with_span(self.label.clone(), self.mark),
        )))
    }
}

/// Draws the lines around a span. Where the file is not held, a line says so.
pub fn render(report: &Report, span: Span, label: &str, level: Level, style: &TextStyle) -> String {
    let Some(excerpt) = prepare(report, span, label, style) else {
        return "    (the place is not at hand)\n".to_string();
    };
    let plain = draw(
        &excerpt,
        level,
        &TextStyle {
            colour: false,
            ..*style
        },
    );
    let shown = if style.colour {
        draw(&excerpt, level, style)
    } else {
        plain.clone()
    };
    fold(&plain, &shown, folded_lines(report, span), style)
}

fn draw(excerpt: &Excerpt, level: Level, style: &TextStyle) -> String {
    let mut styles = if style.colour {
        ThemeStyles::ansi()
    } else {
        ThemeStyles::none()
    };
    styles.highlights = vec![match level {
        Level::Error => styles.error,
        Level::Warning => styles.warning,
        Level::Note => styles.advice,
    }];
    let characters = if style.unicode {
        ThemeCharacters::unicode()
    } else {
        ThemeCharacters::ascii()
    };
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme { characters, styles })
        .with_links(false)
        .with_width(style.width.max(40))
        .without_cause_chain()
        .without_primary_span_start()
        .without_syntax_highlighting()
        .tab_width(4);
    let mut out = String::new();
    if handler.render_report(&mut out, excerpt).is_err() {
        return format!("    {}\n", excerpt.name);
    }
    // The handler opens with the diagnostic's own sentence; a step's sentence stands in the block already.
    let corner = if style.unicode { '╭' } else { ',' };
    let body = out
        .lines()
        .skip_while(|l| !without_colours(l).trim_start().starts_with(corner))
        .map(str::trim_end)
        .filter(|l| !l.is_empty());
    let mut kept = String::new();
    for line in body {
        kept.push_str(line);
        kept.push('\n');
    }
    kept
}

fn without_colours(line: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    for c in line.chars() {
        match (inside, c) {
            (false, '\u{1b}') => inside = true,
            (true, 'm') => inside = false,
            (true, _) => {}
            (false, c) => out.push(c),
        }
    }
    out
}

/// First and last line number that is left out, for a span of many lines.
fn folded_lines(report: &Report, span: Span) -> Option<(u32, u32)> {
    let at = place::position(report, span)?;
    let lines = at.end_line - at.line + 1;
    (lines > LINES).then(|| (at.line + LINES - 2, at.end_line - 1))
}

/// Leaves the numbered lines between out; one dotted line stands for them.
fn fold(plain: &str, shown: &str, lines: Option<(u32, u32)>, style: &TextStyle) -> String {
    let Some((first, last)) = lines else {
        return shown.to_string();
    };
    let mut out = String::new();
    for (plain_line, shown_line) in plain.lines().zip(shown.lines()) {
        let digits: String = plain_line
            .trim_start()
            .chars()
            .take_while(char::is_ascii_digit)
            .collect();
        match digits.parse::<u32>() {
            Ok(number) if number == first => {
                let gutter = digits.len() + 2;
                let left = last - first + 1;
                let sign = if style.unicode { '⋮' } else { ':' };
                out.push_str(&format!("{}{sign}   ({left} lines)\n", " ".repeat(gutter)));
            }
            Ok(number) if number > first && number <= last => {}
            _ => {
                out.push_str(shown_line);
                out.push('\n');
            }
        }
    }
    out
}

fn prepare(report: &Report, span: Span, label: &str, style: &TextStyle) -> Option<Excerpt> {
    let file = report.files.get(span.file)?;
    let at = place::position(report, span)?;
    let first = if at.line == at.end_line {
        at.line.saturating_sub(CONTEXT).max(1)
    } else {
        at.line
    };
    let folded = folded_lines(report, span);
    let room = style.width.saturating_sub(16).clamp(40, 160);
    let mut text = String::new();
    let (mut start, mut end) = (0, 0);
    for number in first..=at.end_line {
        if folded.is_some_and(|(from, to)| number >= from && number <= to) {
            text.push('\n');
            continue;
        }
        let line = &*hidden(report, file.line(number).unwrap_or(""));
        let window = window(line, if number == at.line { at.column } else { 1 }, room);
        let shown: String = line.chars().skip(window.0).take(window.1).collect();
        let shown = sanitize_lines(&shown);
        if window.0 > 0 {
            text.push('…');
        }
        let inner = text.len();
        text.push_str(&shown);
        if number == at.line {
            start = inner + byte_of(&shown, at.column as usize - 1, window.0);
        }
        if number == at.end_line {
            end = inner + byte_of(&shown, at.end_column as usize - 1, window.0);
        }
        if line.chars().count() > window.0 + window.1 {
            text.push('…');
        }
        text.push('\n');
    }
    if text.is_empty() {
        return None;
    }
    Some(Excerpt {
        name: format!(
            "{}:{}:{}",
            super::path(report, &file.path),
            at.line,
            at.column
        ),
        text,
        first: first as usize - 1,
        mark: (start, end.saturating_sub(start).max(1)).into(),
        label: (!label.is_empty()).then(|| label.to_string()),
    })
}

/// Which characters of a long line are shown: (left out before, shown).
fn window(line: &str, column: u32, room: usize) -> (usize, usize) {
    let length = line.chars().count();
    if length <= room {
        return (0, length);
    }
    let start = (column as usize).saturating_sub(1 + room / 3);
    (start.min(length - room), room)
}

/// Byte offset of a character of the whole line in the shown part of it.
fn byte_of(shown: &str, character: usize, left_out: usize) -> usize {
    let wanted = character.saturating_sub(left_out);
    shown
        .char_indices()
        .nth(wanted)
        .map_or(shown.len(), |(i, _)| i)
}
/// The line with every sensitive text covered, character for character.
fn hidden<'l>(report: &Report, line: &'l str) -> Cow<'l, str> {
    let found = report
        .secrets
        .iter()
        .filter(|secret| line.contains(&***secret));
    found.fold(Cow::Borrowed(line), |line, secret| {
        let stars = "*".repeat(secret.chars().count());
        Cow::Owned(line.replace(&**secret, &stars))
    })
}
