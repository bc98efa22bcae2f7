//! `check --baseline` and `check --write-baseline`: findings that are known, by their fingerprints.

use std::collections::BTreeSet;

use iaclint::report::Report;
use serde::{Deserialize, Serialize};

const VERSION: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Baseline {
    version: u32,
    fingerprints: BTreeSet<String>,
}

/// Takes the known findings out of a report; they count as silenced.
pub fn apply(path: &str, text: &str, report: &mut Report) -> Result<(), String> {
    let known: Baseline =
        serde_json::from_str(text).map_err(|e| format!("{path} is no baseline: {e}"))?;
    if known.version != VERSION {
        return Err(format!(
            "{path} is a baseline of version {}, which is unknown",
            known.version
        ));
    }
    let before = report.findings.len();
    report
        .findings
        .retain(|f| !known.fingerprints.contains(&f.fingerprint));
    report.silenced += before - report.findings.len();
    Ok(())
}

/// Writes the fingerprints of all findings of a report.
pub fn write(path: &str, report: &Report) -> Result<(), String> {
    let baseline = Baseline {
        version: VERSION,
        fingerprints: report
            .findings
            .iter()
            .map(|f| f.fingerprint.clone())
            .collect(),
    };
    let text = serde_json::to_string_pretty(&baseline).map_err(|e| e.to_string())?;
    std::fs::write(path, format!("{text}\n")).map_err(|e| format!("{path} cannot be written: {e}"))
}
