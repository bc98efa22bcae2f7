//! What `check` takes from an earlier commit: `--since` compares with it; `--config-from` takes its configuration,
//! its baseline, its ignore files and its suppressions, so that a change cannot silence its own findings.

use std::path::{Path, PathBuf};

use iaclint::analysis::changes::{self, Revision};
use iaclint::analysis::suppress::Honoured;
use iaclint::analysis::{self, Request};
use iaclint::files::git::GitFiles;
use iaclint::files::{Files, Limits};
use iaclint::report::Report;

use super::config::{self, Config};
use super::terminal::tell;

/// The commit whose settings count.
pub struct Base {
    reference: String,
    boundary: PathBuf,
    pub files: GitFiles,
}

impl Base {
    pub fn open(boundary: &Path, reference: &str) -> Result<Base, String> {
        Ok(Base {
            reference: reference.to_string(),
            boundary: boundary.to_path_buf(),
            files: GitFiles::open(boundary, reference, Limits::default())?,
        })
    }

    /// The commit's configuration: the named one, else the one that holds for the path.
    pub fn config(&self, named: Option<&str>, first: &str) -> Result<Config, String> {
        match named {
            None => config::find_in(&self.files, &self.boundary, first),
            Some(path) if self.files.is_file(path) => {
                config::read_in(&self.files, &self.boundary, path)
            }
            Some(path) => {
                tell(&format!(
                    "{path} is not in `{}`, so it does not count yet",
                    self.reference
                ));
                Ok(Config::default())
            }
        }
    }

    /// The text of the commit's baseline; none where it has none.
    pub fn baseline(&self, path: &str) -> Result<Option<String>, String> {
        if !self.files.is_file(path) {
            tell(&format!(
                "{path} is not in `{}`, so it does not count yet",
                self.reference
            ));
            return Ok(None);
        }
        let bytes = self
            .files
            .read(path)
            .map_err(|e| format!("{path} cannot be read: {e}"))?;
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }
}

/// One run over the files: with the suppressions of the base, and compared with an earlier commit where one is named.
pub fn analyse(
    files: &dyn Files,
    boundary: &Path,
    request: &Request,
    exclude: &[String],
    base: Option<&Base>,
    since: Option<&str>,
) -> Result<Report, String> {
    let run = |reference: &str| {
        let files = GitFiles::open(boundary, reference, Limits::default())?.excluding(exclude)?;
        let request = Request {
            mends: false,
            ..request.clone()
        };
        Ok::<Revision, String>(analysis::revision(&files, &request))
    };
    let before = base.map(|base| run(&base.reference)).transpose()?;
    let mut request_now = request.clone();
    request_now.suppressions.honoured = before
        .as_ref()
        .map(|before| Honoured::of(&before.report.suppressions));
    let now = analysis::revision(files, &request_now);
    let Some(since) = since else {
        return Ok(now.report);
    };
    let earlier = match before.filter(|_| base.is_some_and(|b| b.reference == since)) {
        Some(before) => before,
        None => run(since)?,
    };
    Ok(changes::compare(&earlier, now, since))
}
