//! `check --since REF`: the same analysis of an earlier commit, so that only findings that are new since then stay.
//!
//! Fingerprints hold no line numbers, so moved or reformatted text is not new. Git is asked for objects only.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use iaclint::analysis::{self, Request};
use iaclint::files::{Limits, MemoryFiles};
use iaclint::report::Report;

/// Bytes of all files of the earlier commit together.
const TOTAL: u64 = 1 << 30;

/// Takes out what the commit had already; it counts as silenced.
pub fn apply(
    boundary: &Path,
    reference: &str,
    request: &Request,
    report: &mut Report,
) -> Result<(), String> {
    let files = tree(boundary, reference)?;
    let earlier = Request {
        mends: false,
        ..request.clone()
    };
    let earlier = analysis::run(&files, &earlier);
    let known: BTreeSet<&str> = earlier
        .findings
        .iter()
        .map(|f| f.fingerprint.as_str())
        .collect();
    let before = report.findings.len();
    report
        .findings
        .retain(|f| !known.contains(f.fingerprint.as_str()));
    report.silenced += before - report.findings.len();
    Ok(())
}

/// The files of a commit below the boundary.
fn tree(boundary: &Path, reference: &str) -> Result<MemoryFiles, String> {
    let commit = format!("{reference}^{{commit}}");
    let name = git(
        boundary,
        &[
            "rev-parse",
            "--verify",
            "--quiet",
            "--end-of-options",
            &commit,
        ],
    )
    .map_err(|_| {
        format!(
            "`{reference}` is no commit of the repository of {}",
            boundary.display()
        )
    })?;
    let name = String::from_utf8_lossy(&name).trim().to_string();
    let listed = git(boundary, &["ls-tree", "-r", "-z", "-l", &name])?;
    let limits = Limits::default();
    let mut entries = Vec::new();
    let mut total = 0;
    for row in String::from_utf8_lossy(&listed).split('\0') {
        let Some((about, path)) = row.split_once('\t') else {
            continue;
        };
        let about: Vec<&str> = about.split_whitespace().collect();
        let [mode, "blob", object, size] = about[..] else {
            continue;
        };
        let size: u64 = size.parse().unwrap_or(u64::MAX);
        if mode.starts_with("100") && size <= limits.file_bytes {
            total += size;
            entries.push((object.to_string(), path.to_string()));
        }
    }
    if total > TOTAL || entries.len() > limits.files {
        return Err(format!("`{reference}` holds more than can be compared"));
    }
    contents(boundary, &entries)
}

/// The contents of objects, all from one process.
fn contents(boundary: &Path, entries: &[(String, String)]) -> Result<MemoryFiles, String> {
    let fault = |e: std::io::Error| format!("git cannot be asked: {e}");
    let mut child = Command::new("git")
        .arg("-C")
        .arg(boundary)
        .args(["cat-file", "--batch"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(fault)?;
    let asked: String = entries
        .iter()
        .map(|(object, _)| format!("{object}\n"))
        .collect();
    let stdin = child.stdin.take();
    let writer = std::thread::spawn(move || stdin.map(|mut pipe| pipe.write_all(asked.as_bytes())));
    let mut answer = Vec::new();
    if let Some(mut pipe) = child.stdout.take() {
        pipe.read_to_end(&mut answer).map_err(fault)?;
    }
    let written = writer.join();
    child.wait().map_err(fault)?;
    if !matches!(written, Ok(Some(Ok(())))) {
        return Err("git stopped reading".into());
    }
    let mut files = MemoryFiles::new();
    let mut rest = answer.as_slice();
    for (object, path) in entries {
        let short = || format!("git gave no content for {object}");
        let end = rest.iter().position(|b| *b == b'\n').ok_or_else(short)?;
        let head = String::from_utf8_lossy(rest.get(..end).unwrap_or_default()).into_owned();
        let size: usize = head
            .rsplit(' ')
            .next()
            .and_then(|n| n.parse().ok())
            .ok_or_else(short)?;
        let body = rest.get(end + 1..end + 1 + size).ok_or_else(short)?;
        files.insert(path, body);
        rest = rest.get(end + size + 2..).unwrap_or_default();
    }
    Ok(files)
}

fn git(boundary: &Path, arguments: &[&str]) -> Result<Vec<u8>, String> {
    let output = Command::new("git")
        .arg("-C")
        .arg(boundary)
        .args(arguments)
        .output()
        .map_err(|e| format!("git cannot be asked: {e}"))?;
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(format!(
            "git says: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        ))
    }
}
