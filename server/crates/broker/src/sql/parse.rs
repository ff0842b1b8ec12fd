//! From words to a condition.
use super::error::{DEPTH_MAX, Problem, SqlError};
use super::node::{Node, Order, Place, Value};
use super::token::{Placed, Symbol, Token, tokens};

/// A part of an expression and the byte at which it begins.
struct Part {
    node: Node,
    at: usize,
}

struct Parser<'e> {
    expression: &'e str,
    tokens: Vec<Placed<'e>>,
    next: usize,
    depth: usize,
    /// Comparisons of comparisons so far: `a = b = c` nests without parentheses.
    chained: usize,
}

/// The condition that an expression is.
pub(super) fn parse(expression: &str) -> Result<Node, SqlError> {
    let mut parser =
        Parser { expression, tokens: tokens(expression)?, next: 0, depth: 0, chained: 0 };
    let whole = parser.any()?;
    let condition = parser.condition(whole)?;
    match parser.tokens.get(parser.next) {
        None => Ok(condition),
        Some(left) => Err(parser.error(left.at, Problem::Expected("AND, OR or the end"))),
    }
}

impl<'e> Parser<'e> {
    fn error(&self, at: usize, problem: Problem) -> SqlError {
        SqlError::new(self.expression, at, problem)
    }

    /// Where the next word begins.
    fn at(&self) -> usize {
        self.tokens.get(self.next).map_or(self.expression.len(), |placed| placed.at)
    }

    fn peek(&self, ahead: usize) -> Option<&Token<'e>> {
        self.tokens.get(self.next + ahead).map(|placed| &placed.token)
    }

    fn is_word(&self, ahead: usize, keyword: &str) -> bool {
        matches!(self.peek(ahead), Some(Token::Word(word)) if word.eq_ignore_ascii_case(keyword))
    }

    fn take_word(&mut self, keyword: &str) -> bool {
        let found = self.is_word(0, keyword);
        self.next += usize::from(found);
        found
    }

    fn take_symbol(&mut self, symbol: Symbol) -> bool {
        let found = self.peek(0) == Some(&Token::Symbol(symbol));
        self.next += usize::from(found);
        found
    }

    fn expect_word(&mut self, keyword: &'static str) -> Result<(), SqlError> {
        match self.take_word(keyword) {
            true => Ok(()),
            false => Err(self.error(self.at(), Problem::Expected(keyword))),
        }
    }

    fn expect_symbol(&mut self, symbol: Symbol, what: &'static str) -> Result<(), SqlError> {
        match self.take_symbol(symbol) {
            true => Ok(()),
            false => Err(self.error(self.at(), Problem::Expected(what))),
        }
    }

    /// Notes that `part` becomes a part of a comparison; one comparison in another nests.
    fn compare(&mut self, part: &Part) -> Result<(), SqlError> {
        let nests = part.node.is_condition() && !matches!(part.node, Node::Constant(_));
        self.chained += usize::from(nests);
        match self.chained <= DEPTH_MAX {
            true => Ok(()),
            false => Err(self.error(part.at, Problem::TooDeep)),
        }
    }

    fn expect_text(&mut self) -> Result<String, SqlError> {
        let at = self.at();
        match self.peek(0) {
            Some(Token::Text(text)) => {
                let text = text.clone();
                self.next += 1;
                Ok(text)
            }
            _ => Err(self.error(at, Problem::Expected("a text in single quotes"))),
        }
    }

    /// What may stand where true or false is wanted.
    fn condition(&self, part: Part) -> Result<Node, SqlError> {
        match part.node {
            Node::Property(name) => Ok(Node::Truth(name)),
            node if node.is_condition() => Ok(node),
            _ => Err(self.error(part.at, Problem::NoCondition)),
        }
    }

    fn any(&mut self) -> Result<Part, SqlError> {
        self.joined("OR", Self::all, Node::Any)
    }

    fn all(&mut self) -> Result<Part, SqlError> {
        self.joined("AND", Self::equality, Node::All)
    }

    fn joined(
        &mut self,
        keyword: &str,
        operand: fn(&mut Self) -> Result<Part, SqlError>,
        join: fn(Vec<Node>) -> Node,
    ) -> Result<Part, SqlError> {
        let first = operand(self)?;
        if !self.is_word(0, keyword) {
            return Ok(first);
        }
        let at = first.at;
        let mut conditions = vec![self.condition(first)?];
        while self.take_word(keyword) {
            let next = operand(self)?;
            conditions.push(self.condition(next)?);
        }
        Ok(Part { node: join(conditions), at })
    }

    fn equality(&mut self) -> Result<Part, SqlError> {
        let mut left = self.comparison()?;
        loop {
            let at = left.at;
            let node = if self.take_symbol(Symbol::Equal) {
                self.equal(left)?
            } else if self.take_symbol(Symbol::NotEqual) {
                Node::Not(Box::new(self.equal(left)?))
            } else if self.take_word("IS") {
                self.compare(&left)?;
                let negated = self.take_word("NOT");
                self.expect_word("NULL")?;
                negated_if(negated, Node::IsNull(Box::new(left.node)))
            } else {
                return Ok(left);
            };
            left = Part { node, at };
        }
    }

    fn equal(&mut self, left: Part) -> Result<Node, SqlError> {
        self.compare(&left)?;
        let right = self.comparison()?;
        for part in [&left, &right] {
            if part.node == Node::Constant(Value::Null) {
                return Err(self.error(part.at, Problem::EqualsNull));
            }
        }
        let is_other = |node: &Node| matches!(node, Node::Constant(_)) && !node.is_condition();
        let never = |one: &Node, other: &Node| one.is_condition() && is_other(other);
        if never(&left.node, &right.node) || never(&right.node, &left.node) {
            return Err(self.error(left.at, Problem::NeverEqual));
        }
        Ok(Node::Equal(Box::new(left.node), Box::new(right.node)))
    }

    fn comparison(&mut self) -> Result<Part, SqlError> {
        let mut left = self.unary()?;
        loop {
            let at = left.at;
            let Some(node) = self.compared(&left)? else { return Ok(left) };
            left = Part { node, at };
        }
    }

    /// The comparison that `left` begins, if one follows.
    fn compared(&mut self, left: &Part) -> Result<Option<Node>, SqlError> {
        let orders = [
            (Symbol::Less, Order::Less),
            (Symbol::LessOrEqual, Order::LessOrEqual),
            (Symbol::Greater, Order::Greater),
            (Symbol::GreaterOrEqual, Order::GreaterOrEqual),
        ];
        for (symbol, order) in orders {
            if self.take_symbol(symbol) {
                let right = self.unary()?;
                return self.ordered(order, left, &right).map(Some);
            }
        }
        let negated = self.is_word(0, "NOT");
        let ahead = usize::from(negated);
        let places =
            [("CONTAINS", Place::Anywhere), ("STARTSWITH", Place::Start), ("ENDSWITH", Place::End)];
        for (keyword, place) in places {
            if self.is_word(ahead, keyword) {
                self.next += ahead + 1;
                self.compare(left)?;
                let text = self.expect_text()?;
                let of = Box::new(left.node.clone());
                return Ok(Some(Node::Holds { of, place, text, negated }));
            }
        }
        if self.is_word(ahead, "BETWEEN") {
            self.next += ahead + 1;
            return self.between(left, negated).map(Some);
        }
        if self.is_word(ahead, "IN") {
            self.next += ahead + 1;
            return self.is_in(left, negated).map(Some);
        }
        Ok(None)
    }

    fn ordered(&self, order: Order, left: &Part, right: &Part) -> Result<Node, SqlError> {
        for part in [left, right] {
            if !part.node.has_order() {
                return Err(self.error(part.at, Problem::NoOrder));
            }
        }
        Ok(Node::Compare(order, Box::new(left.node.clone()), Box::new(right.node.clone())))
    }

    fn between(&mut self, of: &Part, negated: bool) -> Result<Node, SqlError> {
        let low = self.unary()?;
        self.expect_word("AND")?;
        let high = self.unary()?;
        if let (Node::Constant(least), Node::Constant(most)) = (&low.node, &high.node)
            && least.is_above(most)
        {
            return Err(self.error(low.at, Problem::EmptyRange));
        }
        if negated {
            let sides =
                [self.ordered(Order::Less, of, &low)?, self.ordered(Order::Greater, of, &high)?];
            return Ok(Node::Any(sides.into()));
        }
        let sides = [
            self.ordered(Order::GreaterOrEqual, of, &low)?,
            self.ordered(Order::LessOrEqual, of, &high)?,
        ];
        Ok(Node::All(sides.into()))
    }

    fn is_in(&mut self, of: &Part, negated: bool) -> Result<Node, SqlError> {
        let Node::Property(name) = &of.node else {
            return Err(self.error(of.at, Problem::InOfNoProperty));
        };
        self.expect_symbol(Symbol::Open, "'('")?;
        let mut texts = vec![self.expect_text()?];
        while self.take_symbol(Symbol::Comma) {
            texts.push(self.expect_text()?);
        }
        self.expect_symbol(Symbol::Close, "',' or ')'")?;
        texts.sort_unstable();
        Ok(Node::In { name: name.clone(), texts, negated })
    }

    fn unary(&mut self) -> Result<Part, SqlError> {
        let at = self.at();
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.error(at, Problem::TooDeep));
        }
        let node = if self.take_symbol(Symbol::Plus) {
            self.unary()?.node
        } else if self.take_symbol(Symbol::Minus) {
            self.unary()?.node.negative()
        } else if self.take_word("NOT") {
            let operand = self.unary()?;
            Node::Not(Box::new(self.condition(operand)?))
        } else {
            self.primary()?
        };
        self.depth -= 1;
        Ok(Part { node, at })
    }

    fn primary(&mut self) -> Result<Node, SqlError> {
        const OPERAND: Problem =
            Problem::Expected("a property, a number, a text in single quotes or '('");
        let at = self.at();
        if self.take_symbol(Symbol::Open) {
            let inner = self.any()?;
            self.expect_symbol(Symbol::Close, "')'")?;
            return Ok(inner.node);
        }
        let node = match self.peek(0) {
            Some(Token::Word(word)) => match keyword(word) {
                Keyword::Value(value) => Node::Constant(value),
                Keyword::Other => return Err(self.error(at, OPERAND)),
                Keyword::None => Node::Property((*word).into()),
            },
            Some(Token::Text(text)) => Node::Constant(Value::Text(text.as_str().into())),
            Some(Token::Integer(number)) => Node::Constant(Value::Integer(*number)),
            Some(Token::Real(number)) => Node::Constant(Value::Real(*number)),
            _ => return Err(self.error(at, OPERAND)),
        };
        self.next += 1;
        Ok(node)
    }
}

fn negated_if(negated: bool, node: Node) -> Node {
    if negated { Node::Not(Box::new(node)) } else { node }
}

enum Keyword {
    Value(Value),
    /// One that stands for no value.
    Other,
    None,
}

fn keyword(word: &str) -> Keyword {
    const OTHERS: [&str; 9] =
        ["NOT", "AND", "OR", "BETWEEN", "IN", "IS", "CONTAINS", "STARTSWITH", "ENDSWITH"];
    let is = |keyword: &&str| word.eq_ignore_ascii_case(keyword);
    match word {
        _ if is(&"TRUE") => Keyword::Value(Value::Truth(true)),
        _ if is(&"FALSE") => Keyword::Value(Value::Truth(false)),
        _ if is(&"NULL") => Keyword::Value(Value::Null),
        _ if OTHERS.iter().any(is) => Keyword::Other,
        _ => Keyword::None,
    }
}
