//! `check --fix` and `check --diff`: mends written to the files, or shown as they would be.

use std::path::Path;

use iaclint::analysis::mend::{Mended, mend};
use iaclint::report::Report;

/// The byte-order mark, which is no part of the texts that were analysed.
const MARK: &[u8] = "\u{feff}".as_bytes();

/// The differences that the mends would make; empty for none.
pub fn differences(report: &Report, unsafe_too: bool) -> String {
    mend(report, unsafe_too)
        .iter()
        .map(|m| m.difference.as_str())
        .collect()
}

/// Writes the mends and says how many files changed.
pub fn write(boundary: &Path, report: &Report, unsafe_too: bool) -> Result<usize, String> {
    let files = mend(report, unsafe_too);
    for file in &files {
        replace(boundary, file).map_err(|e| format!("{} cannot be mended: {e}", file.path))?;
    }
    Ok(files.len())
}

fn replace(boundary: &Path, file: &Mended) -> std::io::Result<()> {
    let path = boundary.join(&file.path).canonicalize()?;
    if !path.starts_with(boundary) {
        return Err(std::io::Error::other("outside the read boundary"));
    }
    let found = std::fs::read(&path)?;
    let mark = if found.starts_with(MARK) { MARK } else { &[] };
    if found.strip_prefix(mark) != Some(file.before.as_bytes()) {
        return Err(std::io::Error::other("it changed during the run"));
    }
    std::fs::write(&path, [mark, file.after.as_bytes()].concat())
}
