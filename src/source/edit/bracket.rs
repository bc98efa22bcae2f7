//! Lists between brackets, as HCL and JSON write them.

use super::{Edit, Target};

/// One more entry behind an entry of a list; a value that stands alone becomes a list of two.
pub fn add(target: &Target, written: &[String]) -> Option<Vec<Edit>> {
    let joined = written.join(", ");
    let (start, end) = (target.span.start as usize, target.span.end as usize);
    let before = target.before();
    let indent_only = before.trim().is_empty();
    match before.trim_end().chars().last() {
        // A line of its own in a list of several lines.
        None if indent_only => Some(own_line(target, before, written)),
        Some('[' | ',') => Some(vec![target.insert(end, format!(", {joined}"))]),
        Some('=' | ':') => Some(vec![
            target.insert(start, "["),
            target.insert(end, format!(", {joined}]")),
        ]),
        _ => None,
    }
}

/// Behind an entry that has its lines to itself.
fn own_line(target: &Target, indent: &str, written: &[String]) -> Vec<Edit> {
    let end = target.span.end as usize;
    let rest = target.behind().trim_start();
    let start = format!("{}{indent}", target.line_end());
    let comment = |text: &str| text.is_empty() || text.starts_with('#') || text.starts_with("//");
    match rest.strip_prefix(',') {
        // The list ends with a comma where its last entry has one.
        Some(rest) if comment(rest.trim_start()) => {
            let lines: String = written.iter().map(|w| format!("{start}{w},")).collect();
            vec![target.insert(target.line_stop(), lines)]
        }
        None if comment(rest) => {
            let lines: Vec<String> = written.iter().map(|w| format!("{start}{w}")).collect();
            vec![
                target.insert(end, ","),
                target.insert(target.line_stop(), lines.join(",")),
            ]
        }
        Some(_) | None => vec![target.insert(end, format!(", {}", written.join(", ")))],
    }
}
