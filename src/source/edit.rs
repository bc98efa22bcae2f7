//! Changes of the sources as text: what a policy is to say more, written where it stands in the syntax of its file.
//!
//! A change names a place that a reader kept. The answer are the smallest edits that leave all other bytes alone,
//! or none, where the bytes are not those of this one value: a loop, a shared input or a function made it.

mod bracket;
mod condition;
mod setting;
mod statement;
mod words;
mod yaml;

use std::sync::Arc;

use crate::files::{FileTable, SourceFile};
use crate::value::{Place, Span, Step};

/// `{ "Fn::Sub": "` and blanks.
const LONGEST_MARK: usize = 24;

/// Replaces the bytes of a span.
#[derive(Debug, Clone, PartialEq)]
pub struct Edit {
    pub span: Span,
    pub replacement: String,
}

/// A value that a change writes.
#[derive(Debug, Clone, PartialEq)]
pub enum Written {
    Text(String),
    /// The ARN of something declared, and what follows it (`/*`).
    Arn {
        address: Arc<str>,
        suffix: &'static str,
    },
}

/// An Allow statement that a change writes.
#[derive(Debug, Clone, PartialEq)]
pub struct NewStatement {
    /// The kind of principal (`AWS`, `Service`) and who; only where the policy type names principals.
    pub principal: Option<(&'static str, Written)>,
    pub actions: Vec<String>,
    pub resource: Written,
}

/// A condition that a change writes.
#[derive(Debug, Clone, PartialEq)]
pub struct NewCondition {
    /// The operator that stands, as it is written.
    pub beside: Arc<str>,
    pub operator: &'static str,
    pub key: String,
    pub value: &'static str,
}

/// One change of one document.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// More entries behind an entry; a single value becomes a list.
    Add {
        behind: Place,
        entries: Vec<Written>,
    },
    /// Another value in place of one.
    Replace { at: Place, with: Written },
    /// More text at the end of a text.
    Append { at: Place, suffix: &'static str },
    /// Another beginning of a text.
    Begin {
        at: Place,
        was: &'static str,
        with: String,
    },
    /// One more statement behind a statement.
    Statement {
        behind: Place,
        statement: NewStatement,
    },
    /// Headers that a block which writes an object is to send, by name with their values.
    Send {
        block: Place,
        headers: Vec<(String, String)>,
    },
    /// One more condition before the one whose key stands there.
    Condition { key: Place, condition: NewCondition },
}

impl Change {
    /// True where the change writes a reference to something declared.
    pub fn refers(&self) -> bool {
        let arn = |w: &Written| matches!(w, Written::Arn { .. });
        match self {
            Change::Add { entries, .. } => entries.iter().any(arn),
            Change::Replace { with, .. } => arn(with),
            Change::Statement { statement, .. } => {
                arn(&statement.resource) || statement.principal.iter().any(|(_, who)| arn(who))
            }
            Change::Append { .. }
            | Change::Begin { .. }
            | Change::Condition { .. }
            | Change::Send { .. } => false,
        }
    }

    /// The place that the change starts from.
    pub fn place(&self) -> &Place {
        match self {
            Change::Add { behind, .. } | Change::Statement { behind, .. } => behind,
            Change::Replace { at, .. } | Change::Append { at, .. } | Change::Begin { at, .. } => at,
            Change::Condition { key, .. } => key,
            Change::Send { block, .. } => block,
        }
    }
}

/// The syntax of the bytes around a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Syntax {
    /// Expressions of Terraform.
    Hcl,
    /// JSON whose strings Terraform reads as templates: `.tf.json`, or a document in a heredoc.
    TerraformJson,
    /// JSON of a template.
    Json,
    Yaml,
}

/// The file, and where in it.
struct Target<'t> {
    text: &'t str,
    /// The bytes of the value, with the function that writes it.
    span: Span,
    syntax: Syntax,
}

/// The edits that make a change; `document` is the place of the policy document around it, `was` the text that
/// must stand at the place of the change, where all of it is known.
pub fn edits(
    files: &FileTable,
    change: &Change,
    document: &Place,
    was: Option<&str>,
) -> Option<Vec<Edit>> {
    let place = change.place();
    let span = own(place)?;
    let file = files.get(span.file)?;
    let syntax = syntax(file, span, document.span)?;
    let target = Target {
        text: &file.text,
        span,
        syntax,
    };
    if !words::stands(target.bytes()?, was, change) {
        return None;
    }
    let written = match change {
        Change::Add { entries, .. } => {
            let quote = words::Quote::of(target.bytes()?);
            let written: Option<Vec<String>> = entries
                .iter()
                .map(|entry| words::write(entry, syntax, quote))
                .collect();
            match syntax {
                Syntax::Yaml => yaml::add(&target, &written?),
                Syntax::Hcl | Syntax::TerraformJson | Syntax::Json => {
                    bracket::add(&target, &written?)
                }
            }
        }
        Change::Replace { with, .. } => {
            let written = words::write(with, syntax, words::Quote::of(target.bytes()?))?;
            Some(vec![Edit {
                span,
                replacement: written,
            }])
        }
        Change::Append { suffix, .. } => {
            let replacement = words::append(target.bytes()?, suffix, syntax)?;
            Some(vec![Edit { span, replacement }])
        }
        Change::Begin { was, with, .. } => {
            // What stands before the text: a quote, a tag.
            let bytes = target.bytes()?;
            let start = bytes.find(was)?;
            let mark = bytes.get(..start)?;
            if mark.chars().any(|c| c.is_ascii_digit() || c == ':') || mark.len() > LONGEST_MARK {
                return None;
            }
            let start = span.start as usize + start;
            Some(vec![Edit {
                span: Span::new(span.file, start, start + was.len()),
                replacement: with.clone(),
            }])
        }
        Change::Statement { statement, .. } => statement::add(&target, statement),
        Change::Condition { condition, .. } => condition::add(&target, condition),
        Change::Send { headers, .. } => setting::add(&target, headers),
    }?;
    Some(joined(written))
}

/// Insertions at one offset as one, in their order.
fn joined(edits: Vec<Edit>) -> Vec<Edit> {
    let mut out: Vec<Edit> = Vec::new();
    for edit in edits {
        match out.last_mut() {
            Some(last) if last.span == edit.span && edit.span.start == edit.span.end => {
                last.replacement.push_str(&edit.replacement);
            }
            _ => out.push(edit),
        }
    }
    out
}

impl<'t> Target<'t> {
    /// The bytes of the value.
    fn bytes(&self) -> Option<&'t str> {
        self.text
            .get(self.span.start as usize..self.span.end as usize)
            .filter(|text| !text.is_empty())
    }

    /// The line before the value.
    fn before(&self) -> &'t str {
        let start = self.span.start as usize;
        let all = self.text.get(..start).unwrap_or("");
        all.rsplit('\n').next().unwrap_or("")
    }

    /// The rest of the line behind the value, without its end.
    fn behind(&self) -> &'t str {
        let rest = self.text.get(self.span.end as usize..).unwrap_or("");
        rest.split('\n').next().unwrap_or("").trim_end_matches('\r')
    }

    /// The line end that the file uses here.
    fn line_end(&self) -> &'static str {
        let rest = self.text.get(self.span.end as usize..).unwrap_or("");
        match rest.find('\n') {
            Some(at) if rest.get(..at).is_some_and(|line| line.ends_with('\r')) => "\r\n",
            Some(_) => "\n",
            None if self.text.contains("\r\n") => "\r\n",
            None => "\n",
        }
    }

    fn insert(&self, offset: usize, replacement: impl Into<String>) -> Edit {
        Edit {
            span: Span::new(self.span.file, offset, offset),
            replacement: replacement.into(),
        }
    }

    /// Offset of the end of the value's last line.
    fn line_stop(&self) -> usize {
        self.span.end as usize + self.behind().len()
    }
}

/// The bytes that write this one value, its function around it; `None` where other values hang on them.
fn own(place: &Place) -> Option<Span> {
    let mut span = place.span;
    for via in place.uses() {
        match &via.step {
            Step::Document(address) if single(address) => {}
            Step::Function(name) if name.starts_with("Fn::") || &**name == "Ref" => {
                if via.span.file == span.file
                    && via.span.start <= span.start
                    && span.end <= via.span.end
                {
                    span = via.span;
                }
            }
            Step::Function(name) if &**name == "jsonencode" => {}
            // The holes come from elsewhere, the text around them stands here.
            Step::Interpolation => {}
            Step::Document(_)
            | Step::Function(_)
            | Step::Input(_)
            | Step::Local(_)
            | Step::Output(_)
            | Step::ModuleCall(_)
            | Step::Instance(_)
            | Step::File => return None,
        }
    }
    Some(span)
}

/// False for one of several instances of a block, and for a block inside of a module.
pub fn single(address: &str) -> bool {
    let instance = address.ends_with(']') && !address.ends_with("[0]");
    !instance && !address.starts_with("module.")
}

fn syntax(file: &SourceFile, span: Span, document: Span) -> Option<Syntax> {
    let path = file.path.to_ascii_lowercase();
    let inside = document != span
        && document.file == span.file
        && document.start <= span.start
        && span.end <= document.end;
    let around = file
        .text
        .get(document.start as usize..document.end as usize)
        .filter(|_| inside)
        .unwrap_or("");
    if path.ends_with(".tf") || path.ends_with(".tofu") {
        return match around.trim_start() {
            // A document with holes is no fixed text.
            text if text.starts_with("<<") => {
                let holes = text.replace("$${", "").contains("${")
                    || text.replace("%%{", "").contains("%{");
                (!holes).then_some(Syntax::TerraformJson)
            }
            text if text.starts_with('"') => None,
            _ => Some(Syntax::Hcl),
        };
    }
    if path.ends_with(".tf.json") {
        return Some(Syntax::TerraformJson);
    }
    if file.text.trim_start().starts_with('{') {
        return Some(Syntax::Json);
    }
    match around.trim_start() {
        text if text.starts_with(['|', '>', '"', '\'']) => None,
        _ => Some(Syntax::Yaml),
    }
}

#[cfg(test)]
mod tests;
