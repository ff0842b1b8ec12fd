//! What a consumer wants of a topic, and the check by text that a broker's check by hash needs.
use std::collections::BTreeSet;
use std::sync::Arc;

use remora_protocol::body::SubscriptionData;
use remora_protocol::java_hash;

/// Tags that mean every message.
const ALL: &str = "*";

/// Which messages of a topic to read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Filter {
    /// Tags separated by `||`; `*` or nothing means all.
    Tags(String),
    /// An SQL92 expression over properties; Apache's broker needs `enablePropertyFilter=true`.
    Sql92(String),
}

impl Filter {
    /// Every message.
    pub fn all() -> Self {
        Self::Tags(ALL.to_owned())
    }

    /// The name of the expression's language on the wire.
    pub(crate) fn expression_type(&self) -> &'static str {
        match self {
            Self::Tags(_) => "TAG",
            Self::Sql92(_) => "SQL92",
        }
    }

    pub(crate) fn expression(&self) -> &str {
        match self {
            Self::Tags(expression) | Self::Sql92(expression) => expression,
        }
    }
}

impl Default for Filter {
    fn default() -> Self {
        Self::all()
    }
}

/// Tags, as in `"TagA || TagB"`.
impl From<&str> for Filter {
    fn from(tags: &str) -> Self {
        if tags.trim().is_empty() { Self::all() } else { Self::Tags(tags.trim().to_owned()) }
    }
}

/// A topic and a filter, ready to be sent and to be matched.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Subscription {
    pub(crate) topic: Arc<str>,
    pub(crate) filter: Filter,
    /// When it was made, in ms since 1970: brokers keep the newest of a group.
    pub(crate) version_ms: i64,
    tags: BTreeSet<String>,
}

impl Subscription {
    pub(crate) fn new(topic: Arc<str>, filter: Filter, version_ms: i64) -> Self {
        let tags = match &filter {
            Filter::Tags(tags) if tags != ALL => tags
                .split("||")
                .map(str::trim)
                .filter(|tag| !tag.is_empty())
                .map(str::to_owned)
                .collect(),
            _ => BTreeSet::new(),
        };
        Self { topic, filter, version_ms, tags }
    }

    /// Whether a message with this tag is wanted. Brokers compare hashes, which may be equal for
    /// different tags; SQL92 they decide alone.
    pub(crate) fn wants(&self, tag: Option<&str>) -> bool {
        self.tags.is_empty() || tag.is_some_and(|tag| self.tags.contains(tag))
    }

    pub(crate) fn to_wire(&self) -> SubscriptionData {
        SubscriptionData {
            topic: self.topic.to_string(),
            sub_string: self.filter.expression().to_owned(),
            tags_set: self.tags.iter().cloned().collect(),
            code_set: self.tags.iter().map(|tag| java_hash::hash(tag)).collect(),
            sub_version: self.version_ms,
            expression_type: Some(self.filter.expression_type().to_owned()),
            ..SubscriptionData::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subscription(tags: &str) -> Subscription {
        Subscription::new(Arc::from("T"), tags.into(), 7)
    }

    #[test]
    fn tags_are_compared_by_text_and_a_star_takes_all() {
        let wants = |tags: &str, tag| subscription(tags).wants(tag);
        assert!(wants("*", None) && wants("", Some("x")));
        assert!(wants("a || b||c", Some("b")));
        assert!(!wants("a || b", Some("ab")) && !wants("a", None));
        // "Aa" and "BB" have the same hash: a broker lets both pass.
        assert_eq!(java_hash::hash("Aa"), java_hash::hash("BB"));
        assert!(!wants("Aa", Some("BB")));
    }

    #[test]
    fn the_wire_form_carries_tags_and_their_java_hashes() {
        let wire = subscription("TagA || TagB").to_wire();
        assert_eq!((wire.sub_string.as_str(), wire.sub_version), ("TagA || TagB", 7));
        let mut codes = wire.code_set;
        codes.sort_unstable();
        // Java: "TagA".hashCode() == 2_598_919.
        assert_eq!(codes, [2_598_919, 2_598_920]);
    }
}
