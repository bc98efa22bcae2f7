//! `iaclint simulate`: decision requests as JSON lines on standard input, one answer a line.

mod decide;
mod question;

use std::io::{BufRead, Write};
use std::process::ExitCode;

use serde_json::{Value as Json, json};

/// Answers every line; a line that cannot be taken gets an error and the run goes on.
pub fn run() -> ExitCode {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for line in std::io::stdin().lock().split(b'\n') {
        let Ok(line) = line else { return ExitCode::from(2) };
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let answer = match serde_json::from_slice::<Json>(&line) {
            Ok(question) => answer(&question),
            Err(error) => json!({"id": null, "error": format!("the line is not JSON: {error}")}),
        };
        if writeln!(out, "{answer}").is_err() {
            return ExitCode::from(2);
        }
    }
    match out.flush() {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(2),
    }
}

fn answer(question: &Json) -> Json {
    let id = question.get("id").cloned().unwrap_or(Json::Null);
    let kind = question.get("kind").and_then(Json::as_str).unwrap_or("");
    let answered = match kind {
        "decision" => decide::decision(question),
        "operator" => question::operator(question),
        "condition" => question::condition(question),
        "resource_match" => question::resource_match(question),
        "action_match" => question::action_match(question),
        "principal_match" => question::principal_match(question),
        "public_policy" => question::public_policy(question),
        _ => Err(format!("no such kind: `{kind}`")),
    };
    let mut out = serde_json::Map::new();
    out.insert("id".into(), id);
    match answered {
        Ok(fields) => out.extend(fields),
        Err(why) => {
            out.insert("error".into(), why.into());
        }
    }
    Json::Object(out)
}
