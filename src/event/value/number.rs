//! Integers and `numeric` in binary form to text.

use super::damage::{DamagedBytes, exactly, taken};
use std::borrow::Cow;
use std::fmt::Write;

/// Signs of a `numeric` (utils/adt/numeric.c).
const POSITIVE: u16 = 0x0000;
const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xC000;
const INFINITE: u16 = 0xD000;
const MINUS_INFINITE: u16 = 0xF000;
/// Digits after the point that a `numeric` can have.
const SCALE_MAX: u16 = 0x3FFF;

pub(super) fn int2(field: &[u8]) -> Result<Cow<'_, str>, DamagedBytes> {
    Ok(i16::from_be_bytes(exactly(field)?).to_string().into())
}

pub(super) fn int4(field: &[u8]) -> Result<Cow<'_, str>, DamagedBytes> {
    Ok(i32::from_be_bytes(exactly(field)?).to_string().into())
}

pub(super) fn int8(field: &[u8]) -> Result<Cow<'_, str>, DamagedBytes> {
    Ok(i64::from_be_bytes(exactly(field)?).to_string().into())
}

/// Count of digits, weight of the first, sign and scale, each of two bytes; then digits to the base
/// of 10,000.
pub(super) fn numeric(mut field: &[u8]) -> Result<Cow<'_, str>, DamagedBytes> {
    let count = u16::from_be_bytes(taken(&mut field)?);
    let weight = i16::from_be_bytes(taken(&mut field)?);
    let sign = u16::from_be_bytes(taken(&mut field)?);
    let scale = u16::from_be_bytes(taken(&mut field)?);
    let mut text = String::from(match sign {
        POSITIVE => "",
        NEGATIVE => "-",
        NAN => return Ok("NaN".into()),
        INFINITE => return Ok("Infinity".into()),
        MINUS_INFINITE => return Ok("-Infinity".into()),
        _ => return Err(DamagedBytes("it is a number with an unknown sign")),
    });
    if field.len() != 2 * usize::from(count) || scale > SCALE_MAX {
        return Err(DamagedBytes("it is a number of another length or scale"));
    }
    let digits: Vec<u16> =
        field.chunks_exact(2).map(|digit| u16::from_be_bytes([digit[0], digit[1]])).collect();
    if digits.iter().any(|digit| *digit > 9999) {
        return Err(DamagedBytes("it is a number with an invalid digit"));
    }
    // The digit of this weight: 0 is the one before the point.
    let digit = |wanted: i32| {
        let at = usize::try_from(i32::from(weight) - wanted).ok();
        at.and_then(|at| digits.get(at)).copied().unwrap_or_default()
    };
    let before = (0..=i32::from(weight)).rev().map(digit);
    let whole: String = before.map(|digit| format!("{digit:04}")).collect();
    match whole.trim_start_matches('0') {
        "" => text.push('0'),
        whole => text.push_str(whole),
    }
    if scale > 0 {
        let after: String =
            (1..=i32::from(scale.div_ceil(4))).map(|at| format!("{:04}", digit(-at))).collect();
        let _ = write!(text, ".{}", &after[..usize::from(scale)]);
    }
    Ok(text.into())
}
