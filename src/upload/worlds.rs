//! The worlds of one journey: what must hold for it to be made, and what its own statements and settings leave open.
//!
//! A journey is made where its caller, bucket and path exist and something grants it. Guards over other inputs are
//! read one by one in favour of the upload; where that lets it pass, each world is asked by itself, since one
//! condition has one truth in it. Only inputs that could matter to this upload are told apart.

use std::sync::Arc;

use crate::decision::{Match, Reading, World};
use crate::facts::{Algorithm, Setting};
use crate::pattern::{self, PatternOptions};
use crate::policy::{PatternElement, Statement, guards};
use crate::upload::answers::{Answers, answers};
use crate::upload::attempt::Journey;
use crate::upload::calls::object_arn;
use crate::value::{Guard, Guards};

/// Worlds that are told apart; past them a guard is unknown, and listed.
pub(super) const WORLDS: usize = 64;

/// What the journey's guards leave open.
pub(super) enum Worlds {
    /// Each as the guards beyond those that the journey stands under; none where nothing is open.
    Each(Vec<Guards>),
    /// More than are told apart.
    TooMany,
}

struct Inputs<'w> {
    world: &'w World,
    /// The arms of each.
    list: Vec<Vec<Guard>>,
}

impl Inputs<'_> {
    fn note(&mut self, guards: &[Guard]) {
        for guard in guards {
            if guard.arms < 2 || self.world.holds(guard) != Match::Unknown {
                continue;
            }
            let same = |arms: &&mut Vec<Guard>| arms.iter().any(|a| a.same_input(guard));
            match self.list.iter_mut().find(same) {
                Some(arms) => {
                    // Its own words for the arm.
                    for arm in arms.iter_mut().filter(|a| a.arm == guard.arm) {
                        arm.label = guard.label.clone();
                    }
                }
                None => self.list.push(guards::arms(guard)),
            }
        }
    }

    fn setting<T>(&mut self, setting: &Setting<T>) {
        if let Setting::Choice(arms) = setting {
            for (guards, inner) in arms {
                self.note(guards);
                self.setting(inner);
            }
        }
    }
}

/// True where the statement may speak of an upload to the bucket: another service's or another bucket's decides nothing.
fn matters(journey: &Journey<'_>, statement: &Statement) -> bool {
    let acts = statement.actions.negated
        || statement.actions.open
        || statement.actions.patterns.iter().any(|p| {
            p.text.as_literal().is_none_or(|t| {
                let service = t.split(':').next().unwrap_or_default();
                service.contains(['*', '?'])
                    || service.eq_ignore_ascii_case("s3")
                    || service.eq_ignore_ascii_case("kms")
            })
        });
    let reaches = |resources: &PatternElement| {
        let object = object_arn(&journey.bucket, &None);
        let kms = journey
            .bucket
            .encryption
            .value()
            .is_none_or(|e| e.algorithm != Algorithm::Aes256);
        resources.negated
            || resources.open
            || resources.patterns.iter().any(|p| {
                let written = p.text.display();
                if written.split(':').nth(2) == Some("kms") {
                    return kms;
                }
                let options = PatternOptions::GLOB;
                pattern::arn_matches(&p.text, &object, &options) != Match::No
                    || pattern::arn_matches(&p.text, &journey.bucket.arn, &options) != Match::No
            })
    };
    acts && statement.resources.as_ref().is_none_or(reaches)
}

/// The worlds of a journey in which something grants the upload (`granted`: one conjunction per grant).
pub(super) fn worlds(journey: &Journey<'_>, granted: &[Guards]) -> Worlds {
    let mut inputs = Inputs {
        world: &journey.world,
        list: Vec::new(),
    };
    let key_policies = journey.key_policies();
    let statements = journey
        .documents()
        .chain(&key_policies)
        .flat_map(|p| p.statements.iter())
        .filter(|s| matters(journey, s));
    for statement in statements {
        inputs.note(&statement.guards);
        let patterns = statement
            .resources
            .iter()
            .chain(std::iter::once(&statement.actions));
        for pattern in patterns.flat_map(|e| e.patterns.iter()) {
            inputs.note(&pattern.guards);
        }
        for value in statement.conditions.iter().flat_map(|t| t.values.iter()) {
            inputs.note(&value.guards);
        }
        for entry in statement.principals.iter().flat_map(|p| p.entries.iter()) {
            inputs.note(&entry.guards);
        }
    }
    let bucket = &journey.bucket;
    inputs.setting(&bucket.encryption);
    inputs.setting(&bucket.ownership);
    inputs.setting(&bucket.public_access.block_public_acls);
    inputs.setting(&bucket.public_access.restrict_public_buckets);
    inputs.setting(&bucket.default_retention);
    inputs.setting(&bucket.blocks_sse_c);
    if inputs.list.is_empty() {
        return Worlds::Each(Vec::new());
    }
    match guards::worlds(&inputs.list, WORLDS) {
        None => Worlds::TooMany,
        Some(mut each) => {
            each.retain(|w| granted.is_empty() || granted.iter().any(|g| !guards::exclude(w, g)));
            Worlds::Each(each)
        }
    }
}

/// The refusal of the world in which most passes, where the default upload is refused in each.
pub(super) fn refused_in_every_world(
    journey: &mut Journey<'_>,
    worlds: &[Guards],
    hosted: bool,
) -> Option<(Guards, Answers)> {
    let stands = journey.world.clone();
    let mut best: Option<(Guards, Answers)> = None;
    for world in worlds {
        journey.enter(stands.and(world));
        let found = answers(journey, hosted);
        if found.default.is_ok() || found.undecided {
            best = None;
            break;
        }
        if best
            .as_ref()
            .is_none_or(|(_, b)| b.any.is_none() && found.any.is_some())
        {
            best = Some((world.clone(), found));
        }
    }
    journey.enter(stands);
    best
}

/// What the default upload meets world by world.
#[derive(Debug, PartialEq)]
pub(super) enum EachWorld {
    /// It passes for certain in each, though not by one reading of all of them.
    Passes,
    /// It is refused in these, each in words.
    RefusedIn(Vec<Arc<str>>),
    Open,
}

pub(super) fn each_world(journey: &mut Journey<'_>, worlds: &[Guards], hosted: bool) -> EachWorld {
    let stands = journey.world.clone();
    let mut passes = !worlds.is_empty();
    let mut refused: Vec<Arc<str>> = Vec::new();
    for world in worlds {
        journey.enter(stands.and(world));
        let found = answers(journey, hosted);
        match &found.default {
            Ok(draft) if !found.undecided && !found.by_address => {
                let strict = journey.play(draft, Reading::Unfavourable);
                passes &= strict.allowed || strict.hangs_on_open_only();
            }
            Err(_) if !found.undecided => {
                passes = false;
                let labels: Vec<&str> = world.iter().map(|g| &*g.label).collect();
                refused.push(labels.join(" and ").into());
            }
            _ => passes = false,
        }
    }
    journey.enter(stands);
    match refused.is_empty() {
        _ if passes => EachWorld::Passes,
        false => EachWorld::RefusedIn(refused),
        true => EachWorld::Open,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Estate;
    use crate::facts::build::build;
    use crate::files::MemoryFiles;
    use crate::source::{Inputs as Given, Sources, cloudformation};
    use crate::upload::Route;
    use crate::upload::decide::principal_of;
    use crate::upload::pairs::pairs;

    /// A template with 40 conditions over 40 parameters: its section heads, and a bucket.
    fn head() -> String {
        let mut out = String::from("Parameters:\n");
        (0..40).for_each(|i| out.push_str(&format!("  P{i}: {{Type: String}}\n")));
        out.push_str("Conditions:\n");
        (0..40).for_each(|i| out.push_str(&format!("  C{i}: !Equals [!Ref P{i}, 'yes']\n")));
        out.push_str("Resources:\n");
        out
    }

    fn bucket(name: &str, condition: &str) -> String {
        format!("  {name}:\n    Type: AWS::S3::Bucket\n{condition}")
    }

    fn role(name: &str, condition: &str, statements: &str) -> String {
        format!(
            "  {name}:\n    Type: AWS::IAM::Role\n{condition}    Properties:\n      AssumeRolePolicyDocument: {{Statement: [{{Effect: Allow, Action: 'sts:AssumeRole', Principal: {{Service: ec2.amazonaws.com}}}}]}}\n      Policies:\n        - PolicyName: p\n          PolicyDocument:\n            Statement:\n{statements}"
        )
    }

    /// The worlds of each upload of a template; `None` for too many.
    fn counts(template: &str) -> Vec<Option<usize>> {
        let mut files = MemoryFiles::new();
        files.insert("template.yaml", template);
        let given = Given::default();
        let mut sources = Sources::default();
        cloudformation::read(&files, &["template.yaml".into()], &given, &mut sources);
        let estate: Estate = build(&sources, &given, &Default::default());
        let mut out = Vec::new();
        for pair in pairs(&estate, &sources.scopes, &mut Vec::new()) {
            let crate::upload::Uploader::Declared(caller) = pair.uploader else {
                continue;
            };
            let journey = Journey::new(
                &estate,
                pair.uploader.clone(),
                principal_of(&estate, &pair.uploader),
                estate.callers.get(caller),
                estate.buckets.get(pair.bucket).unwrap(),
                Route::Internet,
                pair.relation,
            );
            out.push(match worlds(&journey, &pair.granted) {
                Worlds::Each(each) => Some(each.len()),
                Worlds::TooMany => None,
            });
        }
        out
    }

    #[test]
    fn only_the_conditions_of_an_upload_are_told_apart() {
        let put = |name: &str| {
            format!(
                "              - {{Effect: Allow, Action: 's3:PutObject', Resource: !Sub '${{{name}.Arn}}/*'}}\n"
            )
        };
        // Forty buckets, each with its condition, and one role that may write to all of them, each under a
        // condition of its own: an upload meets two of the forty.
        let mut one_role = head();
        let mut statements = String::new();
        for i in 0..40 {
            one_role.push_str(&bucket(&format!("B{i}"), &format!("    Condition: C{i}\n")));
            let other = (i + 1) % 40;
            statements.push_str(&format!("              - !If [C{other}, {{Effect: Allow, Action: 's3:PutObject', Resource: !Sub '${{B{i}.Arn}}/*'}}, !Ref 'AWS::NoValue']\n"));
            statements.push_str(&format!("              - !If [C{i}, {{Effect: Deny, Action: 'sqs:*', Resource: '*'}}, !Ref 'AWS::NoValue']\n"));
        }
        one_role.push_str(&role("R", "", &statements));
        let found = counts(&one_role);
        assert_eq!(found.len(), 40);
        assert!(found.iter().all(|n| n.is_some_and(|n| n <= 4)), "{found:?}");
        // Forty roles with conditions of their own, and one bucket: each upload stands in one world.
        let mut many_roles = head();
        many_roles.push_str(&bucket("B", ""));
        for i in 0..40 {
            let condition = format!("    Condition: C{i}\n");
            many_roles.push_str(&role(&format!("R{i}"), &condition, &put("B")));
        }
        assert_eq!(counts(&many_roles), vec![Some(0); 40]);
        // Forty statements of which each could refuse the upload are too many.
        let mut one_bucket = head();
        one_bucket.push_str(&bucket("B", ""));
        let mut statements = put("B");
        for i in 0..40 {
            statements.push_str(&format!("              - !If [C{i}, {{Effect: Deny, Action: 's3:PutObject', Resource: !Sub '${{B.Arn}}/p{i}/*'}}, !Ref 'AWS::NoValue']\n"));
        }
        one_bucket.push_str(&role("R", "", &statements));
        assert_eq!(counts(&one_bucket), [None]);
    }
}
