//! What a consumer wants of a topic: tags, decided on the codes of queue entries, or an SQL92
//! condition, decided on the properties of records.
use std::cell::RefCell;
use std::sync::Arc;

use remora_config::Settings;
use remora_protocol::body::SubscriptionData;
use remora_protocol::java_hash::tags_code;
use remora_protocol::record;
use remora_remoting::Refusal;
use remora_store::Selects;

use crate::pull_hold::WantsTag;
use crate::refusals;
use crate::sql::{SqlError, SqlFilter};

/// Conditions that a thread remembers: some consumers send theirs with every pull.
const COMPILED_MAX: usize = 16;

/// Which messages pass.
#[derive(Clone, PartialEq, Debug)]
pub enum MessageFilter {
    All,
    /// Sorted codes. The client checks the tag's text again, since codes are hashes.
    Codes(Arc<[i64]>),
    Sql(Arc<SqlFilter>),
}

impl WantsTag for MessageFilter {
    fn wants(&self, tags_code: i64) -> bool {
        match self {
            Self::All | Self::Sql(_) => true,
            Self::Codes(codes) => codes.binary_search(&tags_code).is_ok(),
        }
    }
}

impl Selects for &MessageFilter {
    fn entry(&mut self, tags_code: i64) -> bool {
        self.wants(tags_code)
    }

    fn record(&mut self, record: &[u8]) -> bool {
        match self {
            MessageFilter::All | MessageFilter::Codes(_) => true,
            MessageFilter::Sql(filter) => {
                record::decode(record).is_ok_and(|record| filter.matches(record.properties))
            }
        }
    }
}

/// An expression that is not a filter.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ExpressionError {
    #[error("tag expression '{expression}' names no tag; write TagA || TagB, or * for all")]
    NoTag { expression: String },
    #[error("expression type '{expression_type}' is unknown; it is TAG or SQL92")]
    Type { expression_type: String },
    #[error(transparent)]
    Sql(#[from] SqlError),
}

impl MessageFilter {
    /// Of tags: `*`, empty, or `TagA || TagB`; of SQL92 a condition on properties.
    pub fn parse(expression_type: Option<&str>, expression: &str) -> Result<Self, ExpressionError> {
        match expression_type {
            Some("SQL92") => Ok(Self::Sql(compiled(expression)?)),
            expression_type if is_tag_type(expression_type) => {
                let tags = tags_of(expression)?;
                Ok(tags.map_or(Self::All, |tags| {
                    Self::of_codes(tags.iter().map(|tag| tags_code(tag.as_bytes())))
                }))
            }
            other => {
                let expression_type = other.unwrap_or_default().to_owned();
                Err(ExpressionError::Type { expression_type })
            }
        }
    }

    fn of_codes(codes: impl Iterator<Item = i64>) -> Self {
        let mut codes: Vec<i64> = codes.collect();
        codes.sort_unstable();
        codes.dedup();
        Self::Codes(codes.into())
    }

    /// The filter of a heartbeat's subscription: the codes that the client computed, else its
    /// expression.
    pub fn of(data: &SubscriptionData) -> Result<Self, ExpressionError> {
        let expression_type = data.expression_type.as_deref();
        if is_tag_type(expression_type) && !is_all(&data.sub_string) && !data.code_set.is_empty() {
            return Ok(Self::of_codes(data.code_set.iter().map(|code| i64::from(*code))));
        }
        Self::parse(expression_type, &data.sub_string)
    }
}

/// The filter that a request brings.
pub(crate) fn requested(
    settings: &Settings,
    expression_type: Option<&str>,
    expression: &str,
) -> Result<MessageFilter, Refusal> {
    check_type(settings, expression_type)?;
    MessageFilter::parse(expression_type, expression).map_err(|error| refusals::expression(&error))
}

/// Whether this broker filters by such expressions.
pub(crate) fn check_type(
    settings: &Settings,
    expression_type: Option<&str>,
) -> Result<(), Refusal> {
    match is_tag_type(expression_type) || settings.enable_property_filter {
        true => Ok(()),
        false => Err(refusals::property_filter_off(expression_type)),
    }
}

/// Compiles a condition that was not compiled lately.
fn compiled(expression: &str) -> Result<Arc<SqlFilter>, SqlError> {
    type Known = Vec<(Box<str>, Arc<SqlFilter>)>;
    thread_local! {
        static KNOWN: RefCell<Known> = const { RefCell::new(Vec::new()) };
    }
    KNOWN.with_borrow_mut(|known| {
        if let Some((_, filter)) = known.iter().find(|(text, _)| **text == *expression) {
            return Ok(filter.clone());
        }
        let filter = Arc::new(SqlFilter::compile(expression)?);
        known.truncate(COMPILED_MAX - 1);
        known.insert(0, (expression.into(), filter.clone()));
        Ok(filter)
    })
}

fn is_all(expression: &str) -> bool {
    matches!(expression.trim(), "" | "*")
}

/// The tags an expression names; `None` for all.
fn tags_of(expression: &str) -> Result<Option<Vec<&str>>, ExpressionError> {
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
fn is_tag_type(expression_type: Option<&str>) -> bool {
    matches!(expression_type, None | Some("" | "TAG"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn star_and_empty_take_everything() {
        assert_eq!(MessageFilter::parse(None, "*"), Ok(MessageFilter::All));
        assert_eq!(MessageFilter::parse(Some("TAG"), ""), Ok(MessageFilter::All));
    }

    #[test]
    fn expression_takes_its_tags_and_no_others() {
        let filter = MessageFilter::parse(None, "TagA || TagB").unwrap();
        assert!(filter.wants(tags_code(b"TagA")));
        assert!(filter.wants(tags_code(b"TagB")));
        assert!(!filter.wants(tags_code(b"TagC")));
        assert!(!filter.wants(0));
    }

    #[test]
    fn expression_without_tags_is_an_error_that_quotes_it() {
        let error = MessageFilter::parse(None, "||").unwrap_err();
        assert_eq!(error, ExpressionError::NoTag { expression: "||".into() });
    }

    #[test]
    fn expression_of_another_kind_is_an_error_that_names_it() {
        let error = MessageFilter::parse(Some("XPATH"), "//a").unwrap_err();
        assert_eq!(error.to_string(), "expression type 'XPATH' is unknown; it is TAG or SQL92");
    }
}
