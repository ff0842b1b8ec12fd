//! Why an expression is no filter, and where.

/// Longest expression. Chosen: far above what anyone writes, and parsed in well under 1 ms.
pub(crate) const EXPRESSION_BYTES_MAX: usize = 16 << 10;
/// Deepest nesting of parentheses, NOT and signs, so that no expression exhausts the stack.
pub(crate) const DEPTH_MAX: usize = 64;
/// What is quoted of the place.
const NEAR_CHARACTERS: usize = 20;

/// An expression that cannot be compiled.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SqlError {
    #[error("the SQL expression is {bytes} bytes, the limit is {EXPRESSION_BYTES_MAX}")]
    TooLong { bytes: usize },
    #[error("the SQL expression ends too early: {problem}")]
    AtEnd { problem: Problem },
    /// Characters count from 1.
    #[error("the SQL expression is wrong at character {character}, '{near}': {problem}")]
    At { character: usize, near: String, problem: Problem },
}

/// What is wrong at a place.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Problem {
    #[error("no word begins like this")]
    NoWord,
    #[error("write = for equal and <> for not equal")]
    NotSql,
    #[error("this text has no closing quote")]
    TextWithoutEnd,
    #[error("this comment has no end")]
    CommentWithoutEnd,
    #[error("whole numbers are from {} to {}", i64::MIN, i64::MAX)]
    NumberTooLarge,
    #[error("{0} is expected")]
    Expected(&'static str),
    #[error("this is neither true nor false, a condition is expected")]
    NoCondition,
    #[error("only numbers and properties that hold numbers have an order")]
    NoOrder,
    #[error("nothing equals NULL, write IS NULL or IS NOT NULL")]
    EqualsNull,
    #[error("a condition never equals a number or a text; NOT comes first: write NOT (a = 5)")]
    NeverEqual,
    #[error("the lower bound of BETWEEN is above the upper one")]
    EmptyRange,
    #[error("IN is for a property: name IN ('a', 'b')")]
    InOfNoProperty,
    #[error("nested deeper than {DEPTH_MAX}")]
    TooDeep,
}

impl SqlError {
    /// `at`: the byte of the expression, its length for the end.
    pub(super) fn new(expression: &str, at: usize, problem: Problem) -> Self {
        let (before, rest) = expression.split_at_checked(at).unwrap_or((expression, ""));
        if rest.trim().is_empty() {
            return Self::AtEnd { problem };
        }
        let near = rest.chars().take(NEAR_CHARACTERS).collect();
        Self::At { character: before.chars().count() + 1, near, problem }
    }
}
