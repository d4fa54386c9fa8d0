//! Decimal numbers by their spelling: do two of them mean the same?

/// A decimal number as it is spelt.
struct Decimal<'a> {
    is_negative: bool,
    whole: &'a [u8],
    fraction: &'a [u8],
    exponent: i64,
}

/// Whether two spellings have one value: equal as decimals, or equal as doubles while one of them
/// is how a double is written, so that a reader with doubles alone made it of the other: `1.10` and
/// `1.1`, 9007199254740993 and 9007199254740992.
pub(crate) fn is_same_value(first: &[u8], second: &[u8]) -> bool {
    is_equal(first, second)
        || is_written_as_double(first, second)
        || is_written_as_double(second, first)
}

/// Whether two decimals are equal, whatever their scale. What is no decimal equals nothing.
pub(crate) fn is_equal(first: &[u8], second: &[u8]) -> bool {
    match (Decimal::parse(first), Decimal::parse(second)) {
        (Some(first), Some(second)) => first.equals(&second),
        _ => false,
    }
}

/// Whether these bytes are a number.
pub(crate) fn is_number(text: &[u8]) -> bool {
    Decimal::parse(text).is_some()
}

/// Whether the second spelling is how the double is written that a reader with doubles alone makes
/// of the first.
pub(crate) fn is_written_as_double(first: &[u8], second: &[u8]) -> bool {
    let double = double(first);
    double.is_some_and(|first| {
        double == self::double(second) && is_equal(format!("{first:e}").as_bytes(), second)
    })
}

fn double(text: &[u8]) -> Option<f64> {
    let value: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    value.is_finite().then_some(value)
}

impl<'a> Decimal<'a> {
    fn parse(text: &'a [u8]) -> Option<Self> {
        let (is_negative, unsigned) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            _ => (false, text),
        };
        let (mantissa, exponent) =
            match unsigned.iter().position(|byte| matches!(byte, b'e' | b'E')) {
                Some(at) => (&unsigned[..at], exponent(&unsigned[at + 1..])?),
                None => (unsigned, 0),
            };
        let (whole, fraction) = match mantissa.iter().position(|byte| *byte == b'.') {
            Some(at) => (&mantissa[..at], &mantissa[at + 1..]),
            None => (mantissa, &[][..]),
        };
        let is_digits = !mantissa.is_empty()
            && whole.iter().chain(fraction).all(u8::is_ascii_digit)
            && !(whole.is_empty() && fraction.is_empty());
        is_digits.then_some(Self { is_negative, whole, fraction, exponent })
    }

    fn equals(&self, other: &Self) -> bool {
        match (self.significant(), other.significant()) {
            (None, None) => true,
            (Some((ours, our_places)), Some((theirs, their_places))) => {
                self.is_negative == other.is_negative
                    && our_places == their_places
                    && ours.len() == theirs.len()
                    && ours.zip(theirs).all(|(a, b)| self.digit(a) == other.digit(b))
            }
            _ => false,
        }
    }

    fn digit(&self, at: usize) -> u8 {
        let is_whole = at < self.whole.len();
        if is_whole { self.whole[at] } else { self.fraction[at - self.whole.len()] }
    }

    /// The digits between the zeros at both ends, and how many places the first of them stands
    /// before the point; `None` for zero.
    fn significant(&self) -> Option<(std::ops::Range<usize>, i64)> {
        let digits = self.whole.len() + self.fraction.len();
        let first = (0..digits).find(|at| self.digit(*at) != b'0')?;
        let last = (first..digits).rev().find(|at| self.digit(*at) != b'0')?;
        let places = i64::try_from(self.whole.len()).ok()? - i64::try_from(first).ok()?;
        Some((first..last + 1, places + self.exponent))
    }
}

/// An exponent of a size that can be added to; `None` otherwise.
fn exponent(text: &[u8]) -> Option<i64> {
    let exponent: i32 = std::str::from_utf8(text).ok()?.parse().ok()?;
    Some(i64::from(exponent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_and_the_spelling_do_not_matter() {
        for (first, second) in [
            ("1.10", "1.1"),
            ("100", "1e2"),
            ("1E+2", "100.00"),
            ("0.001", "1e-3"),
            ("0", "-0.0"),
            ("0e7", "0"),
            ("-12.5", "-1.25e1"),
            ("007", "7"),
        ] {
            assert!(is_equal(first.as_bytes(), second.as_bytes()), "{first} {second}");
            assert!(is_equal(second.as_bytes(), first.as_bytes()), "{second} {first}");
        }
    }

    #[test]
    fn other_values_and_other_things_are_not_equal() {
        for (first, second) in [
            ("1.1", "1.11"),
            ("1", "-1"),
            ("10", "1"),
            ("0.1", "0.01"),
            ("NaN", "NaN"),
            ("", ""),
            (".", "."),
            ("1e", "1e"),
            ("1e99999999999", "1e99999999999"),
            ("true", "true"),
            ("1.1.1", "1.1.1"),
        ] {
            assert!(!is_equal(first.as_bytes(), second.as_bytes()), "{first} {second}");
        }
    }

    #[test]
    fn what_a_reader_with_doubles_makes_of_a_number_is_the_same_value_and_what_it_cannot_make_is_not()
     {
        let is_same =
            |first: &str, second: &str| is_same_value(first.as_bytes(), second.as_bytes());
        assert!(is_same("9007199254740993", "9007199254740992"));
        assert!(is_same("0.10000000000000000001", "0.1"));
        assert!(is_same("123456789012345678901234567890", "1.2345678901234568e+29"));
        assert!(!is_same("9007199254740993", "9007199254740994"));
        assert!(!is_same("1e400", "1e401"), "both are beyond a double");
        assert!(
            !is_same("12345678901234567.01", "12345678901234567.02"),
            "one double, and neither is how it is written"
        );
    }
}
