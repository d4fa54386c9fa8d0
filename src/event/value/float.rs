//! Floating-point numbers in binary form to text: the shortest decimal that can only be read as the
//! number (PostgreSQL: common/d2s.c and common/f2s.c).
//!
//! Rust finds the same one but for two cases. It takes a decimal half-way to the next number where
//! readers that round to even read it right; PostgreSQL trusts no reader with that. And of two
//! decimals that are equally near PostgreSQL takes the even one.

use super::damage::{DamagedBytes, exactly};
use std::borrow::Cow;
use std::fmt::LowerExp;
use std::str::FromStr;

/// No number needs more.
const DIGITS_MAX: usize = 17;

/// `digits * 10^exponent`.
#[derive(Clone, Copy)]
struct DecimalSpelling {
    digits: u64,
    exponent: i32,
}

/// `factor * 2^exponent` with an odd factor: of one number there is one.
#[derive(Clone, Copy, PartialEq, Eq)]
struct OddBinary {
    factor: u128,
    exponent: i32,
}

/// The absolute value of a number, which is not 0, and what is half-way to the numbers beside it.
struct FloatNeighbours {
    value: OddBinary,
    lower: OddBinary,
    upper: OddBinary,
}

pub(super) fn float4(field: &[u8]) -> Result<Cow<'_, str>, DamagedBytes> {
    let value = f32::from_be_bytes(exactly(field)?);
    let (fraction, power) =
        (u64::from(value.to_bits() & 0x007f_ffff), value.to_bits() >> 23 & 0xff);
    Ok(special(value.into()).map_or_else(
        || {
            let shortest = shortest(value.abs(), &FloatNeighbours::of(fraction, power as i32, 23));
            shortest.text(value.is_sign_negative(), 6).into()
        },
        Cow::Borrowed,
    ))
}

pub(super) fn float8(field: &[u8]) -> Result<Cow<'_, str>, DamagedBytes> {
    let value = f64::from_be_bytes(exactly(field)?);
    let (fraction, power) =
        (value.to_bits() & 0x000f_ffff_ffff_ffff, value.to_bits() >> 52 & 0x7ff);
    Ok(special(value).map_or_else(
        || {
            let shortest = shortest(value.abs(), &FloatNeighbours::of(fraction, power as i32, 52));
            shortest.text(value.is_sign_negative(), 15).into()
        },
        Cow::Borrowed,
    ))
}

fn special(value: f64) -> Option<&'static str> {
    Some(match value {
        _ if value.is_nan() => "NaN",
        f64::INFINITY => "Infinity",
        f64::NEG_INFINITY => "-Infinity",
        0.0 if value.is_sign_negative() => "-0",
        0.0 => "0",
        _ => return None,
    })
}

fn shortest<F: Copy + LowerExp + FromStr + PartialEq>(
    value: F,
    around: &FloatNeighbours,
) -> DecimalSpelling {
    let ours = DecimalSpelling::parse(&format!("{value:e}"));
    let is_exact =
        |spelling: &DecimalSpelling| spelling.is_read_as(value) && !around.is_half_way(*spelling);
    let better = match around.even_neighbour(ours) {
        None if !around.is_half_way(ours) => None,
        None => {
            let mut longer = (1..DIGITS_MAX)
                .map(|decimals| DecimalSpelling::parse(&format!("{value:.decimals$e}")));
            longer.find(is_exact)
        }
        even => even.filter(is_exact),
    };
    better.unwrap_or(ours)
}

impl FloatNeighbours {
    /// Of the fields of a number with so many bits of fraction.
    fn of(fraction: u64, power: i32, bits: i32) -> Self {
        // Below the least power the hidden bit is missing.
        let hidden = if power == 0 { 0 } else { 1 << bits };
        let least = if bits == 52 { -1074 } else { -149 };
        let (mantissa, exponent) = (u128::from(fraction | hidden), least + power.max(1) - 1);
        // Below a power of two numbers are twice as dense.
        let lower = if fraction == 0 && power > 1 {
            OddBinary::of(4 * mantissa - 1, exponent - 2)
        } else {
            OddBinary::of(2 * mantissa - 1, exponent - 1)
        };
        Self {
            value: OddBinary::of(mantissa, exponent),
            lower,
            upper: OddBinary::of(2 * mantissa + 1, exponent - 1),
        }
    }

    fn is_half_way(&self, spelling: DecimalSpelling) -> bool {
        spelling.odd_binary().is_some_and(|exactly| [self.lower, self.upper].contains(&exactly))
    }

    /// The even one of two spellings that are as near to the number as each other, if this is the
    /// odd one.
    fn even_neighbour(&self, spelling: DecimalSpelling) -> Option<DecimalSpelling> {
        let middle = |digits: u64| {
            let middle = DecimalSpelling { digits, exponent: spelling.exponent - 1 };
            middle.odd_binary() == Some(self.value)
        };
        let even = match spelling.digits {
            digits if digits % 2 == 0 => return None,
            digits if middle(10 * digits + 5) => digits + 1,
            digits if middle(10 * digits - 5) => digits - 1,
            _ => return None,
        };
        Some(DecimalSpelling { digits: even, ..spelling })
    }
}

impl OddBinary {
    /// `factor` is not 0.
    fn of(factor: u128, exponent: i32) -> Self {
        let twos = factor.trailing_zeros();
        Self { factor: factor >> twos, exponent: exponent + twos as i32 }
    }
}

impl DecimalSpelling {
    /// What Rust writes: `1.25e-7`.
    fn parse(spelt: &str) -> Self {
        let (mantissa, exponent) = spelt.split_once('e').expect("LowerExp writes an exponent");
        let decimals = mantissa.split_once('.').map_or(0, |(_, decimals)| decimals.len());
        let digits = mantissa.bytes().filter(u8::is_ascii_digit);
        let exponent: i32 = exponent.parse().expect("LowerExp writes an exponent");
        Self {
            digits: digits.fold(0, |digits, digit| 10 * digits + u64::from(digit - b'0')),
            exponent: exponent - decimals as i32,
        }
    }

    fn is_read_as<F: FromStr + PartialEq>(self, value: F) -> bool {
        format!("{}e{}", self.digits, self.exponent).parse().is_ok_and(|read: F| read == value)
    }

    /// `None` when it has no finite binary form, or one of more bits than any number here.
    fn odd_binary(self) -> Option<OddBinary> {
        let fives = 5_u128.checked_pow(self.exponent.unsigned_abs())?;
        let digits = u128::from(self.digits);
        let factor = if self.exponent >= 0 {
            digits.checked_mul(fives)?
        } else {
            (digits % fives == 0).then(|| digits / fives)?
        };
        Some(OddBinary::of(factor, self.exponent))
    }

    /// With an exponent where the first digit has a weight from `fixed_below` on or below -4, as
    /// `printf` decides.
    fn text(self, is_negative: bool, fixed_below: i32) -> String {
        let digits = self.digits.to_string();
        let first = self.exponent + digits.len() as i32 - 1;
        let zeros = |count: i32| "0".repeat(usize::try_from(count).unwrap_or_default());
        let sign = if is_negative { "-" } else { "" };
        if !(-4..fixed_below).contains(&first) {
            let (head, tail) = digits.split_at(1);
            let point = if tail.is_empty() { "" } else { "." };
            let sign_of_exponent = if first < 0 { '-' } else { '+' };
            return format!("{sign}{head}{point}{tail}e{sign_of_exponent}{:02}", first.abs());
        }
        if self.exponent >= 0 {
            return format!("{sign}{digits}{}", zeros(self.exponent));
        }
        let padded = format!("{}{digits}", zeros(-first));
        let (whole, decimals) =
            padded.split_at(padded.len() - self.exponent.unsigned_abs() as usize);
        format!("{sign}{whole}.{decimals}")
    }
}
