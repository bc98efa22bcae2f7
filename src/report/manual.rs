//! A rule's page as a person reads it in a terminal: headings, wrapped prose, examples set in.

use crate::report::text::{Paint, TextStyle};
use crate::rule::page::Page;

/// Prose is easier to read when its lines are not longer than this.
const WIDTH: usize = 100;

/// The whole page, with a line break at its end.
pub fn render(page: &Page, style: &TextStyle) -> String {
    let width = style.width.min(WIDTH);
    let mut out = format!(
        "{} ({})\n{}\n",
        style.paint(Paint::Strong, page.name),
        page.level.name(),
        page.summary
    );
    for (title, text) in page.sections() {
        out.push_str(&format!("\n{}\n", style.paint(Paint::Strong, title)));
        section(&mut out, text, style, width);
    }
    out.push_str(&format!("\n{}\n", style.paint(Paint::Strong, "References")));
    for reference in &page.references {
        out.push_str(&format!(
            "  {}\n",
            style.link(reference, &style.paint(Paint::Link, reference))
        ));
    }
    out
}

fn section(out: &mut String, text: &str, style: &TextStyle, width: usize) {
    let mut fenced = false;
    let mut paragraph = String::new();
    for line in text.lines() {
        if let Some(info) = line.strip_prefix("```") {
            flush(out, &mut paragraph, width);
            fenced = !fenced;
            if let Some((_, file)) = info.split_once("file=").filter(|_| fenced) {
                out.push_str(&format!("\n  {}\n", style.paint(Paint::Dim, file)));
            }
        } else if fenced {
            out.push_str(format!("    {line}").trim_end());
            out.push('\n');
        } else if line.trim().is_empty() {
            flush(out, &mut paragraph, width);
        } else {
            if is_item(line) {
                flush(out, &mut paragraph, width);
            }
            if !paragraph.is_empty() {
                paragraph.push(' ');
            }
            paragraph.push_str(line.trim());
        }
    }
    flush(out, &mut paragraph, width);
}

/// `- item`, `1. item`.
fn is_item(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("- ")
        || line
            .split_once(". ")
            .is_some_and(|(n, _)| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

/// Writes the words of a paragraph in lines that fit; an item's further lines stand below its words.
fn flush(out: &mut String, paragraph: &mut String, width: usize) {
    let hanging = if is_item(paragraph) {
        paragraph.find(' ').map_or(2, |at| at + 3)
    } else {
        2
    };
    let mut line = String::from(" ");
    for word in paragraph.split_whitespace() {
        if line.trim().is_empty() || line.chars().count() + 1 + word.chars().count() <= width {
            line.push_str(&format!(" {word}"));
        } else {
            out.push_str(&format!("{line}\n"));
            line = format!("{}{word}", " ".repeat(hanging));
        }
    }
    if !line.trim().is_empty() {
        out.push_str(&format!("{line}\n"));
    }
    paragraph.clear();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::registry;

    #[test]
    fn items_hang_and_examples_are_set_in() {
        let mut out = String::new();
        let style = TextStyle::default();
        let text = "One two three four five six.\n\n1. First item of a list.\n2. Second.\n\n```hcl file=main.tf\na = {\n\n}\n```\n";
        section(&mut out, text, &style, 20);
        assert_eq!(
            out,
            "  One two three four\n  five six.\n  1. First item of a\n     list.\n  2. Second.\n\n  main.tf\n    a = {\n\n    }\n"
        );
    }

    #[test]
    fn every_page_can_be_shown() {
        let style = TextStyle {
            width: 60,
            ..TextStyle::default()
        };
        for page in registry::all() {
            let shown = render(page, &style);
            assert!(
                shown.contains("\nHow to fix\n") && !shown.contains("```"),
                "{}",
                page.name
            );
            // Examples and addresses are as they are; prose fits, and nothing is coloured unasked.
            let prose = shown
                .lines()
                .filter(|l| l.starts_with("  ") && !l.starts_with("    ") && !l.contains("://"));
            for line in prose {
                assert!(line.chars().count() <= 60, "{}: {line}", page.name);
            }
            assert!(!shown.contains('\u{1b}'), "{}", page.name);
        }
    }
}
