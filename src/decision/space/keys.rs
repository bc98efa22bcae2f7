//! Object keys: the classes that resource patterns cut them into.

use super::automaton::Cut;
use super::cuts::{push_cuts, unknowns_of};
use super::signature::{SignatureLimit, witnesses};
use crate::decision::{Match, RequestContext};
use crate::pattern::PatternOptions;
use crate::pattern::sequence::{self, Token};
use crate::policy::PolicyVersion;
use crate::value::Text;

/// Object keys, one for each class. Where they are not `complete`, a search that finds nothing proves nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct Keys {
    pub keys: Vec<Text>,
    pub complete: bool,
}

/// Object keys: one for every reachable combination of the resource patterns, each with the version of its
/// policy. `prefix` is the target's ARN up to the key; `context` gives the values of policy variables.
pub fn key_classes(
    patterns: &[(&Text, PolicyVersion)],
    prefix: &Text,
    context: &RequestContext,
) -> Keys {
    let start = sequence::subject_tokens(prefix, false);
    let mut complete = true;
    let mut cuts: Vec<Cut> = Vec::new();
    let fields = sequence::fields(&start);
    for (pattern, version) in patterns {
        let mut own = Vec::new();
        push_cuts(
            &mut own,
            pattern,
            PatternOptions::GLOB,
            false,
            *version,
            context,
        );
        for mut cut in own {
            if matches!(cut.tokens.as_slice(), [Token::Many]) {
                continue;
            }
            match (sequence::fields(&cut.tokens), &fields) {
                // The key stands in the sixth field; the others say alike for all keys.
                (sequence::Fields::Six(p), sequence::Fields::Six(s)) => {
                    let met = p
                        .iter()
                        .zip(s)
                        .take(5)
                        .all(|(p, s)| sequence::compare(p, s) != Match::No);
                    let ([.., tail], [.., beginning]) = (p, s);
                    if met && !sequence::begins_otherwise(tail, beginning) {
                        cut.tokens = tail.to_vec();
                        cut.start = beginning.to_vec();
                        cuts.push(cut);
                    }
                }
                (sequence::Fields::Fewer, _) => {}
                (_, of_prefix) => {
                    // Without its five colons in sight, a colon of the key might count.
                    complete &= !matches!(of_prefix, sequence::Fields::Fewer);
                    cut.start = start.clone();
                    cuts.push(cut);
                }
            }
        }
    }
    let unknowns = unknowns_of(patterns.iter().map(|(text, _)| *text));
    let found = witnesses(&cuts, &unknowns);
    Keys {
        keys: found.texts,
        complete: complete && found.limit == SignatureLimit::Complete,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys_of(patterns: &[&str], prefix: &Text) -> Vec<String> {
        let texts: Vec<Text> = patterns.iter().map(|p| Text::literal(*p)).collect();
        let texts: Vec<_> = texts.iter().map(|t| (t, PolicyVersion::V2012)).collect();
        let found = key_classes(&texts, prefix, &RequestContext::default());
        assert!(found.complete);
        let mut keys: Vec<String> = found.keys.iter().map(Text::display).collect();
        keys.sort();
        keys
    }

    fn keys(patterns: &[&str]) -> Vec<String> {
        keys_of(patterns, &"arn:aws:s3:::b/".into())
    }

    #[test]
    fn object_keys() {
        assert_eq!(keys(&["arn:aws:s3:::b/*"]), ["x"]);
        assert_eq!(keys(&["*"]), ["x"]);
        assert_eq!(keys(&["arn:aws:s3:::b/logs/*"]), ["logs/x", "x"]);
        assert_eq!(
            keys(&["arn:aws:s3:::b/logs/*", "arn:aws:s3:::b/*.gz"]),
            ["logs/x", "logs/x.gz", "x", "x.gz"]
        );
        assert_eq!(keys(&["arn:aws:s3:::other/*"]), ["x"]);
        assert_eq!(keys(&[]), ["x"]);
    }

    fn symbol(kind: crate::value::SymbolKind, subject: &str) -> Text {
        let symbol = crate::value::Symbol {
            scope: crate::value::ScopeId(0),
            kind,
            subject: subject.into(),
            attribute: "".into(),
        };
        Text::symbol(symbol, "unknown")
    }

    fn joined(parts: &[&Text]) -> Text {
        Text::from_pieces(parts.iter().flat_map(|t| t.pieces().iter().cloned()))
    }

    #[test]
    fn object_keys_behind_stars_variables_and_symbols() {
        use crate::value::SymbolKind::{GeneratedName, Input, Resource};
        // A `*` before the key goes on into it.
        assert_eq!(keys(&["arn:aws:s3:::b*logs/*"]), ["logs/x", "x"]);
        assert_eq!(keys(&["arn:aws:s3:::*/in/*"]), ["in/x", "x"]);
        assert_eq!(keys(&["arn:aws:*:::b/home/*"]), ["home/x", "x"]);
        assert_eq!(
            keys(&["arn:aws:kms:::b/home/*", "arn:aws:s3:::bb/x"]),
            ["x"]
        );
        // A variable without a known value takes any text; a known one is taken as it is.
        assert_eq!(keys(&["arn:aws:s3:::b/${aws:username}/*"]), ["x", "x/x"]);
        let mut context = RequestContext::default();
        context.present("aws:username", "ann");
        let pattern = Text::literal("arn:aws:s3:::b/${aws:username}/*");
        let found = key_classes(
            &[(&pattern, PolicyVersion::V2012)],
            &"arn:aws:s3:::b/".into(),
            &context,
        );
        let shown: Vec<String> = found.keys.iter().map(Text::display).collect();
        assert_eq!(shown, ["x", "ann/x"]);
        // A symbolic bucket, a symbolic tail, a bucket that is known by its ARN only.
        let bucket = joined(&[
            &"arn:aws:s3:::".into(),
            &symbol(GeneratedName, "b"),
            &"/".into(),
        ]);
        let tail = symbol(Input, "p");
        for prefix in [&bucket, &joined(&[&symbol(Resource, "b.arn"), &"/".into()])] {
            let pattern = joined(&[prefix, &tail, &"/*".into()]);
            let found = key_classes(&[(&pattern, PolicyVersion::V2012)], prefix, &context);
            let shown: Vec<String> = found.keys.iter().map(Text::display).collect();
            assert_eq!(
                shown,
                ["x", "p/x", "x/x", "p"].map(|t| t.replace('p', "${p}"))
            );
            assert!(found.complete);
        }
        assert_eq!(keys_of(&["arn:aws:s3:::lit/logs/*"], &bucket), ["x"]);
        // The own account is a text of its own, never a letter of a key.
        let account = symbol(crate::value::SymbolKind::OwnAccount, "");
        let pattern = joined(&[&"arn:aws:s3:::b/".into(), &account, &"/*".into()]);
        let listed = [(&pattern, PolicyVersion::V2012)];
        let found = key_classes(&listed, &"arn:aws:s3:::b/".into(), &context);
        let shown: Vec<String> = found.keys.iter().map(Text::display).collect();
        assert_eq!(shown, ["x", "${account}", "${account}/x"]);
    }
}
