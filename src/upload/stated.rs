//! Uploads that the configuration states: that very request is judged in the place of the plain one.

use crate::decision::Reading;
use crate::facts::Estate;
use crate::facts::context::{StatedUpload, means_bucket, means_caller};
use crate::outcome::{Level, Outcome};
use crate::upload::attempt::Journey;
use crate::upload::calls::{Draft, Sent};
use crate::upload::decide::NO_REPLAY;
use crate::upload::pairs::Pair;
use crate::upload::{
    Decided, Denial, Evidence, EvidenceKind, Path, PathCertainty, Uploader, account, blame,
    headers, shapes, shown, witness,
};

/// What the configuration says that a caller uploads to a bucket.
pub fn of_pair<'e>(estate: &'e Estate, pair: &Pair) -> Vec<&'e StatedUpload> {
    let Uploader::Declared(index) = pair.uploader else {
        return Vec::new();
    };
    let caller = estate.callers.get(index);
    let (Some(caller), Some(bucket)) = (caller, estate.buckets.get(pair.bucket)) else {
        return Vec::new();
    };
    estate
        .stated
        .uploads
        .iter()
        .filter(|u| means_caller(&u.caller, caller) && means_bucket(&u.bucket, bucket))
        .collect()
}

/// Pairs of callers and buckets that are stated by name, though nothing grants them anything.
pub fn without_grant(estate: &Estate, pairs: &[Pair]) -> Vec<Pair> {
    let exact =
        |text: &crate::value::Text| text.as_literal().is_some_and(|t| !t.contains(['*', '?']));
    let mut out: Vec<Pair> = Vec::new();
    for upload in &estate.stated.uploads {
        if !exact(&upload.caller) || !exact(&upload.bucket) {
            continue;
        }
        for (c, caller) in estate.callers.iter().enumerate() {
            if !means_caller(&upload.caller, caller) {
                continue;
            }
            for (b, bucket) in estate.buckets.iter().enumerate() {
                let uploader = Uploader::Declared(c);
                let known = |p: &Pair| p.uploader == uploader && p.bucket == b;
                if means_bucket(&upload.bucket, bucket)
                    && !pairs.iter().any(known)
                    && !out.iter().any(known)
                {
                    out.push(Pair {
                        uploader,
                        bucket: b,
                        access_point: None,
                        relation: account::between(&caller.account, &bucket.account),
                        grants: Vec::new(),
                        broad: false,
                        granted: Vec::new(),
                    });
                }
            }
        }
    }
    out
}

fn draft_of(upload: &StatedUpload) -> Draft {
    let mut draft = Draft::plain(upload.key.clone());
    for header in &upload.headers {
        if &*header.name == headers::TAGGING {
            draft.tags = Some(shown::tag_set(&header.value));
        } else {
            draft.set(&header.name, Sent::Value(header.value.clone()));
        }
    }
    draft.multipart = upload.multipart;
    draft
}

/// Judges the stated uploads; `any` is the cheapest one that passes at all. One that is refused is an error.
pub fn judge(
    journey: &Journey<'_>,
    pair: &Pair,
    path: &Path,
    stated: &[&StatedUpload],
    any: Option<&Draft>,
    out: &mut Decided,
) {
    let mut passing: Option<Draft> = None;
    for upload in stated {
        let draft = draft_of(upload);
        let played = journey.play(&draft, Reading::Favourable);
        if played.allowed {
            let strict = journey.play(&draft, Reading::Unfavourable);
            if !strict.allowed && !strict.hangs_on_open_only() && out.denials.is_empty() {
                out.outcome = Outcome::Depends;
                out.hangs_on = strict.hangs_on;
            }
            passing.get_or_insert(draft);
            continue;
        }
        let by_network = played.causes.iter().any(|(c, _)| blame::by_network(c));
        if by_network && path.certainty == PathCertainty::Assumed {
            out.outcome = Outcome::Depends;
            let why = "the network that the upload comes from: state it with `[[path]]`";
            out.hangs_on.push(why.into());
            continue;
        }
        let plain = Draft::plain(upload.key.clone());
        let plain_passes = !upload.is_plain() && journey.play(&plain, Reading::Favourable).allowed;
        let outcome = match any {
            _ if plain_passes => Outcome::ShapeDenied,
            Some(_) => Outcome::DefaultDenied,
            None => Outcome::AlwaysDenied,
        };
        let passes = if plain_passes { Some(&plain) } else { any };
        let passes = passes.and_then(|draft| witness::passing(journey, draft));
        for (cause, confidence) in played.causes {
            let refused = witness::refused(journey, &draft, Reading::Favourable, &cause);
            let Some(refused) = refused else {
                out.hangs_on.push(NO_REPLAY.into());
                continue;
            };
            out.denials.push(Denial {
                cause,
                outcome,
                level: Level::Error.min(confidence.cap()),
                evidence: Some(Evidence {
                    kind: EvidenceKind::Shown,
                    place: upload.place.clone(),
                    text: "the upload is declared here".into(),
                    address: "".into(),
                }),
                behind: Vec::new(),
                refused,
                passes: passes.clone(),
                provisos: Vec::new(),
                proviso: None,
            });
        }
        out.outcome = outcome;
    }
    if let (Some(draft), true) = (passing, out.denials.is_empty()) {
        shapes::decide(journey, pair, path, &draft, out);
    }
}
