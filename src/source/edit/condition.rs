//! One more condition before one that stands, in its neighbour's layout.

use super::{Edit, NewCondition, Syntax, Target, Written, words};

/// Lines between the name of an operator and the key that stands under it.
const LINES: usize = 40;

/// The edits that put the condition before the operator whose key is the target.
pub fn add(target: &Target, condition: &NewCondition) -> Option<Vec<Edit>> {
    let write = |text: &str, quote| words::write(&Written::Text(text.into()), target.syntax, quote);
    let key = write(&condition.key, words::Quote::Plain)?;
    let value = write(condition.value, words::Quote::Double)?;
    let operator = condition.operator;
    let start = target.span.start as usize;
    match target.syntax {
        Syntax::Yaml => {
            let at = name_before(target, &condition.beside)?;
            let (line, indent) = line_of(target, at)?;
            if !indent.chars().all(|c| c == ' ') {
                return None;
            }
            // YAML reads the bare word as nothing.
            let name = if operator == "Null" {
                "\"Null\""
            } else {
                operator
            };
            let end = target.line_end();
            Some(vec![target.insert(
                line,
                format!("{indent}{name}:{end}{indent}  {key}: {value}{end}"),
            )])
        }
        Syntax::Hcl if target.before().trim_start().starts_with("variable") => {
            let (line, indent) = block_before(target, start)?;
            let end = target.line_end();
            let rows = [
                format!("{indent}condition {{"),
                format!("{indent}  test     = \"{operator}\""),
                format!("{indent}  variable = {key}"),
                format!("{indent}  values   = [{value}]"),
                format!("{indent}}}"),
                String::new(),
            ];
            let text: String = rows.iter().map(|row| format!("{row}{end}")).collect();
            Some(vec![target.insert(line, text)])
        }
        Syntax::Hcl | Syntax::TerraformJson | Syntax::Json => {
            let at = name_before(target, &condition.beside)?;
            let before = target.text.get(..at)?;
            let line = before.rsplit('\n').next().unwrap_or("");
            let hcl = target.syntax == Syntax::Hcl;
            // Neighbours of one line each have their signs below each other.
            let row = target.text.get(at..)?.lines().next().unwrap_or("");
            let width = match row.find(" = ") {
                Some(sign) if row.trim_end().ends_with('}') && line.trim().is_empty() => sign,
                _ => 0,
            };
            let pair = match hcl {
                true => format!("{operator:width$} = {{ {key} = {value} }}"),
                false => format!("\"{operator}\": {{ {key}: {value} }}"),
            };
            let text = match (line.trim().is_empty(), hcl) {
                (true, true) => format!("{pair}{}{line}", target.line_end()),
                (true, false) => format!("{pair},{}{line}", target.line_end()),
                (false, _) => format!("{pair}, "),
            };
            Some(vec![target.insert(at, text)])
        }
    }
}

/// Offset of the operator's name above the key: the last one before it, with nothing but its own sign between.
fn name_before(target: &Target, operator: &str) -> Option<usize> {
    let head = target.text.get(..target.span.start as usize)?;
    let at = head.rfind(operator)?;
    let between = head.get(at + operator.len()..)?;
    if between.lines().count() > LINES {
        return None;
    }
    // Other keys of the operator may stand between, other operators may not.
    let sign = between.trim_start_matches(['"', '\'']).trim_start();
    if !sign.starts_with([':', '=']) || between.contains('}') {
        return None;
    }
    let quoted = head.get(..at)?.ends_with(['"', '\'']);
    Some(at - usize::from(quoted))
}

/// Start of the line of an offset, and its indentation; `None` where more than that stands before the offset.
fn line_of<'t>(target: &Target<'t>, at: usize) -> Option<(usize, &'t str)> {
    let head = target.text.get(..at)?;
    let indent = head.rsplit('\n').next().unwrap_or("");
    indent
        .trim()
        .is_empty()
        .then(|| (at - indent.len(), indent))
}

/// The line of the `condition` block around the offset.
fn block_before<'t>(target: &Target<'t>, start: usize) -> Option<(usize, &'t str)> {
    let at = target.text.get(..start)?.rfind("condition")?;
    let between = target.text.get(at..start)?;
    if between.contains('}') || between.lines().count() > LINES {
        return None;
    }
    line_of(target, at)
}
