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

use crate::value::{ELSEWHERE, FileId, Span};

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
    #[error(
        "larger than the limit of {limit} bytes: raise `file-bytes` of `[limits]` in the configuration"
    )]
    TooLarge { limit: u64 },
    #[error("holds more than {limit} files: raise `files` of `[limits]` in the configuration")]
    TooMany { limit: usize },
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
    elsewhere: Option<Elsewhere>,
}

/// A file of another repository has no text here: an offset in it is a line and a column, packed.
#[derive(Debug, Clone)]
struct Elsewhere {
    repository: Arc<str>,
    /// Bits of the column.
    column_bits: u32,
}

impl Elsewhere {
    fn pack(&self, line: u32, column: u32) -> u32 {
        let columns = 1u64 << self.column_bits;
        let lines = 1u64 << (32 - self.column_bits);
        let line = u64::from(line).min(lines - 1);
        let packed = line * columns + u64::from(column).min(columns - 1);
        u32::try_from(packed).unwrap_or(u32::MAX)
    }

    fn unpack(&self, offset: u32) -> (u32, u32) {
        let columns = 1u64 << self.column_bits;
        let (line, column) = (u64::from(offset) / columns, u64::from(offset) % columns);
        (line.max(1) as u32, column.max(1) as u32)
    }
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
            elsewhere: None,
        }
    }

    /// A file of another repository, with the number of its lines.
    pub fn of_repository(
        repository: Arc<str>,
        path: impl Into<Arc<str>>,
        lines: u32,
    ) -> SourceFile {
        let line_bits = u32::BITS - lines.max(1).leading_zeros();
        SourceFile {
            path: path.into(),
            text: "".into(),
            lines: Arc::from([0]),
            elsewhere: Some(Elsewhere {
                repository,
                column_bits: 32 - line_bits.min(24),
            }),
        }
    }

    /// Name of the repository, where it is another one.
    pub fn repository(&self) -> Option<&Arc<str>> {
        self.elsewhere.as_ref().map(|e| &e.repository)
    }

    /// Number of lines.
    pub fn line_count(&self) -> u32 {
        u32::try_from(self.lines.len()).unwrap_or(u32::MAX)
    }

    /// The span of lines and columns, from 1, in a file of another repository; `None` in a file with text.
    pub fn span_elsewhere(&self, id: FileId, start: (u32, u32), end: (u32, u32)) -> Option<Span> {
        let packed = self.elsewhere.as_ref()?;
        let start = packed.pack(start.0, start.1);
        Some(Span {
            file: id,
            start,
            end: packed.pack(end.0, end.1).max(start),
        })
    }

    /// Line and column of a byte offset, both from 1; columns count Unicode code points.
    pub fn line_column(&self, offset: u32) -> (u32, u32) {
        if let Some(elsewhere) = &self.elsewhere {
            return elsewhere.unpack(offset);
        }
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

    /// The text of a line, from 1, without its end; none in another repository.
    pub fn line(&self, number: u32) -> Option<&str> {
        if self.elsewhere.is_some() {
            return None;
        }
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

/// Number of the configuration.
const APART: FileId = FileId(ELSEWHERE - 1);

/// The files of a run by number.
#[derive(Debug, Clone, Default)]
pub struct FileTable {
    files: Vec<SourceFile>,
    /// Numbered from [`ELSEWHERE`] on; not among the files of the run.
    elsewhere: Vec<SourceFile>,
    /// The configuration: numbered right before [`ELSEWHERE`], no source.
    apart: Option<SourceFile>,
}

impl FileTable {
    pub fn add(&mut self, file: SourceFile) -> FileId {
        self.files.push(file);
        FileId(self.files.len() as u32 - 1)
    }

    /// Adds the configuration, which places may lead to, but which is no source.
    pub fn add_apart(&mut self, file: SourceFile) -> FileId {
        self.apart = Some(file);
        APART
    }

    /// Number of the configuration, where it is known.
    pub fn apart(&self) -> Option<FileId> {
        self.apart.as_ref().map(|_| APART)
    }

    /// Gives the files of other repositories, which are numbered in their order.
    pub fn set_elsewhere(&mut self, files: Vec<SourceFile>) {
        self.elsewhere = files;
    }

    pub fn get(&self, id: FileId) -> Option<&SourceFile> {
        if id == APART {
            return self.apart.as_ref();
        }
        match id.0.checked_sub(ELSEWHERE) {
            Some(other) => self.elsewhere.get(other as usize),
            None => self.files.get(id.0 as usize),
        }
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
