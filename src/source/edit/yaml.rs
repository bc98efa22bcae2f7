//! Lists of YAML, in blocks and between brackets.

use super::{Edit, Target};

/// A line longer than this is not made longer.
const LINE: usize = 100;

/// One more entry behind an entry of a list; a value that stands alone becomes a list of two.
pub fn add(target: &Target, written: &[String]) -> Option<Vec<Edit>> {
    let joined = written.join(", ");
    let (start, end) = (target.span.start as usize, target.span.end as usize);
    let bytes = target.bytes()?;
    if bytes.starts_with(['|', '>', '&', '*']) {
        return None;
    }
    let before = target.before();
    let trimmed = before.trim_end();
    let line_end = target.line_end();
    let lines = |written: &[String], start: &str, end: &str| -> String {
        let each = written.iter().map(|w| format!("{line_end}{start}{w}{end}"));
        each.collect()
    };
    if let Some(dashes) = trimmed.strip_suffix('-') {
        // `  - entry`, also behind other dashes.
        return dashes.chars().all(|c| c == ' ' || c == '-').then(|| {
            let indent = " ".repeat(dashes.len());
            vec![target.insert(
                target.line_stop(),
                lines(written, &format!("{indent}- "), ""),
            )]
        });
    }
    let rest = target.behind().trim_start();
    match trimmed.chars().last() {
        Some('[' | ',') => Some(vec![target.insert(end, format!(", {joined}"))]),
        Some(':') => {
            let flow = format!("[{bytes}, {joined}]");
            let in_flow = rest.starts_with([',', '}', ']']);
            let fits = before.len() + flow.len() <= LINE && !bytes.contains('\n');
            if in_flow || (fits && fits_flow(bytes)) {
                return Some(vec![
                    target.insert(start, "["),
                    target.insert(end, format!(", {joined}]")),
                ]);
            }
            let key = before.trim_start_matches([' ', '-']);
            let indent = " ".repeat(before.len() - key.len() + 2);
            let gap = before.len() - trimmed.len();
            Some(vec![
                Edit {
                    span: crate::value::Span::new(target.span.file, start - gap, start),
                    replacement: format!("{line_end}{indent}- "),
                },
                target.insert(
                    target.line_stop(),
                    lines(written, &format!("{indent}- "), ""),
                ),
            ])
        }
        // A line of its own between brackets.
        None => match rest.strip_prefix(',') {
            Some(_) => Some(vec![
                target.insert(target.line_stop(), lines(written, before, ",")),
            ]),
            None if rest.is_empty() || rest.starts_with([']', '#']) => Some(vec![
                target.insert(end, ","),
                target.insert(
                    target.line_stop(),
                    lines(written, before, ",")
                        .trim_end_matches(',')
                        .to_string(),
                ),
            ]),
            None => None,
        },
        _ => None,
    }
}

/// A scalar that keeps its meaning between brackets.
fn fits_flow(bytes: &str) -> bool {
    let quoted = bytes.starts_with(['"', '\'']);
    let tagged = bytes.starts_with('!');
    quoted
        || (tagged && !bytes.contains(": "))
        || !bytes.contains([',', '[', ']', '{', '}', '#', '*'])
}
