//! `iaclint eval`: what the readers made of the sources, as JSON.

use std::path::Path;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use iaclint::files::Files;
use iaclint::files::Limits;
use iaclint::files::disk::DiskFiles;
use iaclint::source::{self, Evaluated, Inputs, Sources, cloudformation, show};
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
        #[arg(long, allow_hyphen_values = true)]
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
        What::Terraform {
            dir,
            expr,
            variables,
            variable_files,
        } => match super::pairs(&variables) {
            Ok(variables) => terraform(
                &dir,
                Inputs {
                    variables,
                    variable_files,
                    ..Inputs::default()
                },
                expr.as_deref(),
            ),
            Err(message) => refuse(&message),
        },
        What::Cloudformation {
            file,
            parameters,
            account,
            region,
            node,
        } => {
            let parameters = match super::pairs(&parameters) {
                Ok(parameters) => parameters,
                Err(message) => return refuse(&message),
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

fn terraform(dir: &str, mut inputs: Inputs, expression: Option<&str>) -> ExitCode {
    let path = Path::new(dir);
    let Some(boundary) = DiskFiles::boundary_of(path) else {
        return refuse(&format!("{dir} cannot be read"));
    };
    let files = match DiskFiles::new(&boundary, Limits::default()) {
        Ok(files) => files,
        Err(error) => return refuse(&format!("{dir} cannot be read: {error}")),
    };
    let Some(folder) = files.relative(path) else {
        return refuse(&format!("{dir} cannot be read"));
    };
    for file in &mut inputs.variable_files {
        match files.relative(Path::new(file.as_str())) {
            Some(inside) => *file = inside,
            None => return refuse(&format!("{file} cannot be read")),
        }
    }
    if let Some(expression) = expression {
        return print(&match source::terraform::evaluate_expression(
            &files, &folder, &inputs, expression,
        ) {
            Evaluated::Error(message) => json!({ "error": message }),
            Evaluated::Value(value) => match &value.kind {
                ValueKind::Unknown(unknown) => json!({ "unknown": &*unknown.reason }),
                _ => json!({ "value": show::to_json(&value) }),
            },
        });
    }
    let (outputs, locals) = source::terraform::evaluate_names(&files, &folder, &inputs);
    let mut sources = Sources::default();
    let paths: Vec<_> = files
        .list(&folder)
        .unwrap_or_default()
        .into_iter()
        .filter(|p| iaclint::files::folder_of(p) == folder)
        .collect();
    source::terraform::read(&files, &paths, &inputs, &mut sources);
    print(&json!({
        "outputs": members(&outputs),
        "locals": members(&locals),
        "resources": resources(&sources),
        "not_understood": gaps(&sources),
    }))
}

fn refuse(message: &str) -> ExitCode {
    eprintln!("iaclint: {message}");
    ExitCode::from(2)
}

fn print(value: &Json) -> ExitCode {
    use std::io::Write;
    let text = serde_json::to_string_pretty(value).unwrap_or_else(|_| "{}".into());
    let text = iaclint::report::plain::escape_json(text);
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
    let Some(boundary) = DiskFiles::boundary_of(path) else {
        return refuse(&format!("{file}: no such file"));
    };
    let files = match DiskFiles::new(&boundary, Limits::default()) {
        Ok(files) => files,
        Err(error) => return refuse(&format!("{file}: {error}")),
    };
    let Some(name) = files.relative(path) else {
        return refuse(&format!("{file}: outside the read boundary"));
    };
    let name = name.as_str();
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
