//! The page of a rule: its front matter, its sections and its examples, read from Markdown.
//!
//! A page is the single home of everything static about a rule; it is help text, documentation and test.

use thiserror::Error;

use crate::rule::Level;

/// The sections of a page, in their order.
pub const SECTIONS: [&str; 6] = [
    "What happens",
    "Why",
    "Denied",
    "Allowed",
    "How to fix",
    "Limits",
];

/// What a tag may say: where on the journey the rule stands.
pub const TAGS: [&str; 5] = ["caller", "endpoint", "bucket", "key", "document"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Stable,
    Preview,
}

impl Status {
    pub fn name(self) -> &'static str {
        match self {
            Status::Stable => "stable",
            Status::Preview => "preview",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The file name without its ending.
    pub name: &'static str,
    pub summary: &'static str,
    /// The highest level the rule may use.
    pub level: Level,
    pub status: Status,
    pub since: &'static str,
    pub spec: &'static str,
    pub tags: Vec<&'static str>,
    /// Earlier names; they keep working.
    pub aliases: Vec<&'static str>,
    pub references: Vec<&'static str>,
    /// Why one format cannot express the case, where it cannot.
    pub formats: Option<&'static str>,
    /// The Markdown below the front matter.
    pub body: &'static str,
}

/// A file of an example.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// `hcl`, `yaml`, `json`.
    pub language: &'static str,
    pub path: &'static str,
    pub text: &'static str,
    /// Lines (from 1) that bear `# denied`, with the rule where the mark names another one than the page's.
    pub marks: Vec<(u32, Option<&'static str>)>,
}

#[derive(Debug, Clone, Error, PartialEq, Eq)]
pub enum PageError {
    #[error("does not open with front matter between `---` lines")]
    NoFrontMatter,
    #[error("line {0} of the front matter is neither `field: value` nor an item")]
    Line(usize),
    #[error("unknown field `{0}`")]
    UnknownField(String),
    #[error("field `{0}` is missing")]
    Missing(&'static str),
    #[error("field `{field}` cannot be `{value}`")]
    Value { field: &'static str, value: String },
    #[error("the sections are not those that a page has, in their order")]
    Sections,
    #[error("a fence is not closed")]
    OpenFence,
}

/// Reads a page.
pub fn parse(name: &'static str, text: &'static str) -> Result<Page, PageError> {
    let rest = text.strip_prefix("---\n").ok_or(PageError::NoFrontMatter)?;
    let (front, body) = rest.split_once("\n---\n").ok_or(PageError::NoFrontMatter)?;
    let mut page = Page {
        name,
        summary: "",
        level: Level::Note,
        status: Status::Preview,
        since: "",
        spec: "",
        tags: Vec::new(),
        aliases: Vec::new(),
        references: Vec::new(),
        formats: None,
        body: body.trim_start_matches('\n'),
    };
    for (field, values) in fields(front)? {
        let one = values.first().copied().unwrap_or("");
        match field {
            "summary" => page.summary = one,
            "level" => page.level = level(one)?,
            "status" => {
                page.status = match one {
                    "stable" => Status::Stable,
                    "preview" => Status::Preview,
                    other => {
                        return Err(PageError::Value {
                            field: "status",
                            value: other.into(),
                        });
                    }
                }
            }
            "since" => page.since = one,
            "spec" => page.spec = one,
            "tags" => page.tags = values,
            "aliases" => page.aliases = values,
            "references" => page.references = values,
            "formats" => page.formats = Some(one),
            other => return Err(PageError::UnknownField(other.into())),
        }
    }
    for (field, empty) in [
        ("summary", page.summary.is_empty()),
        ("since", page.since.is_empty()),
        ("spec", page.spec.is_empty()),
        ("tags", page.tags.is_empty()),
        ("references", page.references.is_empty()),
    ] {
        if empty {
            return Err(PageError::Missing(field));
        }
    }
    if let Some(tag) = page.tags.iter().find(|t| !TAGS.contains(t)) {
        return Err(PageError::Value {
            field: "tags",
            value: tag.to_string(),
        });
    }
    if !page.sections().iter().map(|(title, _)| *title).eq(SECTIONS) {
        return Err(PageError::Sections);
    }
    if fences(page.body).is_none() {
        return Err(PageError::OpenFence);
    }
    Ok(page)
}

fn level(text: &str) -> Result<Level, PageError> {
    match text {
        "error" => Ok(Level::Error),
        "warning" => Ok(Level::Warning),
        "note" => Ok(Level::Note),
        other => Err(PageError::Value {
            field: "level",
            value: other.into(),
        }),
    }
}

/// `field: value`, `field: [a, b]`, or `field:` with `- item` lines below it.
fn fields(front: &'static str) -> Result<Vec<(&'static str, Vec<&'static str>)>, PageError> {
    let mut out: Vec<(&str, Vec<&str>)> = Vec::new();
    for (number, line) in front.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        if let Some(item) = line.trim_start().strip_prefix("- ") {
            let (_, values) = out.last_mut().ok_or(PageError::Line(number + 1))?;
            values.push(unquote(item.trim()));
            continue;
        }
        let (field, value) = line.split_once(':').ok_or(PageError::Line(number + 1))?;
        let value = value.trim();
        let values = match value.strip_prefix('[').and_then(|v| v.strip_suffix(']')) {
            Some(list) => list
                .split(',')
                .map(|v| unquote(v.trim()))
                .filter(|v| !v.is_empty())
                .collect(),
            None if value.is_empty() => Vec::new(),
            None => vec![unquote(value)],
        };
        out.push((field.trim(), values));
    }
    Ok(out)
}

fn unquote(text: &'static str) -> &'static str {
    text.strip_prefix('"')
        .and_then(|t| t.strip_suffix('"'))
        .unwrap_or(text)
}

struct Fence {
    info: &'static str,
    text: &'static str,
}

/// The fenced blocks of a Markdown text; `None` where one is not closed.
fn fences(body: &'static str) -> Option<Vec<Fence>> {
    let mut out = Vec::new();
    let mut rest = body;
    loop {
        let Some(at) = line_start_with(rest, "```") else {
            return Some(out);
        };
        let opened = rest.get(at + 3..)?;
        let (info, after) = opened.split_once('\n')?;
        let end = line_start_with(after, "```")?;
        out.push(Fence {
            info: info.trim(),
            text: after.get(..end)?,
        });
        rest = after.get(end..)?.split_once('\n').map_or("", |(_, r)| r);
    }
}

/// Byte offset of the first line that begins with a mark.
fn line_start_with(text: &str, mark: &str) -> Option<usize> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if line.starts_with(mark) {
            return Some(at);
        }
        at += line.len();
    }
    None
}

impl Page {
    /// (title, text) of each section.
    pub fn sections(&self) -> Vec<(&'static str, &'static str)> {
        let mut starts = Vec::new();
        let mut fenced = false;
        let mut at = 0;
        for line in self.body.split_inclusive('\n') {
            if line.starts_with("```") {
                fenced = !fenced;
            } else if let (false, Some(title)) = (fenced, line.strip_prefix("## ")) {
                starts.push((at, at + line.len(), title.trim()));
            }
            at += line.len();
        }
        let ends = starts
            .iter()
            .skip(1)
            .map(|s| s.0)
            .chain(std::iter::once(self.body.len()));
        starts
            .iter()
            .zip(ends)
            .map(|((_, from, title), to)| {
                (
                    *title,
                    self.body.get(*from..to).unwrap_or("").trim_matches('\n'),
                )
            })
            .collect()
    }

    /// The text of one section.
    pub fn section(&self, title: &str) -> &'static str {
        self.sections()
            .into_iter()
            .find(|(t, _)| *t == title)
            .map_or("", |(_, text)| text)
    }

    /// The files of the examples below a heading; fences without a file name are none.
    pub fn examples(&self, title: &str) -> Vec<Example> {
        fences(self.section(title))
            .unwrap_or_default()
            .into_iter()
            .filter_map(|fence| {
                let (language, rest) = fence.info.split_once(' ')?;
                let path = rest.trim().strip_prefix("file=")?;
                Some(Example {
                    language,
                    path,
                    text: fence.text,
                    marks: marks(fence.text),
                })
            })
            .collect()
    }

    /// First line of *How to fix*, without its mark of a list.
    pub fn first_fix(&self) -> &'static str {
        let first = self
            .section("How to fix")
            .lines()
            .find(|l| !l.trim().is_empty())
            .unwrap_or("")
            .trim();
        first
            .strip_prefix("- ")
            .or_else(|| first.strip_prefix("1. "))
            .unwrap_or(first)
    }

    /// The page as Markdown for code scanning: without the examples, which are long.
    pub fn help_markdown(&self) -> String {
        let mut out = String::new();
        for (title, text) in self.sections() {
            if title == "Denied" || title == "Allowed" {
                continue;
            }
            out.push_str(&format!("## {title}\n\n{text}\n\n"));
        }
        out.push_str("## References\n\n");
        for reference in &self.references {
            out.push_str(&format!("- <{reference}>\n"));
        }
        out
    }

    /// The same as plain text.
    pub fn help_text(&self) -> String {
        format!(
            "{}\n\nHow to fix: {}",
            self.section("What happens"),
            self.section("How to fix")
        )
    }
}

/// Lines of an example that bear the mark `# denied` or `# denied: rule`.
fn marks(text: &'static str) -> Vec<(u32, Option<&'static str>)> {
    let mut out = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let Some((_, after)) = line.split_once("# denied") else {
            continue;
        };
        let rule = after
            .strip_prefix(':')
            .map(str::trim)
            .filter(|r| !r.is_empty());
        out.push((number as u32 + 1, rule));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "---\nsummary: a bucket says no\nlevel: warning\nstatus: stable\nsince: 0.1.0\nspec: \"2.3: x\"\n\
        tags: [bucket, key]\nreferences:\n  - https://docs.aws.amazon.com/a\n  - https://docs.aws.amazon.com/b\n---\n\n\
        ## What happens\nIt fails.\n\n## Why\nBecause.\n\n## Denied\n\n```hcl file=main.tf\n## no heading\na = 1 # denied\n\
        b = 2 # denied: other-rule\n```\n\n```yaml file=template.yaml\nA: 1 # denied\n```\n\n## Allowed\n\n\
        ```hcl file=main.tf\na = 2\n```\n\n## How to fix\n\n1. Change it.\n2. Or that.\n\n## Limits\nNone.\n";

    #[test]
    fn a_page_is_read() {
        let page = parse("a-rule", PAGE).unwrap();
        assert_eq!(
            (page.summary, page.level, page.spec),
            ("a bucket says no", Level::Warning, "2.3: x")
        );
        assert_eq!(page.tags, ["bucket", "key"]);
        assert_eq!(page.references.len(), 2);
        assert_eq!(page.first_fix(), "Change it.");
        let denied = page.examples("Denied");
        assert_eq!(
            denied
                .iter()
                .map(|e| (e.language, e.path))
                .collect::<Vec<_>>(),
            [("hcl", "main.tf"), ("yaml", "template.yaml")]
        );
        assert_eq!(denied[0].marks, [(2, None), (3, Some("other-rule"))]);
        assert!(page.help_markdown().contains("Because.") && !page.help_markdown().contains("```"));
    }

    #[test]
    fn faults_are_named() {
        let broken = |from: &str, to: &str| {
            parse(
                "a-rule",
                Box::leak(PAGE.replacen(from, to, 1).into_boxed_str()),
            )
            .unwrap_err()
            .to_string()
        };
        assert_eq!(broken("since: 0.1.0\n", ""), "field `since` is missing");
        assert_eq!(
            broken("level: warning", "level: fatal"),
            "field `level` cannot be `fatal`"
        );
        assert_eq!(broken("since:", "cwe:"), "unknown field `cwe`");
        assert_eq!(
            broken("[bucket, key]", "[bucket, lock]"),
            "field `tags` cannot be `lock`"
        );
        assert_eq!(
            broken("## Limits", "## Limit"),
            PageError::Sections.to_string()
        );
        assert_eq!(
            broken("---\nsummary", "summary"),
            PageError::NoFrontMatter.to_string()
        );
    }
}
