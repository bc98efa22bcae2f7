//! What `check` takes from an earlier commit: `--since` compares with it; `--config-from` takes its configuration,
//! its baseline, its ignore files and its suppressions, so that a change cannot silence its own findings.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use iaclint::analysis::changes::{self, Revision};
use iaclint::analysis::suppress::Honoured;
use iaclint::analysis::{self, Request};
use iaclint::facts::exchange::Joined;
use iaclint::files::git::GitFiles;
use iaclint::files::{Files, Limits, join};
use iaclint::report::Report;

use super::config::{self, Config};
use super::reading;
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

    /// A path of the configuration below the boundary, whether or not something stands there now.
    pub fn below(&self, path: &str) -> Option<String> {
        let below = Path::new(path).strip_prefix(&self.boundary).ok()?;
        join("", &below.to_string_lossy())
    }

    /// The text of a file that the configuration names, or why the commit has none.
    pub fn text(&self, path: &str) -> Result<String, String> {
        let bytes = self
            .files
            .read(path)
            .map_err(|e| format!("in `{}`: {e}", self.reference))?;
        String::from_utf8(bytes.to_vec()).map_err(|_| "it is not UTF-8".to_string())
    }

    /// The facts that the commit's configuration names, as the commit has them. What no commit has is made by the
    /// run itself, and is read where it lies; what only the change has does not count yet.
    pub fn facts(&self, paths: &[String]) -> Result<Arc<Joined>, String> {
        let mut joined = Joined::default();
        let mut lying = Vec::new();
        let head = GitFiles::open(&self.boundary, "HEAD", Limits::default())?;
        for path in paths {
            match self.below(path) {
                Some(below) if self.files.is_file(&below) => {
                    let content = self.files.read(&below);
                    let content = content.map_err(|e| format!("{path} cannot be read: {e}"))?;
                    joined.add(&content).map_err(|e| format!("{path}: {e}"))?;
                }
                Some(below) if head.is_file(&below) => tell(&format!(
                    "{below} is not in `{}`, so it does not count yet",
                    self.reference
                )),
                _ => lying.push(path.clone()),
            }
        }
        reading::add_facts(&mut joined, &lying)?;
        Ok(Arc::new(joined))
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
