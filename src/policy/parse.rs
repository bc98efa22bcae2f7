//! Values to policies: every statement and element keeps its place, and what was not understood is kept too.
//!
//! Choices become guards: on statements, on single entries, or, where a condition or an effect hangs on
//! one, as several statements of which one exists in each world.

use std::sync::Arc;

use super::guards::join;
use super::operator::read_operator;
use super::{
    ConditionTest, Effect, FaultKind, PatternElement, PlacedText, Policy, PolicyFault, PolicyGap,
    PolicyType, PolicyVersion, PrincipalElement, PrincipalEntry, PrincipalKind, Statement,
};
use crate::source::json;
use crate::value::{Guards, Map, Place, SymbolKind, Text, Unknown, Value, ValueKind};

/// Statements of one document, beyond which the rest is open.
const STATEMENT_LIMIT: usize = 4096;
/// Statements that one statement may become through choices in it.
const EXPANSION_LIMIT: usize = 16;
/// Nesting of documents in texts and choices.
const DEPTH_LIMIT: usize = 32;

/// Reads a policy document: a map, an encoded map, or a text that holds JSON.
pub fn parse(value: &Value, policy_type: PolicyType, address: &str) -> Policy {
    let mut reader = Reader {
        policy: Policy {
            policy_type,
            version: PolicyVersion::V2008,
            statements: Vec::new(),
            address: address.into(),
            place: value.place.clone(),
            gaps: Vec::new(),
            open: false,
            faults: Vec::new(),
        },
        version: None,
        next_index: 0,
    };
    reader.document(value, &Guards::new(), 0);
    reader.policy.version = reader.version.unwrap_or(PolicyVersion::V2008);
    reader.policy
}

struct Reader {
    policy: Policy,
    /// Of the documents read so far.
    version: Option<PolicyVersion>,
    next_index: usize,
}

const DOCUMENT_ELEMENTS: [&str; 3] = ["Version", "Id", "Statement"];
const STATEMENT_ELEMENTS: [&str; 9] = [
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
];

impl Reader {
    fn gap(&mut self, what: &str, why: impl Into<Arc<str>>, place: &Place) {
        self.policy.gaps.push(PolicyGap {
            what: what.into(),
            why: why.into(),
            place: place.clone(),
        });
    }

    fn open_gap(&mut self, what: &str, why: impl Into<Arc<str>>, place: &Place) {
        self.gap(what, why, place);
        self.policy.open = true;
    }

    fn fault(&mut self, kind: FaultKind, detail: &str, place: &Place) {
        let fault = PolicyFault {
            kind,
            detail: detail.into(),
            place: place.clone(),
        };
        if !self.policy.faults.contains(&fault) {
            self.policy.faults.push(fault);
        }
    }

    fn check_keys(&mut self, map: &Map, known: &[&str]) {
        for (key, place) in &map.duplicates {
            self.fault(FaultKind::DuplicateKey, key, place);
        }
        for (key, entry) in map.iter() {
            if !known.contains(&&**key) {
                self.fault(FaultKind::UnknownElement, key, &entry.key_place);
            }
        }
    }

    fn document(&mut self, value: &Value, guards: &Guards, depth: usize) {
        if depth > DEPTH_LIMIT {
            return self.open_gap("policy document", "it is nested too deep", &value.place);
        }
        match &value.kind {
            ValueKind::Null => {}
            ValueKind::Unknown(unknown) => {
                self.open_gap("policy document", unknown.reason.clone(), &value.place);
            }
            ValueKind::Choice(arms) => {
                for arm in arms.iter() {
                    if let Some(guards) = join(guards, std::slice::from_ref(&arm.guard)) {
                        self.document(&arm.value, &guards, depth + 1);
                    }
                }
            }
            ValueKind::Json(inner) => self.document(inner, guards, depth + 1),
            ValueKind::Text(text) => {
                if let (Some(unknown), 1) = (only_unknown(text), text.pieces().len()) {
                    return self.open_gap("policy document", unknown.reason.clone(), &value.place);
                }
                if text.as_literal().is_some_and(|t| t.trim().is_empty()) {
                    return;
                }
                match json::parse_text(text, &value.place) {
                    Ok(inner) if matches!(inner.kind, ValueKind::Text(_)) => {
                        self.open_gap(
                            "policy document",
                            "the JSON is a text, not an object",
                            &value.place,
                        );
                    }
                    Ok(inner) => self.document(&inner, guards, depth + 1),
                    Err(error) => self.open_gap(
                        "policy document",
                        format!("it is not valid JSON: {}", error.message),
                        &error.place,
                    ),
                }
            }
            ValueKind::Map(map) => self.document_map(map, guards, &value.place),
            ValueKind::List(_) | ValueKind::Set(_) | ValueKind::Bool(_) | ValueKind::Number(_) => {
                self.open_gap("policy document", "it is not an object", &value.place);
            }
        }
    }

    fn document_map(&mut self, map: &Map, guards: &Guards, place: &Place) {
        self.check_keys(map, &DOCUMENT_ELEMENTS);
        let version = match map.get("Version") {
            None => PolicyVersion::V2008,
            Some(value) => self.version(value),
        };
        self.version = match self.version {
            None => Some(version),
            Some(earlier) if earlier == version => Some(version),
            Some(_) => Some(PolicyVersion::Unknown),
        };
        if let (Some(id), PolicyType::Identity | PolicyType::Boundary | PolicyType::Session) =
            (map.entries.get("Id"), self.policy.policy_type)
        {
            self.fault(FaultKind::IdForbidden, "Id", &id.key_place);
        }
        match map.get("Statement") {
            Some(value) => self.statements(value, guards, 0),
            None => self.fault(FaultKind::ElementMissing, "Statement", place),
        }
    }

    fn version(&mut self, value: &Value) -> PolicyVersion {
        match &value.kind {
            ValueKind::Null => PolicyVersion::V2008,
            ValueKind::Choice(_) => {
                let mut versions = value.arms().into_iter().map(|(_, arm)| arm.clone());
                let first = versions.next().map(|v| self.version(&v));
                match first {
                    Some(first) if versions.all(|v| self.version(&v) == first) => first,
                    _ => PolicyVersion::Unknown,
                }
            }
            _ => match value.as_str() {
                Some("2012-10-17") => PolicyVersion::V2012,
                Some("2008-10-17") => PolicyVersion::V2008,
                Some(other) => {
                    let other = other.to_string();
                    self.fault(FaultKind::UnknownVersion, &other, &value.place);
                    PolicyVersion::Unknown
                }
                None => PolicyVersion::Unknown,
            },
        }
    }

    fn statements(&mut self, value: &Value, guards: &Guards, depth: usize) {
        if depth > DEPTH_LIMIT {
            return self.open_gap("Statement", "it is nested too deep", &value.place);
        }
        if self.policy.statements.len() >= STATEMENT_LIMIT {
            if !self.policy.open {
                self.open_gap(
                    "Statement",
                    format!("more than {STATEMENT_LIMIT} statements"),
                    &value.place,
                );
            }
            return;
        }
        match &value.kind {
            ValueKind::Null => {}
            ValueKind::Choice(arms) => {
                // The arms stand at one position of the document, one after the other where they are lists.
                let first = self.next_index;
                let mut furthest = first;
                for arm in arms.iter() {
                    if let Some(guards) = join(guards, std::slice::from_ref(&arm.guard)) {
                        self.next_index = first;
                        self.statements(&arm.value, &guards, depth + 1);
                        furthest = furthest.max(self.next_index);
                    }
                }
                self.next_index = furthest;
            }
            ValueKind::List(items) | ValueKind::Set(items) => {
                for item in items.iter() {
                    self.statements(item, guards, depth + 1);
                }
            }
            ValueKind::Map(map) => {
                self.statement(map, guards, &value.place);
                self.next_index += 1;
            }
            ValueKind::Unknown(unknown) => {
                self.open_gap("Statement", unknown.reason.clone(), &value.place)
            }
            _ => self.open_gap("Statement", "it is not an object", &value.place),
        }
    }

    fn statement(&mut self, map: &Map, guards: &Guards, place: &Place) {
        self.check_keys(map, &STATEMENT_ELEMENTS);
        let mut unknown: Vec<(Arc<str>, Arc<str>)> = Vec::new();
        let policy_type = self.policy.policy_type;

        let principals = self.principal_element(map);
        match (&principals, policy_type.names_principals()) {
            (None, true) => {
                self.fault(FaultKind::PrincipalMissing, "Principal", place);
            }
            (Some(element), false) => {
                let place = element.place.clone();
                self.fault(FaultKind::PrincipalForbidden, "Principal", &place);
            }
            _ => {}
        }
        let actions = self
            .pattern_element(map, "Action", "NotAction", place, &mut unknown)
            .unwrap_or_else(|| {
                unknown.push(("Action".into(), "the statement has no Action".into()));
                PatternElement {
                    negated: false,
                    patterns: Vec::new(),
                    open: true,
                    place: place.clone(),
                }
            });
        let resources = if policy_type == PolicyType::Trust
            && map.get("Resource").is_none()
            && map.get("NotResource").is_none()
        {
            None
        } else {
            let element = self.pattern_element(map, "Resource", "NotResource", place, &mut unknown);
            if element.is_none() {
                unknown.push(("Resource".into(), "the statement has no Resource".into()));
            }
            element
        };
        if actions.patterns.is_empty() && !actions.open && actions.negated {
            unknown.push(("NotAction".into(), "the list is empty".into()));
        }

        let effects = self.effects(map, place);
        let conditions = match map.get("Condition") {
            None => vec![(Guards::new(), Vec::new())],
            Some(value) => self.conditions(value).unwrap_or_else(|| {
                self.gap("Condition", "it hangs on too many choices", &value.place);
                unknown.push(("Condition".into(), "it hangs on too many choices".into()));
                vec![(Guards::new(), Vec::new())]
            }),
        };
        let sid = map.get("Sid").and_then(Value::as_text);
        for (effect_guards, effect, doubt) in &effects {
            let Some(with_effect) = join(guards, effect_guards) else {
                continue;
            };
            for (condition_guards, tests) in &conditions {
                let Some(guards) = join(&with_effect, condition_guards) else {
                    continue;
                };
                let mut unknown = unknown.clone();
                if let Some(why) = doubt {
                    unknown.push(("Effect".into(), why.clone()));
                }
                self.policy.statements.push(Statement {
                    sid: sid.clone(),
                    effect: *effect,
                    principals: principals.clone(),
                    actions: actions.clone(),
                    resources: resources.clone(),
                    conditions: tests.clone(),
                    guards,
                    place: place.clone(),
                    index: self.next_index,
                    unknown,
                });
            }
        }
    }

    /// The effects a statement may have; one that is not known stands for both, each in doubt.
    fn effects(&mut self, map: &Map, place: &Place) -> Vec<(Guards, Effect, Option<Arc<str>>)> {
        let both = |guards: &Guards, why: Arc<str>| {
            [Effect::Allow, Effect::Deny].map(|effect| (guards.clone(), effect, Some(why.clone())))
        };
        let Some(value) = map.get("Effect") else {
            self.fault(FaultKind::ElementMissing, "Effect", place);
            return both(&Guards::new(), "the statement has no Effect".into()).into();
        };
        let mut out = Vec::new();
        for (guards, arm) in value.arms() {
            match (arm.as_str(), arm.as_text()) {
                (Some("Allow"), _) => out.push((guards, Effect::Allow, None)),
                (Some("Deny"), _) => out.push((guards, Effect::Deny, None)),
                (None, Some(text)) if !text.is_literal() => {
                    let why =
                        crate::pattern::because(&text).unwrap_or_else(|| "it is not known".into());
                    self.gap("Effect", why.clone(), &arm.place);
                    out.extend(both(&guards, why));
                }
                (written, _) => {
                    self.fault(
                        FaultKind::UnknownEffect,
                        written.unwrap_or("Effect"),
                        &arm.place,
                    );
                    out.extend(both(&guards, "AWS knows no such Effect".into()));
                }
            }
        }
        out
    }

    fn pattern_element(
        &mut self,
        map: &Map,
        plain: &str,
        negated: &str,
        place: &Place,
        unknown: &mut Vec<(Arc<str>, Arc<str>)>,
    ) -> Option<PatternElement> {
        let (name, value) = match (map.get(plain), map.get(negated)) {
            (Some(value), None) => (plain, value),
            (None, Some(value)) => (negated, value),
            (Some(value), Some(_)) => {
                self.fault(FaultKind::ElementMissing, plain, place);
                unknown.push((
                    plain.into(),
                    format!("both {plain} and {negated} are given").into(),
                ));
                (plain, value)
            }
            (None, None) => {
                self.fault(FaultKind::ElementMissing, plain, place);
                return None;
            }
        };
        let mut patterns = Vec::new();
        let open = self.texts(name, value, &Guards::new(), &mut patterns, 0);
        Some(PatternElement {
            negated: name == negated,
            patterns,
            open,
            place: value.place.clone(),
        })
    }

    /// Appends the entries of a single value or a list; true where there may be more than we see.
    fn texts(
        &mut self,
        what: &str,
        value: &Value,
        guards: &Guards,
        out: &mut Vec<PlacedText>,
        depth: usize,
    ) -> bool {
        if depth > DEPTH_LIMIT {
            self.gap(what, "it is nested too deep", &value.place);
            return true;
        }
        match &value.kind {
            ValueKind::Null => false,
            ValueKind::Text(_) | ValueKind::Bool(_) | ValueKind::Number(_) => {
                if let Some(text) = value.as_text() {
                    out.push(PlacedText {
                        text,
                        place: value.place.clone(),
                        guards: guards.clone(),
                    });
                }
                false
            }
            ValueKind::Unknown(unknown) => {
                let text = Text::unknown(unknown.clone());
                out.push(PlacedText {
                    text,
                    place: value.place.clone(),
                    guards: guards.clone(),
                });
                let may_be_list = depth == 0 && may_be_list(unknown);
                if unknown.symbol.is_none() || may_be_list {
                    self.gap(what, unknown.reason.clone(), &value.place);
                }
                may_be_list
            }
            ValueKind::List(items) | ValueKind::Set(items) => {
                let mut open = false;
                for item in items.iter() {
                    open |= self.texts(what, item, guards, out, depth + 1);
                }
                open
            }
            ValueKind::Choice(arms) => {
                let mut open = false;
                for arm in arms.iter() {
                    if let Some(guards) = join(guards, std::slice::from_ref(&arm.guard)) {
                        open |= self.texts(what, &arm.value, &guards, out, depth);
                        if guards.len() > DEPTH_LIMIT {
                            break;
                        }
                    }
                }
                open
            }
            ValueKind::Json(_) | ValueKind::Map(_) => {
                self.gap(
                    what,
                    "an object stands where a text is expected",
                    &value.place,
                );
                true
            }
        }
    }

    fn principal_element(&mut self, map: &Map) -> Option<PrincipalElement> {
        let (negated, value) = match (map.get("Principal"), map.get("NotPrincipal")) {
            (Some(value), _) => (false, value),
            (None, Some(value)) => (true, value),
            (None, None) => return None,
        };
        if value.is_null() {
            return None;
        }
        let mut element = PrincipalElement {
            negated,
            entries: Vec::new(),
            open: false,
            place: value.place.clone(),
        };
        for (guards, arm) in value.arms() {
            match &arm.kind {
                ValueKind::Null => {}
                ValueKind::Map(kinds) => self.principal_map(kinds, &guards, &mut element),
                ValueKind::Text(text) if text.as_literal() == Some("*") => {
                    element.entries.push(PrincipalEntry {
                        kind: PrincipalKind::Everyone,
                        text: text.clone(),
                        place: arm.place.clone(),
                        guards,
                    });
                }
                // AWS asks for an object; one name alone can only mean an AWS principal.
                ValueKind::Text(text) if text.as_literal().is_some_and(|t| !t.is_empty()) => {
                    self.fault(FaultKind::UnknownElement, &text.display(), &arm.place);
                    element.entries.push(PrincipalEntry {
                        kind: PrincipalKind::Aws,
                        text: text.clone(),
                        place: arm.place.clone(),
                        guards,
                    });
                }
                ValueKind::Unknown(unknown) => {
                    self.gap("Principal", unknown.reason.clone(), &arm.place);
                    element.open = true;
                }
                _ => {
                    self.gap("Principal", "it is neither \"*\" nor an object", &arm.place);
                    element.open = true;
                }
            }
        }
        Some(element)
    }

    fn principal_map(&mut self, kinds: &Map, guards: &Guards, element: &mut PrincipalElement) {
        self.check_keys(kinds, &["AWS", "Service", "Federated", "CanonicalUser"]);
        for (name, entry) in kinds.iter() {
            let kind = match &**name {
                "AWS" => PrincipalKind::Aws,
                "Service" => PrincipalKind::Service,
                "Federated" => PrincipalKind::Federated,
                "CanonicalUser" => PrincipalKind::CanonicalUser,
                _ => {
                    element.open = true;
                    continue;
                }
            };
            let mut texts = Vec::new();
            element.open |= self.texts("Principal", &entry.value, guards, &mut texts, 0);
            for PlacedText {
                text,
                place,
                guards,
            } in texts
            {
                if kind == PrincipalKind::Aws {
                    let wild = text.pieces().iter().any(|piece| match piece {
                        crate::value::Piece::Literal(text) => text.contains(['*', '?']),
                        crate::value::Piece::Unknown(_) => false,
                    });
                    if wild && text.as_literal() != Some("*") {
                        self.fault(FaultKind::PrincipalWildcard, &text.display(), &place);
                    }
                }
                element.entries.push(PrincipalEntry {
                    kind,
                    text,
                    place,
                    guards,
                });
            }
        }
    }

    /// The lists of tests that a condition may be, each under its guards; `None` past the limit.
    fn conditions(&mut self, value: &Value) -> Option<Vec<(Guards, Vec<ConditionTest>)>> {
        let mut all = Vec::new();
        for (guards, arm) in value.arms() {
            let mut worlds = vec![(guards, Vec::new())];
            match &arm.kind {
                ValueKind::Null => {}
                ValueKind::Map(operators) => {
                    self.check_duplicates(operators);
                    for (operator, entry) in operators.iter() {
                        worlds = self.operator_worlds(worlds, operator, &entry.value)?;
                    }
                }
                ValueKind::Unknown(unknown) => {
                    self.gap("Condition", unknown.reason.clone(), &arm.place);
                    for (_, tests) in &mut worlds {
                        tests.push(unknown_test(&arm.place, "Condition"));
                    }
                }
                _ => {
                    self.gap("Condition", "it is not an object", &arm.place);
                    for (_, tests) in &mut worlds {
                        tests.push(unknown_test(&arm.place, "Condition"));
                    }
                }
            }
            all.extend(worlds);
            if all.len() > EXPANSION_LIMIT {
                return None;
            }
        }
        Some(all)
    }

    fn check_duplicates(&mut self, map: &Map) {
        for (key, place) in &map.duplicates {
            self.fault(FaultKind::DuplicateKey, key, place);
        }
    }

    fn operator_worlds(
        &mut self,
        worlds: Vec<(Guards, Vec<ConditionTest>)>,
        operator: &Arc<str>,
        value: &Value,
    ) -> Option<Vec<(Guards, Vec<ConditionTest>)>> {
        let mut out = Vec::new();
        let arms = value.arms();
        for (guards, tests) in worlds {
            for (arm_guards, arm) in &arms {
                let Some(guards) = join(&guards, arm_guards) else {
                    continue;
                };
                let mut inner = vec![(guards, tests.clone())];
                match &arm.kind {
                    ValueKind::Null => {}
                    ValueKind::Map(keys) => {
                        self.check_duplicates(keys);
                        for (key, entry) in keys.iter() {
                            inner = self.key_worlds(
                                inner,
                                operator,
                                key,
                                &entry.key_place,
                                &entry.value,
                            )?;
                        }
                    }
                    _ => {
                        self.gap(operator, "it is not an object", &arm.place);
                        for (_, tests) in &mut inner {
                            tests.push(unknown_test(&arm.place, operator));
                        }
                    }
                }
                out.extend(inner);
                if out.len() > EXPANSION_LIMIT {
                    return None;
                }
            }
        }
        Some(out)
    }

    fn key_worlds(
        &mut self,
        worlds: Vec<(Guards, Vec<ConditionTest>)>,
        operator: &Arc<str>,
        key: &Arc<str>,
        key_place: &Place,
        value: &Value,
    ) -> Option<Vec<(Guards, Vec<ConditionTest>)>> {
        let arms = value.arms();
        // Only an arm without the key makes another statement of it; other arms are entries under guards.
        if arms.len() == 1 || !arms.iter().any(|(_, arm)| arm.is_null()) {
            let test = self.test(operator, key, key_place, value);
            return Some(
                worlds
                    .into_iter()
                    .map(|(guards, mut tests)| {
                        tests.extend(test.clone());
                        (guards, tests)
                    })
                    .collect(),
            );
        }
        let mut out = Vec::new();
        for (guards, tests) in worlds {
            for (arm_guards, arm) in &arms {
                let Some(guards) = join(&guards, arm_guards) else {
                    continue;
                };
                let mut tests = tests.clone();
                tests.extend(self.test(operator, key, key_place, arm));
                out.push((guards, tests));
                if out.len() > EXPANSION_LIMIT {
                    return None;
                }
            }
        }
        Some(out)
    }

    fn test(
        &mut self,
        written: &Arc<str>,
        key: &Arc<str>,
        key_place: &Place,
        value: &Value,
    ) -> Option<ConditionTest> {
        if value.is_null() {
            return None;
        }
        let (set, operator, if_exists) = read_operator(written);
        if operator == super::ConditionOperator::Unrecognized {
            self.fault(FaultKind::UnknownOperator, written, key_place);
        }
        let mut values = Vec::new();
        let open = self.texts(written, value, &Guards::new(), &mut values, 0);
        Some(ConditionTest {
            operator,
            if_exists,
            set,
            key: Text::literal(key.clone()),
            key_place: key_place.clone(),
            values,
            open,
            written: written.clone(),
            place: value.place.clone(),
        })
    }
}

/// A test that nobody could read: never certain in either direction.
fn unknown_test(place: &Place, written: &str) -> ConditionTest {
    ConditionTest {
        operator: super::ConditionOperator::Unrecognized,
        if_exists: false,
        set: None,
        key: Text::default(),
        key_place: place.clone(),
        values: Vec::new(),
        open: true,
        written: written.into(),
        place: place.clone(),
    }
}

fn only_unknown(text: &Text) -> Option<&Unknown> {
    match text.pieces() {
        [crate::value::Piece::Unknown(unknown)] => Some(unknown),
        _ => None,
    }
}

/// An unknown that stands for a whole element may be a list, unless its kind says that it is a text.
fn may_be_list(unknown: &Unknown) -> bool {
    match &unknown.symbol {
        None => true,
        Some(symbol) => match symbol.kind {
            SymbolKind::Input | SymbolKind::Import | SymbolKind::Data => true,
            SymbolKind::Resource
            | SymbolKind::Account
            | SymbolKind::OwnAccount
            | SymbolKind::Region
            | SymbolKind::Partition
            | SymbolKind::UrlSuffix
            | SymbolKind::GeneratedName => false,
        },
    }
}
