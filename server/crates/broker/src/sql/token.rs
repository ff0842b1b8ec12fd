//! The words of an expression, each with its place.
use nom::branch::alt;
use nom::bytes::complete::{is_not, tag, take_until, take_while};
use nom::character::complete::{char, digit0, digit1, multispace1, one_of, satisfy};
use nom::combinator::{not, opt, value};
use nom::multi::many0_count;
use nom::sequence::{delimited, preceded, terminated};
use nom::{IResult, Parser};

use super::error::{Problem, SqlError};

#[derive(Clone, PartialEq, Debug)]
pub(super) enum Token<'e> {
    /// A keyword or the name of a property.
    Word(&'e str),
    Text(String),
    Integer(i64),
    Real(f64),
    Symbol(Symbol),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Symbol {
    Open,
    Close,
    Comma,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Plus,
    Minus,
}

/// A word and the byte at which it begins.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Placed<'e> {
    pub token: Token<'e>,
    pub at: usize,
}

/// All words of an expression.
pub(super) fn tokens(expression: &str) -> Result<Vec<Placed<'_>>, SqlError> {
    let mut found = Vec::new();
    let mut rest = after_space(expression);
    while !rest.is_empty() {
        let at = expression.len() - rest.len();
        let (after, token) =
            token(rest).map_err(|problem| SqlError::new(expression, at, problem))?;
        found.push(Placed { token, at });
        rest = after_space(after);
    }
    Ok(found)
}

/// What follows white space and comments.
fn after_space(input: &str) -> &str {
    let line = preceded(tag("--"), take_while(|next| next != '\n' && next != '\r'));
    let block = delimited(tag("/*"), take_until("*/"), tag("*/"));
    let space: IResult<&str, usize> = many0_count(alt((multispace1, line, block))).parse(input);
    space.map_or(input, |(rest, _)| rest)
}

fn token(input: &str) -> Result<(&str, Token<'_>), Problem> {
    if let Ok((rest, digits)) = real(input) {
        // Rust reads all that the grammar has: `5.`, `.5`, `5E10`.
        let number = digits.parse().map_err(|_| Problem::NumberTooLarge)?;
        return Ok((rest, Token::Real(number)));
    }
    if let Ok((rest, digits)) = integer(input) {
        let number = digits.parse().map_err(|_| Problem::NumberTooLarge)?;
        return Ok((rest, Token::Integer(number)));
    }
    if let Ok((rest, word)) = word(input) {
        return Ok((rest, Token::Word(word)));
    }
    if let Ok((rest, quoted)) = text(input) {
        return Ok((rest, Token::Text(quoted.replace("''", "'"))));
    }
    if let Ok((rest, symbol)) = symbol(input) {
        return Ok((rest, Token::Symbol(symbol)));
    }
    Err(match input {
        _ if input.starts_with('\'') => Problem::TextWithoutEnd,
        _ if input.starts_with("/*") => Problem::CommentWithoutEnd,
        _ if input.starts_with("!=") || input.starts_with("==") => Problem::NotSql,
        _ => Problem::NoWord,
    })
}

fn real(input: &str) -> IResult<&str, &str> {
    let exponent = || (one_of("eE"), opt(one_of("+-")), digit1);
    let pointed = value((), (digit1, char('.'), digit0, opt(exponent())));
    let fraction = value((), (char('.'), digit1, opt(exponent())));
    let power = value((), (digit1, exponent()));
    matched(input, alt((pointed, fraction, power)))
}

/// The digits; Java's mark of a long may follow.
fn integer(input: &str) -> IResult<&str, &str> {
    terminated(digit1, opt(one_of("lL"))).parse(input)
}

fn word(input: &str) -> IResult<&str, &str> {
    let first = satisfy(|next| next.is_ascii_alphabetic() || matches!(next, '_' | '$'));
    let others = take_while(|next: char| next.is_ascii_alphanumeric() || matches!(next, '_' | '$'));
    matched(input, (first, others))
}

/// What stands between quotes; two quotes are one of the text.
fn text(input: &str) -> IResult<&str, &str> {
    let inner = |input| matched(input, many0_count(alt((is_not("'"), tag("''")))));
    delimited(char('\''), inner, char('\'')).parse(input)
}

/// The text that a parser takes. Not nom's `recognize`: what its 8.0 gives lacks a last part that
/// reaches the end of the input.
fn matched<'i>(
    input: &'i str,
    mut parser: impl Parser<&'i str, Error = nom::error::Error<&'i str>>,
) -> IResult<&'i str, &'i str> {
    let (rest, _) = parser.parse(input)?;
    let (taken, rest) = input.split_at_checked(input.len() - rest.len()).unwrap_or((input, ""));
    Ok((rest, taken))
}

fn symbol(input: &str) -> IResult<&str, Symbol> {
    alt((
        value(Symbol::Open, tag("(")),
        value(Symbol::Close, tag(")")),
        value(Symbol::Comma, tag(",")),
        // `==` is another language's.
        value(Symbol::Equal, terminated(tag("="), not(tag("=")))),
        value(Symbol::NotEqual, tag("<>")),
        value(Symbol::LessOrEqual, tag("<=")),
        value(Symbol::GreaterOrEqual, tag(">=")),
        value(Symbol::Less, tag("<")),
        value(Symbol::Greater, tag(">")),
        value(Symbol::Plus, tag("+")),
        value(Symbol::Minus, tag("-")),
    ))
    .parse(input)
}
