//! What a consumer wants of a topic: the tag filter, decided on the tag codes of queue entries.
use std::sync::Arc;

use remora_protocol::body::SubscriptionData;
use remora_protocol::java_hash::tags_code;

use crate::pull_hold::WantsTag;

/// Which tag codes pass. The client checks the tag's text again, since codes are hashes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TagFilter {
    All,
    /// Sorted codes.
    Codes(Arc<[i64]>),
}

impl WantsTag for TagFilter {
    fn wants(&self, tags_code: i64) -> bool {
        match self {
            Self::All => true,
            Self::Codes(codes) => codes.binary_search(&tags_code).is_ok(),
        }
    }
}

/// An expression that is not a filter.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ExpressionError {
    #[error("tag expression '{expression}' names no tag; write TagA || TagB, or * for all")]
    NoTag { expression: String },
}

impl TagFilter {
    /// `*`, empty, or `TagA || TagB`.
    pub fn parse(expression: &str) -> Result<Self, ExpressionError> {
        let tags = tags_of(expression)?;
        Ok(tags.map_or(Self::All, |tags| {
            Self::of_codes(tags.iter().map(|tag| tags_code(tag.as_bytes())))
        }))
    }

    fn of_codes(codes: impl Iterator<Item = i64>) -> Self {
        let mut codes: Vec<i64> = codes.collect();
        codes.sort_unstable();
        codes.dedup();
        Self::Codes(codes.into())
    }

    /// The filter of a heartbeat's subscription: the codes that the client computed, else its
    /// expression.
    pub fn of(data: &SubscriptionData) -> Self {
        if is_all(&data.sub_string) {
            return Self::All;
        }
        if !data.code_set.is_empty() {
            return Self::of_codes(data.code_set.iter().map(|code| i64::from(*code)));
        }
        Self::parse(&data.sub_string).unwrap_or(Self::All)
    }
}

fn is_all(expression: &str) -> bool {
    matches!(expression.trim(), "" | "*")
}

/// The tags an expression names; `None` for all.
pub fn tags_of(expression: &str) -> Result<Option<Vec<&str>>, ExpressionError> {
    if is_all(expression) {
        return Ok(None);
    }
    let tags: Vec<&str> =
        expression.split("||").map(str::trim).filter(|tag| !tag.is_empty()).collect();
    if tags.is_empty() {
        return Err(ExpressionError::NoTag { expression: expression.to_owned() });
    }
    Ok(Some(tags))
}

/// `TAG`, empty or absent: anything else needs a message's properties.
pub fn is_tag_type(expression_type: Option<&str>) -> bool {
    matches!(expression_type, None | Some("" | "TAG"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn star_and_empty_take_everything() {
        assert_eq!(TagFilter::parse("*"), Ok(TagFilter::All));
        assert_eq!(TagFilter::parse(""), Ok(TagFilter::All));
    }

    #[test]
    fn expression_takes_its_tags_and_no_others() {
        let filter = TagFilter::parse("TagA || TagB").unwrap();
        assert!(filter.wants(tags_code(b"TagA")));
        assert!(filter.wants(tags_code(b"TagB")));
        assert!(!filter.wants(tags_code(b"TagC")));
        assert!(!filter.wants(0));
    }

    #[test]
    fn expression_without_tags_is_an_error_that_quotes_it() {
        let error = TagFilter::parse("||").unwrap_err();
        assert_eq!(error, ExpressionError::NoTag { expression: "||".into() });
    }
}
