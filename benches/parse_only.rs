//! The floor that a whole check is measured against: finds and reads the same files, parses each with the same
//! parser, keeps nothing. `scripts/benchmark.py` runs it beside the program.
//!
//! `parse_only FOLDER…` prints the files and bytes that it parsed.

use std::path::Path;

use iaclint::analysis;
use iaclint::files::disk::DiskFiles;
use iaclint::files::{Files, Limits};
use iaclint::value::FileId;
use rayon::prelude::*;

fn main() {
    let folders: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with("--"))
        .collect();
    let (mut files, mut bytes) = (0, 0);
    for folder in &folders {
        let (f, b) = parse_folder(Path::new(folder));
        files += f;
        bytes += b;
    }
    let mut out = std::io::stdout().lock();
    let _ = std::io::Write::write_fmt(&mut out, format_args!("{files} files, {bytes} bytes\n"));
}

/// Files and bytes parsed below a folder.
fn parse_folder(folder: &Path) -> (usize, usize) {
    let Ok(disk) = DiskFiles::new(folder, Limits::default()) else {
        return (0, 0);
    };
    let found = analysis::discover(&disk, &[]);
    let paths: Vec<_> = found.terraform.iter().chain(&found.templates).collect();
    paths
        .par_iter()
        .map(|path| {
            let Ok(content) = disk.read(path) else {
                return (0, 0);
            };
            let Ok(text) = std::str::from_utf8(&content) else {
                return (0, 0);
            };
            match parse(path, text) {
                true => (1, text.len()),
                false => (0, 0),
            }
        })
        .reduce(|| (0, 0), |a, b| (a.0 + b.0, a.1 + b.1))
}

/// True where the file is one that a check parses.
fn parse(path: &str, text: &str) -> bool {
    if path.ends_with(".tf") || path.ends_with(".tofu") {
        std::hint::black_box(hcl_edit::parser::parse_body(text).is_ok());
        return true;
    }
    let template = (text.contains("Resources") && text.contains("::"))
        || text.contains("AWSTemplateFormatVersion")
        || (text.contains("Transform") && text.contains("AWS::"));
    if !template && !path.ends_with(".tf.json") {
        return false;
    }
    if text.trim_start().starts_with('{') {
        std::hint::black_box(iaclint::source::json::parse_file(FileId(0), text).is_ok());
    } else {
        let events = granit_parser::Parser::new_from_str(text);
        std::hint::black_box(events.take_while(Result::is_ok).count());
    }
    true
}
