//! Who a statement names: matching of callers against `Principal` and `NotPrincipal` (spec 1.3, 1.4, 2.8 E4).

use super::{EndpointKind, Match, Principal, World};
use crate::pattern::{self, PatternOptions};
use crate::policy::{Effect, PolicyType, PrincipalElement, PrincipalEntry, PrincipalKind};
use crate::value::{Piece, SymbolKind, Text};

/// What a match by an entry of that form gives in a resource policy (spec 2.3), weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum GrantForm {
    /// The account is named: its own policies decide.
    Account,
    /// The role is named: needs nothing more, but boundary and session policy limit it.
    Role,
    /// The user, the session, the service or everybody is named: nothing implicit limits it.
    Direct,
}

/// Whether a caller is named, per form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrincipalAnswer {
    pub account: Match,
    pub role: Match,
    pub direct: Match,
}

impl PrincipalAnswer {
    const NO: PrincipalAnswer = PrincipalAnswer {
        account: Match::No,
        role: Match::No,
        direct: Match::No,
    };

    fn of(form: GrantForm, answer: Match) -> PrincipalAnswer {
        let mut out = PrincipalAnswer::NO;
        match form {
            GrantForm::Account => out.account = answer,
            GrantForm::Role => out.role = answer,
            GrantForm::Direct => out.direct = answer,
        }
        out
    }

    /// Named in any form.
    pub fn any(self) -> Match {
        self.account.or(self.role).or(self.direct)
    }

    fn or(self, other: PrincipalAnswer) -> PrincipalAnswer {
        PrincipalAnswer {
            account: self.account.or(other.account),
            role: self.role.or(other.role),
            direct: self.direct.or(other.direct),
        }
    }

    /// Every form also needs `other`.
    pub fn and(self, other: Match) -> PrincipalAnswer {
        PrincipalAnswer {
            account: self.account.and(other),
            role: self.role.and(other),
            direct: self.direct.and(other),
        }
    }
}

/// Circumstances of the statement and the caller that change what naming means.
#[derive(Clone, Copy)]
pub struct Circumstances<'w> {
    pub effect: Effect,
    pub policy_type: PolicyType,
    pub endpoint: EndpointKind,
    /// The caller has a permissions boundary.
    pub bounded: bool,
    pub world: &'w World,
}

/// Is the caller named by the element?
pub fn principal_answer(
    element: &PrincipalElement,
    caller: &Principal,
    at: Circumstances,
) -> PrincipalAnswer {
    if element.negated {
        return PrincipalAnswer::of(GrantForm::Direct, not_listed(element, caller, at));
    }
    let mut answer = PrincipalAnswer::NO;
    for entry in &element.entries {
        answer = answer.or(entry_answer(entry, caller, at).and(at.world.all(&entry.guards)));
        if answer.direct == Match::Yes {
            break;
        }
    }
    if element.open {
        answer = answer.or(PrincipalAnswer::of(GrantForm::Direct, Match::Unknown));
    }
    answer
}

fn not_listed(element: &PrincipalElement, caller: &Principal, at: Circumstances) -> Match {
    let mut listed = PrincipalAnswer::NO;
    for entry in &element.entries {
        listed = listed.or(entry_answer(entry, caller, at).and(at.world.all(&entry.guards)));
    }
    let everybody = element
        .entries
        .iter()
        .filter(|e| e.text.as_literal() == Some("*"))
        .fold(Match::No, |any, e| any.or(at.world.all(&e.guards)));
    let spared = match (at.effect, caller) {
        (Effect::Deny, Principal::User { .. } | Principal::Role { .. }) if at.bounded => Match::No,
        (Effect::Allow, _)
        | (_, Principal::Service { .. } | Principal::Anonymous | Principal::Root { .. }) => {
            listed.any()
        }
        // AWS may ask for the account, then the role, then the session or user: each has to be listed.
        (Effect::Deny, Principal::Role { .. }) => {
            everybody.or(listed.account.and(listed.role).and(listed.direct))
        }
        (Effect::Deny, Principal::User { .. } | Principal::FederatedUser { .. }) => {
            everybody.or(listed.account.and(listed.direct))
        }
        (Effect::Deny, Principal::Account { .. }) => everybody.or(listed.any().and(Match::Unknown)),
    };
    !spared.or(if element.open && spared == Match::No {
        Match::Unknown
    } else {
        Match::No
    })
}

fn entry_answer(entry: &PrincipalEntry, caller: &Principal, at: Circumstances) -> PrincipalAnswer {
    let text = &entry.text;
    match entry.kind {
        PrincipalKind::Everyone => PrincipalAnswer::of(GrantForm::Direct, Match::Yes),
        PrincipalKind::Aws if text.as_literal() == Some("*") => {
            PrincipalAnswer::of(GrantForm::Direct, Match::Yes)
        }
        PrincipalKind::Service => match caller {
            Principal::Service { name } => PrincipalAnswer::of(
                GrantForm::Direct,
                pattern::matches(
                    text,
                    name,
                    &PatternOptions {
                        ignore_case: true,
                        ..PatternOptions::LITERAL
                    },
                ),
            ),
            _ => PrincipalAnswer::NO,
        },
        PrincipalKind::Federated => match caller {
            Principal::Service { name } => PrincipalAnswer::of(
                GrantForm::Direct,
                pattern::matches(text, name, &PatternOptions::LITERAL),
            ),
            _ => PrincipalAnswer::NO,
        },
        // The canonical id of an account is not known from its number.
        PrincipalKind::CanonicalUser => match caller {
            Principal::Service { name } => PrincipalAnswer::of(
                GrantForm::Direct,
                pattern::matches(text, name, &PatternOptions::LITERAL),
            ),
            Principal::Anonymous => PrincipalAnswer::NO,
            _ => PrincipalAnswer::of(GrantForm::Account, Match::Unknown),
        },
        PrincipalKind::Aws => {
            if at.policy_type == PolicyType::Endpoint {
                return match at.endpoint {
                    EndpointKind::Gateway => gateway_answer(text, caller),
                    EndpointKind::Interface => aws_answer(text, caller),
                    EndpointKind::Unknown => {
                        let gateway = gateway_answer(text, caller).any();
                        let interface = aws_answer(text, caller).any();
                        let answer = if gateway == interface {
                            gateway
                        } else {
                            Match::Unknown
                        };
                        PrincipalAnswer::of(GrantForm::Direct, answer)
                    }
                };
            }
            aws_answer(text, caller)
        }
    }
}

/// Gateway endpoints: an account admits its root user only; what a user or role does there is not settled.
fn gateway_answer(text: &Text, caller: &Principal) -> PrincipalAnswer {
    let plain = aws_answer(text, caller);
    match named(text) {
        Named::Account(_) => match caller {
            Principal::Root { .. } => plain,
            Principal::Account { .. } => {
                PrincipalAnswer::of(GrantForm::Account, plain.any().and(Match::Unknown))
            }
            _ => PrincipalAnswer::NO,
        },
        _ => plain.and(Match::Unknown),
    }
}

enum Named<'t> {
    /// The account's number or its root.
    Account(Account<'t>),
    User(Account<'t>),
    Role(Account<'t>),
    Session(Account<'t>),
    FederatedUser(Account<'t>),
    /// An ARN that is no principal.
    Nobody,
    /// A text that could be any of these.
    Open,
}

/// The account of a named principal.
enum Account<'t> {
    Literal(&'t str),
    Symbolic(Text),
}

impl Account<'_> {
    fn is(&self, own: &Text) -> Match {
        match (self, own.as_literal()) {
            (Account::Literal(account), Some(own)) => Match::of(*account == own),
            (Account::Literal(account), None) => same(&Text::literal(*account), own),
            (Account::Symbolic(account), _) => same(account, own),
        }
    }
}

fn is_account_number(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

fn named(text: &Text) -> Named<'_> {
    if let Some(literal) = text.as_literal() {
        if is_account_number(literal) {
            return Named::Account(Account::Literal(literal));
        }
        let Some([_, _, service, account, tail]) = principal_fields(literal) else {
            // A unique id of a saved policy.
            return if literal.starts_with("AIDA") || literal.starts_with("AROA") {
                Named::Open
            } else if !literal.is_empty() && literal.bytes().all(|b| b.is_ascii_digit()) {
                Named::Account(Account::Literal(literal))
            } else {
                Named::Nobody
            };
        };
        let account = Account::Literal(account);
        return match service {
            "iam" if tail == "root" => Named::Account(account),
            "iam" if tail.starts_with("user/") => Named::User(account),
            "iam" if tail.starts_with("role/") => Named::Role(account),
            "sts" if tail.starts_with("assumed-role/") => Named::Session(account),
            "sts" if tail.starts_with("federated-user/") => Named::FederatedUser(account),
            _ => Named::Nobody,
        };
    }
    if let [Piece::Unknown(unknown)] = text.pieces() {
        return match unknown.symbol.as_ref().map(|s| s.kind) {
            Some(SymbolKind::Account | SymbolKind::OwnAccount) => {
                Named::Account(Account::Symbolic(text.clone()))
            }
            _ => Named::Open,
        };
    }
    let Some(fields) = text_fields(text) else {
        return Named::Open;
    };
    let [_, _, service, _, account, tail] = fields;
    let account = Account::Symbolic(account);
    match (service.as_literal(), tail.known_prefix()) {
        (Some("iam"), "root") if tail.is_literal() => Named::Account(account),
        (Some("iam"), prefix) if prefix.starts_with("user/") => Named::User(account),
        (Some("iam"), prefix) if prefix.starts_with("role/") => Named::Role(account),
        (Some("sts"), prefix) if prefix.starts_with("assumed-role/") => Named::Session(account),
        (Some("sts"), prefix) if prefix.starts_with("federated-user/") => {
            Named::FederatedUser(account)
        }
        _ => Named::Open,
    }
}

/// Partition, service, account and tail of an ARN without a region.
fn principal_fields(arn: &str) -> Option<[&str; 5]> {
    let [head, partition, service, _, account, tail] = pattern::arn_fields(arn)?;
    (head == "arn").then_some([head, partition, service, account, tail])
}

/// The six fields of a text whose first five colons are written.
pub fn text_fields(text: &Text) -> Option<[Text; 6]> {
    let mut fields: Vec<Text> = vec![Text::default()];
    for piece in text.pieces() {
        match piece {
            Piece::Literal(literal) => {
                let mut rest: &str = literal;
                while fields.len() < 6 {
                    let Some((before, after)) = rest.split_once(':') else {
                        break;
                    };
                    if let Some(last) = fields.last_mut() {
                        last.push_str(before);
                    }
                    fields.push(Text::default());
                    rest = after;
                }
                if let Some(last) = fields.last_mut() {
                    last.push_str(rest);
                }
            }
            Piece::Unknown(unknown) => {
                let hides = match &unknown.symbol {
                    None => true,
                    Some(symbol) => pattern::may_hide_colons(symbol.kind),
                };
                // An input for an account or region hides nothing in practice; a text before any colon may.
                if hides && fields.len() == 1 {
                    return None;
                }
                if let Some(last) = fields.last_mut() {
                    last.push_unknown(unknown.clone());
                }
            }
        }
    }
    fields.try_into().ok()
}

fn same(a: &Text, b: &Text) -> Match {
    pattern::matches(a, b, &PatternOptions::LITERAL)
}

/// Holds a wildcard beside other letters.
fn is_wild(text: &Text) -> bool {
    text.as_literal() != Some("*")
        && text
            .pieces()
            .iter()
            .any(|p| matches!(p, Piece::Literal(l) if l.contains(['*', '?'])))
}

/// A partial wildcard: AWS refuses to store it, so whom it would name is not settled. Others it names in no reading.
fn wild_answer(text: &Text, caller: &Principal) -> PrincipalAnswer {
    let meets = |name: &Text| pattern::matches(text, name, &PatternOptions::GLOB);
    let answer = match caller {
        Principal::User { arn, .. } | Principal::FederatedUser { arn, .. } => meets(arn),
        Principal::Role { arn, session, .. } => {
            let session = match session {
                Some(session) => meets(session),
                // The session's own name is not known: a pattern of sessions may take it.
                None => match text.known_prefix().split(':').nth(2) {
                    Some("iam") => Match::No,
                    _ => Match::Unknown,
                },
            };
            meets(arn).or(session)
        }
        Principal::Service { name } => meets(name),
        Principal::Root { .. } | Principal::Account { .. } => Match::Unknown,
        Principal::Anonymous => Match::No,
    };
    PrincipalAnswer::of(GrantForm::Direct, answer.and(Match::Unknown))
}

fn aws_answer(text: &Text, caller: &Principal) -> PrincipalAnswer {
    if is_wild(text) {
        return wild_answer(text, caller);
    }
    let named = named(text);
    match (named, caller) {
        (_, Principal::Service { .. } | Principal::Anonymous) => match text.is_literal() {
            true => PrincipalAnswer::NO,
            // A symbolic entry may turn out to be `*`.
            false if matches!(text.pieces(), [Piece::Unknown(u)] if u.symbol.as_ref().is_none_or(|s| s.kind == SymbolKind::Input)) => {
                PrincipalAnswer::of(GrantForm::Direct, Match::Unknown)
            }
            false => PrincipalAnswer::NO,
        },
        (Named::Nobody, _) => PrincipalAnswer::NO,
        (Named::Account(account), caller) => match caller.account() {
            Some(own) => PrincipalAnswer::of(GrantForm::Account, account.is(own)),
            None => PrincipalAnswer::NO,
        },
        (Named::Role(_), Principal::Role { arn, .. }) => {
            PrincipalAnswer::of(GrantForm::Role, same(text, arn))
        }
        (
            Named::Session(_),
            Principal::Role {
                session: Some(session),
                ..
            },
        ) => PrincipalAnswer::of(GrantForm::Direct, same(text, session)),
        (
            Named::Session(_),
            Principal::Role {
                arn, session: None, ..
            },
        ) => PrincipalAnswer::of(GrantForm::Direct, session_of(text, arn)),
        (Named::User(_), Principal::User { arn, .. }) => {
            PrincipalAnswer::of(GrantForm::Direct, same(text, arn))
        }
        (Named::User(account), Principal::FederatedUser { account: own, .. }) => {
            PrincipalAnswer::of(GrantForm::Role, account.is(own).and(Match::Unknown))
        }
        (Named::FederatedUser(_), Principal::FederatedUser { arn, .. }) => {
            PrincipalAnswer::of(GrantForm::Direct, same(text, arn))
        }
        (
            Named::User(account)
            | Named::Role(account)
            | Named::Session(account)
            | Named::FederatedUser(account),
            Principal::Account { account: own },
        ) => PrincipalAnswer::of(GrantForm::Direct, account.is(own).and(Match::Unknown)),
        (Named::Open, caller) => open_answer(text, caller),
        (Named::User(_) | Named::Role(_) | Named::Session(_) | Named::FederatedUser(_), _) => {
            PrincipalAnswer::NO
        }
    }
}

/// A text that may be any principal: the same symbol names the same one.
fn open_answer(text: &Text, caller: &Principal) -> PrincipalAnswer {
    let (form, whole) = match caller {
        Principal::Role { arn, .. } => (GrantForm::Role, same(text, arn)),
        Principal::User { arn, .. } | Principal::FederatedUser { arn, .. } => {
            (GrantForm::Direct, same(text, arn))
        }
        _ => (GrantForm::Direct, Match::Unknown),
    };
    if whole == Match::Yes {
        PrincipalAnswer::of(form, Match::Yes)
    } else {
        PrincipalAnswer::of(GrantForm::Direct, Match::Unknown)
    }
}

/// Could the named session be one of the role? Its own name is not known.
fn session_of(session: &Text, role: &Text) -> Match {
    let (Some(session), Some(role)) = (session.as_literal(), role.as_literal()) else {
        return Match::Unknown;
    };
    let (Some(s), Some(r)) = (principal_fields(session), principal_fields(role)) else {
        return Match::No;
    };
    let [_, partition, _, account, tail] = s;
    let [_, role_partition, _, role_account, role_tail] = r;
    let name = tail
        .strip_prefix("assumed-role/")
        .and_then(|t| t.split('/').next());
    let same = partition == role_partition
        && account == role_account
        && name == role_tail.rsplit('/').next();
    if same { Match::Unknown } else { Match::No }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{FileId, Place, Span};

    #[test]
    fn partial_wildcards_are_open_for_whom_they_fit() {
        let role = Principal::Role {
            arn: "arn:aws:iam::111122223333:role/app".into(),
            account: "111122223333".into(),
            session: None,
        };
        let world = World::default();
        for (text, answer) in [
            ("arn:aws:iam::111122223333:role/*", Match::Unknown),
            ("arn:aws:iam::111122223333:role/a?p", Match::Unknown),
            ("arn:aws:iam::111122223333:role/other*", Match::No),
            ("arn:aws:iam::444455556666:role/*", Match::No),
            ("arn:aws:iam::111122223333:role/app", Match::Yes),
            (
                "arn:aws:sts::111122223333:assumed-role/app/*",
                Match::Unknown,
            ),
            ("*", Match::Yes),
        ] {
            for negated in [false, true] {
                let place = Place::at(Span::new(FileId(0), 0, 0));
                let entry = PrincipalEntry {
                    kind: PrincipalKind::Aws,
                    text: text.into(),
                    place: place.clone(),
                    guards: Vec::new(),
                };
                let element = PrincipalElement {
                    negated,
                    entries: vec![entry],
                    open: false,
                    place,
                };
                let at = Circumstances {
                    effect: Effect::Allow,
                    policy_type: PolicyType::Bucket,
                    endpoint: EndpointKind::Unknown,
                    bounded: false,
                    world: &world,
                };
                let want = if negated { !answer } else { answer };
                assert_eq!(
                    principal_answer(&element, &role, at).any(),
                    want,
                    "{text} {negated}"
                );
            }
        }
    }
}
