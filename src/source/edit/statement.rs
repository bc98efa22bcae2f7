//! A new statement behind one that stands, in its neighbour's layout.

use super::{Edit, NewStatement, Syntax, Target, Written, bracket, words};

/// A statement longer than this takes several lines, where it has them to itself.
const LINE: usize = 110;

/// The edits that put the statement behind the target.
pub fn add(target: &Target, statement: &NewStatement) -> Option<Vec<Edit>> {
    let bytes = target.bytes()?;
    let rows = rows(statement, target.syntax, bytes.starts_with("statement"))?;
    let line = target.before();
    let indent: String = line.chars().take_while(|c| c.is_whitespace()).collect();
    let one_line = !bytes.contains('\n');
    let line_end = target.line_end();
    match target.syntax {
        Syntax::Hcl if bytes.starts_with("statement") => {
            let mut out = format!("{line_end}{line_end}{indent}statement {{");
            for row in block(statement, &rows)? {
                let row = if row.is_empty() {
                    row
                } else {
                    format!("{indent}  {row}")
                };
                out.push_str(&format!("{line_end}{row}"));
            }
            out.push_str(&format!("{line_end}{indent}}}"));
            Some(vec![target.insert(target.line_stop(), out)])
        }
        Syntax::Hcl | Syntax::TerraformJson | Syntax::Json => {
            if !bytes.starts_with('{') {
                return None;
            }
            let json = target.syntax != Syntax::Hcl;
            let pairs: Vec<String> = rows
                .iter()
                .map(|(name, value)| match json {
                    true => format!("\"{name}\": {value}"),
                    false => format!("{name} = {value}"),
                })
                .collect();
            let flat = format!("{{ {} }}", pairs.join(", "));
            let alone = line.trim().is_empty();
            if one_line && (!alone || indent.len() + flat.len() <= LINE) {
                return bracket::add(target, &[flat]);
            }
            let step = step(bytes, &indent);
            let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
            let last = rows.len().saturating_sub(1);
            let mut out = String::from("{");
            for (i, (name, value)) in rows.iter().enumerate() {
                let row = match json {
                    true => format!("\"{name}\": {value}{}", if i < last { "," } else { "" }),
                    false => format!("{name:width$} = {value}"),
                };
                out.push_str(&format!("{line_end}{indent}{step}{row}"));
            }
            out.push_str(&format!("{line_end}{indent}}}"));
            let mut edits = bracket::add(target, &[out])?;
            // Between two statements of one list Terraform's formatter indents the brace once more.
            let last = bytes.rsplit('\n').next().unwrap_or("");
            if !json && !alone && last.trim() == "}" {
                let at = (target.span.end as usize).checked_sub(1)?;
                edits.insert(0, target.insert(at, "  "));
            }
            Some(edits)
        }
        Syntax::Yaml => {
            let before = line.trim_end();
            let flow: Vec<String> = rows.iter().map(|(n, v)| format!("{n}: {v}")).collect();
            if before.ends_with(['[', ',']) {
                let flat = format!("{{ {} }}", flow.join(", "));
                return Some(vec![
                    target.insert(target.span.end as usize, format!(", {flat}")),
                ]);
            }
            let dashes = before.strip_suffix('-')?;
            if !dashes.chars().all(|c| c == ' ') {
                return None;
            }
            let mut out = String::new();
            for (i, row) in flow.iter().enumerate() {
                let mark = if i == 0 { "- " } else { "  " };
                out.push_str(&format!("{line_end}{dashes}{mark}{row}"));
            }
            Some(vec![target.insert(target.line_stop(), out)])
        }
    }
}

/// What one level of the neighbour is indented by.
fn step(bytes: &str, indent: &str) -> String {
    let second = bytes.lines().nth(1).unwrap_or("");
    let inner: String = second.chars().take_while(|c| c.is_whitespace()).collect();
    match inner.strip_prefix(indent) {
        Some(step) if !step.is_empty() => step.to_string(),
        _ => "  ".into(),
    }
}

/// Names and values of the elements, in the order that people write them.
fn rows(
    statement: &NewStatement,
    syntax: Syntax,
    block: bool,
) -> Option<Vec<(&'static str, String)>> {
    let write = |value: &Written| words::write(value, syntax, words::Quote::Plain);
    let mut out = vec![("Effect", write(&Written::Text("Allow".into()))?)];
    if let Some((kind, who)) = &statement.principal {
        let who = write(who)?;
        let map = match syntax {
            _ if who == "\"*\"" => who.clone(),
            Syntax::Hcl => format!("{{ {kind} = {who} }}"),
            Syntax::TerraformJson | Syntax::Json => format!("{{ \"{kind}\": {who} }}"),
            Syntax::Yaml => format!("{{ {kind}: {who} }}"),
        };
        out.push(("Principal", if block { who } else { map }));
    }
    let actions: Option<Vec<String>> = statement
        .actions
        .iter()
        .map(|a| write(&Written::Text(a.clone())))
        .collect();
    let actions = actions?;
    let actions = match actions.as_slice() {
        [one] if !block => one.clone(),
        many => format!("[{}]", many.join(", ")),
    };
    out.push(("Action", actions));
    let resource = write(&statement.resource)?;
    out.push((
        "Resource",
        if block {
            format!("[{resource}]")
        } else {
            resource
        },
    ));
    Some(out)
}

/// The lines of a `statement` block.
fn block(statement: &NewStatement, rows: &[(&'static str, String)]) -> Option<Vec<String>> {
    let value = |name: &str| rows.iter().find(|r| r.0 == name).map(|r| r.1.as_str());
    let mut out = vec![
        format!("actions   = {}", value("Action")?),
        format!("resources = {}", value("Resource")?),
    ];
    if let Some((kind, _)) = &statement.principal {
        out.push(String::new());
        out.push("principals {".into());
        out.push(format!("  type        = \"{kind}\""));
        out.push(format!("  identifiers = [{}]", value("Principal")?));
        out.push("}".into());
    }
    Some(out)
}
