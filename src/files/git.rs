//! The tree of a commit, read from git's objects: no checkout, no process, no network.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use gix::objs::tree::EntryKind;

use super::globs::{Globs, Ignored};
use super::{Files, FilesError, Limits};

/// Folders deep.
const DEPTH: usize = 200;
/// Characters of a name of a commit.
const NAME: usize = 500;

/// Files below the read boundary, as a commit holds them.
pub struct GitFiles {
    repository: gix::ThreadSafeRepository,
    /// Path to object and size.
    entries: BTreeMap<Arc<str>, gix::ObjectId>,
    ignored: Ignored,
    exclude: Option<Globs>,
    limits: Limits,
}

impl GitFiles {
    /// The tree of a commit of the repository that holds the boundary; `reference` is what `git rev-parse` takes.
    pub fn open(boundary: &Path, reference: &str, limits: Limits) -> Result<GitFiles, String> {
        let lost = |what: &str| {
            let shown: String = reference
                .chars()
                .take(NAME)
                .flat_map(char::escape_default)
                .collect();
            format!(
                "`{shown}` is no commit of the repository of {}{what}",
                boundary.display()
            )
        };
        if reference.is_empty() || reference.len() > NAME || reference.starts_with('-') {
            return Err(lost(""));
        }
        let root = boundary
            .ancestors()
            .find(|folder| folder.join(".git").exists())
            .ok_or_else(|| format!("{} lies in no git repository", boundary.display()))?;
        // Isolated: the settings of the user and of the machine have no say.
        let repository = gix::open_opts(root, gix::open::Options::isolated())
            .map_err(|e| format!("{} is no git repository: {e}", root.display()))?;
        let commit = repository
            .rev_parse_single(format!("{reference}^{{commit}}").as_str())
            .map_err(|_| lost(" (a shallow clone may lack it)"))?;
        let mut tree = commit
            .object()
            .map_err(|e| lost(&format!(": {e}")))?
            .peel_to_tree()
            .map_err(|e| lost(&format!(": {e}")))?;
        let inside = boundary.strip_prefix(root).unwrap_or(Path::new(""));
        if inside.components().next().is_some() {
            let entry = tree
                .lookup_entry_by_path(inside)
                .map_err(|e| lost(&format!(": {e}")))?;
            tree = match entry {
                Some(entry) if entry.mode().is_tree() => entry
                    .object()
                    .map_err(|e| lost(&format!(": {e}")))?
                    .into_tree(),
                // The commit has nothing below the boundary.
                _ => repository.empty_tree(),
            };
        }
        let mut entries = BTreeMap::new();
        collect(&tree, "", DEPTH, limits.files, &mut entries)?;
        drop(tree);
        let mut files = GitFiles {
            repository: repository.into_sync(),
            entries,
            ignored: Ignored::default(),
            exclude: None,
            limits,
        };
        let names: Vec<Arc<str>> = files
            .entries
            .keys()
            .filter(|path| Ignored::NAMES.contains(&path.rsplit('/').next().unwrap_or("")))
            .cloned()
            .collect();
        for path in names {
            if let Ok(bytes) = files.read(&path) {
                files.ignored.add(&path, &String::from_utf8_lossy(&bytes));
            }
        }
        Ok(files)
    }

    /// Leaves out what matches the globs when listing.
    pub fn excluding(mut self, globs: &[String]) -> Result<GitFiles, String> {
        self.exclude = (!globs.is_empty()).then(|| Globs::new(globs)).transpose()?;
        Ok(self)
    }

    /// The ignore files of the commit.
    pub fn ignored(&self) -> &Ignored {
        &self.ignored
    }
}

/// Regular files only: links and the commits of other repositories are not followed.
fn collect(
    tree: &gix::Tree,
    folder: &str,
    depth: usize,
    limit: usize,
    out: &mut BTreeMap<Arc<str>, gix::ObjectId>,
) -> Result<(), String> {
    for entry in tree.iter() {
        let entry = entry.map_err(|e| format!("a tree of the repository is broken: {e}"))?;
        let name = String::from_utf8_lossy(entry.filename()).into_owned();
        let path = if folder.is_empty() {
            name
        } else {
            format!("{folder}/{name}")
        };
        match entry.mode().kind() {
            EntryKind::Blob | EntryKind::BlobExecutable => {
                out.insert(path.into(), entry.object_id());
            }
            EntryKind::Tree if depth > 0 => {
                let below = entry
                    .object()
                    .map_err(|e| format!("the folder {path} of the commit cannot be read: {e}"))?;
                collect(&below.into_tree(), &path, depth - 1, limit, out)?;
            }
            EntryKind::Tree | EntryKind::Link | EntryKind::Commit => {}
        }
        if out.len() > limit {
            return Err(format!(
                "the commit holds more than {limit} files: raise `files` of `[limits]` in the configuration"
            ));
        }
    }
    Ok(())
}

impl Files for GitFiles {
    fn read(&self, path: &str) -> Result<Arc<[u8]>, FilesError> {
        let id = self.entries.get(path).ok_or(FilesError::Missing)?;
        let fault = |e: String| FilesError::Unreadable(e.into());
        let repository = self.repository.to_thread_local();
        let limit = self.limits.file_bytes;
        let head = repository
            .find_header(*id)
            .map_err(|e| fault(e.to_string()))?;
        if head.size() > limit {
            return Err(FilesError::TooLarge { limit });
        }
        let mut blob = repository
            .find_blob(*id)
            .map_err(|e| fault(e.to_string()))?;
        Ok(blob.take_data().into())
    }

    fn list(&self, folder: &str) -> Result<Vec<Arc<str>>, FilesError> {
        let below = |path: &str| {
            folder.is_empty()
                || path
                    .strip_prefix(folder)
                    .is_some_and(|rest| rest.starts_with('/'))
        };
        let hidden = |path: &str| {
            path.split('/').any(|part| part.starts_with('.'))
                || self.ignored.hide(path)
                || self.exclude.as_ref().is_some_and(|globs| globs.name(path))
        };
        Ok(self
            .entries
            .keys()
            .filter(|path| below(path) && !hidden(path))
            .cloned()
            .collect())
    }

    fn is_file(&self, path: &str) -> bool {
        self.entries.contains_key(path)
    }
}
