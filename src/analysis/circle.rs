//! References in a circle: what an edit must not make, since it could not be deployed.
//!
//! A block refers to another one where its text holds the other's address as a word. That is more than is true
//! (a comment counts), so that an edit may be held back without need, but none is offered that closes a circle.

use std::collections::{BTreeMap, BTreeSet};

use crate::rule::Edit;
use crate::source::{Format, Sources};
use crate::value::{FileId, ScopeId};

/// True where a block that the edits touch refers to itself through others.
pub fn new_one(sources: &Sources, edits: &[Edit]) -> bool {
    let blocks = blocks(sources);
    let mut touched: Vec<usize> = Vec::new();
    for edit in edits {
        for (i, block) in blocks.iter().enumerate() {
            // The block may have grown by the edit, never moved away from it.
            if block.file == edit.span.file
                && block.start <= edit.span.start
                && edit.span.start <= block.end
            {
                touched.push(i);
            }
        }
    }
    touched.iter().any(|start| reaches(&blocks, *start))
}

struct Block {
    file: FileId,
    start: u32,
    end: u32,
    /// Blocks that its text names.
    names: Vec<usize>,
}

fn blocks(sources: &Sources) -> Vec<Block> {
    let mut index: BTreeMap<(ScopeId, &str), usize> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    let mut kept = Vec::new();
    for resource in &sources.resources {
        let address = resource.address.split('[').next().unwrap_or("");
        if seen.insert((resource.scope, address)) {
            index.insert((resource.scope, address), kept.len());
            kept.push((resource, address));
        }
    }
    let terraform = |scope: ScopeId| {
        sources
            .scopes
            .iter()
            .any(|s| s.id == scope && s.format == Format::Terraform)
    };
    kept.iter()
        .map(|(resource, own)| {
            let span = resource.block;
            let text = sources
                .files
                .get(span.file)
                .and_then(|f| f.text.get(span.start as usize..span.end as usize))
                .unwrap_or("");
            let mut names = Vec::new();
            let dotted = terraform(resource.scope);
            for word in text.split(|c: char| {
                !(c.is_ascii_alphanumeric() || (dotted && matches!(c, '_' | '-' | '.')))
            }) {
                let name = if dotted { address_of(word) } else { word };
                if let Some(other) = index.get(&(resource.scope, name)) {
                    // A logical ID may be the name of a property of its own block.
                    if (dotted || name != *own) && !names.contains(other) {
                        names.push(*other);
                    }
                }
            }
            Block {
                file: span.file,
                start: span.start,
                end: span.end,
                names,
            }
        })
        .collect()
}

/// `aws_iam_role.r` of `aws_iam_role.r.arn`, `data.x.y` of `data.x.y.json`.
fn address_of(word: &str) -> &str {
    let dots = if word.starts_with("data.") { 3 } else { 2 };
    let end = word
        .match_indices('.')
        .nth(dots - 1)
        .map_or(word.len(), |(at, _)| at);
    word.get(..end).unwrap_or(word)
}

fn reaches(blocks: &[Block], start: usize) -> bool {
    let mut open: Vec<usize> = blocks.get(start).map_or(Vec::new(), |b| b.names.clone());
    let mut seen = BTreeSet::new();
    while let Some(at) = open.pop() {
        if at == start {
            return true;
        }
        if seen.insert(at) {
            open.extend(blocks.get(at).iter().flat_map(|b| &b.names));
        }
    }
    false
}
