//! `iaclint rules`: every rule with its level and summary; `iaclint explain`: one page; completions.

use std::process::ExitCode;

use clap::{Args, ValueEnum};
use iaclint::rule::registry;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ListFormat {
    Human,
    Json,
}

#[derive(Debug, Args)]
pub struct RulesArguments {
    #[arg(long, value_enum, default_value = "human")]
    format: ListFormat,
}

#[derive(Debug, Args)]
pub struct ExplainArguments {
    /// Name of a rule, as findings print it
    rule: String,
}

/// Lists the rules.
pub fn list(arguments: &RulesArguments) -> ExitCode {
    match arguments.format {
        ListFormat::Human => {
            for page in registry::all() {
                println!(
                    "{:<8} {}\n         {}",
                    page.level.name(),
                    page.name,
                    page.summary
                );
            }
        }
        ListFormat::Json => {
            let rows: Vec<_> = registry::all()
                .iter()
                .map(|p| {
                    serde_json::json!({
                        "name": p.name, "level": p.level.name(), "summary": p.summary,
                        "status": p.status.name(), "since": p.since, "tags": p.tags, "aliases": p.aliases,
                    })
                })
                .collect();
            println!("{:#}", serde_json::Value::Array(rows));
        }
    }
    ExitCode::SUCCESS
}

/// Prints a page.
pub fn explain(arguments: &ExplainArguments) -> ExitCode {
    let Some(page) = registry::find(&arguments.rule) else {
        let hint = registry::nearest(&arguments.rule)
            .map_or(String::new(), |n| format!("; is `{n}` meant?"));
        eprintln!("error: no rule has that name{hint}");
        return ExitCode::from(2);
    };
    println!(
        "{} ({})\n{}\n\n{}",
        page.name,
        page.level.name(),
        page.summary,
        page.body
    );
    for reference in &page.references {
        println!("{reference}");
    }
    ExitCode::SUCCESS
}
