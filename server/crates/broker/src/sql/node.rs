//! A compiled condition, and what it says of a message. Three values, as in SQL: a property that a
//! message has not makes a comparison neither true nor false.
use std::cmp::Ordering;

use remora_protocol::properties;

/// A part of a condition.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Node {
    Constant(Value),
    Property(Box<str>),
    Negative(Box<Node>),
    /// A property where a condition is wanted: properties are texts, which are never true.
    Truth(Box<str>),
    Not(Box<Node>),
    All(Vec<Node>),
    Any(Vec<Node>),
    Equal(Box<Node>, Box<Node>),
    Compare(Order, Box<Node>, Box<Node>),
    IsNull(Box<Node>),
    /// `texts` are sorted.
    In {
        name: Box<str>,
        texts: Vec<String>,
        negated: bool,
    },
    Holds {
        of: Box<Node>,
        place: Place,
        text: String,
        negated: bool,
    },
}

/// A value, of an expression or of a message.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Value<T = Box<str>> {
    Null,
    Truth(bool),
    Integer(i64),
    Real(f64),
    Text(T),
}

type Found<'m> = Value<&'m str>;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Order {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    Anywhere,
    Start,
    End,
}

/// A text where only a number will do: the message does not match, whatever the rest says.
#[derive(Debug)]
pub(super) struct NoNumber;

/// True, false, or neither.
type Truth = Result<Option<bool>, NoNumber>;

impl<T> Value<T> {
    fn is_number(&self) -> bool {
        matches!(self, Self::Integer(_) | Self::Real(_))
    }

    /// Of anything but a number there is none.
    fn negative(&self) -> Self {
        match self {
            Self::Integer(number) => Self::Integer(number.wrapping_neg()),
            Self::Real(number) => Self::Real(-number),
            Self::Null | Self::Truth(_) | Self::Text(_) => Self::Null,
        }
    }
}

impl Value {
    fn view(&self) -> Found<'_> {
        match self {
            Self::Null => Value::Null,
            Self::Truth(truth) => Value::Truth(*truth),
            Self::Integer(number) => Value::Integer(*number),
            Self::Real(number) => Value::Real(*number),
            Self::Text(text) => Value::Text(text),
        }
    }

    /// True of two numbers the first of which is the larger one.
    pub(super) fn is_above(&self, other: &Self) -> bool {
        in_order(self.view(), other.view()) == Some(Ordering::Greater)
    }
}

impl Node {
    /// Whether it is true or false, or neither for some messages.
    pub(super) fn is_condition(&self) -> bool {
        match self {
            Self::Constant(value) => matches!(value, Value::Null | Value::Truth(_)),
            Self::Property(_) | Self::Negative(_) => false,
            Self::Truth(_)
            | Self::Not(_)
            | Self::All(_)
            | Self::Any(_)
            | Self::Equal(..)
            | Self::Compare(..)
            | Self::IsNull(_)
            | Self::In { .. }
            | Self::Holds { .. } => true,
        }
    }

    /// Whether it may be less than something.
    pub(super) fn has_order(&self) -> bool {
        match self {
            Self::Constant(value) => value.is_number(),
            node => !node.is_condition(),
        }
    }

    /// With a minus before it.
    pub(super) fn negative(self) -> Self {
        match self {
            Self::Constant(value) if value.is_number() => Self::Constant(value.negative()),
            node => Self::Negative(Box::new(node)),
        }
    }

    /// What the condition says of a message with these properties.
    pub(super) fn truth(&self, message: &[u8]) -> Truth {
        Ok(match self {
            Self::Not(condition) => condition.truth(message)?.map(|truth| !truth),
            Self::All(conditions) => decided(conditions, message, false)?,
            Self::Any(conditions) => decided(conditions, message, true)?,
            Self::Truth(name) => properties::find(message, name).map(|_| false),
            Self::Equal(left, right) => equal(left.value(message)?, right.value(message)?)?,
            Self::Compare(order, left, right) => {
                compared(*order, left.value(message)?, right.value(message)?)?
            }
            Self::IsNull(node) => Some(node.value(message)? == Value::Null),
            Self::In { name, texts, negated } => properties::find(message, name).map(|text| {
                texts.binary_search_by(|one| one.as_str().cmp(text)).is_ok() != *negated
            }),
            Self::Holds { of, place, text, negated } => {
                Some(holds(of.value(message)?, *place, text, *negated))
            }
            Self::Constant(Value::Truth(truth)) => Some(*truth),
            Self::Constant(_) | Self::Property(_) | Self::Negative(_) => None,
        })
    }

    fn value<'m>(&'m self, message: &'m [u8]) -> Result<Found<'m>, NoNumber> {
        Ok(match self {
            Self::Constant(value) => value.view(),
            Self::Property(name) => {
                properties::find(message, name).map_or(Value::Null, Value::Text)
            }
            Self::Negative(node) => node.value(message)?.negative(),
            condition => condition.truth(message)?.map_or(Value::Null, Value::Truth),
        })
    }
}

/// `Any` where `decisive` is true, `All` where it is false.
fn decided(conditions: &[Node], message: &[u8], decisive: bool) -> Truth {
    let mut outcome = Some(!decisive);
    for condition in conditions {
        match condition.truth(message)? {
            Some(truth) if truth == decisive => return Ok(Some(decisive)),
            Some(_) => {}
            None => outcome = None,
        }
    }
    Ok(outcome)
}

fn equal(left: Found<'_>, right: Found<'_>) -> Truth {
    Ok(match (left, right) {
        (Value::Null, Value::Null) => Some(true),
        (Value::Null, _) => None,
        // As Apache has it: `a <> b` is true where only b is missing.
        (_, Value::Null) => Some(false),
        (Value::Text(left), Value::Text(right)) => Some(left == right),
        (Value::Truth(truth), Value::Text(text)) | (Value::Text(text), Value::Truth(truth)) => {
            Some(text.eq_ignore_ascii_case("true") == truth)
        }
        (Value::Truth(left), Value::Truth(right)) => Some(left == right),
        (Value::Truth(_), _) | (_, Value::Truth(_)) => Some(false),
        (left, right) => Some(in_order(number(left)?, number(right)?) == Some(Ordering::Equal)),
    })
}

fn compared(order: Order, left: Found<'_>, right: Found<'_>) -> Truth {
    if left == Value::Null || right == Value::Null {
        return Ok(None);
    }
    let is = in_order(number(left)?, number(right)?);
    Ok(is.map(|is| match order {
        Order::Less => is.is_lt(),
        Order::LessOrEqual => is.is_le(),
        Order::Greater => is.is_gt(),
        Order::GreaterOrEqual => is.is_ge(),
    }))
}

/// A text as the number that it is.
fn number(value: Found<'_>) -> Result<Found<'_>, NoNumber> {
    match value {
        Value::Text(text) => {
            if let Ok(number) = text.parse() {
                return Ok(Value::Integer(number));
            }
            // Of Rust's numbers those that are written in digits: no `inf`, no `nan`.
            let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
            match text.parse() {
                Ok(number)
                    if digits.starts_with(|next: char| next.is_ascii_digit() || next == '.') =>
                {
                    Ok(Value::Real(number))
                }
                _ => Err(NoNumber),
            }
        }
        number => Ok(number),
    }
}

/// The order of two numbers; `None` of anything else.
fn in_order(left: Found<'_>, right: Found<'_>) -> Option<Ordering> {
    match (left, right) {
        (Value::Integer(left), Value::Integer(right)) => Some(left.cmp(&right)),
        (left, right) => real(left)?.partial_cmp(&real(right)?),
    }
}

#[expect(clippy::cast_precision_loss, reason = "compared as Java compares a long with a double")]
fn real(value: Found<'_>) -> Option<f64> {
    match value {
        Value::Integer(number) => Some(number as f64),
        Value::Real(number) => Some(number),
        Value::Null | Value::Truth(_) | Value::Text(_) => None,
    }
}

/// False of what is no text, negated or not.
fn holds(of: Found<'_>, place: Place, text: &str, negated: bool) -> bool {
    let Value::Text(of) = of else { return false };
    let found = match place {
        _ if text.is_empty() => return false,
        Place::Anywhere => of.contains(text),
        Place::Start => of.starts_with(text),
        Place::End => of.ends_with(text),
    };
    found != negated
}
