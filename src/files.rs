//! The word `Files`: everything the program reads, it reads through here.
//!
//! A tree is a disk folder, memory, or a git tree. Paths are relative to the read boundary, with forward
//! slashes and without `.` or `..`; nothing outside the boundary has a name. Limits on size live here.

pub mod disk;
pub mod git;
pub mod globs;

use std::collections::BTreeMap;
use std::sync::Arc;

use thiserror::Error;

use crate::value::FileId;

/// Limits of reading; each can be raised in the configuration.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of one file.
    pub file_bytes: u64,
    /// Files of one run.
    pub files: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            file_bytes: 32 << 20,
            files: 200_000,
        }
    }
}

#[derive(Debug, Clone, Error, PartialEq, Eq)]
pub enum FilesError {
    #[error("no such file")]
    Missing,
    #[error("outside the read boundary")]
    Outside,
    #[error("not a regular file")]
    NotRegular,
    #[error("larger than the limit of {limit} bytes")]
    TooLarge { limit: u64 },
    #[error("cannot be read: {0}")]
    Unreadable(Arc<str>),
}

/// A tree of files inside the read boundary.
pub trait Files: Send + Sync {
    /// Content of the file at a boundary-relative path.
    fn read(&self, path: &str) -> Result<Arc<[u8]>, FilesError>;

    /// Every regular file below a boundary-relative folder (`""` is the boundary), sorted, without those that
    /// ignore files or hidden folders exclude.
    fn list(&self, folder: &str) -> Result<Vec<Arc<str>>, FilesError>;

    /// True where a regular file stands.
    fn is_file(&self, path: &str) -> bool;
}

/// Joins `relative` to the folder `base` and resolves `.` and `..`; `None` where the result leaves the boundary
/// or `relative` is absolute.
pub fn join(base: &str, relative: &str) -> Option<String> {
    if relative.starts_with('/') || relative.contains('\0') || relative.contains('\\') {
        return None;
    }
    let mut parts: Vec<&str> = base
        .split('/')
        .filter(|p| !p.is_empty() && *p != ".")
        .collect();
    for part in relative.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// The folder of a path; `""` for a path in the boundary itself.
pub fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// Files in memory, for tests, fuzzing and callers of the library.
#[derive(Debug, Clone, Default)]
pub struct MemoryFiles {
    files: BTreeMap<Arc<str>, Arc<[u8]>>,
}

impl MemoryFiles {
    pub fn new() -> MemoryFiles {
        MemoryFiles::default()
    }

    pub fn insert(&mut self, path: &str, content: impl Into<Vec<u8>>) {
        self.files.insert(path.into(), content.into().into());
    }
}

impl Files for MemoryFiles {
    fn read(&self, path: &str) -> Result<Arc<[u8]>, FilesError> {
        self.files.get(path).cloned().ok_or(FilesError::Missing)
    }

    fn list(&self, folder: &str) -> Result<Vec<Arc<str>>, FilesError> {
        Ok(self
            .files
            .keys()
            .filter(|p| {
                folder.is_empty()
                    || p.strip_prefix(folder)
                        .is_some_and(|rest| rest.starts_with('/'))
            })
            .cloned()
            .collect())
    }

    fn is_file(&self, path: &str) -> bool {
        self.files.contains_key(path)
    }
}

/// One file that was read: its path and text, for spans.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// Boundary-relative path.
    pub path: Arc<str>,
    /// Text as decoded; spans are byte offsets into it. A byte-order mark is not part of it.
    pub text: Arc<str>,
    /// Byte offsets of line starts.
    lines: Arc<[u32]>,
}

impl SourceFile {
    pub fn new(path: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> SourceFile {
        let text: Arc<str> = text.into();
        let mut lines = vec![0u32];
        lines.extend(memchr::memchr_iter(b'\n', text.as_bytes()).map(|i| i as u32 + 1));
        SourceFile {
            path: path.into(),
            text,
            lines: lines.into(),
        }
    }

    /// Line and column of a byte offset, both from 1; columns count Unicode code points.
    pub fn line_column(&self, offset: u32) -> (u32, u32) {
        let offset = offset.min(self.text.len() as u32);
        let line = self.lines.partition_point(|start| *start <= offset);
        let start = line
            .checked_sub(1)
            .and_then(|i| self.lines.get(i))
            .copied()
            .unwrap_or(0);
        let column = self
            .text
            .get(start as usize..offset as usize)
            .map_or(0, |s| s.chars().count());
        (line as u32, column as u32 + 1)
    }

    /// The text of a line, from 1, without its end.
    pub fn line(&self, number: u32) -> Option<&str> {
        let start = *self.lines.get((number as usize).checked_sub(1)?)? as usize;
        let end = self
            .lines
            .get(number as usize)
            .map_or(self.text.len(), |e| *e as usize);
        self.text
            .get(start..end)
            .map(|s| s.trim_end_matches(['\n', '\r']))
    }
}

/// The files of a run by number.
#[derive(Debug, Clone, Default)]
pub struct FileTable {
    files: Vec<SourceFile>,
}

impl FileTable {
    pub fn add(&mut self, file: SourceFile) -> FileId {
        self.files.push(file);
        FileId(self.files.len() as u32 - 1)
    }

    pub fn get(&self, id: FileId) -> Option<&SourceFile> {
        self.files.get(id.0 as usize)
    }

    pub fn len(&self) -> usize {
        self.files.len()
    }

    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = (FileId, &SourceFile)> {
        self.files
            .iter()
            .enumerate()
            .map(|(i, f)| (FileId(i as u32), f))
    }
}
