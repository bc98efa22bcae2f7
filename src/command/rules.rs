//! `iaclint rules`: every rule with its level and summary; `iaclint explain`: one page; completions.

use std::process::ExitCode;

use clap::{Args, ValueEnum};
use iaclint::report::manual;
use iaclint::report::text::Paint;
use iaclint::rule::registry;

use super::terminal::{Colour, style};

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ListFormat {
    Human,
    Json,
}

#[derive(Debug, Args)]
pub struct RulesArguments {
    #[arg(long, value_enum, default_value = "human")]
    format: ListFormat,
    #[arg(long, value_enum, default_value = "auto")]
    color: Colour,
}

#[derive(Debug, Args)]
pub struct ExplainArguments {
    /// Name of a rule, as findings print it
    rule: String,
    #[arg(long, value_enum, default_value = "auto")]
    color: Colour,
}

/// Lists the rules.
pub fn list(arguments: &RulesArguments) -> ExitCode {
    match arguments.format {
        ListFormat::Human => {
            let style = style(arguments.color, false, false);
            let rows: String = registry::all()
                .iter()
                .map(|page| {
                    let name = style.paint(Paint::Strong, page.name);
                    format!(
                        "{:<8} {name}\n         {}\n",
                        page.level.name(),
                        page.summary
                    )
                })
                .collect();
            super::put(&rows)
        }
        ListFormat::Json => {
            let rows: Vec<_> = registry::all()
                .iter()
                .map(|p| {
                    serde_json::json!({
                        "name": p.name, "level": p.level.name(), "summary": p.summary,
                        "status": p.status.name(), "since": p.since, "tags": p.tags, "aliases": p.aliases,
                        "references": p.references,
                    })
                })
                .collect();
            super::put(&format!("{:#}\n", serde_json::Value::Array(rows)))
        }
    }
}

/// Prints a page.
pub fn explain(arguments: &ExplainArguments) -> ExitCode {
    let Some(page) = registry::find(&arguments.rule) else {
        let hint = registry::nearest(&arguments.rule)
            .map_or(String::new(), |n| format!("; is `{n}` meant?"));
        return super::refuse(&format!("no rule is called `{}`{hint}", arguments.rule));
    };
    super::put(&manual::render(page, &style(arguments.color, false, false)))
}
