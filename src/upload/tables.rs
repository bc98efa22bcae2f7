//! Answers the states of a search by tables: what each statement says to each call is worked out once for the classes
//! of the variables that it hangs on. Every entry comes from [`applies`], which playing a draft asks as well.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::decision::evaluate::allows_by;
use crate::decision::principal::PrincipalAnswer;
use crate::decision::statement::{Surroundings, applies};
use crate::decision::{DenyKind, Match, Reading, Request, RequestContext};
use crate::policy::Statement;
use crate::upload::attempt::{Journey, Played, same_cause};
use crate::upload::calls::{Call, Draft, Sent};
use crate::upload::gates::{Encrypts, encrypts};
use crate::upload::headers::{self, HEADERS};
use crate::upload::space::{Role, Space, mentions};
use crate::upload::{Cause, ties};

/// Key, whether a Bucket Key is used, and the class of the object's key where it is asked about.
type KeyUse = (usize, bool, Option<usize>);

/// The tables of one search.
pub(super) struct Tables<'t, 'e> {
    journey: &'t Journey<'e>,
    space: &'t Space,
    /// An address that is not searched.
    source_ip: Option<Sent>,
    /// The context that all requests have in common.
    base: Arc<RequestContext>,
    /// Nothing is kept: the way leads through an access point, or an ACL may stand in the place of a policy.
    plays: bool,
    calls: Vec<Asked>,
    /// What no variable changes lets the upload through.
    standing: Option<bool>,
    keys: FxHashMap<KeyUse, bool>,
    /// Does the policy of a key ask which object is encrypted?
    asks_for_object: FxHashMap<usize, bool>,
}

/// One call with what the statements said to it, by their number.
struct Asked {
    call: Call,
    /// The call of a draft of which nothing is chosen.
    open: Request,
    said: Vec<Said>,
}

/// What one statement said to one call.
struct Said {
    /// The variables that it hangs on, each with the number of its classes.
    on: Vec<(usize, usize)>,
    /// By the classes of those variables.
    answers: FxHashMap<usize, PrincipalAnswer>,
}

/// One refusal in the states of a search, with what is known of it so far.
pub(super) struct Meeting<'c> {
    cause: &'c Cause,
    said: Vec<(Call, Said)>,
    keys: FxHashMap<KeyUse, bool>,
}

impl<'c> Meeting<'c> {
    pub(super) fn of(cause: &'c Cause) -> Meeting<'c> {
        Meeting {
            cause,
            said: Vec::new(),
            keys: FxHashMap::default(),
        }
    }
}

impl Said {
    fn new(statement: &Statement, open: &Request, around: Surroundings<'_>, space: &Space) -> Said {
        let answer = applies(statement, open, around);
        let mut said = Said {
            on: Vec::new(),
            answers: FxHashMap::default(),
        };
        // What is certain while everything is open stays so.
        if [answer.account, answer.role, answer.direct].contains(&Match::Unknown) {
            said.on = hangs_on(statement, space);
        }
        if said.on.is_empty() {
            said.answers.insert(0, answer);
        }
        said
    }

    fn answer(
        &mut self,
        chosen: &[Option<usize>],
        ask: impl FnOnce() -> PrincipalAnswer,
    ) -> PrincipalAnswer {
        let mut at = 0usize;
        for (variable, classes) in &self.on {
            let class = chosen.get(*variable).copied().flatten();
            at = match at.checked_mul(classes + 1) {
                Some(at) => at + class.map_or(0, |c| c + 1),
                // More combinations than can be numbered are not kept.
                None => return ask(),
            };
        }
        *self.answers.entry(at).or_insert_with(ask)
    }
}

/// The variables that what a statement says may hang on.
fn hangs_on(statement: &Statement, space: &Space) -> Vec<(usize, usize)> {
    let tests = |wanted: &dyn Fn(&str) -> bool| {
        let mut keys = statement.conditions.iter().map(|t| t.key.as_literal());
        keys.any(|key| key.is_some_and(|key| wanted(&key.to_ascii_lowercase())))
    };
    let asks = |key: &str| tests(&|k| k == key) || mentions(statement, key);
    let everything = statement.resources.as_ref().is_some_and(|r| {
        let mut patterns = r.patterns.iter();
        patterns.any(|p| p.text.as_literal() == Some("*") && p.guards.is_empty())
    });
    let hangs = |role: &Role| match role {
        Role::Key => !everything,
        Role::SourceIp => asks("aws:sourceip"),
        Role::Context(key) => asks(key),
        Role::Header(index) => HEADERS.get(*index).is_some_and(|header| {
            asks(header.key)
                || header.name == headers::LOCK_DATE
                    && asks("s3:object-lock-remaining-retention-days")
        }),
        // The tags are sent in one header: as long as one is open, all are.
        Role::Tag(tag) => {
            tests(&|k| k.starts_with(headers::REQUEST_TAG) || k == headers::REQUEST_TAG_KEYS)
                || mentions(statement, headers::REQUEST_TAG)
                || mentions(statement, headers::REQUEST_TAG_KEYS)
                || asks(&format!("{}{tag}", headers::REQUEST_TAG))
        }
    };
    let variables = space.variables.iter().zip(&space.roles).enumerate();
    variables
        .filter(|(_, (_, role))| hangs(role))
        .map(|(at, (variable, _))| (at, variable.classes.len()))
        .collect()
}

impl<'t, 'e> Tables<'t, 'e> {
    pub(super) fn new(
        journey: &'t Journey<'e>,
        space: &'t Space,
        source_ip: Option<Sent>,
    ) -> Tables<'t, 'e> {
        Tables {
            journey,
            space,
            source_ip,
            base: journey.shared_base(),
            plays: journey.through.is_some() || journey.acl_may_admit("s3:PutObject"),
            calls: Vec::new(),
            standing: None,
            keys: FxHashMap::default(),
            asks_for_object: FxHashMap::default(),
        }
    }

    /// The draft of a partial assignment; whether every variable is chosen.
    pub(super) fn draft(&self, chosen: &[Option<usize>]) -> (Draft, bool) {
        let (mut draft, complete) = self.space.draft(chosen);
        if let Some(ip) = &self.source_ip {
            draft.source_ip = ip.clone();
        }
        (draft, complete)
    }

    /// Three-valued answer for a partial assignment, under a favourable reading.
    pub(super) fn answer(&mut self, chosen: &[Option<usize>]) -> Match {
        let (draft, complete) = self.draft(chosen);
        if ties::legal(&draft) == Match::No || !self.passes(chosen, &draft) {
            return Match::No;
        }
        if complete { Match::Yes } else { Match::Unknown }
    }

    /// As [`Journey::play`] says under a favourable reading, without its reasons.
    fn passes(&mut self, chosen: &[Option<usize>], draft: &Draft) -> bool {
        let journey = self.journey;
        if self.plays {
            return journey.play(draft, Reading::Favourable).allowed;
        }
        if !*self.standing.get_or_insert_with(|| journey.stands_open()) {
            return false;
        }
        let encrypts = encrypts(journey.estate, &journey.bucket, draft);
        if !journey.gates_of(draft, &encrypts).is_empty() {
            return false;
        }
        for call in journey.calls_of(draft) {
            if !self.allows(call, chosen, draft) {
                return false;
            }
        }
        let Encrypts::Key {
            key, bucket_key, ..
        } = encrypts
        else {
            return true;
        };
        let used = self.key_use(chosen, key, bucket_key);
        *self.keys.entry(used).or_insert_with(|| {
            let mut played = Played {
                allowed: true,
                ..Played::default()
            };
            journey.play_key(
                draft,
                (key, bucket_key),
                (Reading::Favourable, false),
                &mut played,
            );
            played.allowed
        })
    }

    fn allows(&mut self, call: Call, chosen: &[Option<usize>], draft: &Draft) -> bool {
        let (journey, space, base) = (self.journey, self.space, &self.base);
        let at = match self.calls.iter().position(|c| c.call == call) {
            Some(at) => at,
            None => {
                let open = journey.request(&self.base, &self.open(), call);
                self.calls.push(Asked {
                    call,
                    open,
                    said: Vec::new(),
                });
                self.calls.len() - 1
            }
        };
        let Some(asked) = self.calls.get_mut(at) else {
            return false;
        };
        let mut request: Option<Request> = None;
        let mut answer = |number: usize, statement: &Statement, around: Surroundings<'_>| {
            if asked.said.len() == number {
                let said = Said::new(statement, &asked.open, around, space);
                asked.said.push(said);
            }
            let mut ask = || {
                let request = request.get_or_insert_with(|| journey.request(base, draft, call));
                applies(statement, request, around)
            };
            match asked.said.get_mut(number) {
                Some(said) => said.answer(chosen, ask),
                None => ask(),
            }
        };
        let (set, world) = (&journey.s3, &journey.world);
        allows_by(
            &journey.principal,
            set,
            Reading::Favourable,
            world,
            &mut answer,
        )
    }

    /// A draft of which nothing is chosen.
    fn open(&self) -> Draft {
        self.draft(&vec![None; self.space.variables.len()]).0
    }

    /// Does a partial assignment meet the refusal whatever else it meets, under a favourable reading?
    pub(super) fn meets(
        &mut self,
        meeting: &mut Meeting<'_>,
        chosen: &[Option<usize>],
        draft: &Draft,
    ) -> bool {
        let journey = self.journey;
        let cause = meeting.cause;
        let play = || {
            let met = journey.play(draft, Reading::Favourable).causes;
            met.iter().any(|(c, _)| same_cause(c, cause))
        };
        if self.plays {
            return play();
        }
        let encrypts = encrypts(journey.estate, &journey.bucket, draft);
        match cause {
            Cause::Gate(gate) => {
                let standing = journey.standing_gates();
                let mut all = journey
                    .gates_of(draft, &encrypts)
                    .into_iter()
                    .chain(standing);
                all.any(|(g, _)| g == *gate)
            }
            Cause::Policy { key: Some(_), .. } => {
                let Encrypts::Key {
                    key, bucket_key, ..
                } = encrypts
                else {
                    return false;
                };
                let used = self.key_use(chosen, key, bucket_key);
                *meeting.keys.entry(used).or_insert_with(|| {
                    let mut played = Played::default();
                    journey.play_key(
                        draft,
                        (key, bucket_key),
                        (Reading::Favourable, true),
                        &mut played,
                    );
                    played.causes.iter().any(|(c, _)| same_cause(c, cause))
                })
            }
            Cause::Policy { reason, key: None } => {
                let DenyKind::Explicit { statement, .. } = &reason.kind else {
                    return !self.passes(chosen, draft) && play();
                };
                let Some(denying) = statement.get() else {
                    return false;
                };
                let around = journey.around(&statement.policy, &journey.world);
                let source = journey.source.iter().map(|(call, _)| call);
                let mut extra = journey.extra.iter().chain(source);
                if extra.any(|call| applies(denying, call, around).any() == Match::Yes) {
                    return true;
                }
                let base = &self.base;
                journey.calls_of(draft).into_iter().any(|call| {
                    let known = meeting.said.iter().position(|(c, _)| *c == call);
                    let at = known.unwrap_or_else(|| {
                        let open = journey.request(&self.base, &self.open(), call);
                        let said = Said::new(denying, &open, around, self.space);
                        meeting.said.push((call, said));
                        meeting.said.len() - 1
                    });
                    let ask = || applies(denying, &journey.request(base, draft, call), around);
                    let said = meeting.said.get_mut(at);
                    said.is_some_and(|(_, said)| said.answer(chosen, ask).any() == Match::Yes)
                })
            }
        }
    }

    /// By what the calls to KMS differ from those of other drafts.
    fn key_use(
        &mut self,
        chosen: &[Option<usize>],
        key: usize,
        bucket_key: Option<bool>,
    ) -> KeyUse {
        let with = bucket_key.unwrap_or(false);
        let journey = self.journey;
        let asks = self.asks_for_object.entry(key);
        let asks = *asks.or_insert_with(|| journey.asks_for_object(key));
        // The first variable is the object's key.
        let object = chosen.first().copied().flatten();
        (key, with, object.filter(|_| asks && !with))
    }
}
