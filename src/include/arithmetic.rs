//! What an expanded expression of a condition amounts to.

/// How deep brackets and operators may be nested.
const MOST_DEPTH: usize = 48;

/// A part of an expanded expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// A number, if it is known.
    Value(Option<i128>),
    /// An operator or a bracket.
    Sign(Box<[u8]>),
}

impl Piece {
    fn is_known(&self) -> bool {
        match self {
            Self::Value(value) => value.is_some(),
            Self::Sign(sign) => {
                level(sign).is_some()
                    || [&b"!"[..], b"~", b"?", b":", b"(", b")"].contains(&&**sign)
            }
        }
    }
}

/// The value of an integer; `None` for other numbers.
pub fn number(text: &[u8]) -> Option<i128> {
    let text: String =
        text.iter().filter(|&&byte| byte != b'\'').map(|&byte| byte as char).collect();
    let text = text.to_ascii_lowercase();
    let digits = text.trim_end_matches(['u', 'l', 'z']);
    let value = if let Some(hex) = digits.strip_prefix("0x") {
        i128::from_str_radix(hex, 16)
    } else if let Some(binary) = digits.strip_prefix("0b") {
        i128::from_str_radix(binary, 2)
    } else if digits.len() > 1 && digits.starts_with('0') {
        i128::from_str_radix(digits, 8)
    } else {
        digits.parse()
    };
    value.ok().filter(|value| *value <= i128::from(u64::MAX))
}

/// The value of a plain character.
pub fn character(text: &[u8]) -> Option<i128> {
    match text {
        [b'\'', byte, b'\''] if byte.is_ascii() && *byte != b'\\' => Some(i128::from(*byte)),
        _ => None,
    }
}

/// How an expression comes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    /// It is true, or it is not.
    Known(bool),
    /// Nobody can tell.
    Unknown,
    /// It is no expression: the compiler ends with an error.
    Refused,
}

/// How an expression comes out; `is_unsigned` tells that a number in it is.
pub fn truth(pieces: &[Piece], is_unsigned: bool) -> Truth {
    let mut parser = Parser { pieces, at: 0, depth: 0, far: false, negative: false };
    match parser.ternary().filter(|_| parser.at == pieces.len()) {
        // How a negative number and an unsigned one compare is not told apart.
        Some(_) if parser.far || (is_unsigned && parser.negative) => Truth::Unknown,
        Some(value) => value.map_or(Truth::Unknown, |value| Truth::Known(value != 0)),
        // What is not known may stand for more than a value.
        None if parser.depth <= MOST_DEPTH && pieces.iter().all(Piece::is_known) => Truth::Refused,
        None => Truth::Unknown,
    }
}

struct Parser<'a> {
    pieces: &'a [Piece],
    at: usize,
    /// Brackets and operators that are open; beyond [`MOST_DEPTH`] where that was too many.
    depth: usize,
    /// A value left the range of signed numbers.
    far: bool,
    /// A value was negative.
    negative: bool,
}

/// A value, if it is known. The outer `Option` of the parser's functions is for what is no
/// expression.
type Value = Option<i128>;

impl Parser<'_> {
    fn sign(&self) -> Option<&[u8]> {
        match self.pieces.get(self.at)? {
            Piece::Sign(sign) => Some(sign),
            Piece::Value(_) => None,
        }
    }

    fn take(&mut self, sign: &[u8]) -> bool {
        let is_next = self.sign() == Some(sign);
        self.at += usize::from(is_next);
        is_next
    }

    /// Goes one level deeper, if that is not too deep.
    fn enter(&mut self) -> Option<()> {
        self.depth += 1;
        (self.depth <= MOST_DEPTH).then_some(())
    }

    fn ternary(&mut self) -> Option<Value> {
        self.enter()?;
        let condition = self.binary(0)?;
        let value = if self.take(b"?") {
            let yes = self.ternary()?;
            if !self.take(b":") {
                return None;
            }
            let no = self.ternary()?;
            match condition {
                Some(0) => no,
                Some(_) => yes,
                None => yes.filter(|_| yes == no),
            }
        } else {
            condition
        };
        self.depth -= 1;
        Some(value)
    }

    fn binary(&mut self, least: u8) -> Option<Value> {
        let mut left = self.unary()?;
        while let Some((sign, level)) = self.sign().and_then(|sign| {
            let level = level(sign)?;
            (level >= least).then(|| (sign.to_vec(), level))
        }) {
            self.at += 1;
            let right = self.binary(level + 1)?;
            left = apply(&sign, left, right);
            self.check(left);
        }
        Some(left)
    }

    fn unary(&mut self) -> Option<Value> {
        self.enter()?;
        let value = if self.take(b"!") {
            self.unary()?.map(|value| i128::from(value == 0))
        } else if self.take(b"-") {
            self.unary()?.map(|value| -value)
        } else if self.take(b"+") {
            self.unary()?
        } else if self.take(b"~") {
            self.unary()?.map(|value| !value)
        } else if self.take(b"(") {
            let value = self.ternary()?;
            if !self.take(b")") {
                return None;
            }
            value
        } else {
            let Some(Piece::Value(value)) = self.pieces.get(self.at) else { return None };
            self.at += 1;
            *value
        };
        self.depth -= 1;
        self.check(value);
        Some(value)
    }

    fn check(&mut self, value: Value) {
        let range = i128::from(i64::MIN)..=i128::from(i64::MAX);
        self.far |= value.is_some_and(|value| !range.contains(&value));
        self.negative |= value.is_some_and(|value| value < 0);
    }
}

fn level(sign: &[u8]) -> Option<u8> {
    Some(match sign {
        b"||" => 0,
        b"&&" => 1,
        b"|" => 2,
        b"^" => 3,
        b"&" => 4,
        b"==" | b"!=" => 5,
        b"<" | b">" | b"<=" | b">=" => 6,
        b"<<" | b">>" => 7,
        b"+" | b"-" => 8,
        b"*" | b"/" | b"%" => 9,
        _ => return None,
    })
}

fn apply(sign: &[u8], left: Value, right: Value) -> Value {
    match sign {
        b"&&" => match (left, right) {
            (Some(0), _) | (_, Some(0)) => return Some(0),
            (Some(_), Some(_)) => return Some(1),
            _ => return None,
        },
        b"||" => match (left, right) {
            (Some(0), Some(0)) => return Some(0),
            (Some(one), _) | (_, Some(one)) if one != 0 => return Some(1),
            _ => return None,
        },
        _ => {}
    }
    let (left, right) = (left?, right?);
    let truth = |truth: bool| Some(i128::from(truth));
    match sign {
        b"|" => Some(left | right),
        b"^" => Some(left ^ right),
        b"&" => Some(left & right),
        b"==" => truth(left == right),
        b"!=" => truth(left != right),
        b"<" => truth(left < right),
        b">" => truth(left > right),
        b"<=" => truth(left <= right),
        b">=" => truth(left >= right),
        b"<<" => u32::try_from(right).ok().filter(|by| *by < 63).map(|by| left << by),
        b">>" => u32::try_from(right).ok().filter(|by| *by < 63).map(|by| left >> by),
        b"+" => left.checked_add(right),
        b"-" => left.checked_sub(right),
        b"*" => left.checked_mul(right),
        b"/" => left.checked_div(right),
        b"%" => left.checked_rem(right),
        _ => None,
    }
}
