//! Scalars in binary form, as the send functions of PostgreSQL write them, to text.

use super::damage::{DamagedBytes, exactly, taken};
use super::{float, moment, number};
use postgres_types::Type;
use std::borrow::Cow;
use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Makes the text of the bytes of a value.
pub(super) type ReadScalar = for<'a> fn(&'a [u8]) -> Result<Cow<'a, str>, DamagedBytes>;

/// `PGSQL_AF_INET` and `PGSQL_AF_INET6` (utils/inet.h): equal on all platforms.
const FAMILY_V4: u8 = 2;
const FAMILY_V6: u8 = 3;

/// What reads a scalar of this type; `None` where its binary form is not known.
pub(super) fn reading(scalar: &Type) -> Option<ReadScalar> {
    Some(match *scalar {
        Type::BOOL => boolean,
        Type::INT2 => number::int2,
        Type::INT4 => number::int4,
        Type::INT8 => number::int8,
        Type::FLOAT4 => float::float4,
        Type::FLOAT8 => float::float8,
        Type::NUMERIC => number::numeric,
        Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::JSON => utf8,
        Type::CHAR => char,
        Type::BYTEA => bytea,
        Type::UUID => uuid,
        Type::DATE => moment::date,
        Type::TIME => moment::time,
        Type::TIMETZ => moment::timetz,
        Type::TIMESTAMP => moment::timestamp,
        Type::TIMESTAMPTZ => moment::timestamptz,
        Type::INTERVAL => moment::interval,
        Type::JSONB => jsonb,
        Type::BIT | Type::VARBIT => bits,
        Type::INET => inet,
        Type::CIDR => cidr,
        Type::MACADDR => macaddr,
        Type::MACADDR8 => macaddr8,
        _ => return None,
    })
}

fn boolean(field: &[u8]) -> Result<Cow<'_, str>, DamagedBytes> {
    match field {
        [0] => Ok("f".into()),
        [1] => Ok("t".into()),
        _ => Err(DamagedBytes("it is neither true nor false")),
    }
}

fn utf8(field: &[u8]) -> Result<Cow<'_, str>, DamagedBytes> {
    std::str::from_utf8(field).map(Cow::Borrowed).map_err(|_| DamagedBytes("it is no UTF-8"))
}

fn jsonb(field: &[u8]) -> Result<Cow<'_, str>, DamagedBytes> {
    match field {
        [1, text @ ..] => utf8(text),
        _ => Err(DamagedBytes("its version of jsonb is not 1")),
    }
}

/// One byte, which is not a character: `charout` since PostgreSQL 16.
pub(super) fn char(field: &[u8]) -> Result<Cow<'_, str>, DamagedBytes> {
    let [byte] = exactly(field)?;
    Ok(match byte {
        0 => "".into(),
        1..0x80 => char::from(byte).to_string().into(),
        _ => format!("\\{byte:03o}").into(),
    })
}

fn bytea(field: &[u8]) -> Result<Cow<'_, str>, DamagedBytes> {
    let mut text = String::with_capacity(2 + 2 * field.len());
    text.push_str("\\x");
    push_hex(field, &mut text);
    Ok(text.into())
}

fn uuid(field: &[u8]) -> Result<Cow<'_, str>, DamagedBytes> {
    let bytes: [u8; 16] = exactly(field)?;
    let mut text = String::with_capacity(36);
    for part in [&bytes[..4], &bytes[4..6], &bytes[6..8], &bytes[8..10], &bytes[10..]] {
        if !text.is_empty() {
            text.push('-');
        }
        push_hex(part, &mut text);
    }
    Ok(text.into())
}

fn push_hex(bytes: &[u8], text: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        for half in [byte >> 4, byte & 15] {
            text.push(char::from(DIGITS[usize::from(half)]));
        }
    }
}

fn bits(mut field: &[u8]) -> Result<Cow<'_, str>, DamagedBytes> {
    let bits = usize::try_from(i32::from_be_bytes(taken(&mut field)?))
        .map_err(|_| DamagedBytes("it has a negative length"))?;
    if field.len() != bits.div_ceil(8) {
        return Err(DamagedBytes("its length is not that of so many bits"));
    }
    let is_set = |bit: usize| field[bit / 8] & (0x80 >> (bit % 8)) != 0;
    Ok((0..bits).map(|bit| if is_set(bit) { '1' } else { '0' }).collect())
}

fn inet(field: &[u8]) -> Result<Cow<'_, str>, DamagedBytes> {
    network(field, false)
}

fn cidr(field: &[u8]) -> Result<Cow<'_, str>, DamagedBytes> {
    network(field, true)
}

/// Family, bits of the mask, whether it is a `cidr`, length of the address, address.
fn network(mut field: &[u8], is_cidr: bool) -> Result<Cow<'static, str>, DamagedBytes> {
    let [family, bits, says_cidr, _] = taken(&mut field)?;
    let (mut text, bits_max) = match family {
        FAMILY_V4 => (Ipv4Addr::from(exactly::<4>(field)?).to_string(), 32),
        FAMILY_V6 => (v6(exactly(field)?), 128),
        _ => return Err(DamagedBytes("it is an address of neither family")),
    };
    if bits > bits_max || says_cidr != u8::from(is_cidr) {
        return Err(DamagedBytes("its mask is not one of its type"));
    }
    if is_cidr || bits < bits_max {
        let _ = write!(text, "/{bits}");
    }
    Ok(text.into())
}

/// As Rust writes it (RFC 5952), but `::1.2.3.4` for what PostgreSQL takes for an encapsulated
/// address.
fn v6(bytes: [u8; 16]) -> String {
    let [.., high, low, _, _] = bytes;
    if bytes[..12] == [0; 12] && (high, low) != (0, 0) {
        let [.., a, b, c, d] = bytes;
        return format!("::{}", Ipv4Addr::new(a, b, c, d));
    }
    Ipv6Addr::from(bytes).to_string()
}

fn macaddr(field: &[u8]) -> Result<Cow<'_, str>, DamagedBytes> {
    exactly::<6>(field).map(|bytes| colons(&bytes).into())
}

fn macaddr8(field: &[u8]) -> Result<Cow<'_, str>, DamagedBytes> {
    exactly::<8>(field).map(|bytes| colons(&bytes).into())
}

fn colons(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(3 * bytes.len());
    for byte in bytes {
        if !text.is_empty() {
            text.push(':');
        }
        push_hex(&[*byte], &mut text);
    }
    text
}
