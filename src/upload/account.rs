//! Whether two principals or resources lie in the same account (architecture, "Accounts").

use crate::decision::AccountRelation;
use crate::facts::Account;
use crate::source::Scope;
use crate::value::{ScopeId, Text};

/// Relation of a declared account to another declared one.
pub fn between(a: &Account, b: &Account) -> AccountRelation {
    if a.id == b.id {
        return AccountRelation::Same;
    }
    match (a.id.as_literal(), b.id.as_literal()) {
        (Some(_), Some(_)) => AccountRelation::Cross,
        _ => AccountRelation::Unknown,
    }
}

/// Relation of an account number written as a literal to a declared account: another one where the own one
/// is stated, or where the scope also writes its own as a value.
pub fn of_literal(literal: &Text, own: &Account, scopes: &[Scope]) -> AccountRelation {
    if *literal == own.id {
        return AccountRelation::Same;
    }
    if own.id.is_literal() && literal.is_literal() {
        return AccountRelation::Cross;
    }
    if literal.is_literal()
        && own
            .scope
            .is_some_and(|scope| writes_own_account(scope, scopes))
    {
        return AccountRelation::Cross;
    }
    AccountRelation::Unknown
}

fn writes_own_account(scope: ScopeId, scopes: &[Scope]) -> bool {
    scopes.iter().any(|s| s.id == scope && s.writes_own_account)
}
