//! What the targets share: an estate in memory, and what must hold for every report.

pub mod decide;

use iaclint::analysis::{self, Request};
use iaclint::files::MemoryFiles;
use iaclint::report::{self, Report};

/// Analyses files that stand in memory.
pub fn analyse(files: &[(&str, &[u8])]) -> Report {
    let mut memory = MemoryFiles::new();
    for (path, content) in files {
        memory.insert(path, *content);
    }
    analysis::run(&memory, &Request::default())
}

/// Writes the report in every format and checks what a reader may rely on.
pub fn check(report: &Report) {
    let json = report::json::render(report);
    let sarif = report::sarif::render(report);
    for text in [&json, &sarif] {
        serde_json::from_str::<serde_json::Value>(text).expect("valid JSON");
        plain(text);
    }
    plain(&report::markdown::render(report));
    let github = report::github::render(report);
    plain(&github);
    for line in github.lines() {
        let known = ["::error ", "::warning ", "::notice "];
        assert!(
            line.is_empty() || known.iter().any(|k| line.starts_with(k)) || !line.starts_with("::"),
            "an unknown workflow command: {line:?}"
        );
    }
}

/// No control character but the line's end: nothing of the input may steer a terminal.
fn plain(text: &str) {
    if let Some(c) = text
        .chars()
        .find(|c| c.is_control() && !matches!(c, '\n' | '\t'))
    {
        panic!("control character {c:?}");
    }
}
