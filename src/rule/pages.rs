//! The list of rule pages that are compiled in, sorted by name. A test compares it with the folder `rules/`;
//! `IACLINT_WRITE=1 cargo test pages` writes it anew.

/// (name, text) of each page.
pub const PAGES: &[(&str, &str)] = &[
    ("bucket-policy-denies-missing-encryption-header", include_str!("../../rules/bucket-policy-denies-missing-encryption-header.md")),
    ("unused-suppression", include_str!("../../rules/unused-suppression.md")),
];
