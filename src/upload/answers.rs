//! What a journey gives for the default upload and for any upload, in one world.

use crate::decision::search::{SearchResult, search};
use crate::decision::{Match, Reading};
use crate::upload::Cause;
use crate::upload::attempt::{Journey, Played};
use crate::upload::calls::{Draft, Sent};
use crate::upload::space::{Role, Space, sent};
use crate::upload::tables::{Meeting, Tables};
use crate::upload::ties;

/// States of one search; past them the answer is undecided.
const BUDGET: usize = 100_000;

/// Values of the context of which the refusal with the fewest reasons is shown.
const CONTEXTS: usize = 64;

/// What a path gives for the default upload and for any upload.
pub(super) struct Answers {
    /// The default upload that passes, or the best that fails with what it met.
    pub(super) default: Result<Draft, (Draft, Played)>,
    /// The default upload needs a certain address.
    pub(super) by_address: bool,
    pub(super) any: Option<Draft>,
    pub(super) undecided: bool,
}

pub(super) fn answers(journey: &Journey<'_>, hosted: bool) -> Answers {
    let plain = Space::new(journey, false, false);
    // An address that no policy lists.
    let unlisted = {
        let network = Space::new(journey, false, true);
        match network.roles.iter().position(|r| *r == Role::SourceIp) {
            None => None,
            Some(at) => network
                .variables
                .get(at)
                .and_then(|v| v.classes.iter().max_by_key(|c| u32::from(c.cost == 0)))
                .map(|c| sent(&c.value)),
        }
    };
    let mut undecided = false;
    let mut passes = |space: &Space, fixed: Option<&Sent>| -> Option<Draft> {
        let mut tables = Tables::new(journey, space, fixed.cloned());
        let result = search(&space.variables, BUDGET, &mut |chosen| {
            tables.answer(chosen)
        });
        let classes = match result {
            SearchResult::Found { classes, .. } => Some(classes),
            SearchResult::None => {
                undecided |= !space.complete;
                None
            }
            SearchResult::Undecided { best } => {
                undecided |= best.is_none();
                best
            }
        };
        let chosen: Vec<Option<usize>> = classes?.into_iter().map(Some).collect();
        let (mut draft, _) = tables.draft(&chosen);
        // Nobody who uploads chooses these.
        draft.context.clear();
        Some(draft)
    };
    if let Some(draft) = passes(&plain, unlisted.as_ref()) {
        return Answers {
            default: Ok(draft),
            by_address: false,
            any: None,
            undecided,
        };
    }
    if unlisted.is_some() && !hosted {
        let network = Space::new(journey, false, true);
        if let Some(draft) = passes(&network, None) {
            return Answers {
                default: Ok(draft),
                by_address: true,
                any: None,
                undecided,
            };
        }
    }
    // The default upload fails for every key: blame the key that fails for the fewest reasons.
    let mut worst: Option<(Draft, Played)> = None;
    let network = Space::new(journey, false, true);
    let mut addresses: Vec<Sent> = unlisted.iter().cloned().collect();
    if !hosted {
        let at = network.roles.iter().position(|r| *r == Role::SourceIp);
        let listed = at
            .and_then(|at| network.variables.get(at))
            .map(|v| v.classes.as_slice())
            .unwrap_or_default();
        addresses.extend(listed.iter().map(|c| sent(&c.value)));
    }
    if addresses.is_empty() {
        addresses.push(Sent::Open);
    }
    let contexts = plain.contexts(CONTEXTS);
    for (key, ip) in plain
        .keys
        .iter()
        .flat_map(|k| addresses.iter().map(move |ip| (k, ip)))
    {
        let mut draft = Draft::plain(Some(key.clone()));
        draft.source_ip = ip.clone();
        let mut played = journey.play(&draft, Reading::Favourable);
        // Where each condition alone may be met, but no value meets them all: one value, and what refuses it.
        if played.allowed {
            let each = contexts.iter().map(|context| {
                let mut draft = draft.clone();
                draft.context = context.clone();
                let played = journey.play(&draft, Reading::Favourable);
                (draft, played)
            });
            let refused = each.filter(|(_, p)| !p.allowed);
            let Some(least) = refused.min_by_key(|(_, p)| p.causes.len()) else {
                continue;
            };
            (draft, played) = least;
        }
        if worst
            .as_ref()
            .is_none_or(|(_, w)| played.causes.len() < w.causes.len())
        {
            let least = played.causes.len() <= 1;
            worst = Some((draft, played));
            if least {
                break;
            }
        }
    }
    let all = Space::new(journey, true, true);
    let any = passes(&all, None);
    match worst {
        Some(worst) => Answers {
            default: Err(worst),
            by_address: false,
            any,
            undecided,
        },
        None => Answers {
            default: Ok(Draft::plain(None)),
            by_address: false,
            any,
            undecided: true,
        },
    }
}

/// The cheapest request that one refusal does not meet, whatever else refuses it.
pub(super) fn avoid(space: &Space, tables: &mut Tables<'_, '_>, cause: &Cause) -> Option<Draft> {
    let mut meeting = Meeting::of(cause);
    let result = search(&space.variables, BUDGET / 4, &mut |chosen| {
        let (draft, complete) = tables.draft(chosen);
        if ties::legal(&draft) == Match::No {
            return Match::No;
        }
        match (tables.meets(&mut meeting, chosen, &draft), complete) {
            (true, _) => Match::No,
            (false, true) => Match::Yes,
            (false, false) => Match::Unknown,
        }
    });
    match result {
        SearchResult::Found { classes, .. } => {
            let chosen: Vec<Option<usize>> = classes.into_iter().map(Some).collect();
            Some(tables.draft(&chosen).0)
        }
        SearchResult::None | SearchResult::Undecided { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::analysis::{Request, load};
    use crate::files::MemoryFiles;
    use crate::upload::decide::{decide, principal_of};
    use crate::upload::pairs::pairs;
    use crate::upload::{Route, Uploader};
    use crate::value::Text;

    /// Small pseudo-random numbers, the same on every machine.
    struct Seed(u64);

    impl Seed {
        fn below(&mut self, bound: usize) -> usize {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            ((z ^ (z >> 31)) % bound as u64) as usize
        }

        fn of<'c>(&mut self, choices: &[&'c str]) -> &'c str {
            choices[self.below(choices.len())]
        }
    }

    fn condition(seed: &mut Seed) -> (String, &'static str, &'static str) {
        let (key, value) = [
            ("s3:x-amz-acl", "bucket-owner-*"),
            ("s3:x-amz-grant-read", "id=*"),
            ("s3:x-amz-server-side-encryption", "aws:kms"),
            ("s3:x-amz-storage-class", "STANDARD_IA"),
            ("s3:RequestObjectTag/team", "red"),
            ("s3:RequestObjectTag/cost", "?*"),
            ("aws:SourceIp", "203.0.113.0/24"),
            ("s3:object-lock-mode", "GOVERNANCE"),
            ("aws:PrincipalOrgID", "o-a*"),
            ("aws:PrincipalOrgID", "o-b*"),
        ][seed.below(10)];
        let set = seed.below(3) == 0;
        let operator = match key {
            _ if seed.below(4) == 0 => {
                return ("Null".into(), key, ["true", "false"][seed.below(2)]);
            }
            "aws:SourceIp" => seed.of(&["IpAddress", "NotIpAddress"]).to_string(),
            _ => seed
                .of(&[
                    "StringEquals",
                    "StringNotEquals",
                    "StringLike",
                    "StringNotLike",
                ])
                .to_string(),
        };
        let suffix = if set { "IfExists" } else { "" };
        (format!("{operator}{suffix}"), key, value)
    }

    fn statement(seed: &mut Seed, deny: bool) -> Json {
        let folder = seed.of(&["*", "in/*", "*.gz", "in/a?"]);
        let mut block = json!({});
        for _ in 0..seed.below(3) {
            let (operator, key, value) = condition(seed);
            let other = if key == "aws:SourceIp" {
                "198.51.100.0/28"
            } else {
                "other"
            };
            block[&operator][key] = match operator != "Null" && seed.below(3) == 0 {
                true => json!([value, other]),
                false => json!(value),
            };
        }
        json!({
            "Effect": if deny { "Deny" } else { "Allow" }, "Principal": "*",
            "Action": seed.of(&["s3:PutObject", "s3:Put*", "s3:PutObjectTagging"]),
            "Resource": format!("arn:aws:s3:::acme-reports/{folder}"), "Condition": block,
        })
    }

    fn template(seed: &mut Seed) -> String {
        let mut grants: Vec<Json> = (0..1 + seed.below(2))
            .map(|_| statement(seed, false))
            .collect();
        grants.push(json!({
            "Effect": "Allow", "Action": ["s3:PutObjectAcl", "s3:PutObjectTagging", "s3:PutObjectRetention"],
            "Resource": "arn:aws:s3:::acme-reports/*",
        }));
        for grant in &mut grants {
            grant.as_object_mut().unwrap().shift_remove("Principal");
        }
        let denies: Vec<Json> = (0..1 + seed.below(3))
            .map(|_| statement(seed, true))
            .collect();
        let trust = json!({
            "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"},
        });
        let document = |list: Vec<Json>| json!({"Version": "2012-10-17", "Statement": list});
        let resource =
            |kind: &str, properties: Json| json!({"Type": kind, "Properties": properties});
        json!({"Resources": {
            "Bucket": resource("AWS::S3::Bucket", json!({
                "BucketName": "acme-reports",
                "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]},
            })),
            "Policy": resource("AWS::S3::BucketPolicy", json!({
                "Bucket": {"Ref": "Bucket"}, "PolicyDocument": document(denies),
            })),
            "Role": resource("AWS::IAM::Role", json!({
                "AssumeRolePolicyDocument": document(vec![trust]),
                "Policies": [{"PolicyName": "upload", "PolicyDocument": document(grants)}],
            })),
        }})
        .to_string()
    }

    /// Every assignment of classes that passes, by its cost; `None` where there are too many.
    fn cheapest(journey: &Journey<'_>, space: &Space) -> Option<Option<u64>> {
        let sizes: Vec<usize> = space.variables.iter().map(|v| v.classes.len()).collect();
        let all = sizes.iter().product::<usize>();
        (all <= 600).then(|| {
            (0..all)
                .filter_map(|mut number| {
                    let mut chosen = Vec::new();
                    let mut cost = 0;
                    for (variable, size) in space.variables.iter().zip(&sizes) {
                        chosen.push(Some(number % size));
                        cost += u64::from(variable.cost(number % size));
                        number /= size;
                    }
                    let draft = space.draft(&chosen).0;
                    let passes = ties::legal(&draft) != Match::No
                        && journey.play(&draft, Reading::Favourable).allowed;
                    passes.then_some(cost)
                })
                .min()
        })
    }

    #[test]
    fn the_search_finds_what_trying_every_upload_finds() {
        let (mut compared, mut passing) = (0, 0);
        for number in 0..150 {
            let mut files = MemoryFiles::new();
            files.insert("template.json", template(&mut Seed(number)));
            let (sources, estate) = load(&files, &Request::default());
            for pair in pairs(&estate, &sources.scopes, &mut Vec::new()) {
                let Uploader::Declared(caller) = pair.uploader else {
                    continue;
                };
                let journey = Journey::new(
                    &estate,
                    pair.uploader.clone(),
                    principal_of(&estate, &pair.uploader),
                    estate.callers.get(caller),
                    &estate.buckets[pair.bucket],
                    Route::Internet,
                    pair.relation,
                );
                let space = Space::new(&journey, true, true);
                let Some(wanted) = cheapest(&journey, &space) else {
                    continue;
                };
                compared += 1;
                passing += usize::from(wanted.is_some());
                let mut tables = Tables::new(&journey, &space, None);
                let found = search(&space.variables, BUDGET, &mut |chosen| {
                    let (draft, _) = tables.draft(chosen);
                    let answer = tables.answer(chosen);
                    // The tables say what playing says, of open drafts as well.
                    let passes = ties::legal(&draft) != Match::No
                        && journey.play(&draft, Reading::Favourable).allowed;
                    assert_eq!(answer != Match::No, passes, "{number}: {draft:?}");
                    for (cause, _) in journey.play(&draft, Reading::Favourable).causes {
                        let mut meeting = Meeting::of(&cause);
                        assert!(tables.meets(&mut meeting, chosen, &draft), "{cause:?}");
                    }
                    answer
                });
                let cost = match found {
                    SearchResult::Found { cost, .. } => Some(cost),
                    SearchResult::None => None,
                    SearchResult::Undecided { .. } => panic!("{number}: undecided"),
                };
                assert_eq!(cost, wanted, "{number}");
            }
        }
        assert!(
            compared > 60 && passing > 20 && passing < compared,
            "{compared} {passing}"
        );
    }

    /// Every list in reverse order.
    fn turn(value: &mut Json) {
        match value {
            Json::Array(items) => {
                items.reverse();
                items.iter_mut().for_each(turn);
            }
            Json::Object(map) => map.values_mut().for_each(turn),
            _ => {}
        }
    }

    fn shown(headers: &crate::upload::Headers) -> String {
        let set = headers.set.iter();
        let set: Vec<String> = set.map(|(n, v)| format!("{n}: {}", v.display())).collect();
        format!(
            "{} {set:?} {:?}",
            headers.key.display(),
            headers.source_ip.as_ref().map(Text::display)
        )
    }

    /// The verdicts on a template with their witnesses, in no order.
    fn verdicts(text: String) -> Vec<String> {
        let mut files = MemoryFiles::new();
        files.insert("template.json", text);
        let (sources, estate) = load(&files, &Request::default());
        let pairs = pairs(&estate, &sources.scopes, &mut Vec::new());
        let decided = decide(&estate, &sources.scopes, pairs, &|_| true, &mut Vec::new());
        let mut out = Vec::new();
        for decided in decided {
            out.push(format!("{:?}", decided.outcome));
            for denial in &decided.denials {
                let behind: Vec<String> = denial.behind.iter().map(|(h, _)| shown(h)).collect();
                let (refused, passes) = (shown(&denial.refused), denial.passes.as_ref().map(shown));
                out.push(format!(
                    "{:?} {:?} {refused} {passes:?} {behind:?}",
                    denial.outcome, denial.level
                ));
            }
        }
        out.sort();
        out
    }

    #[test]
    fn order_changes_neither_verdict_nor_witness() {
        let mut witnesses = 0;
        for number in 0..200 {
            let written = template(&mut Seed(7_000 + number));
            let mut turned: Json = serde_json::from_str(&written).unwrap();
            turn(&mut turned);
            let said = verdicts(written);
            assert_eq!(said, verdicts(turned.to_string()), "{number}");
            witnesses += said.iter().filter(|line| line.contains("Some(")).count();
        }
        assert!(witnesses > 60, "{witnesses}");
    }
}
