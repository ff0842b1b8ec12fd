//! SQL92 filters on the properties of messages. Compiled once a subscription; pure.
//!
//! The grammar and its three-valued logic are Apache's (`filter/` of its sources), except:
//! - what follows the condition is an error, there it is passed over;
//! - a property holds a number if it reads as one: `a > 5` is true of `a=5.5`, there it never is.
mod error;
mod node;
mod parse;
mod token;

use error::EXPRESSION_BYTES_MAX;
pub use error::SqlError;
use node::Node;

/// A compiled filter.
#[derive(Clone, PartialEq, Debug)]
pub struct SqlFilter {
    condition: Node,
}

impl SqlFilter {
    pub fn compile(expression: &str) -> Result<Self, SqlError> {
        let bytes = expression.len();
        if bytes > EXPRESSION_BYTES_MAX {
            return Err(SqlError::TooLong { bytes });
        }
        Ok(Self { condition: parse::parse(expression)? })
    }

    /// Whether a message with these properties passes; one whose properties cannot be compared as
    /// the filter asks does not.
    pub fn matches(&self, properties: &[u8]) -> bool {
        matches!(self.condition.truth(properties), Ok(Some(true)))
    }
}

#[cfg(test)]
mod tests {
    use super::error::Problem;
    use super::*;
    use proptest::prelude::*;
    use remora_protocol::properties;

    fn message(all: &[(&str, &str)]) -> Vec<u8> {
        let mut raw = Vec::new();
        all.iter().for_each(|(name, value)| properties::append(&mut raw, name, value));
        raw
    }

    /// Which of three messages pass: a=5 b=red, a=10.5 b=blue c=it's, and one without properties.
    fn passing(expression: &str) -> Vec<usize> {
        let filter = SqlFilter::compile(expression).unwrap();
        let messages = [
            message(&[("a", "5"), ("b", "red"), ("yes", "true")]),
            message(&[("a", "10.5"), ("b", "blue"), ("c", "it's")]),
            message(&[]),
        ];
        let passes = |at: &usize| filter.matches(&messages[*at]);
        (0..messages.len()).filter(passes).collect()
    }

    #[test]
    fn filters_pass_the_messages_that_their_condition_is_true_of() {
        let cases: [(&str, &[usize]); 44] = [
            ("a > 5", &[1]),
            ("a >= 5", &[0, 1]),
            ("a < 10.5", &[0]),
            ("a <= 10.5", &[0, 1]),
            ("5 < a", &[1]),
            ("a = 5", &[0]),
            ("a = '5'", &[0]),
            ("a = 5.0", &[0]),
            ("a <> 5", &[1]),
            ("NOT (a = 5)", &[1]),
            ("a > -1", &[0, 1]),
            ("a > +1L", &[0, 1]),
            ("a > 1e1", &[1]),
            ("a > .5 AND a < 6.", &[0]),
            ("a BETWEEN 5 AND 10", &[0]),
            ("a NOT BETWEEN 5 AND 10", &[1]),
            ("a between 5 and 11 and b = 'red'", &[0]),
            ("b = 'red'", &[0]),
            ("b <> 'red'", &[1]),
            ("b IN ('red', 'green')", &[0]),
            ("b NOT IN ('red')", &[1]),
            ("c = 'it''s'", &[1]),
            ("c IS NULL", &[0, 2]),
            ("c IS NOT NULL", &[1]),
            ("c is null and a is not null", &[0]),
            ("b CONTAINS 'e'", &[0, 1]),
            ("b NOT CONTAINS 'lu'", &[0]),
            ("b STARTSWITH 'bl'", &[1]),
            ("b NOT STARTSWITH 'bl'", &[0]),
            ("b ENDSWITH 'ed'", &[0]),
            ("b NOT ENDSWITH 'ed'", &[1]),
            ("b CONTAINS ''", &[]),
            ("a = 5 OR b = 'blue'", &[0, 1]),
            ("a > 3 AND (b = 'blue' OR c IS NULL)", &[0, 1]),
            ("a > 3 AND b = 'blue' OR c IS NULL", &[0, 1, 2]),
            ("yes = TRUE", &[0]),
            ("yes = false", &[]),
            ("yes", &[]),
            ("NOT yes", &[0]),
            ("TRUE", &[0, 1, 2]),
            ("NULL", &[]),
            ("(a > 5) = TRUE", &[1]),
            // What is not there is neither equal nor unequal; the right side alone missing is.
            ("c <> b", &[1]),
            ("b <> c", &[0, 1]),
        ];
        for (expression, expected) in cases {
            assert_eq!(passing(expression), expected, "{expression}");
        }
    }

    #[test]
    fn a_text_where_a_number_is_needed_matches_nothing_at_all() {
        assert_eq!(passing("b > 5"), [] as [usize; 0]);
        assert_eq!(passing("b > 5 OR a = 5"), [] as [usize; 0]);
        assert_eq!(passing("a > b OR TRUE"), [2], "nothing to compare, then true");
    }

    #[test]
    fn comments_and_white_space_are_passed_over() {
        assert_eq!(passing("\ta -- the amount\n > /* or * so */ 5 --"), [1]);
    }

    #[test]
    fn errors_say_what_is_wrong_and_where() {
        use Problem::*;
        const OPERAND: Problem = Expected("a property, a number, a text in single quotes or '('");
        // At which character; 0 for the end.
        let cases = [
            ("", 0, OPERAND),
            ("a >", 0, OPERAND),
            ("a > 5 b", 7, Expected("AND, OR or the end")),
            ("a = 5 AND AND", 11, OPERAND),
            ("\u{e4} = 5", 1, NoWord),
            ("\u{e4}\u{e4}", 1, NoWord),
            ("a = 'x", 5, TextWithoutEnd),
            ("a /* b", 3, CommentWithoutEnd),
            ("a != 5", 3, NotSql),
            ("a == 5", 3, NotSql),
            ("a > 'x'", 5, NoOrder),
            ("a > 3 > 2", 1, NoOrder),
            ("a = NULL", 5, EqualsNull),
            ("TRUE = 5", 1, NeverEqual),
            ("b = 1 AND NOT a = 5", 11, NeverEqual),
            ("a BETWEEN 7 AND 5", 11, EmptyRange),
            ("a IN (5)", 7, Expected("a text in single quotes")),
            ("5 IN ('a')", 1, InOfNoProperty),
            ("(a = 5", 0, Expected("')'")),
            ("5 AND a = 5", 1, NoCondition),
            ("a > 99999999999999999999", 5, NumberTooLarge),
            ("a IS 5", 6, Expected("NULL")),
        ];
        for (expression, character, problem) in cases {
            let near = expression.chars().skip(character.max(1) - 1).take(20).collect();
            let expected = match character {
                0 => SqlError::AtEnd { problem },
                character => SqlError::At { character, near, problem },
            };
            assert_eq!(SqlFilter::compile(expression), Err(expected), "{expression}");
        }
    }

    #[test]
    fn errors_read_as_sentences() {
        let said = |expression| SqlFilter::compile(expression).unwrap_err().to_string();
        assert_eq!(
            said("price == 5"),
            "the SQL expression is wrong at character 7, '== 5': write = for equal and <> for not equal"
        );
        assert_eq!(said("(a = 5"), "the SQL expression ends too early: ')' is expected");
    }

    #[test]
    fn nesting_and_length_have_limits() {
        let nested = |depth| format!("{}a = 5{}", "(".repeat(depth), ")".repeat(depth));
        assert!(SqlFilter::compile(&nested(63)).is_ok());
        let error = SqlFilter::compile(&nested(8_000)).unwrap_err();
        assert!(error.to_string().ends_with("nested deeper than 64"), "{error}");
        let long = format!("a = '{}'", "x".repeat(EXPRESSION_BYTES_MAX));
        assert_eq!(SqlFilter::compile(&long), Err(SqlError::TooLong { bytes: long.len() }));
    }

    #[test]
    fn a_chain_of_comparisons_nests_and_has_the_same_limit() {
        assert_eq!(passing("a = 5 = TRUE"), [0]);
        let many = |one: &str, count| format!("a = 5{}", one.repeat(count));
        for one in [" = b", " <> b", " IS NULL", " CONTAINS 'x'"] {
            assert!(SqlFilter::compile(&many(one, 60)).is_ok(), "{one}");
            let error = SqlFilter::compile(&many(one, 1_000)).unwrap_err();
            assert!(error.to_string().ends_with("nested deeper than 64"), "{one}: {error}");
        }
        assert!(SqlFilter::compile(&many(" OR a = 5", 1_000)).is_ok(), "side by side");
    }

    proptest! {
        #[test]
        fn no_expression_makes_it_panic(
            expression in r#"(a|b|5|'x'|NOT|AND|OR|IN|IS|NULL|BETWEEN|CONTAINS|TRUE|[()<>=,+\-' ]){0,20}"#,
            raw: Vec<u8>,
        ) {
            if let Ok(filter) = SqlFilter::compile(&expression) {
                filter.matches(&raw);
                filter.matches(&message(&[("a", "5"), ("b", "x")]));
            }
        }
    }
}
