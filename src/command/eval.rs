//! `iaclint eval`: what the readers made of the sources, as JSON.

use std::path::Path;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use iaclint::files::MemoryFiles;
use iaclint::source::{Evaluated, Inputs, Sources, cloudformation, show};
use iaclint::value::{Map, Span, ValueKind};
use serde_json::{Map as JsonMap, Value as Json, json};

#[derive(Debug, Args)]
pub struct EvalArguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// A root module
    Terraform {
        dir: String,
        /// One expression, in the root module's scope
        #[arg(long)]
        expr: Option<String>,
        #[arg(long = "var", value_name = "NAME=VALUE")]
        variables: Vec<String>,
        #[arg(long = "var-file", value_name = "FILE")]
        variable_files: Vec<String>,
    },
    /// A template
    Cloudformation {
        file: String,
        #[arg(long = "parameter", value_name = "NAME=VALUE")]
        parameters: Vec<String>,
        #[arg(long)]
        account: Option<String>,
        #[arg(long)]
        region: Option<String>,
        /// One JSON node (long-form intrinsics), in the template's scope
        #[arg(long)]
        node: Option<String>,
    },
}

pub fn run(arguments: EvalArguments) -> ExitCode {
    match arguments.what {
        What::Terraform { .. } => ExitCode::from(2),
        What::Cloudformation {
            file,
            parameters,
            account,
            region,
            node,
        } => {
            let parameters = match pairs(&parameters) {
                Ok(parameters) => parameters,
                Err(argument) => {
                    return refuse(&format!("--parameter takes NAME=VALUE, not `{argument}`"));
                }
            };
            cloudformation(
                &file,
                Inputs {
                    parameters,
                    account,
                    region,
                    ..Inputs::default()
                },
                node.as_deref(),
            )
        }
    }
}

fn refuse(message: &str) -> ExitCode {
    eprintln!("iaclint: {message}");
    ExitCode::from(2)
}

fn pairs(arguments: &[String]) -> Result<Vec<(String, String)>, &str> {
    arguments
        .iter()
        .map(|a| {
            a.split_once('=')
                .map(|(n, v)| (n.to_string(), v.to_string()))
                .ok_or(a.as_str())
        })
        .collect()
}

fn print(value: &Json) -> ExitCode {
    use std::io::Write;
    let text = serde_json::to_string_pretty(value).unwrap_or_else(|_| "{}".into());
    // A reader that closed the pipe has seen enough.
    let _ = writeln!(std::io::stdout().lock(), "{text}");
    ExitCode::SUCCESS
}

fn location(sources: &Sources, span: Span) -> Json {
    let Some(file) = sources.files.get(span.file) else {
        return Json::Null;
    };
    let (line, column) = file.line_column(span.start);
    json!({ "path": &*file.path, "line": line, "column": column })
}

fn resources(sources: &Sources) -> Json {
    let mut out = JsonMap::new();
    for resource in &sources.resources {
        let mut entry = JsonMap::new();
        entry.insert("type".into(), json!(&*resource.type_name));
        entry.insert("properties".into(), show::to_json(&resource.properties));
        entry.insert("location".into(), location(sources, resource.place.span));
        if !resource.guards.is_empty() {
            let when: Vec<&str> = resource.guards.iter().map(|g| &*g.label).collect();
            entry.insert("when".into(), json!(when));
        }
        out.insert(resource.address.to_string(), Json::Object(entry));
    }
    Json::Object(out)
}

fn gaps(sources: &Sources) -> Json {
    let one = |gap: &iaclint::source::Gap| {
        let place = gap
            .place
            .as_ref()
            .map_or(Json::Null, |p| location(sources, p.span));
        json!({ "what": &*gap.what, "why": &*gap.why, "location": place })
    };
    sources.gaps.iter().map(one).collect()
}

fn members(map: &Map) -> Json {
    Json::Object(
        map.iter()
            .map(|(name, entry)| (name.to_string(), show::to_json(&entry.value)))
            .collect(),
    )
}

fn cloudformation(file: &str, inputs: Inputs, node: Option<&str>) -> ExitCode {
    let path = Path::new(file);
    let Some(name) = path.file_name().and_then(|n| n.to_str()) else {
        return refuse(&format!("{file}: no file"));
    };
    let folder = path
        .parent()
        .filter(|p| !p.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let files = match neighbours(folder, name) {
        Ok(files) => files,
        Err(error) => return refuse(&format!("{file}: {error}")),
    };
    if let Some(node) = node {
        return print(
            &match cloudformation::evaluate_node(&files, name, &inputs, node) {
                Evaluated::Error(message) => json!({ "error": message }),
                Evaluated::Value(value) => match &value.kind {
                    ValueKind::Unknown(unknown) => json!({ "unknown": &*unknown.reason }),
                    _ => json!({ "value": show::to_json(&value) }),
                },
            },
        );
    }
    let mut sources = Sources::default();
    cloudformation::read_known(&files, &[name.into()], &inputs, &mut sources);
    let Some(scope) = sources.scopes.first() else {
        for gap in &sources.gaps {
            eprintln!("iaclint: {}: {}", gap.what, gap.why);
        }
        return refuse(&format!("{file}: not a template"));
    };
    let conditions = cloudformation::conditions(&files, name, &inputs);
    print(&json!({
        "resources": resources(&sources),
        "outputs": members(&scope.outputs),
        "conditions": members(&conditions),
        "not_understood": gaps(&sources),
    }))
}

/// The file, and what stands in its folder and below: nested templates and included files.
fn neighbours(folder: &Path, name: &str) -> std::io::Result<MemoryFiles> {
    const FILES: usize = 2_000;
    const BYTES: u64 = 10 << 20;
    let mut files = MemoryFiles::new();
    files.insert(name, std::fs::read(folder.join(name))?);
    let mut open = vec![(folder.to_path_buf(), String::new(), 0)];
    let mut left = FILES;
    while let Some((folder, prefix, depth)) = open.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries.flatten() {
            let Some(entry_name) = entry.file_name().to_str().map(str::to_string) else {
                continue;
            };
            let Ok(kind) = entry.metadata() else { continue };
            let path = format!("{prefix}{entry_name}");
            if kind.is_dir() && depth < 4 && !entry_name.starts_with('.') {
                open.push((entry.path(), format!("{path}/"), depth + 1));
            } else if kind.is_file()
                && kind.len() <= BYTES
                && [".yaml", ".yml", ".json", ".template"]
                    .iter()
                    .any(|e| entry_name.ends_with(e))
                && path != name
                && left > 0
                && let Ok(content) = std::fs::read(entry.path())
            {
                left -= 1;
                files.insert(&path, content);
            }
        }
    }
    Ok(files)
}
